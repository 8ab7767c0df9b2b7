"""Runs of trio on frozen time: as on asyncio's loops, waiting for a deadline costs nothing.

trio shows which sockets its tasks wait for, except on Windows. There, and in guest mode, its time
is real.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import threads
from .frozen_time import TIME
from .loops import awake
from .runs import CLOCKS, Run, RunClock

MODULE = "trio._core._run"


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
        of_test, caller = threads.belongs(), sys._getframe(2)
        if of_test and TIME.stopped and caller.f_code.co_name == "current_time":
            TIME.read_by_loop(caller)
        return _clock(self).now(of_test=of_test)

    def deadline_to_sleep_time(self: Any, deadline: float) -> float:
        runner = module.GLOBAL_RUN_CONTEXT.runner
        if TIME.stopped and threads.belongs() and not runner.is_guest:
            _Trio(runner).move_or_wait(awake)
            if runner.runq:
                return 0.0
            deadline = runner.deadlines.next_deadline()
        left: float = sleep_time(self, deadline)
        return left

    def start_handed_over(
        self: Any, fn: Callable[[], Any], deliver: Any, name: str | None = None
    ) -> None:
        start(self, threads.handing_over(fn), deliver, name)

    clock.current_time, clock.deadline_to_sleep_time = current_time, deadline_to_sleep_time
    ThreadCache.start_thread_soon = start_handed_over  # type: ignore[method-assign]


def _clock(clock: Any) -> RunClock:
    return CLOCKS.get(clock) or CLOCKS.setdefault(clock, RunClock(clock.offset))


class _Trio(Run):
    """A run of trio."""

    def __init__(self, runner: Any) -> None:
        super().__init__(_clock(runner.clock))
        self._runner = runner

    def ready(self) -> bool:
        return bool(self._runner.runq)

    def first(self) -> float:
        return float(self._runner.deadlines.next_deadline())

    def timers(self) -> list[tuple[float, Any]]:
        known = [(when, scope) for when, _, scope in self._runner.deadlines._heap]
        return [(when, scope) for when, scope in known if when == scope.deadline]

    def fire(self, timer: Any) -> None:
        timer.deadline = self.clock.now(of_test=True)

    def select(self, seconds: float) -> None:
        manager = self._runner.io_manager
        manager.process_events(manager.get_events(seconds))

    def reads(self) -> bool:
        waiting = getattr(self._runner.io_manager, "_registered", None)
        if waiting is None:
            return True
        own = self._runner.entry_queue.wakeup.wakeup_sock.fileno()
        for key, tasks in [*waiting.items()]:
            descriptor = key[0] if isinstance(key, tuple) else key
            # A task that waits for new connections serves others.
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
