"""A response as the bytes of HTTP/1.1 (RFC 9112), for clients that read them from a socket.

A client that parses these bytes itself behaves as it does live, whether it reads the body in part,
chunk by chunk, to the end or not at all.
"""

from __future__ import annotations

import http.client
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import framing
from .messages import Response

_UPLOAD_BLOCK = 16384


def message(
    method: str,
    status: int,
    reason: str,
    fields: Iterable[tuple[str, str]],
    pieces: Iterable[bytes],
    *,
    length: int | None,
    whole: bool = True,
) -> Iterator[bytes]:
    """Yield the bytes of a response, made as `pieces` arrive.

    Args:
        method: The method of the request; a response to HEAD has no body.
        status: Status code.
        reason: Reason phrase.
        fields: All header fields, with framing.
        pieces: The body; each piece becomes one chunk where `length` is unknown.
        length: Size of the body in bytes, or None for chunked transfer coding.
        whole: Whether the body ends as it should, or the connection breaks after `pieces`.
    """
    lines = [f"HTTP/1.1 {status} {reason}".rstrip()]
    lines += [f"{name}: {value}" for name, value in fields]
    yield ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    if framing.is_bodiless(method, status):
        return
    yield from framed(pieces, length=length, whole=whole)


def framed(pieces: Iterable[bytes], *, length: int | None, whole: bool = True) -> Iterator[bytes]:
    """Yield the bytes of a body, each piece as one chunk where `length` is unknown.

    Where a live body breaks off, so do they: the client's own reader raises what it raises live.
    """
    try:
        for piece in pieces:
            if piece:
                yield b"%x\r\n%b\r\n" % (len(piece), piece) if length is None else piece
    except http.client.IncompleteRead:
        return
    if length is None and whole:
        yield b"0\r\n\r\n"


def content_of(body: Any) -> bytes:
    """Return the body of a request in one piece, to be read here and sent.

    Args:
        body: Text, bytes, a file, or pieces of either.
    """
    if isinstance(body, str):
        return body.encode("utf-8")
    if hasattr(body, "read"):
        # By blocks until it is empty, as urllib3 sends it: a file may give less than it is asked.
        parts: Iterable[Any] = iter(lambda: body.read(_UPLOAD_BLOCK) or None, None)
    else:
        try:
            return bytes(memoryview(body))
        except TypeError:
            parts = body
    return b"".join(
        part.encode("utf-8") if isinstance(part, str) else bytes(part) for part in parts
    )


class WireFile(io.RawIOBase):
    """A file of the bytes of a message, which are made no earlier than they are read.

    Args:
        source: The bytes, in pieces.
        on_close: Called once when the reader closes it, read to the end or not.
    """

    def __init__(self, source: Iterator[bytes], on_close: Callable[[], None] | None = None) -> None:
        self._source = source
        self._rest = b""
        self._on_close = on_close

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._source, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def close(self) -> None:
        if not self.closed and self._on_close is not None:
            self._on_close()
        super().close()


class WireSocket:
    """A socket, as far as `http.client` needs one to read a response.

    Args:
        source: The bytes of the message, in pieces.
        on_close: Called once when the response is closed.
    """

    def __init__(self, source: Iterator[bytes], on_close: Callable[[], None] | None = None) -> None:
        self._file = WireFile(source, on_close)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return the one file of this socket."""
        return io.BufferedReader(self._file)

    def settimeout(self, _: float | None) -> None:
        """Do nothing, because nothing waits here."""

    def sendall(self, _: bytes) -> None:
        """Ignore the request, which is known already."""

    def shutdown(self, _: int) -> None:
        """Do nothing, because there is no connection."""

    def close(self) -> None:
        """The file closes by itself."""


def response_bytes(response: Response, method: str, until: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of a response.

    Args:
        response: The response.
        method: The method of the request.
        until: The number of bytes of the body after which the connection breaks; None for the
            whole body.
    """
    return message(
        method,
        response.status,
        response.reason,
        framing.response_fields(response, method),
        framing.pieces(response, until),
        length=framing.length(response),
        whole=until is None,
    )


def response_socket(response: Response, method: str, until: int | None = None) -> WireSocket:
    """Return a socket from which a client reads a response; arguments as in `response_bytes`."""
    return WireSocket(response_bytes(response, method, until))


def begun(response: Response, method: str) -> http.client.HTTPResponse:
    """Return a response as `http.client` has it once it has read status line and headers.

    Its parser of headers takes longer than the rest of a replay. It is left out where it would
    return what it is given.
    """
    fields = framing.response_fields(response, method)
    texts = (response.reason, *(value for _, value in fields))
    if not 200 <= response.status <= 999 or not all(each.isascii() for each in texts):
        return parsed(response_socket(response, method), method)
    if not all(each.isprintable() and each == each.strip() for each in texts):
        return parsed(response_socket(response, method), method)
    bodiless, length = framing.is_bodiless(method, response.status), framing.length(response)
    body = () if bodiless else framed(framing.pieces(response), length=length)
    below: Any = http.client.HTTPResponse(WireSocket(iter(body)), method=method)  # type: ignore[arg-type]
    below.headers = below.msg = http.client.HTTPMessage()
    for name, value in fields:
        below.headers.set_raw(name, value)
    below.status = below.code = response.status
    below.reason, below.version = response.reason, 11
    below.chunked, below.length = not bodiless and length is None, 0 if bodiless else length
    if below.chunked:
        below.chunk_left = None
    below.will_close = below._check_close()
    return below  # type: ignore[no-any-return]


def parsed(socket: WireSocket, method: str) -> http.client.HTTPResponse:
    """Return the response to a `method` request that `http.client` reads from a socket."""
    below = http.client.HTTPResponse(socket, method=method)  # type: ignore[arg-type]
    below.begin()
    return below


def frames(live: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the body of a live response, in the chunks of upstream or as the socket delivers it.

    Raises:
        http.client.HTTPException, OSError: Where the connection breaks.
    """
    while piece := _next_chunk(live) if live.chunked else live.read1(65536):
        yield piece
    if not live.chunked and live.length:
        # To `read1`, the end of the connection is the end of the body.
        raise http.client.IncompleteRead(b"", live.length)
    # Before Python 3.13, a response stays open after `read1` returned its last byte.
    live.close()


def read_chunked(file: Any) -> bytes:
    """Return a body in chunked transfer coding that is read from `file`, without its trailers.

    Raises:
        ValueError: If a size is no hexadecimal number.
    """
    parts = []
    while size := int(file.readline().split(b";")[0].strip() or b"0", 16):
        parts.append(file.read(size))
        file.readline()
    while file.readline().strip():
        pass
    return b"".join(parts)


def _next_chunk(live: Any) -> bytes:
    # Like `HTTPResponse.read`, for one chunk only; `read1` may stop inside a chunk.
    left = None if live.isclosed() else live._get_chunk_left()
    if left is None:
        return b""
    chunk: bytes = live._safe_read(left)
    live.chunk_left = 0
    return chunk
