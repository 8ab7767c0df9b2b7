"""Requests that are on the cassette byte for byte: their keys are known without redaction."""

from __future__ import annotations

from ..http.body.json_text import begins_like_json, compact
from ..http.messages import Headers, Request
from ..matching.matcher import Key
from ..redaction import Redaction
from ..settings.settings import Settings
from .hooks import Hooks, unchanged

# What says how to read a body.
_DESCRIBING = ("content-type", "content-encoding")


class KnownRequests:
    """The keys of recorded requests, by what the keys are made of.

    A key depends on method, URL, media type and body alone. A request that equals a recorded one
    in these has its key, whatever redaction and normalization do to them. That holds as long as no
    hook or setting looks at other headers, and no new secret becomes known.

    Args:
        settings: Only `match`, `session_cassette` and `stable_ids` are used.
        hooks: The hooks of conftest files and plugins.
        redaction: Redacts secrets, by what is known at the time.
    """

    def __init__(self, settings: Settings, hooks: Hooks, redaction: Redaction) -> None:
        self._redaction, self._version = redaction, redaction.version
        self._keys: dict[tuple[str, str, str, bytes], Key] = {}
        compares_headers = not {"method", "url", "body"}.issuperset(settings.match)
        others = settings.session_cassette or settings.stable_ids
        self._is_usable = not (compares_headers or others or hooks.normalize is not unchanged)

    def essential(self, request: Request) -> Request:
        """Return a recorded request with the headers on which its key depends."""
        if not self._is_usable:
            return request
        pairs = tuple(pair for pair in request.headers.pairs if pair[0] in _DESCRIBING)
        return Request(request.method, request.url, Headers(pairs), request.body)

    def add(self, request: Request, key: Key) -> None:
        """Remember the key of a recorded request."""
        if self._is_usable and "content-encoding" not in request.headers:
            parts = request.method, request.url, request.content_type, request.body
            self._keys[parts] = key

    def key(self, request: Request) -> Key | None:
        """Return the key of a request as the client sends it; None if it has to be worked out."""
        if not self._keys:
            return None
        content_type, body = request.content_type, request.body
        key = self._keys.get((request.method, request.url, content_type, body))
        # The cassette has JSON of requests in one style.
        if key is None and begins_like_json(body) and (other := compact(body)) is not None:
            key = self._keys.get((request.method, request.url, content_type, other))
        if key is None or "content-encoding" in request.headers:
            return None
        return key if self._redaction.version == self._version else None
