"""Runs of event loops on frozen time: one that has nothing to do but wait moves the clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from ..state import on_reset
from . import threads
from .frozen_time import REAL, SECOND, TIME, instant_at

# In seconds: how long a run waits for real input before it looks around again.
SLICE = 0.02
# Also in seconds: no test waits for a timer beyond this, and dates have an end.
FAR = 100 * 366 * 86400
# True if connections made now belong to a client whose requests are known to the clock.
CLIENT: ContextVar[bool] = ContextVar("agentcache_client", default=False)
# The requests to upstream that are under way on event loops.
_UNDER_WAY: set[object] = set()


@contextmanager
def awaiting_upstream() -> Iterator[None]:
    """Keep event loops from moving the clock past a response that is on its way."""
    before, request = CLIENT.get(), object()
    CLIENT.set(True)
    _UNDER_WAY.add(request)
    try:
        yield
    finally:
        # Not by its token: what is dropped while it waits ends in another context.
        _UNDER_WAY.discard(request)
        CLIENT.set(before)


class RunClock:
    """The clock of one run, in seconds. It never goes back.

    Args:
        offset: Its distance from `time.monotonic`.

    Attributes:
        driven: True while the run moves the test's clock.
        serves: True if the run serves others, in a thread of its own perhaps.
        lag: The seconds that the run has really waited and that the clock does not show.
    """

    driven = serves = False
    lag = 0.0

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = self._ahead = offset
        # Its zero, on the clock that `TIME` has for event loops, in nanoseconds.
        self._base: int | None = None
        # The instant of each timer, and the lag when it was seen first.
        self._seen: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()

    def now(self, *, of_test: bool) -> float:
        """Return its time, which is frozen only for a run of the test."""
        if not of_test:
            return float(REAL.monotonic() + self._ahead)
        if self._base is None:
            self._base = TIME.loop_base()
        now = self.shown(TIME.loop_time())
        # Where it goes on from if it outlives the test in a thread of its own.
        self._ahead = now - REAL.monotonic()
        return now

    def shown(self, at: int) -> float:
        """Return what it shows at an instant of `TIME`."""
        return self._offset + (at - (self._base or 0)) / SECOND

    def instant(self, when: float) -> int:
        """Return the instant of `TIME` at which it shows `when`."""
        return instant_at(when, self.shown, TIME.loop_time())

    def left(self, when: float, timer: Any) -> float:
        """Return how long `timer` still has to wait for `when`, if all waits are real."""
        seen, lag = self._seen.get(timer, (None, 0.0))
        if seen != when:
            self._seen[timer], lag = (when, self.lag), self.lag
        return when + lag - self.now(of_test=True) - self.lag


CLOCKS: WeakKeyDictionary[Any, RunClock] = WeakKeyDictionary()
"""The clocks of the runs, by event loop of asyncio or clock of trio."""

Awake = Callable[[FrameType, int], bool]
"""Called with the innermost frame of another thread, which waits for sockets, and an instant of
`TIME`: whether that thread may go on before then."""


class Run(ABC):
    """One run of an event loop, as its library shows it."""

    def __init__(self, clock: RunClock) -> None:
        self.clock = clock

    @abstractmethod
    def ready(self) -> bool:
        """Return true if there is something to do now."""

    @abstractmethod
    def first(self) -> float:
        """Return when the first timer fires, on the clock of the run; infinity without timers."""

    @abstractmethod
    def timers(self) -> list[tuple[float, Any]]:
        """Return all timers, and when they fire."""

    @abstractmethod
    def fire(self, timer: Any) -> None:
        """Let a timer fire now, even if the clock says it is early."""

    @abstractmethod
    def select(self, seconds: float) -> None:
        """Wait for input for at most `seconds`, and take in what has come."""

    @abstractmethod
    def reads(self) -> bool:
        """Return true if a task waits for input that may come."""

    def move_or_wait(self, awake: Awake) -> None:
        """Bring a run that has nothing to do to its next timer, or to input that comes before it.

        Input that is there goes first. If something real may still come, the run waits for it as
        long as it would have waited in real time, and only then moves the clock.

        Args:
            awake: See `Awake`.
        """
        clock, turn = self.clock, TIME.turns
        while not self.ready():
            first, now = self.first(), clock.now(of_test=True)
            if not now < first <= now + FAR:
                return
            may_come = self._may_come(first, awake)
            # Only now: what a thread handed over before it was seen idle is here.
            self.select(0)
            if self.ready():
                return
            if not may_come:
                self._move(first, turn)
                return
            left, when, timer = min(
                ((clock.left(when, timer), when, timer) for when, timer in self.timers()),
                key=lambda each: each[:2],
            )
            if left <= 0:
                if when > first:
                    # Those before it have begun later, and have waited less.
                    self.fire(timer)
                else:
                    self._move(when, turn)
                    # Timers that have waited less than the clock has moved now have more to wait.
                    clock.lag -= when - now
                return
            before = REAL.monotonic() - now
            self.select(min(SLICE, left))
            # Real waiting elsewhere has moved the clock by its part.
            clock.lag += max(REAL.monotonic() - clock.now(of_test=True) - before, 0)

    def _move(self, when: float, turn: int) -> None:
        ahead = timedelta(seconds=when - self.clock.now(of_test=True))
        TIME.move(ahead, self.clock.instant(when), turn)

    def _may_come(self, when: float, awake: Awake) -> bool:
        """Return true if something real may come before `when`: data, a thread, a process."""
        then = self.clock.instant(when)
        return bool(_UNDER_WAY) or self.reads() or threads.at_work(lambda frame: awake(frame, then))


@on_reset("clock.runs.CLIENT")
@on_reset("clock.runs.CLOCKS")
@on_reset("clock.runs._UNDER_WAY")
def _reset() -> None:
    CLIENT.set(False)
    CLOCKS.clear()
    _UNDER_WAY.clear()
