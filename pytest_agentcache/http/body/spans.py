"""Spans of a body, and the text that replaces each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to `stop`, and the text that replaces them."""

    start: int
    stop: int
    text: bytes


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, without overlaps.

    Of spans that overlap, the one that begins first keeps its text; of those that begin together,
    the longest, and then the first in `spans`. It grows to the end of the others, so that no part
    of a secret is left.
    """
    done: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.stop)):
        if done and span.start < done[-1].stop:
            if span.stop > done[-1].stop:
                done[-1] = Span(done[-1].start, span.stop, done[-1].text)
        else:
            done.append(span)
    return done


def replaced(raw: bytes, spans: Iterable[Span]) -> bytes:
    """Return `raw` with each span, in order, replaced by its text."""
    done: list[bytes] = []
    end = 0
    for span in spans:
        done += [raw[end : span.start], span.text]
        end = span.stop
    return b"".join([*done, raw[end:]]) if done else raw


def chunks(sizes: Iterable[int], spans: Iterable[Span]) -> tuple[int, ...]:
    """Return the sizes of chunks after a replacement; one that ends in a span joins the next."""
    rest = list(spans)
    kept: list[int] = []
    at = gone = written = done = 0
    for size in sizes:
        done += size
        while at < len(rest) and rest[at].stop <= done:
            gone += rest[at].stop - rest[at].start - len(rest[at].text)
            at += 1
        if at == len(rest) or done <= rest[at].start:
            kept.append(done - gone - written)
            written = done - gone
    return tuple(size for size in kept if size)
