"""The recorded interactions that wait to be replayed, found by the request that is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from ..http.body.json_text import compact
from ..http.messages import Headers, Request
from ..matching.matcher import Ids, Key
from ..matching.stable_ids import Candidates, StableIds
from ..settings.settings import Settings
from .hooks import Hooks, unchanged
from .recorded_log import Slot

# What says how to read a body.
_DESCRIBING = ("content-type", "content-encoding")

_Bytes = tuple[str, str, str, bytes]


class RecordedRequests:
    """The interactions of a cassette in order, each of which is taken once.

    To find one by the key of its request, all keys have to be worked out. Most tests send what they
    sent while recording, byte for byte and in the same order; then nobody needs the keys. A key
    depends on method, URL, media type and body alone, unless a hook or a setting looks at more. So
    a request that equals a recorded one in these has the same key, and gets that interaction unless
    an earlier one that has the same key is waiting.

    Args:
        slots: The interactions of the cassette, in order.
        settings: Only `match`, `session_cassette`, `stable_ids` and the mode are used.
        hooks: The hooks of conftest files and plugins.
        ids: Decides which ids correspond.
        key_and_ids: Returns the key of a request, and its volatile ids.
        version: Returns a number that grows when the same request may get another key.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        settings: Settings,
        hooks: Hooks,
        ids: StableIds,
        key_and_ids: Callable[[Request], tuple[Key, Ids]],
        version: Callable[[], int],
    ) -> None:
        self._slots, self._key_and_ids, self._version = slots, key_and_ids, version
        self._keys: list[Key] = []
        self._taken = bytearray(len(slots))
        self._first = 0
        self._candidates: Candidates[int] = Candidates(ids.bindings)
        looks_at_headers = any(part.startswith("header") for part in settings.match)
        looks_at_more = settings.session_cassette or settings.stable_ids or hooks.alike
        self._by_bytes: dict[_Bytes, deque[int]] = {}
        self._is_exact = not (looks_at_headers or looks_at_more or hooks.normalize is not unchanged)
        if self._is_exact:
            for at, slot in enumerate(slots):
                request = slot.interaction.request
                if "content-encoding" not in request.headers:
                    self._by_bytes.setdefault(_bytes_of(request), deque()).append(at)
        if settings.records or not self._is_exact:
            self._work_out(len(slots))
        self._opened = version()

    def take_exact(self, request: Request) -> Slot | None:
        """Take the interaction for a request as the client sends it, if it was recorded like that.

        None does not mean that there is none: the request may be spelled in another way.
        """
        if not self._by_bytes:
            return None
        found = self._by_bytes.get(_bytes_of(request))
        # The cassette has JSON of requests in one style.
        if found is None and (body := compact(request.body)) is not None:
            found = self._by_bytes.get((*_bytes_of(request)[:3], body))
        while found and self._taken[found[0]]:
            found.popleft()
        if not found or "content-encoding" in request.headers or self._version() != self._opened:
            return None
        at = found[0]
        while self._taken[self._first]:
            self._first += 1
        if at > self._first:
            self._work_out(at + 1)
        has_key = at < len(self._keys)
        if has_key and (first := self._candidates.next(self._keys[at], ())) is not None:
            at = first
        if self._slots[at].interaction.cancelled:
            return None
        if has_key:
            self._candidates.take(self._keys[at], ())
        self._taken[at] = True
        return self._slots[at]

    def take(self, key: Key, ids: Ids) -> Slot | None:
        """Take the first interaction whose request has this key, and ids that correspond."""
        self._work_out(len(self._slots))
        at = self._candidates.take(key, ids)
        if at is None:
            return None
        self._taken[at] = True
        return self._slots[at]

    def next(self, key: Key, ids: Ids) -> Slot | None:
        """Return the interaction that `take` would return now."""
        self._work_out(len(self._slots))
        at = self._candidates.next(key, ids)
        return None if at is None else self._slots[at]

    def knows(self, key: Key, ids: Ids) -> bool:
        """Return true if there was such an interaction, taken or not."""
        self._work_out(len(self._slots))
        return self._candidates.knows(key, ids)

    def last(self, key: Key) -> Slot | None:
        """Return the interaction with this key that was taken last."""
        self._work_out(len(self._slots))
        taken = [
            slot
            for at, slot in enumerate(self._slots)
            if slot.order is not None and self._keys[at] == key
        ]
        return max(taken, key=lambda slot: slot.order or 0, default=None)

    def _work_out(self, count: int) -> None:
        """Work out the keys of the first `count` interactions."""
        for at in range(len(self._keys), count):
            # The cassette may be older than a setting, so it goes through the same steps.
            key, ids = self._key_and_ids(self._essential(self._slots[at].interaction.request))
            self._keys.append(key)
            if self._taken[at]:
                self._candidates.note(key, ids)
            else:
                self._candidates.add(key, ids, at)

    def _essential(self, request: Request) -> Request:
        """Return a recorded request with the headers on which its key depends."""
        if not self._is_exact:
            return request
        pairs = tuple(pair for pair in request.headers.pairs if pair[0] in _DESCRIBING)
        return Request(request.method, request.url, Headers(pairs), request.body)


def _bytes_of(request: Request) -> _Bytes:
    return request.method, request.url, request.content_type, request.body
