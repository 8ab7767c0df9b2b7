"""An answer while it arrives from upstream, and the pieces in which any answer is handed on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from .body import encoding, is_json, sse
from .header_policy import response_headers
from .interaction import Headers, Interaction, Request, Response
from .settings import Settings


class Recording:
    """Keeps an answer while the caller reads it, and tells what the caller gets to see.

    Args:
        settings: Of these the header settings are used.
        request: What was asked, as the cassette holds it.
        status: Status code.
        reason: Reason phrase.
        headers: All headers as they came.
        framed: Whether the pieces that follow are the chunks that upstream sent, and not whatever
            the socket happened to give.

    Attributes:
        shown: The headers that the caller gets: those of the cassette, secrets true.
        length: Size of the body in bytes where the caller may be told it, else None.
    """

    def __init__(
        self,
        settings: Settings,
        request: Request,
        status: int,
        reason: str,
        headers: Headers,
        *,
        framed: bool,
    ) -> None:
        self.request, self.status, self.reason = request, status, reason
        coding = headers.get("content-encoding").strip().lower()
        self._decoder = encoding.decoder(coding) if coding else None
        self.shown = response_headers(
            headers, status, request.method, settings.drop_headers, settings.keep_headers
        )
        if self._decoder is None and coding not in ("", "identity"):
            # Kept coded because nothing here can undo it; then the caller must know.
            self.shown = self.shown.plus("content-encoding", coding)
        size = headers.get("content-length")
        self.length = int(size) if size.isdecimal() and self._decoder is None else None
        self._stream = sse.is_stream(self.shown.get("content-type"))
        # The chunks of a coded body say nothing of the body.
        self._framed = framed and self._decoder is None
        self._pieces: list[bytes] = []
        self._rest = b""

    def passing(self, arriving: Iterable[bytes]) -> Iterator[bytes]:
        """Hands on what arrives, and keeps it."""
        for piece in arriving:
            yield from self.take(piece)
        yield from self.end()

    def take(self, piece: bytes) -> list[bytes]:
        """Keeps what arrived; gives back what to hand on, in the pieces that replay will give."""
        return self._keep(self._decoder.decompress(piece) if self._decoder else piece, last=False)

    def end(self) -> list[bytes]:
        """Ends the answer; gives back what is left to hand on."""
        return self._keep(self._decoder.flush() if self._decoder else b"", last=True)

    def _keep(self, piece: bytes, *, last: bool) -> list[bytes]:
        if self._stream and not self._framed:
            # Without frames a stream arrives as the socket has it; replay gives event by event.
            events = sse.split(self._rest + piece)
            whole = last or not events or events[-1].endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
            self._rest = b"" if whole else events.pop()
        else:
            events = [piece] if piece else []
        self._pieces += events
        return events

    def interaction(self) -> Interaction:
        """What arrived until now, its secrets still in it."""
        body = b"".join([*self._pieces, self._rest])
        chunks = tuple(map(len, self._pieces)) if self._framed else ()
        if self._stream:
            chunks = () if chunks == tuple(map(len, sse.split(body))) else chunks
        elif len(chunks) < 2 or is_json(self.shown.get("content-type")):
            # A document of JSON is read whole; how it was cut would only be noise in a diff.
            chunks = ()
        return Interaction(
            self.request, Response(self.status, self.shown, body, self.reason, chunks)
        )


def pieces(response: Response) -> list[bytes]:
    """The body of a response in the pieces in which it is handed on."""
    if response.chunks:
        ends = accumulate(response.chunks)
        sizes = zip(ends, response.chunks, strict=True)
        return [response.body[end - size : end] for end, size in sizes]
    if sse.is_stream(response.content_type):
        return sse.split(response.body)
    return [response.body] if response.body else []


def length(response: Response) -> int | None:
    """The size to announce for a response, or None where it comes chunk by chunk."""
    streams = response.chunks or sse.is_stream(response.content_type)
    return None if streams else len(response.body)
