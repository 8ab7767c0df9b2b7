"""Record a response while it arrives, and hand it on in the pieces that replay will give."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..clock import TIME, Clock, awaiting_upstream
from ..http.body import encoding, is_json
from ..http.digests import has_digest
from ..http.framing import BLOCK, blocks, fields, framed_by_events, is_bodiless
from ..http.header_names import recorded_names
from ..http.headers import response_headers
from ..http.messages import Headers, Interaction, Request, Response, codings_of
from ..http.stand_ins import filled, request_seed
from ..matching.stable_ids import ShownIds
from ..settings.settings import Settings


class ResponseRecorder:
    """Keep a response while the client reads it, and give the client what replay will give.

    Args:
        settings: The settings of the test; those of headers are used.
        request: The request, as the cassette holds it.
        status: Status code.
        reason: Reason phrase.
        headers: All headers as they came.
        framed: Whether the pieces that follow are the chunks that upstream sent, rather than
            arbitrary reads from the socket.
        decodes: Whether the client decodes what it reads before anyone sees it, so that it gets
            the body without its content codings.
        http_version: The version of HTTP in which it came; empty for HTTP/1.1.
        drop: Called with this recorder if the response breaks off, which makes it no response.
        ended: Called when all of the response has arrived.
        ids: The stable ids that the client gets in place of those of upstream, in documents and
            in events; None to pass on what comes.

    Attributes:
        decodes: As above.
        headers: The headers that the cassette keeps, with their secrets.
        bodiless: Whether no body can follow (RFC 9110, section 6.4.1).
        whole: Whether this is a document, read to its end before the client gets its headers. Only
            then its size is known as replay will know it.
        length: The size of the body in bytes where the client may know it, else None.
        encoded: Whether the body stays as it came, because it cannot be decoded.
        cancelled: Whether the caller gave up while it waited for the next piece.
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
        decodes: bool = False,
        http_version: str = "",
        drop: Callable[[ResponseRecorder], None] = lambda recorder: None,
        ended: Callable[[], None] = lambda: None,
        ids: ShownIds | None = None,
    ) -> None:
        self.request, self.status, self.reason = request, status, reason
        self._drop, self._ended = drop, ended
        # As in `Response`.
        self._http_version = "" if http_version == "HTTP/1.1" else http_version
        self.headers = response_headers(
            headers, status, request.method, settings.drop_headers, settings.keep_headers
        )
        codings = codings_of(self.headers)
        self._encoder = encoding.encoder(*codings)
        self._decoder = encoding.decoder(*codings) if self._encoder else None
        self._codings, self.decodes = codings, decodes
        self.encoded = bool(codings) and self._decoder is None
        self.bodiless = is_bodiless(request.method, status)
        media = self.headers.get("content-type")
        self._stream = framed_by_events(media)
        # The chunks of an encoded body say nothing of the body, and a JSON document is read whole;
        # how it was cut would only be noise in a diff.
        document = is_json(media) or bool(codings)
        self._ids = ids if document or self._stream else None
        if ids:
            self.headers = ids.headers(self.headers)
        # An id may be cut by a chunk, and another one has another length.
        framed = framed and not (self._ids and self._stream)
        self._framed = framed and (not codings if self._stream else not document)
        size = headers.get("content-length")
        sized = size.isdecimal() and (not codings or self.encoded) and not framed
        if self._ids and not self.bodiless:
            sized = sized and (self.encoded or not document)
        self.whole = document and not self._stream and not self.bodiless and not sized
        self.length = int(size) if sized and not self._stream else None
        self.cancelled = False
        self._pieces: list[bytes] = []
        self._rest = b""
        # An encoded body as it came, in case that it turns out not to be in its coding.
        self._raw = bytearray()
        # A client that knows the size reads no further than that, and does not reach the end.
        self._left = 0 if self.bodiless else self.length
        if self._left == 0:
            ended()

    @property
    def size(self) -> int:
        """The number of bytes that have arrived."""
        return sum(map(len, self._pieces)) + len(self._rest)

    @property
    def names(self) -> tuple[str, ...]:
        """The header names that did not come in their usual case, as a cassette tells them."""
        return recorded_names((name for name, _ in self.headers), self.headers.unusual)

    def fields(self) -> list[tuple[str, str]]:
        """Return the header fields that the client gets, in the case in which they came."""
        headers = filled(self.headers, request_seed(self.request), Clock().now)
        return fields(headers, self.names, self.length, bodiless=self.bodiless)

    def take(self, piece: bytes) -> list[bytes]:
        """Keep what arrived, and return what the client gets, in the pieces of a replay."""
        # A reader that gave up may read on.
        self.cancelled = False
        found = self._encode(self._keep(self._decode(piece), last=False))
        if self._left:
            self._left = max(self._left - len(piece), 0)
            if not self._left:
                self._ended()
        return found

    def end(self) -> list[bytes]:
        """End the response, and return what is left for the client."""
        self.cancelled = False
        found = self._encode(self._keep(self._decode(None), last=True), last=True)
        self._ended()
        return found

    def break_off(self) -> list[bytes]:
        """Forget the response, which will not be complete; return what the client still gets."""
        self._drop(self)
        if self._codings and self.whole:
            return [bytes(self._raw)] if self._raw else []
        if self._ids and self.whole:
            return [b"".join([*self._pieces, self._rest])]
        return [self._rest] if self._rest else []

    def _decode(self, piece: bytes | None) -> bytes:
        """Return what a piece of the body adds; None means its end."""
        if self._decoder is None:
            return piece or b""
        if self.whole or not self._pieces:
            # Once a stream has given a piece to the client, its start is no longer needed.
            self._raw += piece or b""
        try:
            if piece is not None:
                return self._decoder.decompress(piece)
            rest = self._decoder.flush()
            if not self.whole or self._can_be_encoded_again(rest):
                return rest
        except Exception:  # noqa: BLE001, S110 - each coding has errors of its own
            pass
        # From here on it is passed on as it comes, for the client to decode or to refuse.
        self.encoded, self._decoder, self._encoder = True, None, None
        if self.whole or not self._pieces:
            self._pieces, self._rest = [], b""
            return bytes(self._raw)
        return piece or b""

    def _can_be_encoded_again(self, rest: bytes) -> bool:
        """Return true if the client cannot tell a body that is encoded again from this one.

        Args:
            rest: The end of the decoded body.
        """
        assert self._decoder is not None
        if not self._raw:
            return True
        is_empty = not (rest or self._rest or self._pieces)
        is_plain = self._decoder.is_plain and not is_empty
        return is_plain and not has_digest(self.headers, bytes(self._raw))

    def _encode(self, found: list[bytes], *, last: bool = False) -> list[bytes]:
        """Return pieces of the body in its content codings, as `framing.pieces` does on replay."""
        if self.bodiless:
            return found
        if self.whole:
            return self._encode_whole(found, last=last)
        if self._encoder is None or self.decodes:
            return found
        found = [self._encoder.compress(piece) for piece in found]
        return [*found, self._encoder.finish()] if last and self._pieces else found

    def _encode_whole(self, found: list[bytes], *, last: bool) -> list[bytes]:
        """Return pieces of a document, whose length is known at its end."""
        if not last:
            # Nothing of an encoded document is sent before all of it is known to be encoded so.
            return [] if self._codings or self._ids else found
        if self._ids and not self.encoded:
            shown = self._ids.content(b"".join(self._pieces), self.headers.get("content-type"))
            self._pieces = [shown] if shown else []
            found = blocks(shown)
        if not self._codings:
            self.length = self.size
            return found
        body = sent = b"".join(self._pieces)
        if self._encoder is not None and body:
            sent = encoding.encoded(body, self._codings)
        self.length = len(sent)
        return blocks(body if self.decodes else sent)

    def _keep(self, piece: bytes, *, last: bool) -> list[bytes]:
        if self._framed or not (self._stream or self.whole or self.length is not None):
            found = [piece] if piece else []
        else:
            found, self._rest = self._cut(self._rest + piece)
            if last and self._rest:
                found, self._rest = [*found, self._rest], b""
            if self._ids and self._stream and not self.encoded:
                media = self.headers.get("content-type")
                found = [self._ids.content(event, media) for event in found]
        self._pieces += found
        return found

    def _cut(self, arrived: bytes) -> tuple[list[bytes], bytes]:
        """Return the pieces that are complete, as replay will cut them, and the rest."""
        if self._stream is None:
            ends = len(arrived) - len(arrived) % BLOCK
            return blocks(arrived[:ends]), arrived[ends:]
        found = self._stream.split(arrived)
        rest = found.pop() if found and not found[-1].endswith(self._stream.ends) else b""
        return found, rest

    def interaction(self) -> Interaction:
        """Return what has arrived, its secrets still in it."""
        body = b"".join([*self._pieces, self._rest])
        chunks: tuple[int, ...] = ()
        if self._framed:
            chunks = tuple(map(len, self._pieces))
            if self._stream and chunks == tuple(map(len, self._stream.split(body))):
                chunks = ()
        elif body and not self._stream and not self.whole and self.length is None:
            # It ended with the connection, without a size or chunks.
            chunks = (len(body),)
        response = Response(
            self.status,
            self.headers,
            body,
            self.reason,
            chunks,
            encoded=self.encoded and bool(body),
            names=self.names,
            http_version=self._http_version,
            cancelled=self.cancelled,
        )
        return Interaction(self.request, response)


class RecordedBody(Iterator[bytes], AsyncIterator[bytes]):
    """The body from `source`, sync or async, recorded on its way to the caller.

    No generator, because a reader that was cancelled while it waited may read on.

    Args:
        recording: Keeps it.
        source: The body in the pieces in which it arrives: an iterator of either colour.
        timeout: The errors that mean that the caller's own timeout is over.
    """

    def __init__(
        self,
        recording: ResponseRecorder,
        source: Any,
        timeout: type[Exception] | tuple[()] = (),
    ) -> None:
        self._recording, self._source, self._timeout = recording, source, timeout
        self._ready: deque[bytes] = deque()
        self._error: Exception | None = None
        self._over = False

    def __next__(self) -> bytes:
        while not self._ready and not self._over:
            self._step()
        return self._given(StopIteration)

    async def __anext__(self) -> bytes:
        while not self._ready and not self._over:
            await self._step_async()
        return self._given(StopAsyncIteration)

    def settle(self) -> RecordedBody:
        """Read a document to its end; the caller gets an error when it reaches that point."""
        while self._recording.whole and not self._over:
            self._step()
        return self

    async def settle_async(self) -> RecordedBody:
        """Do the same with an asynchronous source."""
        while self._recording.whole and not self._over:
            await self._step_async()
        return self

    def _step(self) -> None:
        with self._breaking():
            self._take(next(self._source, None))

    async def _step_async(self) -> None:
        with self._breaking():
            with awaiting_upstream():
                piece = await anext(self._source, None)
            self._take(piece)

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised when the caller gets there
            self._over, self._error = True, error
            if isinstance(error, self._timeout):
                self._recording.cancelled = True
            else:
                self._ready.extend(self._recording.break_off())
        except BaseException:
            self._recording.cancelled = True
            raise

    def _take(self, piece: bytes | None) -> None:
        TIME.upstream_took()
        self._over = piece is None
        self._ready.extend(self._recording.end() if piece is None else self._recording.take(piece))

    def _given(self, stop: type[Exception]) -> bytes:
        if self._ready:
            return self._ready.popleft()
        error, self._error = self._error, None
        raise error or stop
