"""The ids that a client gets while recording: stable ones, in place of those that upstream made.

The client sees them as it will on replay, and upstream gets its own ids back.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from ...http.messages import Headers, Request
from .finder import FoundId, IdFinder
from .rewriting import Rewriter

# The body of a signed request must arrive as it was signed.
_SIGNED = ("aws4-", "signature")


class ShownIds:
    """The pairs of an id that upstream made and the stable one that the client gets.

    Args:
        finder: Finds ids, and makes stable ones.
        rewriter: Replaces them in messages.
    """

    def __init__(self, finder: IdFinder, rewriter: Rewriter) -> None:
        self._finder, self._rewriter = finder, rewriter
        self._shown: dict[bytes, bytes] = {}
        self._true: dict[bytes, bytes] = {}
        self._own: set[bytes] = set()
        self._numbers: dict[str, int] = defaultdict(int)
        self._taken: set[bytes] = set()
        # Responses arrive in any thread.
        self._lock = threading.RLock()

    def __contains__(self, text: bytes) -> bool:
        """Return whether an id was made for the client."""
        return text in self._true

    def shown(self, true: bytes) -> bytes:
        """Return what the client got in place of an id of upstream; by default the id itself."""
        return self._shown.get(true, true)

    def reserve(self, ids: Iterable[FoundId]) -> None:
        """Keep the numbers of ids that are on the cassette."""
        self._taken.update(each.text for each in ids if each.stable)

    def note_request(self, request: Request) -> None:
        """Note the ids that a client sends. Those that it made keep a number for the cassette.

        Args:
            request: The request as the cassette will hold it.
        """

        def note(each: FoundId) -> bytes:
            with self._lock:
                if each.stable and each.text not in self._true:
                    self._taken.add(each.text)
                if each.text not in self._true and each.text not in self._own:
                    self._own.add(each.text)
                    if not each.stable:
                        self._next(each)
            return each.text

        self._rewriter.request(request, note)

    def headers(self, headers: Headers) -> Headers:
        """Return the header fields of a response with stable ids."""
        return self._rewriter.headers(headers, self._show)

    def content(self, raw: bytes, media: str) -> bytes:
        """Return the body of a response, or events of it, with stable ids."""
        return self._rewriter.content(raw, media, self._show)[0]

    def upstream(self, request: Request) -> Request:
        """Return a request with the ids that upstream knows; itself if it has no others."""
        if not self._true or request.headers.get("authorization").lower().startswith(_SIGNED):
            return request
        changed = self._rewriter.request(request, lambda each: self._true.get(each.text, each.text))
        if changed == request:
            return request
        if "content-length" in request.headers:
            size = str(len(changed.body))
            pairs = ((k, size if k == "content-length" else v) for k, v in changed.headers)
            changed = replace(changed, headers=replace(changed.headers, pairs=tuple(pairs)))
        return changed

    def _show(self, each: FoundId) -> bytes:
        with self._lock:
            if each.text in self._own or each.text in self._true or each.stable:
                return each.text
            if each.text not in self._shown:
                made = self._next(each)
                self._shown[each.text] = made
                if made != each.text:
                    self._true[made] = each.text
            return self._shown[each.text]

    def _next(self, each: FoundId) -> bytes:
        """Return the stable id with the next number that is free."""
        while True:
            self._numbers[each.look] += 1
            made = self._finder.stable_id(each.look, each.text, self._numbers[each.look])
            if made == each.text or made not in self._taken:
                return made
