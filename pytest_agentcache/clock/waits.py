"""Wrappers of the functions that wait, or measure waiting. They are installed once and stay.

Each asks whether the calling thread is on a frozen clock. If not, it does what it always did.
"""

from __future__ import annotations

import functools
import gc
import queue
import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import CellType, FrameType, FunctionType
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


def _ctime(seconds: float | None = None, /) -> str:
    # time-machine leaves this one and the next alone.
    return str(REAL.ctime(time.time() if seconds is None else seconds))


def _asctime(at: Any = None, /) -> str:
    return str(REAL.asctime(time.localtime() if at is None else at))


_WRAPPERS: dict[str, Any] = {
    "asctime": _asctime,
    "ctime": _ctime,
    "monotonic": _monotonic,
    "monotonic_ns": _monotonic_ns,
    "sleep": _sleep,
}
for _name, _each in _WRAPPERS.items():
    WRAPPED.set(functools.update_wrapper(_each, getattr(REAL, _name)), getattr(REAL, _name))


def install() -> None:
    """Install the wrappers, also where the functions themselves are held. Idempotent."""
    placed = {}
    for name, wrapper in _WRAPPERS.items():
        found = vars(time)[name]
        if found is wrapper:
            continue
        if getattr(found, "__module__", "").startswith("gevent."):
            # gevent's patches may come after this package was imported.
            setattr(REAL, name, found)
            WRAPPED.set(wrapper, found)
        # Any other replacement stays.
        if original(found) is getattr(REAL, name):
            setattr(time, name, wrapper)
            placed[id(getattr(REAL, name))] = wrapper
    if placed:
        _replace(placed)
    if WRAPPED.get(threading.Condition.wait) is None:
        _follow_waits()


def _replace(placed: dict[int, Callable[..., Any]]) -> None:
    """Put wrappers in the place of the functions, by id.

    Libraries took them when they were imported: modules, classes, instances, containers, closures
    and defaults (`timer=time.monotonic`) hold them.
    """

    def replace(held: Any, keys: Iterable[Any], put: Callable[[Any, Any], None]) -> None:
        for key in keys:
            if (wrapper := placed.get(id(held[key]))) is not None:
                with suppress(AttributeError, TypeError):
                    put(key, wrapper)

    # `threading` and `queue` measure real waits with theirs, and `REAL` keeps them.
    kept = [vars(threading), vars(queue)]
    indirect: list[object] = []
    for holder in gc.get_referrers(*(WRAPPED.get(each) for each in placed.values())):
        if isinstance(holder, list):
            replace(holder, range(len(holder)), holder.__setitem__)
        elif isinstance(holder, CellType):
            holder.cell_contents = placed[id(holder.cell_contents)]
        elif isinstance(holder, staticmethod):
            staticmethod.__init__(holder, placed[id(holder.__func__)])
        elif isinstance(holder, tuple) or (isinstance(holder, dict) and "__module__" in holder):
            # The defaults of a function, or the members of a class.
            indirect.append(holder)
        else:
            held = holder if isinstance(holder, dict) else getattr(holder, "__dict__", {})
            if WRAPPED.name not in held and not any(held is each for each in kept):
                replace(held, [*held], held.__setitem__)
    for owner in gc.get_referrers(*indirect):
        if isinstance(owner, type):
            replace(vars(owner), [*vars(owner)], functools.partial(setattr, owner))
        elif isinstance(owner, FunctionType) and owner.__defaults__:
            owner.__defaults__ = tuple(placed.get(id(each), each) for each in owner.__defaults__)


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
