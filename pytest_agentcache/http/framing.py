"""How a response is sent to the client: its header fields, its pieces, and the size it states."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from .body import BodyKind, encoding, stream_of
from .header_names import as_sent
from .messages import Headers, Response

# A body that is not a stream comes in blocks of this many bytes, however the socket delivered it.
BLOCK = 2**16
_BODILESS = (*range(100, 200), 204, 304)


def pieces(response: Response, until: int | None = None, *, decode: bool = False) -> list[bytes]:
    """Return the body of a response in the pieces in which the client gets it.

    Args:
        response: The response.
        until: The number of bytes of the decoded body after which it breaks off; None for all.
        decode: Whether the client gets it without its content codings.
    """
    found = _decoded_pieces(response, until)
    encoder = None if decode else encoding.encoder(*response.codings)
    if encoder is None:
        return found
    if until is None and not framed_by_events(response.content_type):
        return blocks(encoding.encoded(response.body, response.codings))
    found = [encoder.compress(piece) for piece in found]
    return found if until is not None else [*found, encoder.finish()]


def _decoded_pieces(response: Response, until: int | None) -> list[bytes]:
    if until is not None:
        starts = [0, *accumulate(map(len, found := _decoded_pieces(response, None)))]
        parts = (
            piece[: max(until - start, 0)] for start, piece in zip(starts, found, strict=False)
        )
        return [part for part in parts if part]
    if response.chunks:
        ends = accumulate(response.chunks)
        sizes = zip(ends, response.chunks, strict=True)
        return [response.body[end - size : end] for end, size in sizes]
    stream = framed_by_events(response.content_type)
    return stream.split(response.body) if stream else blocks(response.body)


def length(response: Response) -> int | None:
    """Return the size to state for a response, or None where it comes chunk by chunk."""
    # Of a cancelled body, the whole size is unknown.
    if response.chunks or response.cancelled or framed_by_events(response.content_type):
        return None
    codings = response.codings
    return len(encoding.encoded(response.body, codings) if codings else response.body)


def is_bodiless(method: str, status: int) -> bool:
    """Return whether no body can follow (RFC 9110, section 6.4.1)."""
    return method == "HEAD" or status in _BODILESS


def fields(
    headers: Headers, names: Iterable[str], size: int | None, *, bodiless: bool
) -> list[tuple[str, str]]:
    """Return the header fields that the client gets, in the case in which they came.

    Args:
        headers: The headers without framing.
        names: The names that were not sent in their usual case.
        size: The size of the body in bytes, or None for chunked transfer coding.
        bodiless: Whether no body follows, so that no framing is stated.
    """
    found = list(headers)
    if not bodiless:
        sized = ("content-length", str(size))
        found.append(("transfer-encoding", "chunked") if size is None else sized)
    return as_sent(found, names)


def response_fields(response: Response, method: str) -> list[tuple[str, str]]:
    """Return the header fields of a response to a `method` request, as the client gets them."""
    headers, codings = response.headers, response.codings
    if codings and encoding.encoder(*codings) is None:
        # Recorded where it could be encoded; here the client gets it decoded.
        headers = headers.without("content-encoding")
    bodiless = is_bodiless(method, response.status)
    return fields(headers, response.names, length(response), bodiless=bodiless)


def framed_by_events(content_type: str) -> BodyKind | None:
    """Return the kind of stream that is sent event by event; None for any other media type."""
    stream = stream_of(content_type)
    return stream if stream and stream.ends else None


def blocks(raw: bytes) -> list[bytes]:
    """Return `raw` in pieces of `BLOCK` bytes; the last may be shorter."""
    return [raw[at : at + BLOCK] for at in range(0, len(raw), BLOCK)]
