"""The time that a frozen test sees. It does not change until something moves it."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType, SimpleNamespace

from ..state import WRAPPED, fork_safe, on_reset
from . import threads

# Nanoseconds in a second.
SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def original(function: Callable[..., object]) -> Callable[..., object]:
    """Return what a wrapper of this package wraps, or `function` itself."""
    found: Callable[..., object] = WRAPPED.get(function, function)
    return found


# The functions of `time` that engines and wrappers replace, taken before that.
_REPLACED = ("asctime", "ctime", "monotonic", "monotonic_ns", "sleep")
REAL = SimpleNamespace(
    **{name: original(getattr(time, name)) for name in _REPLACED},
    time_ns=time.time_ns,
)
# It keeps them, even when others are installed later.
WRAPPED.set(REAL, None)
# Packages and modules that measure tests, or wait for processes, see real time.
_REAL_CALLERS = (
    *("_pytest", "concurrent.futures._base", "coverage", "execnet", "hypothesis.internal"),
    *("multiprocessing", "pytest_timeout", "subprocess", "xdist"),
)
# These among them call what a test hands to them, which may be `time.sleep` itself.
_CALL_BACK = (
    *("_pytest.fixtures", "_pytest.python", "_pytest.python_api", "_pytest.raises"),
    *("multiprocessing.dummy", "multiprocessing.pool", "multiprocessing.process"),
)
# In freezegun: those who ask how much real time has passed, for a frozen clock that ticks, and for
# event loops under `real_asyncio`.
_TICKING = ("__call__", "<lambda>", "move_to", "start")
# These look at the clocks of event loops all the time. Their users do so with `current_time`.
_LOOPS = ("anyio", "asyncio", "pytest_agentcache.clock", "trio")
# A place that reads the clock this often, for this long (ns), while nothing moves the clock, is a
# loop that waits for it. It spins, for so much time of the CPU, or waits in a way not patched here.
_SPINS = (10_000, SECOND // 4)
_WAITS = (10, 2 * SECOND)
# While recording, upstream takes real time. A test that sends more requests than this while nothing
# moves the clock is taken to poll until a deadline.
_POLLS = 100


@functools.cache
def _sees_real_time(module: str) -> bool:
    return _within(module, _REAL_CALLERS) and not _within(module, _CALL_BACK)


def _within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def module_of(frame: FrameType) -> str:
    """Return the name of the module whose code runs in `frame`."""
    return str(frame.f_globals.get("__name__") or "")


class FrozenTime:
    """Time that may stand still. There is one for the process, because time is process-wide.

    Attributes:
        stopped: True while time is frozen.
        turns: How often it was stopped or released.
        spins: Places that waited in a loop for a clock that stood still, and were let go on.
        carry: Called with each move, in nanoseconds, for clocks that run on top of this one.
    """

    stopped = False
    turns = 0

    def __init__(self) -> None:
        self._lock = fork_safe(threading.RLock())
        # The monotonic clock of the test, in nanoseconds. It never goes back. `_ahead` and `_base`
        # are its distance from the clock of the machine, now and when the test began. These are
        # integers: after a hundred years floats could not tell a timer from the instant before.
        self._loop = self._ahead = self._base = 0
        # What is added to it for the date, in nanoseconds since 1970.
        self._offset = 0
        # Until when real time has been added to the clock, on the clock of the machine.
        self._caught_up = 0
        self._reads: dict[tuple[int, ...], list[int]] = {}
        self._requests = 0
        self.spins: set[tuple[str, int]] = set()
        self.carry: Callable[[int], None] = lambda moved: None

    def stop(self, at: datetime, *, again: bool = False) -> Callable[[], None]:
        """Stop time at `at`.

        Args:
            at: The instant, aware.
            again: Whether it goes on from where it stood in the same test.

        Returns:
            A function that undoes it: time goes back to where it stood before, or becomes real.
        """
        with self._lock:
            before = self._loop + self._offset if self.stopped else None
            if not self.stopped:
                self._loop = REAL.monotonic_ns() + self._ahead
                self._base = self._base if again else self._ahead
            self._offset = (at - _EPOCH) // timedelta(microseconds=1) * 1000 - self._loop
            self.stopped = True
            self.turns += 1
            self.progress()

        def restore() -> None:
            if before is None:
                self.go_on()
            else:
                self._offset = before - self._loop

        return restore

    def go_on(self) -> None:
        """Make time real."""
        with self._lock:
            if self.stopped:
                self.stopped = False
                self.turns += 1
                self._ahead = self._loop - REAL.monotonic_ns()

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        return _date(self._loop + self._offset if self.stopped else self.real_ns())

    def real_ns(self) -> int:
        """Return the real time in nanoseconds since 1970."""
        if (machine := sys.modules.get("_time_machine")) is not None:
            try:
                return int(machine.original_time_ns())
            except ValueError:
                # It is not patched in now.
                pass
        return int(REAL.time_ns())

    def applies(self, frame: FrameType) -> bool:
        """Return whether the code in `frame`, on the calling thread, is on the frozen clock."""
        if not self.stopped or not threads.belongs():
            return False
        caller: FrameType | None = frame
        while caller is not None and module_of(caller) == "freezegun.api":
            # It asks for the code that called it, unless its own clocks tick.
            if caller.f_code.co_name in _TICKING:
                return False
            caller = caller.f_back
        return caller is None or not _sees_real_time(module_of(caller))

    def wall_ns(self, frame: FrameType) -> int:
        """Return the time in nanoseconds since 1970 as the code in `frame` sees it."""
        if not self.applies(frame):
            return self.real_ns()
        self._read(frame)
        return self._loop + self._offset

    def monotonic_ns(self, frame: FrameType) -> int:
        """Return `time.monotonic_ns()` as the code in `frame` sees it."""
        if not self.applies(frame):
            return int(REAL.monotonic_ns())
        self._read(frame)
        return self._loop - self._base

    def move(self, by: timedelta, loop: int = 0, turn: int | None = None) -> datetime:
        """Move time forward, and the clock of event loops at least to `loop`.

        Args:
            by: The distance.
            loop: What event loops see then, in nanoseconds.
            turn: What `turns` was when that was decided. Time is not moved if a test has ended,
                or another has begun, since then.

        Returns:
            The time afterwards.
        """
        with self._lock:
            if turn is not None and turn != self.turns:
                return self.now()
            further = by // timedelta(microseconds=1) * 1000
            further = max(further, loop - self._loop)
            # Raises an error for dates that Python does not have.
            moved = _date(self._loop + further + self._offset)
            if further:
                self._loop += further
                self.progress()
                self.carry(further)
            return moved

    def waited(self, began: int) -> None:
        """Move time by what was really waited since `began`, a value of `REAL.monotonic_ns()`.

        What several threads wait side by side counts once.
        """
        self.progress()
        self._catch_up(began)

    def _catch_up(self, began: int) -> None:
        with self._lock:
            ended = REAL.monotonic_ns()
            if self.stopped:
                self._loop += ended - max(began, self._caught_up)
            self._caught_up = ended

    def sleep(self, seconds: float) -> None:
        """Sleep: move time where it is frozen for the calling thread, else really wait."""
        if not self.stopped or not threads.belongs():
            REAL.sleep(seconds)
            return
        # Raises the errors of the real one, and lets other threads run.
        REAL.sleep(min(seconds, 0))
        self.move(timedelta(seconds=seconds))

    def progress(self) -> None:
        """Note that the test makes progress: a thread that reads the clock now is not spinning."""
        self._reads.clear()
        self._requests = 0

    def upstream_took(self, requests: int = 0) -> None:
        """Note that upstream took real time, which is no waiting for the clock.

        Args:
            requests: How many requests were sent to it, 0 if a part of a response has come.
        """
        self._requests += requests
        if self._requests <= _POLLS:
            self._reads.clear()

    def read_by_loop(self, frame: FrameType) -> None:
        """Count a look at the clock of an event loop, unless the loop itself looks at it."""
        if frame.f_code.co_name == "current_time" or not _within(module_of(frame), _LOOPS):
            self._read(frame)

    def _read(self, frame: FrameType) -> None:
        """Count a look at the clock. Let time go on for a loop that waits for it to move."""
        caller = frame.f_back or frame
        # A function of a library that reads it for many others is no loop of its own.
        known_by = (id(frame.f_code), frame.f_lasti, id(caller.f_code), caller.f_lasti)
        place = (threading.get_ident(), *known_by)
        known = self._reads.get(place)
        if known is None:
            self._reads[place] = [1, REAL.monotonic_ns(), time.thread_time_ns(), False]
            return
        known[0] += 1
        count, began, began_work, waits = known
        if count < _WAITS[0]:
            return
        if not waits:
            worked = count >= _SPINS[0] and time.thread_time_ns() - began_work
            # Logging reads the clock once per record, which is no waiting.
            if module_of(frame) == "logging" or not (
                worked >= _SPINS[1] or REAL.monotonic_ns() - began >= _WAITS[1]
            ):
                return
            known[3] = True
        self._catch_up(began)
        self.spins.add((frame.f_code.co_filename, frame.f_lineno))

    def loop_time(self) -> int:
        """Return the clock of the test's event loops, in nanoseconds."""
        return self._loop if self.stopped else int(REAL.monotonic_ns() + self._ahead)

    def loop_base(self) -> int:
        """Return the distance of `loop_time` from `time.monotonic`, in nanoseconds."""
        return self._base if self.stopped else self._ahead


def _date(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def instant_at(when: float, shows: Callable[[int], float], since: int) -> int:
    """Return the instant on the test's clock at which a clock of its own shows `when`.

    Args:
        when: What that clock shows then, in seconds.
        shows: A function that returns what it shows at an instant in nanoseconds.
        since: The current instant.
    """
    then, step = since + round((when - shows(since)) * SECOND), 1
    # What is rounded must not end up before a timer, which would be moved to again and again.
    # trio fires a timer at its instant, asyncio one nanosecond before, which is lost after some
    # months.
    while (shown := shows(then)) < when or shown + 1e-9 <= when:
        then, step = then + step, 2 * step
    return then


TIME = FrozenTime()


@on_reset("clock.frozen_time.TIME")
def _reset() -> None:
    TIME.go_on()
    TIME.progress()
    TIME.spins.clear()
