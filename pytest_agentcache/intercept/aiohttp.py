"""The edge for aiohttp: the innermost client middleware, below redirects, cookies and tracing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from ..interaction import Headers, Request, Response
from ..recording import Recording, length, pieces
from .switchboard import SWITCHBOARD

MODULE = "aiohttp.client"


def install(module: Any) -> None:
    """Patches `aiohttp.ClientSession` for the rest of the process."""
    request = module.ClientSession._request

    async def request_decided(self: Any, method: str, str_or_url: Any, **options: Any) -> Any:
        if SWITCHBOARD.owner() is not None:
            chosen = options.get("middlewares")
            chosen = self._middlewares if chosen is None else chosen
            options["middlewares"] = (*chosen, _middleware)
        return await request(self, method, str_or_url, **options)

    module.ClientSession._request = request_decided


async def _middleware(request: Any, handler: Any) -> Any:
    url = str(request.url)
    # A WebSocket is no exchange of a request and an answer.
    if not SWITCHBOARD.wants(url) or request.headers.get("upgrade", "").lower() == "websocket":
        return await handler(request)
    body = await request.body.as_bytes() if request.body else b""
    answer = SWITCHBOARD.decide(
        Request(request.method, url, Headers.of(request.headers.items()), body)
    )
    if isinstance(answer, Response):
        return await _play(request, answer)
    live = await handler(request)
    if answer is not None:
        _record(live, answer)
    return live


def _record(live: Any, ask: Any) -> None:
    """Puts the kept headers and a body that is kept while it is read into a live response."""
    import multidict

    chunked = "chunked" in live.headers.get("transfer-encoding", "").lower()
    # aiohttp has decoded the body by now, if the session lets it.
    decoded = live._session is None or live._session.auto_decompress
    headers = Headers.of(live.headers.items())
    coded = "content-encoding" in headers and decoded
    if coded:
        headers = headers.without("content-encoding", "content-length")
    recording = ask.record(live.status, live.reason or "", headers, framed=chunked and not coded)
    bodiless = ask.request.method == "HEAD" or live.status in (204, 304)
    fields = _framed(recording.shown, bodiless, recording.length)
    live._headers = multidict.CIMultiDictProxy(multidict.CIMultiDict(fields))
    live._raw_headers = tuple((name.encode(), value.encode()) for name, value in fields)
    live.content = _stream(live._loop, _shown(live.content, recording, chunked=chunked))
    if bodiless:
        live.content.feed_eof()


async def _shown(content: Any, recording: Recording, *, chunked: bool) -> AsyncIterator[bytes]:
    rest = b""
    while True:
        piece, ends = await content.readchunk()
        if not piece and not ends:
            break
        rest += piece
        # Only chunked responses say where a frame ends, and a frame may take several reads.
        if ends or not chunked:
            for shown in recording.take(rest):
                yield shown
            rest = b""
    for shown in [*(recording.take(rest) if rest else []), *recording.end()]:
        yield shown


async def _play(request: Any, answer: Response) -> Any:
    import asyncio

    import aiohttp
    import multidict
    from aiohttp.http_parser import RawResponseMessage

    loop = asyncio.get_running_loop()
    bodiless = request.method == "HEAD" or answer.status in (204, 304)
    fields = _framed(answer.headers, bodiless, length(answer))
    raw = tuple((name.encode(), value.encode()) for name, value in fields)
    head = RawResponseMessage(
        aiohttp.HttpVersion11,
        answer.status,
        answer.reason,
        multidict.CIMultiDictProxy(multidict.CIMultiDict(fields)),
        raw,
        False,
        None,
        False,
        length(answer) is None,
    )

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in [] if bodiless else pieces(answer):
            yield chunk

    body = _stream(loop, chunks())
    if bodiless:
        body.feed_eof()
    response = request.response_class(
        request.method,
        request.original_url,
        writer=None,
        continue100=None,
        timer=aiohttp.helpers.TimerNoop(),
        request_info=request.request_info,
        traces=[],
        loop=loop,
        session=request._session,
        stream_writer=_Sent(),
    )
    await response.start(_Connection(head, body))
    return response


def _framed(headers: Headers, bodiless: bool, size: int | None) -> list[tuple[str, str]]:
    named = [(name.title(), value) for name, value in headers]
    if bodiless:
        return named
    framing = ("Transfer-Encoding", "chunked") if size is None else ("Content-Length", str(size))
    return [*named, framing]


class _Sent:
    """The writer of a request that was never written."""

    output_size = 0


class _Connection:
    """As much of a connection and its protocol as a response needs to start from."""

    transport = None
    upgraded = False

    def __init__(self, head: Any, body: Any) -> None:
        self._answer = head, body
        self._callbacks: list[Callable[[], None]] = []
        self.protocol = self

    async def read(self) -> Any:
        return self._answer

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Called on release: the timer of the whole request ends there."""
        self._callbacks.append(callback)

    def release(self) -> None:
        """Nothing is held but the callbacks."""
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    close = release


def _stream(loop: Any, source: AsyncIterator[bytes]) -> Any:
    """A stream that takes its next chunk from `source` when the reader has none left."""
    from aiohttp import StreamReader
    from aiohttp.base_protocol import BaseProtocol

    class PulledStream(StreamReader):
        """The stream waits for data by fetching it."""

        async def _wait(self, func_name: str) -> None:  # noqa: ARG002 - aiohttp's signature
            chunk = await anext(source, None)
            if chunk is None:
                self.feed_eof()
                return
            self.begin_http_chunk_receiving()
            self.feed_data(chunk)
            self.end_http_chunk_receiving()

    return PulledStream(BaseProtocol(loop), 2**16, loop=loop)
