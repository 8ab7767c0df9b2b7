"""Secrets that a stream of events tells in pieces, from one delta to the next."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from . import aws_events, sse
from .spans import Span

# Behind the field of an event, the kind of one of AWS, or nothing.
_EVENT = re.compile(rb"data:[ ]?([^\r\n]+)")
_LINE = re.compile(rb"(?:!?[\w.-]{1,200} )?([{\[][^\r\n]+)")
_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_CHARACTER = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\.|[^\\]", re.DOTALL)
_JSON = (b"{", b"[", b'"')
_MOST = 2**22

Find = Callable[[bytes], list[Span]]
_Place = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text of an event: where it begins and ends, what it says, and whether with escapes."""

    start: int
    stop: int
    said: bytes
    is_json: bool


def is_in_pieces(content_type: str, raw: bytes) -> bool:
    """Whether a body is a stream whose events tell a text bit by bit."""
    media = content_type.partition(";")[0].strip().lower()
    return (
        sse.is_stream(content_type)
        or aws_events.is_stream(content_type)
        or media.endswith(("ndjson", "jsonl", "json-lines", "jsonlines", "stream+json"))
        or _is_list_of_events(raw)
    )


def _is_list_of_events(raw: bytes) -> bool:
    """Whether this is what Gemini streams if it is not asked for events."""
    return raw.lstrip()[:1] == b"[" and b'"candidates"' in raw


def split_over_events(raw: bytes, find: Find) -> Iterator[Span]:
    """Secrets that are whole only when the texts of one place in all events are put together.

    Args:
        raw: A stream of events, or of lines, with JSON or text as their data.
        find: What finds secrets in a text.
    """
    for pieces in _places(raw):
        if len(pieces) > 1:
            yield from _across(raw, pieces, find)


def put_together(raw: bytes) -> Iterator[bytes]:
    """What the events of a stream tell, place by place."""
    for pieces in _places(raw):
        yield b"".join(piece.said for piece in pieces)


def _places(raw: bytes) -> Iterable[list[_Piece]]:
    places: dict[_Place, list[_Piece]] = defaultdict(list)
    for place, piece in _all_pieces(raw) if len(raw) <= _MOST else ():
        places[place].append(piece)
    return places.values()


def _all_pieces(raw: bytes) -> Iterator[tuple[_Place, _Piece]]:
    if _is_list_of_events(raw):
        yield from _pieces(raw, 0, len(raw))
        return
    at = 0
    for line in raw.splitlines(keepends=True):
        match = _EVENT.match(line) or _LINE.match(line)
        if match is not None:
            start, stop = at + match.start(1), at + match.end(1)
            if raw.startswith(_JSON, start):
                yield from _pieces(raw, start, stop)
            else:
                yield (), _Piece(start, stop, match[1], is_json=False)
        at += len(line)


def _pieces(raw: bytes, start: int, stop: int) -> Iterator[tuple[_Place, _Piece]]:
    """The texts of one event, or of a list of them, each with the place where it stands."""
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
    """All names (without a place) and texts in the order in which they are written."""
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
    spans = find(b"".join(piece.said for piece in pieces))
    if not spans:
        return
    # What says nothing holds nothing of a secret.
    pieces = [piece for piece in pieces if piece.said]
    begins = [0, *accumulate(len(piece.said) for piece in pieces)]
    for span in spans:
        held = range(bisect_right(begins, span.start) - 1, bisect_left(begins, span.stop))
        if len(held) < 2:
            continue
        # The first piece tells it whole; of the others nothing is left.
        for at in held:
            piece, begin = pieces[at], begins[at]
            ends = _offsets(raw, piece)
            first, last = max(span.start, begin) - begin, min(span.stop, begins[at + 1]) - begin
            if last < len(ends) and first < len(ends):
                text = b"" if at > held.start else span.text
                yield Span(piece.start + ends[first], piece.start + ends[last], text)


def _offsets(raw: bytes, piece: _Piece) -> Sequence[int]:
    """Where each byte of what a piece says is written, and the end."""
    if not piece.is_json:
        return range(len(piece.said) + 1)
    found = []
    for match in _CHARACTER.finditer(raw, piece.start, piece.stop):
        written = match[0]
        said = 1
        if written[:2] == b"\\u":
            code = int(written[2:], 16)  # noqa: FURB166 - bytes, not text
            # Each half of a pair has two of the four bytes.
            said = 2 if 0xD800 <= code < 0xE000 else len(chr(code).encode())
        found += [match.start() - piece.start] * said
    return [*found, piece.stop - piece.start]
