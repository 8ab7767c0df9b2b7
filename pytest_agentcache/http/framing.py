"""The pieces in which a response is handed on, and the size it announces."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

from .body import sse
from .messages import Response

# Anything that is no stream comes in blocks of this many bytes, whatever the socket gave.
BLOCK = 2**16
_LINES = (
    "application/json-lines",
    "application/json-seq",
    "application/jsonl",
    "application/jsonlines",
    "application/ndjson",
    "application/stream+json",
    "application/x-json-stream",
    "application/x-jsonlines",
    "application/x-ndjson",
)


def pieces(response: Response, until: int | None = None) -> list[bytes]:
    """The body of a response in the pieces in which it is handed on.

    Args:
        response: The response.
        until: How many bytes of the body there are, where it breaks off.
    """
    if until is not None:
        starts = [0, *accumulate(map(len, found := pieces(response)))]
        parts = (
            piece[: max(until - start, 0)] for start, piece in zip(starts, found, strict=False)
        )
        return [part for part in parts if part]
    if response.chunks:
        ends = accumulate(response.chunks)
        sizes = zip(ends, response.chunks, strict=True)
        return [response.body[end - size : end] for end, size in sizes]
    split = splitter(response.content_type) or blocks
    return split(response.body)


def length(response: Response) -> int | None:
    """The size to announce for a response, or None where it comes chunk by chunk."""
    streams = response.chunks or splitter(response.content_type)
    return None if streams else len(response.body)


def splitter(content_type: str) -> Callable[[bytes], list[bytes]] | None:
    """What cuts a stream of this media type into its events or lines; None for what is none."""
    if sse.is_stream(content_type):
        return sse.split
    media = content_type.partition(";")[0].strip().lower()
    return _lines if media in _LINES else None


def _lines(raw: bytes) -> list[bytes]:
    # Not `splitlines`: a bare carriage return ends no line of JSON.
    cut = raw.split(b"\n")
    return [line + b"\n" for line in cut[:-1]] + [line for line in cut[-1:] if line]


def blocks(raw: bytes) -> list[bytes]:
    """Return `raw` in pieces of `BLOCK` bytes; the last may be shorter."""
    return [raw[at : at + BLOCK] for at in range(0, len(raw), BLOCK)]
