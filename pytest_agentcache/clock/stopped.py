"""Time as the test sees it: real, or standing still until it is moved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

from . import threads

# Taken when time was real: this is imported before anything is frozen. freezegun looks into all
# modules for what it replaces, but finds only those that were imported.
REAL: Any = ModuleType("time", time.__doc__)
REAL.__dict__.update({name: value for name, value in vars(time).items() if name[0] != "_"})
# In nanoseconds.
SECOND = 1_000_000_000
_PLAIN: Any = ModuleType("datetime")
_PLAIN.datetime = datetime


class StoppedTime:
    """Time that may stand still.

    Like the dispatcher it is one for the process, because time is.

    Attributes:
        stopped: Whether it stands still now.
        turns: How often it was stopped and let go on.
    """

    stopped = False
    turns = 0

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._at = _PLAIN.datetime.min
        # What event loops are told, in nanoseconds: it stands still too, and it never goes back.
        # By how much it is before the clock of the machine, now and when the test began. No
        # floats: after a hundred years they could not tell a timer from the instant before it.
        self._loop = self._ahead = self._base = 0

    def stop(self, at: datetime, *, again: bool = False) -> Callable[[], None]:
        """Lets time stand still at `at`.

        Args:
            at: The instant, aware.
            again: Whether it goes on from where it stood in the same test.

        Returns:
            What puts it back: to the instant where it stood before, or to real time.
        """
        with self._lock:
            before = self._at if self.stopped else None
            if not self.stopped:
                self._loop = REAL.monotonic_ns() + self._ahead
                self._base = self._base if again else self._ahead
            self._at, self.stopped = plain(at.astimezone(UTC)).replace(tzinfo=None), True
            self.turns += 1

        def restore() -> None:
            if before is None:
                self.go_on()
            else:
                self._at = before

        return restore

    def go_on(self) -> None:
        """Lets time be real."""
        with self._lock:
            if self.stopped:
                self.stopped = False
                self.turns += 1
                self._ahead = self._loop - REAL.monotonic_ns()

    def now(self) -> datetime:
        """The time it is, aware and in UTC."""
        return self._at.replace(tzinfo=UTC) if self.stopped else self.real_now()

    def real_now(self) -> datetime:
        """The time it really is, aware and in UTC."""
        now: datetime = _PLAIN.datetime.fromtimestamp(REAL.time(), UTC)
        return now

    def wall(self) -> datetime:
        """The time it is, naive and in UTC."""
        return self._at if self.stopped else self.real_now().replace(tzinfo=None)

    def monotonic(self) -> float:
        """`time.monotonic`, which goes on for threads that are none of the test's."""
        if self.stopped and threads.belongs():
            return (self._loop - self._base) / SECOND
        return float(REAL.monotonic())

    def move(self, by: timedelta, loop: int = 0, turn: int | None = None) -> datetime:
        """Moves time forward, and with it the clock of event loops, at least to `loop`.

        Args:
            by: How far.
            loop: What event loops are told then, in nanoseconds.
            turn: What `turns` was when that was decided; time is not moved if a test has ended,
                or another has begun, since then.

        Returns:
            The time it is then.
        """
        with self._lock:
            if turn is not None and turn != self.turns:
                return self.now()
            self._at += by
            further = by // timedelta(microseconds=1) * 1000
            self._loop = max(self._loop, loop or self._loop + further)
            return self.now()

    def sleep(self, seconds: float) -> None:
        """`time.sleep`, which moves time where it stands still for the thread that calls."""
        if not self.stopped or not threads.belongs():
            REAL.sleep(seconds)
            return
        # It has the errors for what is no span of time, and lets other threads run.
        REAL.sleep(min(seconds, 0))
        self.move(timedelta(seconds=seconds))

    def loop_time(self) -> int:
        """The clock of the event loops of the test, in nanoseconds."""
        return self._loop if self.stopped else int(REAL.monotonic_ns() + self._ahead)

    def loop_base(self) -> int:
        """How far that is from what `time.monotonic` tells, in nanoseconds."""
        return self._base if self.stopped else self._ahead


def told_at(when: float, tells: Callable[[int], float], since: int) -> int:
    """The instant on the clock of event loops at which a loop of its own clock is at `when`.

    Args:
        when: What its clock tells then, in seconds.
        tells: What its clock tells at an instant, by that in nanoseconds.
        since: Where it is now.
    """
    then, step = since + round((when - tells(since)) * SECOND), 1
    # What is rounded must not end up before a timer, which would be moved to again and again.
    while tells(then) < when:
        then, step = then + step, 2 * step
    return then


def plain(at: datetime) -> datetime:
    """`at` as no class of freezegun's, which would stay behind in what outlives the test."""
    known = _PLAIN.datetime
    same: datetime = known.combine(known.date(at), known.time(at), at.tzinfo)
    return same


TIME = StoppedTime()
