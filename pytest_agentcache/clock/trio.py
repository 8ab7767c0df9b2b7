"""Runs of trio on frozen time: as on asyncio's loops, waiting for a deadline costs nothing.

trio shows which sockets its tasks wait for, except on Windows. There, and in guest mode, its time
is real.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from . import threads
from .frozen_time import REAL, SECOND, TIME, instant_at
from .loops import FAR, SLICE, awake, requests_under_way

MODULE = "trio._core._run"

# The zero of each run's clock on the clock that `TIME` has for loops, in nanoseconds.
_BASES: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def install(module: Any) -> None:
    """Patch trio's own clock, and the threads in which it works, for the rest of the process."""
    try:
        from trio._core._thread_cache import ThreadCache

        clock: Any = module.SystemClock
        sleep_time, start = clock.deadline_to_sleep_time, ThreadCache.start_thread_soon
    except (AttributeError, ImportError):
        # A trio that is built in another way keeps its own time.
        return

    def current_time(self: Any) -> float:
        runner = getattr(module.GLOBAL_RUN_CONTEXT, "runner", None)
        if runner is not None and runner.clock is self and runner.is_guest:
            # Its host waits for it elsewhere, and would not hear of time that is moved.
            return float(self.offset + time.perf_counter())
        # It belongs to one run, in one thread, so what it begins with does not change.
        _BASES.setdefault(self, TIME.loop_base())
        if not threads.belongs():
            return _shown(self, REAL.monotonic_ns())
        caller = sys._getframe(2)
        if TIME.stopped and caller.f_code.co_name == "current_time":
            TIME.read_by_loop(caller)
        return _shown(self, TIME.loop_time())

    def deadline_to_sleep_time(self: Any, deadline: float) -> float:
        runner = module.GLOBAL_RUN_CONTEXT.runner
        if TIME.stopped and threads.belongs() and not runner.is_guest:
            _move_or_wait(runner, deadline)
            if runner.runq:
                return 0.0
        left: float = sleep_time(self, deadline)
        return left

    def start_handed_over(
        self: Any, fn: Callable[[], Any], deliver: Any, name: str | None = None
    ) -> None:
        start(self, threads.handing_over(fn), deliver, name)

    clock.current_time, clock.deadline_to_sleep_time = current_time, deadline_to_sleep_time
    ThreadCache.start_thread_soon = start_handed_over  # type: ignore[method-assign]


def _shown(clock: Any, at: int) -> float:
    """Return the time of a run's clock at an instant of `TIME`, in seconds."""
    seconds: float = clock.offset + (at - _BASES[clock]) / SECOND
    return seconds


def _instant(clock: Any, when: float) -> int:
    """Return the instant of `TIME` at which that clock shows `when`."""
    return instant_at(when, lambda at: _shown(clock, at), TIME.loop_time())


def _move_or_wait(runner: Any, deadline: float) -> None:
    """Bring a run whose tasks all wait to `deadline`, or to input that comes before it."""
    clock, waited, turn = runner.clock, 0.0, TIME.turns
    while not runner.runq:
        left = deadline - clock.current_time()
        if left <= 0 or left > FAR:
            return
        may_come = _may_come(runner, deadline)
        # Only now: what a thread handed over before it was seen idle is here.
        if _poll(runner, 0):
            return
        if not may_come or waited >= left:
            TIME.move(timedelta(seconds=left), _instant(clock, deadline), turn)
            return
        before = REAL.monotonic() - clock.current_time()
        _poll(runner, min(SLICE, left - waited))
        # Real waiting elsewhere has moved the clock by its part.
        waited += max(REAL.monotonic() - clock.current_time() - before, 0)


def _poll(runner: Any, seconds: float) -> bool:
    """Wait for input for at most `seconds`. Return true if there is something to do then."""
    runner.io_manager.process_events(runner.io_manager.get_events(seconds))
    return bool(runner.runq)


def _may_come(runner: Any, deadline: float) -> bool:
    then = _instant(runner.clock, deadline)

    def goes_on(frame: FrameType) -> bool:
        return awake(frame, then)

    return requests_under_way() or _reads(runner) or threads.at_work(goes_on)


def _reads(runner: Any) -> bool:
    """Return true if a task waits for input, and not for new connections."""
    waiting = getattr(runner.io_manager, "_registered", None)
    if waiting is None:
        return True
    own = runner.entry_queue.wakeup.wakeup_sock.fileno()
    for key, tasks in [*waiting.items()]:
        descriptor = key[0] if isinstance(key, tuple) else key
        if descriptor != own and not all(map(_accepts, _known(tasks))):
            return True
    return False


def _known(tasks: Any) -> Iterator[Any]:
    for task in (getattr(tasks, "read_task", tasks), getattr(tasks, "write_task", None)):
        if task is not None:
            yield task


def _accepts(task: Any) -> bool:
    inner = getattr(task, "coro", None)
    while inspect.iscoroutine(inner):
        if inner.cr_code.co_name == "accept":
            return True
        inner = inner.cr_await
    return False
