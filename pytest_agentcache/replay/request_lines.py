"""Lines of equal requests, which are handled one after another in the order they came."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Self

from ..state import fork_safe
from .ordering.lanes import Place, current, is_part_of


class RequestLines:
    """The lines of waiting requests, one for each key."""

    def __init__(self) -> None:
        self._moved = fork_safe(threading.Condition())
        self._lines: dict[Hashable, list[PlaceInLine]] = {}
        self._waiting: dict[Place, list[PlaceInLine]] = {}

    def forget(self) -> None:
        """Forget the requests of the threads that a forked child does not have."""
        self._lines.clear()
        self._waiting.clear()

    def take(self, key: Hashable, of: Place = ()) -> PlaceInLine:
        """Return a place at the end of the line for `key`.

        Args:
            key: The same for requests that wait for each other.
            of: The place of the request in the program.
        """
        place = PlaceInLine(self._moved, self._lines.setdefault(key, []), of)
        place.queue()
        return place

    @contextmanager
    def held(self, key: Hashable) -> Iterator[bool]:
        """Wait in the line for `key`, and hold the first place of it during the block.

        A request does not wait for one that waits for it in turn: a response hook may send the same
        request again, in any thread, and redirects may lead in circles.

        Yields:
            Whether the request has the place.
        """
        own = current().place()
        with self._moved:
            line = self._lines.setdefault(key, [])
            if line and self._waits_for(line[0], own):
                place = None
            else:
                place, self._waiting[own] = self.take(key, own), line
        if place is None:
            yield False
            return
        try:
            with place:
                del self._waiting[own]
                yield True
        finally:
            self._waiting.pop(own, None)

    def _waits_for(self, holder: PlaceInLine, own: Place) -> bool:
        """Return true if the first of a line cannot go on until the request at `own` is done."""
        if is_part_of(own, holder.of):
            return True
        parts = (line for place, line in self._waiting.items() if is_part_of(place, holder.of))
        return any(self._waits_for(line[0], own) for line in parts)


class PlaceInLine:
    """A place in a line. Entering it waits until it is the first; it must be left again."""

    def __init__(self, moved: threading.Condition, line: list[PlaceInLine], of: Place) -> None:
        self._moved, self._line, self.of = moved, line, of
        self.begun = False

    def queue(self) -> None:
        """Go to the end of the line."""
        with self._moved:
            self._line.append(self)

    def leave(self) -> None:
        """Leave the line and let the next one in. Idempotent."""
        with self._moved:
            if self in self._line:
                self._line.remove(self)
                self._moved.notify_all()

    def __enter__(self) -> Self:
        self.begun = True
        with self._moved:
            if self not in self._line:
                # A task that was cancelled at this moment has left it.
                self._line.append(self)
            try:
                self._moved.wait_for(lambda: self._line[0] is self)
            except BaseException:
                # The test is interrupted.
                self._line.remove(self)
                self._moved.notify_all()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
