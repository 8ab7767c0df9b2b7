"""The pieces in which a response is sent to the client, and the size that it states."""

from __future__ import annotations

from itertools import accumulate

from .body import BodyKind, stream_of
from .messages import Response

# A body that is not a stream comes in blocks of this many bytes, however the socket delivered it.
BLOCK = 2**16


def framed(response: Response, until: int | None = None) -> tuple[list[bytes], int | None]:
    """Return the pieces of a body, and the size to announce; see `pieces` and `length`."""
    stream = None if response.chunks else framed_by_events(response.content_type)
    size = None if response.chunks or stream else len(response.body)
    return _pieces(response, stream, until), size


def pieces(response: Response, until: int | None = None) -> list[bytes]:
    """Return the body of a response in the pieces in which the client gets it.

    Args:
        response: The response.
        until: The number of bytes after which the body breaks off; None for all of it.
    """
    return framed(response, until)[0]


def _pieces(response: Response, stream: BodyKind | None, until: int | None) -> list[bytes]:
    if until is not None:
        starts = [0, *accumulate(map(len, found := _pieces(response, stream, None)))]
        parts = (
            piece[: max(until - start, 0)] for start, piece in zip(starts, found, strict=False)
        )
        return [part for part in parts if part]
    if response.chunks:
        ends = accumulate(response.chunks)
        sizes = zip(ends, response.chunks, strict=True)
        return [response.body[end - size : end] for end, size in sizes]
    return stream.split(response.body) if stream else blocks(response.body)


def length(response: Response) -> int | None:
    """Return the size to state for a response, or None where it comes chunk by chunk."""
    streams = response.chunks or framed_by_events(response.content_type)
    return None if streams else len(response.body)


def framed_by_events(content_type: str) -> BodyKind | None:
    """Return the kind of stream that is sent event by event; None for any other media type."""
    stream = stream_of(content_type)
    return stream if stream and stream.ends else None


def blocks(raw: bytes) -> list[bytes]:
    """Return `raw` in pieces of `BLOCK` bytes; the last may be shorter."""
    return [raw[at : at + BLOCK] for at in range(0, len(raw), BLOCK)]
