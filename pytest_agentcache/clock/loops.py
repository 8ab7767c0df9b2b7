"""Event loops of asyncio on frozen time.

Only asyncio's own loops are driven; one that is written in C (uvloop) keeps real time.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ..state import TRANSPORT_OF_CLIENT
from . import threads
from .frozen_time import TIME
from .runs import CLIENT, CLOCKS, FAR, Run, RunClock


def install() -> None:
    """Patch asyncio's event loops for the rest of the process. Idempotent."""
    from asyncio import base_events, selector_events

    loop: Any = base_events.BaseEventLoop
    if loop.time is _time:
        return
    run_once = loop._run_once

    def run_once_in_time(self: Any) -> None:
        clock = _clock(self)
        # A loop with a clock of another kind keeps it.
        clock.driven = TIME.stopped and type(self).time is _time and _of_test(clock)
        if clock.driven:
            Loop(self).move_or_wait(awake)
        run_once(self)

    loop.time, loop._run_once = _time, run_once_in_time
    server: Any = base_events.Server
    start_serving = server._start_serving

    def start_serving_noted(self: Any) -> None:
        _clock(self._loop).serves = True
        start_serving(self)

    server._start_serving = start_serving_noted
    transport: Any = vars(selector_events)["_SelectorSocketTransport"]
    init = transport.__init__

    def init_marked(self: Any, *args: Any, **kwargs: Any) -> None:
        TRANSPORT_OF_CLIENT.set(self, CLIENT.get())
        init(self, *args, **kwargs)

    transport.__init__ = init_marked


def _clock(loop: Any) -> RunClock:
    clock = CLOCKS.get(loop)
    if clock is None:
        clock = CLOCKS.setdefault(loop, RunClock())
    return clock


def _time(self: Any) -> float:
    """The loop's clock, in seconds: `time.monotonic`, as long as time is not moved."""
    clock = _clock(self)
    of_test = _of_test(clock)
    if of_test and TIME.stopped:
        TIME.read_by_loop(sys._getframe(1))
    return clock.now(of_test=of_test)


def _of_test(clock: RunClock) -> bool:
    """Return true if a loop waits on the test's clock; a server in its own thread does not."""
    if threading.current_thread() is threading.main_thread():
        return True
    return threads.belongs() and not clock.serves


class Loop(Run):
    """An event loop of asyncio."""

    def __init__(self, loop: Any) -> None:
        super().__init__(_clock(loop))
        self._loop = loop

    def ready(self) -> bool:
        return bool(self._loop._ready or self._loop._stopping)

    def first(self) -> float:
        loop = self._loop
        while loop._scheduled and loop._scheduled[0]._cancelled:
            loop._timer_cancelled_count -= 1
            heapq.heappop(loop._scheduled)._scheduled = False
        return float(loop._scheduled[0]._when) if loop._scheduled else math.inf

    def timers(self) -> list[tuple[float, Any]]:
        return [(each._when, each) for each in [*self._loop._scheduled] if not each._cancelled]

    def fire(self, timer: Any) -> None:
        self._loop._scheduled.remove(timer)
        heapq.heapify(self._loop._scheduled)
        timer._scheduled = False
        self._loop._ready.append(timer)

    def select(self, seconds: float) -> None:
        self._loop._process_events(self._loop._selector.select(seconds))

    def reads(self) -> bool:
        return any(map(_live, _readers(self._loop))) and _awaits_input(self._loop)

    def goes_first(self, then: int) -> bool:
        """Return true if a loop in another thread may have something to do before `then`."""
        first = min((when for when, _ in self.timers()), default=math.inf)
        near = first <= self.clock.shown(then) + FAR
        return self.ready() or (near and self.clock.instant(first) < then) or self.reads()


def awake(frame: FrameType, then: int) -> bool:
    """Return true if a thread that waits for sockets in `frame` may go on before `then`."""
    loop = _loop_in(frame)
    # A wait for sockets without a loop is a wait for something real.
    return loop is None or (_clock(loop).driven and Loop(loop).goes_first(then))


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
    of_client = TRANSPORT_OF_CLIENT.get(reader)
    if of_client is not None:
        stream = getattr(reader.get_protocol(), "_stream_reader", None)
        idle = stream is not None and stream._waiter is None
        return not of_client and reader._server is None and not idle
    # Its own pipe, over which threads wake it, and sockets that listen.
    return getattr(reader, "__name__", "") not in ("_read_from_self", "_accept_connection")
