"""Bind the ids of this run to those on the cassette, one to one, and replay what fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Generic, TypeVar

from ..matcher import Ids, Key

T = TypeVar("T")


class Bindings:
    """Pairs of an id of this run and an id on the cassette. No id is in two pairs.

    Attributes:
        fixed: Ids of this run that are stable already and stand for themselves.
        fresh: Ids that upstream created in this run. No cassette holds them.
    """

    def __init__(self) -> None:
        self._recorded: dict[bytes, bytes] = {}
        self._live: dict[bytes, bytes] = {}
        self.fixed: set[bytes] = set()
        self.fresh: set[bytes] = set()

    def recorded(self, live: bytes) -> bytes | None:
        """Return the recorded id that an id of this run is bound to, if any."""
        return self._recorded.get(live)

    def live(self, recorded: bytes) -> bytes:
        """Return the id of this run that a recorded id is bound to; by default the id itself."""
        return self._live.get(recorded, recorded)

    def is_free(self, recorded: bytes) -> bool:
        """Return whether a recorded id is not bound yet."""
        return recorded not in self._live

    def agree(self, recorded: Ids, live: Ids) -> bool:
        """Return whether recorded ids and ids of this run are bound to each other, or can be."""
        return len(recorded) == len(live) and all(map(self._can_bind, recorded, live))

    def _can_bind(self, recorded: bytes, live: bytes) -> bool:
        known = self._recorded.get(live)
        if known is not None or recorded in self._live:
            return known == recorded
        if live in self.fixed:
            return recorded == live and live not in self.fresh
        return recorded == live or live not in self.fresh

    def bind(self, recorded: Ids, live: Ids) -> None:
        """Bind ids that agree."""
        for each, own in zip(recorded, live, strict=True):
            self._recorded[own], self._live[each] = each, own


class Candidates(Generic[T]):
    """Recorded items by the key of their request and by the ids in it.

    Args:
        bindings: Decides which ids agree.
    """

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._waiting: dict[Key, dict[Ids, deque[T]]] = {}
        self._known: dict[Key, dict[Ids, None]] = {}

    def add(self, key: Key, ids: Ids, item: T) -> None:
        """Add the next recorded item."""
        self._waiting.setdefault(key, {}).setdefault(ids, deque()).append(item)
        self.note(key, ids)

    def note(self, key: Key, ids: Ids) -> None:
        """Note that there was an item."""
        self._known.setdefault(key, {})[ids] = None

    def take(self, key: Key, ids: Ids) -> T | None:
        """Remove and return the first item that fits, and bind its ids to those of the request."""
        found = self._find(waiting := self._waiting.get(key, {}), ids)
        if found is None:
            return None
        self._bindings.bind(found, ids)
        item = waiting[found].popleft()
        if not waiting[found]:
            del waiting[found]
        return item

    def next(self, key: Key, ids: Ids) -> T | None:
        """Return the item that `take` would return now."""
        found = self._find(waiting := self._waiting.get(key, {}), ids)
        return None if found is None else waiting[found][0]

    def knows(self, key: Key, ids: Ids) -> bool:
        """Return whether a fitting item was recorded, replayed already or not."""
        return self._find(self._known.get(key, {}), ids) is not None

    def _find(self, groups: Collection[Ids], ids: Ids) -> Ids | None:
        # The best match for an id on the cassette is the id itself.
        same = tuple(self._bindings.recorded(each) or each for each in ids)
        if same in groups and self._bindings.agree(same, ids):
            return same
        return next((each for each in groups if self._bindings.agree(each, ids)), None)
