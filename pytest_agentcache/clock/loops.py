"""Event loops on frozen time: a loop that has nothing to do but wait moves the clock.

Only asyncio's own loops are driven; one that is written in C (uvloop) keeps real time.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from . import threads
from .frozen_time import REAL, SECOND, TIME, instant_at

# In seconds: how long a loop waits for real input before it looks around again.
SLICE = 0.02
# Also in seconds: no test waits for a timer beyond this, and dates have an end.
FAR = 100 * 366 * 86400
# True if connections made now belong to a client whose requests are known to the clock.
_CLIENT: ContextVar[bool] = ContextVar("agentcache_client", default=False)
# The requests to upstream that are under way on event loops.
_UNDER_WAY: set[object] = set()


@contextmanager
def awaiting_upstream() -> Iterator[None]:
    """Keep event loops from moving the clock past a response that is on its way."""
    before, request = _CLIENT.get(), object()
    _CLIENT.set(True)
    _UNDER_WAY.add(request)
    try:
        yield
    finally:
        # Not by its token: what is dropped while it waits ends in another context.
        _UNDER_WAY.discard(request)
        _CLIENT.set(before)


def install() -> None:
    """Patch asyncio's event loops for the rest of the process. Idempotent."""
    from asyncio import base_events, selector_events

    loop: Any = base_events.BaseEventLoop
    if loop.time is _time:
        return
    run_once = loop._run_once

    def run_once_in_time(self: Any) -> None:
        self._agentcache_driven = TIME.stopped and _driven(self)
        if self._agentcache_driven:
            _move_or_wait(self)
        run_once(self)

    loop.time, loop._run_once = _time, run_once_in_time
    server: Any = base_events.Server
    start_serving = server._start_serving

    def start_serving_noted(self: Any) -> None:
        self._loop._agentcache_serves = True
        start_serving(self)

    server._start_serving = start_serving_noted
    transport: Any = vars(selector_events)["_SelectorSocketTransport"]
    init = transport.__init__

    def init_marked(self: Any, *args: Any, **kwargs: Any) -> None:
        self._agentcache_client = _CLIENT.get()
        init(self, *args, **kwargs)

    transport.__init__ = init_marked


def _time(self: Any) -> float:
    """The loop's clock, in seconds: `time.monotonic`, as long as time is not moved."""
    known: dict[str, Any] = self.__dict__
    if not _of_test(self):
        return float(REAL.monotonic() + known.get("_agentcache_ahead", 0.0))
    if TIME.stopped:
        TIME.read_by_loop(sys._getframe(1))
    known.setdefault("_agentcache_base", TIME.loop_base())
    now = _shown(self, TIME.loop_time())
    # Where it goes on from if it outlives the test in a thread of its own.
    known["_agentcache_ahead"] = now - REAL.monotonic()
    return now


def _shown(loop: Any, at: int) -> float:
    """Return the time of a loop's clock at an instant of `TIME`, in seconds."""
    seconds: float = (at - loop._agentcache_base) / SECOND
    return seconds


def _instant(loop: Any, when: float) -> int:
    """Return the instant of `TIME` at which that clock shows `when`."""
    return instant_at(when, lambda at: _shown(loop, at), TIME.loop_time())


def _of_test(loop: Any) -> bool:
    """Return true if a loop waits on the test's clock; a server in its own thread does not."""
    if threading.current_thread() is threading.main_thread():
        return True
    return threads.belongs() and not getattr(loop, "_agentcache_serves", False)


def _driven(loop: Any) -> bool:
    # A loop with a clock of another kind keeps it.
    return type(loop).time is _time and _of_test(loop)


class _Waits:
    """The seconds that a loop has really waited, in all and when it first saw each timer."""

    def __init__(self) -> None:
        self.total = 0.0
        self._begun: WeakKeyDictionary[asyncio.TimerHandle, float] = WeakKeyDictionary()

    def left(self, timer: Any) -> float:
        """Return when `timer` would fire if all that was waited had passed on its clock."""
        return float(timer._when + self._begun.setdefault(timer, self.total) - self.total)


_WAITS: WeakKeyDictionary[Any, _Waits] = WeakKeyDictionary()


def _move_or_wait(loop: Any) -> None:
    """Bring a loop that has nothing to do to its next timer, or to input that comes before it.

    Input that is there goes first. If something real may still come, the loop waits for it as long
    as it would have waited in real time, and only then moves the clock.
    """
    waits, turn = _WAITS.setdefault(loop, _Waits()), TIME.turns
    while not loop._ready and not loop._stopping:
        timer = _next_timer(loop)
        now = loop.time()
        if timer is None or timer._when <= now or timer._when > now + FAR:
            return
        may_come = _may_come(loop, timer._when)
        # Only now: what a thread handed over before it was seen idle is here.
        if _poll(loop, 0):
            return
        if not may_come:
            TIME.move(timedelta(seconds=timer._when - now), _instant(loop, timer._when), turn)
            return
        pending = [each for each in loop._scheduled if not each._cancelled]
        due = min(pending, key=waits.left)
        if (left := waits.left(due) - now) <= 0:
            _let_fire(loop, due, turn, alone=due is not timer)
            return
        before = REAL.monotonic() - now
        came = _poll(loop, min(SLICE, left))
        # Real waiting elsewhere has moved the clock by its part.
        waits.total += max(REAL.monotonic() - loop.time() - before, 0)
        if came:
            return


def _next_timer(loop: Any) -> Any:
    while loop._scheduled and loop._scheduled[0]._cancelled:
        loop._timer_cancelled_count -= 1
        heapq.heappop(loop._scheduled)._scheduled = False
    return loop._scheduled[0] if loop._scheduled else None


def _let_fire(loop: Any, due: Any, turn: int, *, alone: bool) -> None:
    """Let a timer fire whose time has really passed."""
    if not alone:
        ahead = timedelta(seconds=due._when - loop.time())
        TIME.move(ahead, _instant(loop, due._when), turn)
        return
    # Others before it have begun later, and have waited less.
    loop._scheduled.remove(due)
    heapq.heapify(loop._scheduled)
    due._scheduled = False
    loop._ready.append(due)


def _poll(loop: Any, seconds: float) -> bool:
    """Wait for input for at most `seconds`. Return true if there is something to do then."""
    loop._process_events(loop._selector.select(seconds))
    return bool(loop._ready)


def _may_come(loop: Any, when: float) -> bool:
    """Return true if something real may wake the loop before `when`: data, a thread, a process."""
    then = _instant(loop, when)

    def goes_on(frame: FrameType) -> bool:
        return awake(frame, then)

    return requests_under_way() or _reads(loop) or threads.at_work(goes_on)


def requests_under_way() -> bool:
    """Return true if a response from upstream is awaited anywhere."""
    return bool(_UNDER_WAY)


def awake(frame: FrameType, then: int) -> bool:
    """Return true if a thread that waits for sockets in `frame` may go on before `then`.

    Args:
        frame: Its innermost frame.
        then: An instant on the clock of event loops, in nanoseconds.
    """
    other = _loop_in(frame)
    if other is None:
        # A wait for sockets without a loop is a wait for something real.
        return True
    driven = getattr(other, "_agentcache_driven", False)
    return driven and (_goes_first(other, then) or _reads(other))


def _loop_in(frame: FrameType | None) -> Any:
    """Return the test's event loop that waits for sockets in `frame`, or None."""
    for _ in range(4):
        if frame is None:
            return None
        for name in ("self", "loop"):
            found = frame.f_locals.get(name)
            if hasattr(found, "_run_once"):
                return found
        frame = frame.f_back
    return None


def _goes_first(other: Any, then: int) -> bool:
    """Return true if a loop in another thread has something to do before `then`."""
    if other._ready:
        return True
    timers = [each._when for each in [*other._scheduled] if not each._cancelled]
    if not timers or (first := min(timers)) > _shown(other, then) + FAR:
        return False
    return _instant(other, first) < then


def _reads(loop: Any) -> bool:
    """Return true if a task waits for input that may come."""
    return any(map(_live, _readers(loop))) and _awaits_input(loop)


def _awaits_input(loop: Any) -> bool:
    """Return true if any task waits for more than its time and other tasks."""
    # A loop without tasks is driven by callbacks, which may wait for anything.
    wakes = vars(asyncio.futures)["_set_result_unless_cancelled"]
    timers = [each for each in [*loop._scheduled] if each._callback is wakes and each._args]
    asleep = {id(each._args[0]) for each in timers}
    tasks = asyncio.all_tasks(loop)
    return not tasks or not all(_sleeps(task, asleep) for task in tasks)


def _sleeps(task: Any, asleep: set[int]) -> bool:
    future = getattr(task, "_fut_waiter", None)
    awaited = getattr(future, "_children", [future])
    if all(isinstance(each, asyncio.Task) or id(each) in asleep for each in awaited):
        return True
    inner = task.get_coro()
    while (deeper := getattr(inner, "cr_await", None)) is not None:
        if hasattr(deeper, "cr_code"):
            inner = deeper
        else:
            break
    code = getattr(inner, "cr_code", None)
    return code is not None and code.co_qualname.startswith("TaskGroup.")


def _readers(loop: Any) -> Iterator[Any]:
    """Return the reader of a socket or pipe that the loop watches: a transport, or a callback."""
    transports = getattr(loop, "_transports", {})
    keys: dict[int, Any] = getattr(loop._selector, "get_map", dict)() or {}
    for key in [*keys.values()]:
        reader = key.data[0] if isinstance(key.data, tuple) else None
        yield transports.get(key.fd) or getattr(reader, "_callback", None)
    # On Windows there are only operations, the one on its own pipe among them.
    for operation, *_ in [*getattr(loop._selector, "_cache", {}).values()]:
        if operation is not loop._self_reading_future:
            yield operation


def _live(reader: Any) -> bool:
    """Return true if input from there may concern a test that waits.

    Neither what a server accepts and keeps open, nor the idle connections of a client whose
    requests are known to the clock.
    """
    if hasattr(reader, "_agentcache_client"):
        stream = getattr(reader.get_protocol(), "_stream_reader", None)
        idle = stream is not None and stream._waiter is None
        return not reader._agentcache_client and reader._server is None and not idle
    # Its own pipe, over which threads wake it, and sockets that listen.
    return getattr(reader, "__name__", "") not in ("_read_from_self", "_accept_connection")
