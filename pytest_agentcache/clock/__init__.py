"""The clock of a test: it is frozen where the test starts, and waiting moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from ..errors import ClockError
from ..settings.durations import duration, instant
from . import threads
from .engines import ENGINES, put_in, real_time, take_out
from .frozen_time import TIME
from .runs import awaiting_upstream


class Clock:
    """Time as a test sees it.

    While it is frozen, `time.time()`, `datetime.now()` and the rest stand still; `time.sleep` and
    sleeps on an event loop move them and return at once. The local time zone is UTC meanwhile.
    """

    def __init__(self) -> None:
        self._frozen_at: datetime | None = None
        self._restore: Callable[[], None] | None = None
        # Places, file and line, that waited in a loop for this clock and were let go on.
        self.spins: tuple[tuple[str, int], ...] = ()

    def freeze(self, at: datetime, engine: str = ENGINES[0], *, below: bool = False) -> None:
        """Stop time at `at` until `release`, which restores the time that was frozen before.

        Args:
            at: The instant, aware.
            engine: What patches the clock: one of `ENGINES`.
            below: Whether time that others have frozen already stays in front.

        Raises:
            ClockError: If the engine is not installed.
        """
        if self._restore is None:
            put_in(engine, below=below)
            if not TIME.stopped:
                threads.begin()
                TIME.spins.clear()
            self._restore = TIME.stop(at)
            self._frozen_at = TIME.now()

    def release(self) -> None:
        """Undo `freeze`."""
        restore, self._restore = self._restore, None
        if restore is not None:
            self.spins = tuple(TIME.spins)
            restore()
            if not TIME.stopped:
                take_out()

    @property
    def frozen(self) -> bool:
        """True while time is frozen."""
        return TIME.stopped

    @property
    def frozen_at(self) -> datetime | None:
        """The start of this test's clock, aware and in UTC; None if it was never frozen."""
        return self._frozen_at

    @property
    def now(self) -> datetime:
        """The time it is, aware and in UTC; the real one where the clock is not frozen."""
        return TIME.now()

    def tick(self, delta: float | timedelta) -> datetime:
        """Move the clock forward.

        Args:
            delta: Seconds, or a `timedelta`; not negative.

        Returns:
            The time it is then.

        Raises:
            ClockError: If `delta` is no span of time, or the clock is not frozen.
        """
        try:
            moved = duration(delta)
        except (TypeError, ValueError) as error:
            raise ClockError(f"clock.tick({delta!r}): {error}") from None
        self._check(f"tick({delta!r})")
        try:
            return TIME.move(moved)
        except OverflowError:
            raise ClockError(
                f"clock.tick({delta!r}): from {self.now.isoformat()} on that is further than a "
                "clock can move"
            ) from None

    def move_to(self, when: datetime | str) -> datetime:
        """Move the clock forward to an instant.

        Args:
            when: An aware `datetime`, or its text after ISO 8601: `2026-11-21T10:00:00Z`.

        Returns:
            The time it is then.

        Raises:
            ClockError: If `when` is earlier than now, has no zone or is no time, or the clock is
                not frozen.
        """
        try:
            target = instant(when)
        except (TypeError, ValueError) as error:
            raise ClockError(f"clock.move_to({when!r}): {error}") from None
        self._check(f"move_to({when!r})")
        if target < self.now:
            raise ClockError(
                f"clock.move_to({when!r}): the clock is at {self.now.isoformat()} and moves "
                "forward only; freeze= of the marker lets a test begin earlier"
            )
        return TIME.move(target - self.now)

    @property
    def real_now(self) -> datetime:
        """The time it really is, aware and in UTC, frozen or not."""
        return datetime.fromtimestamp(TIME.real_ns() / 1e9, UTC)

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass: move the clock where it is frozen, else really wait."""
        TIME.sleep(seconds)

    @contextmanager
    def real(self) -> Iterator[None]:
        """Let time be real for a while; afterwards the clock is where it was."""
        stood = TIME.now() if TIME.stopped else None
        TIME.go_on()
        try:
            with real_time():
                yield
        finally:
            if stood is not None:
                TIME.stop(stood, again=True)

    def _check(self, call: str) -> None:
        if not TIME.stopped:
            raise ClockError(
                f"clock.{call}: time is real here. A test on a cassette is frozen unless "
                "freeze=False of the marker or agentcache_freeze = false says otherwise; a block "
                "of use_cassette() is frozen with freeze=True"
            )

    def __repr__(self) -> str:
        return f"<Clock {'frozen' if self.frozen else 'real'} at {self.now.isoformat()}>"


__all__ = ["ENGINES", "TIME", "Clock", "awaiting_upstream"]
