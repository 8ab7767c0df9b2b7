"""Secrets that a stream of events tells in pieces, from one delta to the next."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from .spans import Span

_LINE = re.compile(rb"^data:[ ]?([{\[].*?)\r?$", re.MULTILINE)
_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_CHARACTER = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\.|[^\\]", re.DOTALL)
_MOST = 2**22

Find = Callable[[bytes], list[Span]]
# A text of an event: where it begins and ends, and what it says.
_Piece = tuple[int, int, str]


def split_over_events(raw: bytes, find: Find) -> Iterator[Span]:
    """Secrets that are whole only when the texts of one place in all events are put together.

    Args:
        raw: A stream of server-sent events with JSON as their data.
        find: What finds secrets in a text.
    """
    if len(raw) > _MOST:
        return
    places: dict[tuple[Any, ...], list[_Piece]] = defaultdict(list)
    for line in _LINE.finditer(raw):
        for place, piece in _pieces(raw, *line.span(1)):
            places[place].append(piece)
    for pieces in places.values():
        if len(pieces) > 1:
            yield from _across(raw, pieces, find)


def _pieces(raw: bytes, start: int, stop: int) -> Iterator[tuple[tuple[Any, ...], _Piece]]:
    """The texts of one event, each with the place where it stands."""
    try:
        event = json.loads(raw[start:stop])
        found = list(_leaves(event, ()))
    except (ValueError, RecursionError):
        return
    texts = list(_TEXT.finditer(raw, start, stop))
    # A name that repeats would shift all that follow.
    if len(texts) != len(found):
        return
    for (place, value), text in zip(found, texts, strict=True):
        if place is not None:
            yield place, (*text.span(1), value)


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
    whole = "".join(text for _, _, text in pieces).encode("utf-8", "surrogatepass")
    spans = find(whole)
    if not spans:
        return
    begins = 0
    parts = []
    for start, stop, text in pieces:
        size = len(text.encode("utf-8", "surrogatepass"))
        parts.append((begins, begins + size, start, stop))
        begins += size
    for span in spans:
        held = [part for part in parts if part[0] < span.stop and span.start < part[1]]
        if len(held) < 2:
            continue
        # The first piece tells it whole; of the others nothing is left.
        for number, (begin, end, start, stop) in enumerate(held):
            ends = _offsets(raw, start, stop)
            first, last = max(span.start, begin) - begin, min(span.stop, end) - begin
            if last < len(ends) and first < len(ends):
                yield Span(start + ends[first], start + ends[last], b"" if number else span.text)


def _offsets(raw: bytes, start: int, stop: int) -> list[int]:
    """Where each byte of the text that is written from `start` to `stop` begins, and the end."""
    found = []
    for match in _CHARACTER.finditer(raw, start, stop):
        written = match[0]
        said = 1
        if written[:2] == b"\\u":
            code = int(written[2:], 16)  # noqa: FURB166 - bytes, not text
            # Each half of a pair has two of the four bytes.
            said = 2 if 0xD800 <= code < 0xE000 else len(chr(code).encode())
        found += [match.start() - start] * said
    return [*found, stop - start]
