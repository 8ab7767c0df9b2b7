"""Wrappers of the functions that wait, or measure waiting. They are installed once and stay.

Each asks whether the calling thread is on a frozen clock. If not, it does what it always did.
"""

from __future__ import annotations

import copyreg
import functools
import gc
import importlib
import queue
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import CellType, FrameType, FunctionType
from typing import Any

from ..state import WRAPPED
from .frozen_time import REAL, SECOND, TIME, module_of, original
from .threads import belongs

# Those who wait for sockets on behalf of an event loop move the clock themselves.
_LOOPS = frozenset({"asyncio", "pytest_agentcache", "trio", "uvloop"})
# The methods of sockets that raise `TimeoutError`, apart from those that take an address.
_OF_SOCKETS = (
    *("accept", "recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"),
    *("send", "sendall"),
)


class _Functions:
    """Wrappers of functions of `time`.

    As methods they stay as they are in the body of a class, like functions that are built in:
    `clock = time.monotonic` there does not take `self`.
    """

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce__(self) -> Any:
        # What is pickled is the function, in another process perhaps.
        return importlib.import_module, ("time",)

    def sleep(self, *seconds: float, **options: Any) -> None:
        # gevent's takes options, and may be called without a time.
        if len(seconds) == 1 and TIME.applies(sys._getframe(1)):
            TIME.sleep(*seconds)
        else:
            REAL.sleep(*seconds, **options)

    def monotonic(self) -> float:
        if not TIME.stopped:
            return float(REAL.monotonic())
        return TIME.monotonic_ns(sys._getframe(1)) / SECOND

    def monotonic_ns(self) -> int:
        return TIME.monotonic_ns(sys._getframe(1))

    def ctime(self, seconds: float | None = None, /) -> str:
        # time-machine leaves this one and the next alone.
        return str(REAL.ctime(time.time() if seconds is None else seconds))

    def asctime(self, at: Any = None, /) -> str:
        return str(REAL.asctime(time.localtime() if at is None else at))


_WRAPPERS: dict[str, Any] = {}
for _name in vars(REAL):
    if (_function := vars(_Functions).get(_name)) is not None:
        WRAPPED.set(functools.update_wrapper(_function, getattr(REAL, _name)), vars(REAL)[_name])
        # `inspect.signature` would take it for a method of that one.
        del _function.__wrapped__
        _WRAPPERS[_name] = getattr(_Functions(), _name)


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
            WRAPPED.set(wrapper.__func__, found)
        # Any other replacement stays.
        if original(found) is getattr(REAL, name):
            setattr(time, name, wrapper)
            placed[id(getattr(REAL, name))] = wrapper
    if placed:
        _replace(placed)
    if WRAPPED.get(threading.Condition.wait) is None:
        _follow_waits()


def _replace(placed: dict[int, Any]) -> None:
    """Put wrappers in the place of the functions, by id.

    Libraries took them when they were imported: modules, classes, instances, containers, closures,
    partial functions and defaults (`timer=time.monotonic`) hold them.
    """
    # `threading` and `queue` measure real waits with theirs.
    kept = (vars(threading), vars(queue))
    held = [WRAPPED.get(each) for each in placed.values()]
    begun = 0
    while begun < len(held):
        # All are kept, so that no id is used again. What cannot change is replaced where it is held
        # in turn; classes are found by their members.
        # From Python 3.13 on, the arguments of this call are among the holders.
        sought = tuple(held[begun:])
        begun, found = len(held), gc.get_referrers(*sought)
        for holder in found:
            if holder is held or holder is sought or any(holder is each for each in kept):
                continue
            if isinstance(holder, tuple):
                new = tuple.__new__(type(holder), [placed.get(id(each), each) for each in holder])
                placed[id(holder)] = new
                held.append(holder)
            elif isinstance(holder, dict) and "__module__" in holder:
                held.append(holder)
            else:
                with suppress(AttributeError, TypeError):
                    _replace_in(holder, placed)
        del found


def _replace_in(holder: Any, placed: dict[int, Any]) -> None:
    """Replace what `holder` holds, by id."""

    def of(held: Any) -> Any:
        return placed.get(id(held), held)

    if isinstance(holder, list):
        holder[:] = [of(each) for each in holder]
    elif isinstance(holder, CellType):
        holder.cell_contents = of(holder.cell_contents)
    elif isinstance(holder, FunctionType):
        holder.__defaults__ = of(holder.__defaults__)
    elif isinstance(holder, staticmethod):
        staticmethod.__init__(holder, of(holder.__func__))
    elif isinstance(holder, functools.partial):
        state = (of(holder.func), of(holder.args), holder.keywords, vars(holder))
        holder.__setstate__(state)  # type: ignore[attr-defined]
    elif isinstance(holder, dict):
        if WRAPPED.name not in holder:
            holder.update({key: of(held) for key, held in holder.items() if of(held) is not held})
    else:
        attributes = dict(getattr(holder, "__dict__", {}))
        for name in copyreg._slotnames(type(holder)):  # type: ignore[attr-defined]
            attributes[name] = getattr(holder, name, None)
        put = type.__setattr__ if isinstance(holder, type) else object.__setattr__
        for name, held in attributes.items():
            if of(held) is not held:
                put(holder, name, of(held))


def _package_of(frame: FrameType) -> str:
    return module_of(frame).partition(".")[0]


def _follow_waits() -> None:
    _follow(threading.Condition, "wait", 1, lambda result, condition: not result)
    _follow(threading.Thread, "join", 1, lambda result, thread: thread.is_alive())
    _follow(select, "select", 3, lambda result, readers: not any(result))
    for kind in vars(selectors).values():
        if isinstance(kind, type) and "select" in vars(kind):
            _follow(kind, "select", 1, lambda result, selector: not result)
    _follow(subprocess.Popen, "wait", 1, lambda result, process: False)
    for name in _OF_SOCKETS:
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
        except (TimeoutError, subprocess.TimeoutExpired):
            TIME.waited(began)
            raise
        if ran_out(result, args[0]):
            TIME.waited(began)
        return result

    WRAPPED.set(wait, function)
    setattr(owner, name, wait)
