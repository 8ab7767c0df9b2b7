"""Texts that a stream sends in pieces, from one event to the next, and secrets in them."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from .protocol import BodyKind
from .spans import Span

_TEXT = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
# ASCII without escapes, in which the texts of JSON are written as they are.
_AS_WRITTEN = re.compile(rb"[ -\[\]-~]*+")
_CHARACTER = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\.|[^\\]", re.DOTALL)
_JSON = (b"{", b"[", b'"')
_MOST = 2**22

Find = Callable[[bytes], list[Span]]
_Place = tuple[Any, ...]
# For what is between the texts of an event: which of the texts are names; and for these names, the
# places of the others and their numbers.
_Forms = dict[
    tuple[bytes, ...], tuple[list[int], dict[tuple[bytes, ...], list[tuple[_Place, int]]]]
]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text in an event: its place in the body, its content, and whether it is a JSON string."""

    start: int
    stop: int
    content: bytes
    is_json: bool


def split_over_events(raw: bytes, stream: BodyKind, find: Find) -> Iterator[Span]:
    """Yield what `find` finds in texts that are spread over several events.

    Args:
        raw: A stream of events as text, with JSON or text as their data.
        stream: Its kind.
        find: Finds secrets, or ids, in a text.
    """
    for pieces in _places(raw, stream):
        if len(pieces) > 1:
            yield from _across(raw, pieces, find)


def joined_texts(raw: bytes, stream: BodyKind) -> Iterator[bytes]:
    """Yield the texts of a stream, those at the same place of all events joined."""
    for pieces in _places(raw, stream):
        yield b"".join(piece.content for piece in pieces)


def _places(raw: bytes, stream: BodyKind) -> Iterable[list[_Piece]]:
    places: dict[_Place, list[_Piece]] = defaultdict(list)
    known: _Forms = {}
    if len(raw) <= _MOST:
        for start, stop in stream.payloads(raw):
            if raw.startswith(_JSON, start):
                for place, piece in _pieces(raw, start, stop, known):
                    places[place].append(piece)
            else:
                places[()].append(_Piece(start, stop, raw[start:stop], is_json=False))
    return places.values()


def _pieces(raw: bytes, start: int, stop: int, known: _Forms) -> Iterator[tuple[_Place, _Piece]]:
    """Yield the texts of one event, or of a list of events, each with its place in the event.

    Most events of a stream differ in a few texts only. The places of the texts depend on the names
    and on what is between the texts, so they are worked out once for all events that agree in
    these.

    Args:
        raw: The stream.
        start: The start of the event.
        stop: Its end.
        known: The places in the events so far.
    """
    event = raw[start:stop]
    if not _AS_WRITTEN.fullmatch(event):
        yield from _parsed(raw, start, stop)
        return
    # Between the texts, and the texts without their quotes, in turn.
    parts = _TEXT.split(event)
    form = tuple(parts[::2])
    if form not in known:
        names = [at for at in range(1, len(parts), 2) if parts[at + 1].lstrip(b" ")[:1] == b":"]
        known[form] = names, {}
    names, by_names = known[form]
    key = tuple([parts[at] for at in names])
    if key not in by_names:
        by_names[key] = [
            (place, at)
            for place, piece in _parsed(event, 0, stop - start)
            for at in (_part_at(parts, piece.start),)
        ]
    if not by_names[key]:
        return
    ends = list(accumulate(map(len, parts)))
    for place, at in by_names[key]:
        # Each text so far, and this one, has its quotes around it.
        end = start + ends[at] + at
        text = parts[at]
        yield place, _Piece(end - len(text), end, text, is_json=True)


def _part_at(parts: list[bytes], start: int) -> int:
    """Return the number of the part of an event that starts there, behind its quote."""
    at, end = 0, 0
    while end + at < start:
        end += len(parts[at])
        at += 1
    return at


def _parsed(raw: bytes, start: int, stop: int) -> Iterator[tuple[_Place, _Piece]]:
    """Yield the texts of an event, or of a list of events, by reading it as JSON."""
    try:
        event = json.loads(raw[start:stop])
        each = event if isinstance(event, list) else [event]
        found = [leaf for value in each for leaf in _leaves(value, ())]
    except (ValueError, RecursionError):
        return
    texts = list(_TEXT.finditer(raw, start, stop))
    # A name that repeats would shift all that follow.
    if len(texts) != len(found):
        return
    for (place, value), text in zip(found, texts, strict=True):
        if place is not None:
            yield place, _Piece(*text.span(1), value.encode("utf-8", "surrogatepass"), is_json=True)


def _leaves(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...] | None, str]]:
    """Yield all names (without a place) and texts in the order in which they are written."""
    if isinstance(value, dict):
        index = value.get("index", value.get("output_index"))
        here = (*place, index) if isinstance(index, int) else place
        for name, each in value.items():
            yield None, name
            yield from _leaves(each, (*here, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _leaves(each, (*place, number))
    elif isinstance(value, str):
        yield place, value


def _across(raw: bytes, pieces: list[_Piece], find: Find) -> Iterator[Span]:
    spans = find(b"".join(piece.content for piece in pieces))
    if not spans:
        return
    # An empty piece holds nothing of a secret.
    pieces = [piece for piece in pieces if piece.content]
    begins = [0, *accumulate(len(piece.content) for piece in pieces)]
    for span in spans:
        held = range(bisect_right(begins, span.start) - 1, bisect_left(begins, span.stop))
        if len(held) < 2:
            continue
        # The replacement goes into the first piece; of the others nothing is left.
        for at in held:
            piece, begin = pieces[at], begins[at]
            ends = _offsets(raw, piece)
            first, last = max(span.start, begin) - begin, min(span.stop, begins[at + 1]) - begin
            if last < len(ends) and first < len(ends):
                text = b"" if at > held.start else span.text
                yield Span(piece.start + ends[first], piece.start + ends[last], text)


def _offsets(raw: bytes, piece: _Piece) -> Sequence[int]:
    """Return where each byte of the content of a piece is written, and its end."""
    if not piece.is_json:
        return range(len(piece.content) + 1)
    found = []
    for match in _CHARACTER.finditer(raw, piece.start, piece.stop):
        written = match[0]
        size = 1
        if written[:2] == b"\\u":
            code = int(written[2:], 16)  # noqa: FURB166 - bytes, not text
            # Each half of a pair has two of the four bytes.
            size = 2 if 0xD800 <= code < 0xE000 else len(chr(code).encode())
        found += [match.start() - piece.start] * size
    return [*found, piece.stop - piece.start]
