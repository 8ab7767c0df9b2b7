"""The comparison of two texts word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
# Above this number of words, texts are first aligned by the longer runs that both contain.
_MOST_WORDS = 3000
# The length of such a run, in words and spaces.
_RUN = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is on both sides, only in the old text, or only in the new one."""

    kind: Literal["same", "was", "now"]
    text: str


def compare(was: str, now: str) -> list[Piece]:
    """Return the pieces that both texts consist of, in order."""
    return list(_merged(_pieces(was, now)))


def _pieces(was: str, now: str) -> Iterator[Piece]:
    left, right = _WORD.findall(was), _WORD.findall(now)
    shorter = min(len(left), len(right))
    head = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if left[-1 - at] != right[-1 - at]), rest)
    yield Piece("same", "".join(left[:head]))
    inner = left[head : len(left) - tail], right[head : len(right) - tail]
    if len(inner[0]) + len(inner[1]) <= _MOST_WORDS:
        yield from _matched(*inner)
    else:
        yield from _by_runs(*inner)
    yield Piece("same", "".join(left[len(left) - tail :]))


def _by_runs(left: list[str], right: list[str]) -> Iterator[Piece]:
    """Yield the pieces of long texts: the runs that both contain, and the words in between."""
    runs = [
        [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]
        for words in (left, right)
    ]
    a = b = 0
    # difflib ignores frequent runs here (its autojunk), or this would take too long.
    for was, now, size in SequenceMatcher(None, runs[0], runs[1]).get_matching_blocks():
        if not size:
            continue
        # Neighbouring runs overlap by less than one.
        over = max(a - was, b - now, 0)
        if over >= size + _RUN - 1:
            continue
        yield from _between(left[a : was + over], right[b : now + over])
        a, b = was + size + _RUN - 1, now + size + _RUN - 1
        yield Piece("same", "".join(left[was + over : a]))
    yield from _between(left[a:], right[b:])


def _between(left: list[str], right: list[str]) -> Iterator[Piece]:
    if len(left) + len(right) <= _MOST_WORDS:
        yield from _matched(left, right)
    else:
        yield Piece("was", "".join(left))
        yield Piece("now", "".join(right))


def _matched(left: list[str], right: list[str]) -> Iterator[Piece]:
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(left[a:b]))
        else:
            yield Piece("was", "".join(left[a:b]))
            yield Piece("now", "".join(right[c:d]))


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Merge changes with only spaces or one punctuation mark between them."""
    was = now = pending = ""
    for piece in pieces:
        if not piece.text:
            continue
        if piece.kind == "was":
            was, now, pending = was + pending + piece.text, now + pending, ""
        elif piece.kind == "now":
            was, now, pending = was + pending, now + pending + piece.text, ""
        elif (was or now) and not pending and len(piece.text) <= 2 and not piece.text.isalnum():
            pending = piece.text
        else:
            yield from _change(was, now)
            yield Piece("same", pending + piece.text)
            was = now = pending = ""
    yield from _change(was, now)
    if pending:
        yield Piece("same", pending)


def _change(was: str, now: str) -> Iterator[Piece]:
    if was:
        yield Piece("was", was)
    if now:
        yield Piece("now", now)
