"""Values that are known to be secret, found in every place and in every spelling."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

from ..http.body.spans import Span

# Shorter ones are searched for as whole words only, in no coding.
LONG = 8
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


class Values:
    """Known secrets and the placeholders that replace them."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}
        self._plain: dict[bytes, bytes] = {}
        self._coded: dict[bytes, bytes] = {}
        self._words: dict[bytes, bytes] = {}
        # What `spans` iterates over; replaced whole, because other threads may be iterating.
        self._written: tuple[tuple[bytes, bytes], ...] = ()
        self._cores: tuple[tuple[bytes, bytes], ...] = ()

    def add(self, value: str, mark: str) -> None:
        """Remember a secret; the first placeholder that it gets stays its own."""
        if value in self._known:
            return
        self._known[value] = text = mark.encode()
        if len(value) < LONG:
            self._words = {**self._words, value.encode("utf-8", "surrogatepass"): text}
            return
        for written in _spellings(value):
            self._plain.setdefault(written.encode("utf-8", "surrogatepass"), text)
        for core in _cores(value.encode("utf-8", "surrogatepass")):
            self._coded.setdefault(core, text)
        self._written, self._cores = tuple(self._plain.items()), tuple(self._coded.items())

    def spans(self, raw: bytes) -> Iterator[Span]:
        """Yield where known secrets are in `raw`."""
        # Searching for each of them is much faster than searching for any of them.
        for written, text in self._written:
            at = raw.find(written)
            while at >= 0:
                yield Span(at, at + len(written), text)
                at = raw.find(written, at + len(written))
        for core, text in self._cores:
            at = raw.find(core)
            while at >= 0:
                start, stop = _run(raw, at, at + len(core))
                yield Span(start, stop, text)
                at = raw.find(core, stop)
        for word, text in self._words.items():
            if word in raw:
                for match in re.finditer(rb"(?<![\w-])" + re.escape(word) + rb"(?![\w-])", raw):
                    yield Span(*match.span(), text)

    def hexadecimal(self, raw: bytes) -> Iterator[bytes]:
        """Yield the placeholders of known secrets that are in `raw` as hexadecimal digits."""
        lower = raw.lower()
        for value, text in tuple(self._known.items()):
            if (
                len(value) >= LONG
                and value.encode("utf-8", "surrogatepass").hex().encode() in lower
            ):
                yield text


@lru_cache(maxsize=256)
def _spellings(value: str) -> set[str]:
    """Return the spellings of a text in URLs, forms, JSON and XML."""
    found = {value, html.escape(value), html.escape(value, quote=False)}
    for escape in (
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        quote(value, safe="!~*'()"),
        quote(quote(value, safe=""), safe=""),
    ):
        found |= {escape, re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), escape)}
    inside = value
    for _ in range(3):
        # JSON in a string of JSON is escaped once more.
        found |= {json.dumps(inside)[1:-1], json.dumps(inside, ensure_ascii=False)[1:-1]}
        found.add(json.dumps(inside)[1:-1].replace("/", "\\/"))
        inside = json.dumps(inside)[1:-1]
    return found


@lru_cache(maxsize=256)
def _cores(value: bytes) -> set[bytes]:
    """Return the base64 of `value` at each of the three offsets inside a longer text."""
    found = set()
    for before, cut in ((0, 0), (1, 2), (2, 3)):
        whole = bytes(before) + value
        # The last group may be shared with what follows.
        text = base64.b64encode(whole[: len(whole) // 3 * 3])[cut:]
        if len(text) >= LONG:
            found |= {text, text.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def _run(raw: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return the whole run of base64 around a part of it."""
    while start and raw[start - 1] in _BASE64:
        start -= 1
    while stop < len(raw) and raw[stop] in _BASE64:
        stop += 1
    while stop < len(raw) and raw[stop] == ord("="):
        stop += 1
    return start, stop
