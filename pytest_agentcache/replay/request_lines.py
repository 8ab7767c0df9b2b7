"""Lines of equal requests, which are handled one after another in the order they came."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Self


class RequestLines:
    """The lines of waiting requests, one for each key."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._lines: dict[Hashable, list[PlaceInLine]] = {}

    def take(self, key: Hashable) -> PlaceInLine:
        """Return a place at the end of the line for `key`."""
        place = PlaceInLine(self._moved, self._lines.setdefault(key, []))
        place.queue()
        return place


class PlaceInLine:
    """A place in a line. Entering it waits until it is the first; it must be left again."""

    def __init__(self, moved: threading.Condition, line: list[PlaceInLine]) -> None:
        self._moved, self._line = moved, line
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
            self._moved.wait_for(lambda: self._line[0] is self)
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
