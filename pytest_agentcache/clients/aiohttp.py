"""The client aiohttp: an innermost middleware, below redirects, cookies and tracing."""

from __future__ import annotations

import functools
import inspect
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

from ..clock import awaiting_upstream
from ..http.framing import length
from ..http.messages import Headers, Request
from ..replay.async_wait import pause_async
from ..replay.decisions import Fail, Forward, PassThrough, Replay, Truncate
from ..replay.dispatcher import DISPATCHER
from ..replay.response_recorder import RecordedBody
from .aiohttp_errors import incomplete, native_error

MODULES = ("aiohttp.client",)


def install(module: Any) -> None:
    """Patch `aiohttp.ClientSession` for the rest of the process."""
    request = module.ClientSession._request

    async def request_decided(self: Any, method: str, str_or_url: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        if DISPATCHER.owner() is not None:
            if not hasattr(self, "_middlewares"):
                raise RuntimeError("pytest-agentcache needs aiohttp 3.12 or newer; update aiohttp")
            chosen = options.get("middlewares")
            chosen = self._middlewares if chosen is None else chosen
            limits = options.get("timeout")
            if not isinstance(limits, module.ClientTimeout):
                limits = self._timeout
            options["middlewares"] = (*chosen, functools.partial(_middleware, limits))
        return await request(self, method, str_or_url, **options)

    module.ClientSession._request = request_decided


async def _middleware(limits: Any, request: Any, handler: Any) -> Any:
    __tracebackhide__ = True
    route = DISPATCHER.route(str(request.url))
    # A WebSocket does not exchange a request and a response.
    if route is None or request.headers.get("upgrade", "").lower() == "websocket":
        return await handler(request)
    headers = Headers.of(request.headers.items())
    sent = Request(request.method, str(request.url), headers, await _content(request))
    timeouts = limits.sock_connect or limits.connect or None, limits.sock_read or None
    match await route.decide_async(sent, timeouts):
        case Replay() | Truncate() as decision:
            return await _replay(request, decision)
        case Fail() as failure:
            seconds, error = native_error(request, limits, failure)
            await pause_async(seconds)
            raise error
        case Forward() as forward:
            with awaiting_upstream():
                live = await handler(request)
            try:
                await _record(live, forward)
            except BaseException:
                live.close()
                raise
            return live
        case PassThrough():
            return await handler(request)


async def _content(request: Any) -> bytes:
    """Return the body as it is sent, and replace it, because some can be read only once."""
    from aiohttp.payload import BytesPayload

    if not request.body:
        return b""
    if type(request.body) is BytesPayload:
        return bytes(request.body._value)
    written = _Written()
    await request.body.write(written)
    # As a file, because aiohttp warns that large bytes block the loop.
    await request.update_body(io.BytesIO(written.content))
    return bytes(written.content)


class _Written:
    """The part of a writer that a payload needs."""

    def __init__(self) -> None:
        self.content = bytearray()

    async def write(self, piece: bytes) -> None:
        """Add `piece`."""
        self.content += piece

    async def write_eof(self, piece: bytes = b"") -> None:
        """Add the last piece."""
        self.content += piece

    async def drain(self) -> None:
        """Return at once: nothing is buffered."""


async def _record(live: Any, forward: Forward) -> None:
    """Give a live response the headers of the cassette and a body that is recorded when read."""
    # Not `headers`, which is cached at the first access.
    headers = Headers.of(live._raw_headers)
    chunked = "chunked" in headers.get("transfer-encoding").lower()
    recording = forward.record(
        live.status,
        live.reason or "",
        headers,
        framed=chunked,
        # aiohttp has undone the coding by now, unless the session forbids it.
        decoded=live._session is None or live._session.auto_decompress,
    )
    body = live.content
    arriving = await RecordedBody(recording, _Frames(body, chunked=chunked)).settle_async()
    fields = _framed(recording.shown, recording.bodiless, recording.length)
    live._cache.clear()
    live._raw_headers = _raw(fields)
    live._headers = _as_aiohttp_reads(live._raw_headers)
    if not recording.bodiless:
        limit, _ = body.get_read_buffer_limits()
        live.content = _stream(live._loop, arriving, limit, chunked=recording.length is None)


class _Frames:
    """The chunks of a live body as upstream sent them, or reads of the socket."""

    def __init__(self, content: Any, *, chunked: bool) -> None:
        self._content, self._chunked = content, chunked
        self._rest = b""

    async def __anext__(self) -> bytes:
        # Only chunked responses mark the end of a frame, and a frame may take several reads.
        while True:
            piece, ends = await self._content.readchunk()
            self._rest += piece
            over = not piece and not ends
            if over or ends or not self._chunked:
                frame, self._rest = self._rest, b""
                if over and not frame:
                    raise StopAsyncIteration
                if frame:
                    return frame


async def _replay(request: Any, decision: Replay | Truncate) -> Any:
    import asyncio

    import aiohttp
    from aiohttp.http_parser import RawResponseMessage

    answer, size = decision.response, length(decision.response)
    loop = asyncio.get_running_loop()
    bodiless = request.method == "HEAD" or answer.status in (204, 304)
    fields = _framed(answer.headers, bodiless, size)
    raw = _raw(fields)
    head = RawResponseMessage(
        aiohttp.HttpVersion11,
        answer.status,
        answer.reason,
        _as_aiohttp_reads(raw),
        raw,
        False,
        None,
        False,
        size is None,
    )

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in [] if bodiless else decision.pieces():
            yield chunk
        match decision:
            case Truncate():
                raise incomplete(decision, size)

    limit = getattr(request.session, "_read_bufsize", 2**16)
    body = _stream(loop, chunks(), limit, chunked=size is None)
    if bodiless:
        body.feed_eof()
    options: dict[str, Any] = {
        "writer": None,
        "continue100": None,
        "timer": aiohttp.helpers.TimerNoop(),
        "request_info": request.request_info,
        "traces": [],
        "loop": loop,
        "session": request._session,
    }
    # aiohttp 3.14 requires the writer of the request.
    if "stream_writer" in inspect.signature(aiohttp.ClientResponse).parameters:
        options["stream_writer"] = _Sent()
    response = request.response_class(request.method, request.original_url, **options)
    await response.start(_Connection(head, body))
    return response


def _framed(headers: Headers, bodiless: bool, size: int | None) -> list[tuple[str, str]]:
    named = [(name.title(), value) for name, value in headers]
    if bodiless:
        return named
    framing = ("Transfer-Encoding", "chunked") if size is None else ("Content-Length", str(size))
    return [*named, framing]


def _raw(fields: list[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields
    )


def _as_aiohttp_reads(raw: tuple[tuple[bytes, bytes], ...]) -> Any:
    import multidict

    pairs = [(name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in raw]
    return multidict.CIMultiDictProxy(multidict.CIMultiDict(pairs))


class _Sent:
    """The writer of a request that was never sent."""

    output_size = 0


class _Connection:
    """The part of a connection and its protocol that a response needs to start."""

    transport = None
    upgraded = False

    def __init__(self, head: Any, body: Any) -> None:
        self._answer = head, body
        self._callbacks: list[Callable[[], None]] = []
        self.protocol = self

    async def read(self) -> Any:
        return self._answer

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` on release, when the timer of the whole request ends."""
        self._callbacks.append(callback)

    def release(self) -> None:
        """Call the callbacks; there is nothing else to release."""
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    close = release


def _stream(loop: Any, source: AsyncIterator[bytes], limit: int, *, chunked: bool) -> Any:
    """Return a stream that takes its next chunk from `source` when the reader has none left."""
    from aiohttp import StreamReader
    from aiohttp.base_protocol import BaseProtocol

    class PulledStream(StreamReader):
        """A stream that fetches data where aiohttp would wait for it."""

        async def _wait(self, func_name: str) -> None:  # noqa: ARG002 - aiohttp's signature
            try:
                chunk = await anext(source, None)
            except Exception as error:
                self.set_exception(error)
                raise
            if chunk is None:
                self.feed_eof()
                return
            if chunked:
                self.begin_http_chunk_receiving()
            self.feed_data(chunk)
            if chunked:
                self.end_http_chunk_receiving()

        async def wait_eof(self) -> None:
            while not self.is_eof():
                await self._wait("wait_eof")

    return PulledStream(BaseProtocol(loop), limit, loop=loop)
