"""Which id of this run is which on the cassette, one to one, and what can be played by that."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Generic, TypeVar

from ..matcher import Ids, Key

T = TypeVar("T")


class Bindings:
    """Ties ids of this run to ids of the cassette: none to two, and no two to one.

    Attributes:
        fixed: Ids of this run that are stable by themselves and mean what they are.
        fresh: Ids that upstream has handed out in this run; no cassette knows them.
    """

    def __init__(self) -> None:
        self._recorded: dict[bytes, bytes] = {}
        self._live: dict[bytes, bytes] = {}
        self.fixed: set[bytes] = set()
        self.fresh: set[bytes] = set()

    def recorded(self, live: bytes) -> bytes | None:
        """What an id of this run is on the cassette, if that is known."""
        return self._recorded.get(live)

    def live(self, recorded: bytes) -> bytes:
        """What an id of the cassette is in this run; by default what it is there."""
        return self._live.get(recorded, recorded)

    def is_free(self, recorded: bytes) -> bool:
        """Whether an id of the cassette is tied to none."""
        return recorded not in self._live

    def agree(self, recorded: Ids, live: Ids) -> bool:
        """Whether ids of the cassette and of this run are the same, or can become so."""
        return len(recorded) == len(live) and all(map(self._may_be, recorded, live))

    def _may_be(self, recorded: bytes, live: bytes) -> bool:
        known = self._recorded.get(live)
        if known is not None or recorded in self._live:
            return known == recorded
        if live in self.fixed:
            return recorded == live and live not in self.fresh
        return recorded == live or live not in self.fresh

    def bind(self, recorded: Ids, live: Ids) -> None:
        """Ties ids that agree."""
        for each, own in zip(recorded, live, strict=True):
            self._recorded[own], self._live[each] = each, own


class Candidates(Generic[T]):
    """What is recorded, by the key of what was asked for and by the ids in it.

    Args:
        bindings: Tells which ids are the same.
    """

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._waiting: dict[Key, dict[Ids, deque[T]]] = {}
        self._known: dict[Key, dict[Ids, None]] = {}

    def add(self, key: Key, ids: Ids, item: T) -> None:
        """Adds what was recorded next."""
        self._waiting.setdefault(key, {}).setdefault(ids, deque()).append(item)
        self._known.setdefault(key, {})[ids] = None

    def take(self, key: Key, ids: Ids) -> T | None:
        """The first that is left and fits, which ties its ids to those asked with."""
        found = self._find(waiting := self._waiting.get(key, {}), ids)
        if found is None:
            return None
        self._bindings.bind(found, ids)
        item = waiting[found].popleft()
        if not waiting[found]:
            del waiting[found]
        return item

    def next(self, key: Key, ids: Ids) -> T | None:
        """What `take` would give now."""
        found = self._find(waiting := self._waiting.get(key, {}), ids)
        return None if found is None else waiting[found][0]

    def knows(self, key: Key, ids: Ids) -> bool:
        """Whether such a thing was recorded, played already or not."""
        return self._find(self._known.get(key, {}), ids) is not None

    def _find(self, groups: Collection[Ids], ids: Ids) -> Ids | None:
        # An id that stands on the cassette is the best match for itself.
        same = tuple(self._bindings.recorded(each) or each for each in ids)
        if same in groups and self._bindings.agree(same, ids):
            return same
        return next((each for each in groups if self._bindings.agree(each, ids)), None)
