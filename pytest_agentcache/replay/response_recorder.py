"""Record a response while it arrives, and hand it on in the pieces that replay will give."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..clock import awaiting_upstream
from ..http.body import encoding, is_json
from ..http.framing import BLOCK, blocks, framed_by_events
from ..http.headers import response_headers
from ..http.messages import Headers, Interaction, Request, Response
from ..settings.settings import Settings


class ResponseRecorder:
    """A recorder of one response, while the caller reads it.

    Args:
        settings: The settings of the test, for its headers.
        request: The request, as the cassette holds it.
        status: Status code.
        reason: Reason phrase.
        headers: All headers as they came.
        framed: True if the pieces that follow are the chunks that upstream sent, and not arbitrary
            pieces from the socket.
        decoded: Whether the client has already undone the content coding of those pieces.
        drop: Called with this recorder if the response breaks off.
        ended: Called when the response is complete.

    Attributes:
        shown: The headers that the caller gets: those of the cassette, with real secrets.
        bodiless: Whether no body can follow (RFC 9110, section 6.4.1).
        whole: Whether this is a document, read to its end before its headers are shown. Only then
            its size is known as replay will know it.
        length: Size of the body in bytes if the caller may know it, else None.
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
        decoded: bool = False,
        drop: Callable[[ResponseRecorder], None] = lambda recording: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.request, self.status, self.reason = request, status, reason
        self._drop, self._ended = drop, ended
        coding = headers.get("content-encoding").strip().lower()
        coded = coding not in ("", "identity")
        self._decoder = encoding.decoder(coding) if coded and not decoded else None
        self.shown = response_headers(
            headers, status, request.method, settings.drop_headers, settings.keep_headers
        )
        kept_coded = coded and not decoded and self._decoder is None
        if kept_coded:
            # Kept coded because it cannot be decoded here; the caller must know.
            self.shown = self.shown.plus("content-encoding", coding)
        content_type = self.shown.get("content-type")
        self.bodiless = request.method == "HEAD" or status in (204, 304)
        self._stream = framed_by_events(content_type)
        # Chunks of a coded body do not match the decoded body, and a JSON document is read as a
        # whole, so its chunks would only be noise in a diff.
        document = is_json(content_type) or coded
        self._framed = framed and (not coded if self._stream else not document)
        size = headers.get("content-length")
        sized = size.isdecimal() and (not coded or kept_coded) and not framed
        self.whole = document and not self._stream and not self.bodiless and not sized
        self.length = int(size) if sized and not self._stream else None
        self._pieces: list[bytes] = []
        self._rest = b""
        # A reader that knows the size stops there and never sees the end.
        self._left = 0 if self.bodiless else self.length
        if self._left == 0:
            ended()

    @property
    def size(self) -> int:
        """The number of bytes that have arrived so far."""
        return sum(map(len, self._pieces)) + len(self._rest)

    def take(self, piece: bytes) -> list[bytes]:
        """Record a piece, and return what to hand on, in the pieces that replay will give."""
        found = self._keep(self._decoder.decompress(piece) if self._decoder else piece, last=False)
        if self._left:
            self._left = max(self._left - len(piece), 0)
            if not self._left:
                self._ended()
        return found

    def end(self) -> list[bytes]:
        """Complete the response, and return the rest to hand on."""
        found = self._keep(self._decoder.flush() if self._decoder else b"", last=True)
        self._ended()
        return found

    def break_off(self) -> list[bytes]:
        """Discard a response that broke off, and return the rest that arrived."""
        self._drop(self)
        return [self._rest] if self._rest else []

    def _keep(self, piece: bytes, *, last: bool) -> list[bytes]:
        if self._framed or not (self._stream or self.whole or self.length is not None):
            found = [piece] if piece else []
        else:
            found, self._rest = self._cut(self._rest + piece)
            if last and self._rest:
                found, self._rest = [*found, self._rest], b""
        self._pieces += found
        return found

    def _cut(self, arrived: bytes) -> tuple[list[bytes], bytes]:
        """Return the part that can be passed on, cut as in replay, and the rest that must wait."""
        if self._stream is None:
            ends = len(arrived) - len(arrived) % BLOCK
            return blocks(arrived[:ends]), arrived[ends:]
        found = self._stream.split(arrived)
        rest = found.pop() if found and not found[-1].endswith(self._stream.ends) else b""
        return found, rest

    def interaction(self) -> Interaction:
        """Return the part that has arrived, including its secrets."""
        body = b"".join([*self._pieces, self._rest])
        chunks: tuple[int, ...] = ()
        if self._framed:
            chunks = tuple(map(len, self._pieces))
            if self._stream and chunks == tuple(map(len, self._stream.split(body))):
                chunks = ()
        elif body and not self._stream and not self.whole and self.length is None:
            # It ended with the connection, without a size or chunks.
            chunks = (len(body),)
        return Interaction(
            self.request, Response(self.status, self.shown, body, self.reason, chunks)
        )


class RecordedBody(Iterator[bytes], AsyncIterator[bytes]):
    """The body from `source`, sync or async, recorded on its way to the caller.

    No generator, because a reader that was cancelled while it waited may read on.

    Args:
        recording: Keeps it.
        source: The body in the pieces in which it arrives: an iterator of either colour.
    """

    def __init__(self, recording: ResponseRecorder, source: Any) -> None:
        self._recording, self._source = recording, source
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
        return self._settled()

    async def settle_async(self) -> RecordedBody:
        """Do the same with an asynchronous source."""
        while self._recording.whole and not self._over:
            await self._step_async()
        return self._settled()

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
            self._ready.extend(self._recording.break_off())

    def _take(self, piece: bytes | None) -> None:
        self._over = piece is None
        self._ready.extend(self._recording.end() if piece is None else self._recording.take(piece))

    def _settled(self) -> RecordedBody:
        if self._recording.whole and self._error is None:
            self._recording.length = sum(map(len, self._ready))
        return self

    def _given(self, stop: type[Exception]) -> bytes:
        if self._ready:
            return self._ready.popleft()
        error, self._error = self._error, None
        raise error or stop
