"""Wrappers of the functions that wait, or measure waiting. They are installed once and stay.

Each asks whether the calling thread is on a frozen clock. If not, it does what it always did.
"""

from __future__ import annotations

import functools
import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from ..state import WRAPPED
from .frozen_time import REAL, SECOND, TIME, module_of, original
from .threads import belongs

# Those who wait for sockets on behalf of an event loop move the clock themselves.
_LOOPS = frozenset({"asyncio", "pytest_agentcache", "trio", "uvloop"})


def _sleep(*seconds: float, **options: Any) -> None:
    # gevent's takes options, and may be called without a time.
    if len(seconds) == 1 and TIME.applies(sys._getframe(1)):
        TIME.sleep(*seconds)
    else:
        REAL.sleep(*seconds, **options)


def _monotonic() -> float:
    if not TIME.stopped:
        return float(REAL.monotonic())
    return TIME.monotonic_ns(sys._getframe(1)) / SECOND


def _monotonic_ns() -> int:
    return TIME.monotonic_ns(sys._getframe(1))


def _wrapper(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    wrapper: Any = functools.update_wrapper(function, getattr(REAL, name))
    WRAPPED.set(wrapper, getattr(REAL, name))
    return function


_WRAPPERS = {
    "sleep": _wrapper(_sleep, "sleep"),
    "monotonic": _wrapper(_monotonic, "monotonic"),
    "monotonic_ns": _wrapper(_monotonic_ns, "monotonic_ns"),
}


def install() -> None:
    """Install the wrappers, also in modules that hold the functions themselves. Idempotent."""
    placed = {}
    for name, wrapper in _WRAPPERS.items():
        found = vars(time)[name]
        # A replacement by other code stays.
        if found is not wrapper and original(found) is getattr(REAL, name):
            setattr(time, name, wrapper)
            placed[id(getattr(REAL, name))] = wrapper
    if placed:
        _replace(placed)
    if WRAPPED.get(threading.Condition.wait) is None:
        _follow_waits()


def _replace(placed: dict[int, Callable[..., Any]]) -> None:
    """Put wrappers in the place of the functions, by id, in all modules that hold them."""
    for name, module in list(sys.modules.items()):
        # `threading` and `queue` measure real waits with theirs.
        if name in ("queue", "threading", "time") or name.startswith("pytest_agentcache.clock"):
            continue
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in placed:
                with suppress(AttributeError, TypeError):
                    setattr(module, attribute, placed[id(value)])


def _package_of(frame: FrameType) -> str:
    return module_of(frame).partition(".")[0]


def _follow_waits() -> None:
    _follow(threading.Condition, "wait", 1, lambda result, condition: not result)
    _follow(threading.Thread, "join", 1, lambda result, thread: thread.is_alive())
    _follow(select, "select", 3, lambda result, readers: not any(result))
    for kind in vars(selectors).values():
        if isinstance(kind, type) and "select" in vars(kind):
            _follow(kind, "select", 1, lambda result, selector: not result)
    for name in ("accept", "recv", "recv_into", "recvfrom", "recvfrom_into"):
        _follow(socket.socket, name, None, lambda result, sock: False)


def _follow(
    owner: Any, name: str, timeout_at: int | None, ran_out: Callable[[Any, Any], bool]
) -> None:
    """Move the clock by what was really waited where a wait ends because its time is over.

    Args:
        owner: The class or module of the function.
        name: Its name.
        timeout_at: The position of its timeout among its arguments, None if it has none of its own.
        ran_out: Called with the result and the first argument: whether the time was over.
    """
    function = original(getattr(owner, name))

    @functools.wraps(function)
    def wait(*args: Any, **kwargs: Any) -> Any:
        if not (TIME.stopped and belongs()) or _package_of(sys._getframe(1)) in _LOOPS:
            return function(*args, **kwargs)
        if timeout_at is not None:
            timeout = args[timeout_at] if len(args) > timeout_at else kwargs.get("timeout")
            if timeout is None or timeout <= 0:
                return function(*args, **kwargs)
        began = REAL.monotonic_ns()
        try:
            result = function(*args, **kwargs)
        except TimeoutError:
            TIME.waited(began)
            raise
        if ran_out(result, args[0]):
            TIME.waited(began)
        return result

    WRAPPED.set(wait, function)
    setattr(owner, name, wait)
