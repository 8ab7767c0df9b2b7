"""The unit of work that sends a request: a task, a thread, a job of a pool.

Each has a place in the one that set it to work, so that all that is done has a place in the whole
that depends on the program alone, and not on who was faster.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ...state import THREAD_LANE, on_reset

Place = tuple[int, ...]
"""The place of a request: the steps that lead to it, one for each lane on the way."""


class Lane:
    """A unit of work whose steps follow one another.

    Args:
        parent: The lane that started it; None for the main thread.
        step: Its place among the steps of its parent.
        handed_over: The time at which it was given to a pool, which starts it when it can.
    """

    __slots__ = ("_handed_over", "_parent", "_step", "_steps")

    def __init__(
        self, parent: Lane | None = None, step: int = 0, handed_over: int | None = None
    ) -> None:
        self._parent, self._step, self._handed_over = parent, step, handed_over
        self._steps = itertools.count()

    def fork(self) -> Lane:
        """Return a lane that starts now."""
        return Lane(self, next(self._steps))

    def hand_over(self) -> Lane:
        """Return a lane that is given to a pool now."""
        return Lane(self, next(self._steps), now())

    def due(self) -> int:
        """Return the earliest time at which the current step could have run.

        That is now, except for the first step of a work item, which only waited for its pool.
        """
        since = now()
        lane: Lane | None = self
        while lane is not None:
            if lane._handed_over is not None:
                since, lane._handed_over = lane._handed_over, None
            lane = lane._parent
        return since

    def place(self) -> Place:
        """Return the place of the current step."""
        steps, lane = [next(self._steps)], self
        while lane._parent is not None:
            steps.append(lane._step)
            lane = lane._parent
        return tuple(reversed(steps))

    def within(self, other: Lane) -> bool:
        """Return true if `other` is this lane, or started it directly or indirectly."""
        lane: Lane | None = self
        while lane is not None:
            if lane is other:
                return True
            lane = lane._parent
        return False


_MAIN = Lane()
_EVENTS = itertools.count()
_LANE: ContextVar[Lane | None] = ContextVar("agentcache_lane", default=None)


@on_reset("replay.ordering.lanes._MAIN")
def _reset_main() -> None:
    _MAIN._steps = itertools.count()


@on_reset("replay.ordering.lanes._LANE")
def _reset_context() -> None:
    _LANE.set(None)


def now() -> int:
    """Return a number that is greater than that of every earlier call, in all threads."""
    return next(_EVENTS)


def current() -> Lane:
    """Return the lane of the caller."""
    thread = threading.current_thread()
    of_thread: Lane | None = THREAD_LANE.get(thread)
    of_context = _LANE.get()
    if of_thread is None:
        if of_context is not None:
            return of_context
        if thread is threading.main_thread():
            return _MAIN
        # The thread is older than the patches.
        of_thread = _MAIN.fork()
        assign(thread, of_thread)
    # Work that is handed to a thread may run in a copy of the context that it came from.
    if of_context is None or of_thread.within(of_context):
        return of_thread
    return of_context


def is_part_of(place: Place, other: Place) -> bool:
    """Return true if `other` is a step that has begun, and led to `place` in any lane."""
    above = len(other) - 1
    return place[:above] == other[:above] and place[above:] > other[above:]


def assign(thread: threading.Thread, lane: Lane | None) -> None:
    """Assign the work of a thread to `lane`."""
    THREAD_LANE.set(thread, lane)


@contextmanager
def in_context(lane: Lane) -> Iterator[None]:
    """Assign the contexts that are copied inside the block to `lane`."""
    token = _LANE.set(lane)
    try:
        yield
    finally:
        _LANE.reset(token)


def enter(lane: Lane) -> None:
    """Make the context of the caller that of `lane`."""
    _LANE.set(lane)


@contextmanager
def working(lane: Lane) -> Iterator[None]:
    """Assign the work of this thread inside the block to `lane`."""
    thread = threading.current_thread()
    before = THREAD_LANE.get(thread)
    assign(thread, lane)
    try:
        with in_context(lane):
            yield
    finally:
        assign(thread, before)
