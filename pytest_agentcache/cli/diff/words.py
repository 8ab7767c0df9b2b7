"""Which words of a text changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from ..terminal import Screen, clean, shortened

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
# More words than these are compared by what they have in common first.
_MOST_WORDS = 3000
# Words and blanks in a row that are enough to find one's way in a longer text.
_RUN = 8
# Words of the same text that stay on each side of a change.
_AROUND = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is on both sides, or was, or is now."""

    kind: Literal["same", "was", "now"]
    text: str


def compare(was: str, now: str) -> list[Piece]:
    """The pieces of which both texts are made, in order."""
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
    """The pieces of long texts: runs of words that both have, and what lies between by words."""
    runs = [
        [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]
        for words in (left, right)
    ]
    a = b = 0
    # What is repeated over and over is left out, or would take for ever.
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
    """Changes with nothing but blanks or a mark between them are one."""
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


def written(pieces: list[Piece], screen: Screen, *, around: int = _AROUND) -> str:
    """Pieces as one text: `It is [-rainy-]{+dry+} in Paris`, the same cut to what is near.

    In colours the marks are left out.
    """
    out = []
    for at, piece in enumerate(pieces):
        if piece.kind == "same":
            out.append(_near(piece.text, around, first=at == 0, last=at == len(pieces) - 1))
        elif piece.kind == "was":
            text = shortened(clean(piece.text))
            out.append(screen.style(text, "red", "struck") if screen.colour else f"[-{text}-]")
        else:
            text = shortened(clean(piece.text))
            out.append(
                screen.style(text, "green", "underline") if screen.colour else f"{{+{text}+}}"
            )
    return "".join(out)


def _near(text: str, around: int, *, first: bool, last: bool) -> str:
    """The words of a text that is the same which stand near a change."""
    words = re.findall(r"\s*\S+|\s+$", clean(text))
    if first and len(words) > around:
        return "…" + "".join(words[-around:])
    if last and len(words) > around:
        return "".join(words[:around]) + " …"
    if len(words) > 2 * around:
        return "".join(words[:around]) + " …" + "".join(words[-around:])
    return clean(text)
