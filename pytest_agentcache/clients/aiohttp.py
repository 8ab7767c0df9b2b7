"""The client aiohttp: an innermost middleware, below redirects, cookies and tracing."""

from __future__ import annotations

import functools
import inspect
import io
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from ..clock import awaiting_upstream
from ..http.framing import is_bodiless, length
from ..http.messages import Headers, Request, Response, codings_of
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
            decodes = options.get("auto_decompress")
            decodes = self._auto_decompress if decodes is None else decodes
            if _is_decided(self, str_or_url):
                # The body is needed as it came; it is decoded further down.
                options["auto_decompress"] = False
            way = _Way(limits, decodes, "auto_decompress" in options, module.ConnectionTimeoutError)
            options["middlewares"] = (*chosen, functools.partial(_middleware, way))
        return await request(self, method, str_or_url, **options)

    module.ClientSession._request = request_decided


@dataclass(frozen=True, slots=True)
class _Way:
    """How a request is made.

    Attributes:
        limits: The timeouts of the request, else of its session.
        decodes: Whether the caller gets the body without its content coding.
        arrives_encoded: Whether aiohttp leaves the body in its content coding.
        connecting: The error of a connection that takes too long.
    """

    limits: Any
    decodes: bool
    arrives_encoded: bool
    connecting: type[Exception]


def _is_decided(session: Any, str_or_url: Any) -> bool:
    """Return whether a request to a URL of `session` is not simply passed through."""
    try:
        return DISPATCHER.route(str(session._build_url(str_or_url))) is not None
    except (TypeError, ValueError):
        # aiohttp itself refuses such a URL.
        return False


async def _middleware(way: _Way, request: Any, handler: Any) -> Any:
    __tracebackhide__ = True
    limits = way.limits
    route = DISPATCHER.route(str(request.url))
    # A WebSocket does not exchange a request and a response.
    if route is None or request.headers.get("upgrade", "").lower() == "websocket":
        return _passed(await handler(request), way)
    headers = Headers.of(request.headers.items())
    if request.compress:
        # aiohttp encodes the body while it sends it, below this module.
        headers = headers.without("content-encoding")
    sent = Request(request.method, str(request.url), headers, await _content(request))
    timeouts = limits.sock_connect or limits.connect or None, limits.sock_read or None
    match await route.decide_async(sent, timeouts):
        case Replay() | Truncate() as decision:
            await _note_sent(request, sent.body)
            return await _replay(request, decision, way)
        case Fail() as failure:
            timeout, error = native_error(request, limits, failure)
            await failure.wait_async(timeout)
            raise error
        case Forward() as forward:
            with forward.awaited(TimeoutError, way.connecting):
                if (to_upstream := forward.upstream(sent)) is not sent:
                    await _change(request, to_upstream)
                with awaiting_upstream():
                    live = await handler(request)
                try:
                    await _record(live, forward, way)
                except BaseException:
                    live.close()
                    raise
                return live
        case PassThrough():
            return _passed(await handler(request), way)


async def _change(request: Any, to_upstream: Request) -> None:
    """Change a request before it is sent upstream."""
    from yarl import URL

    request.url = URL(to_upstream.url, encoded=True)
    for name in {name for name, _ in to_upstream.headers}:
        request.headers.popall(name, None)
    for name, value in to_upstream.headers:
        request.headers.add(name, value)
    if to_upstream.body:
        await request.update_body(io.BytesIO(to_upstream.body))


async def _note_sent(request: Any, content: bytes) -> None:
    """Call the trace hooks of a session that see what is sent."""
    for trace in getattr(request, "_traces", ()):
        await trace.send_request_headers(request.method, request.url, request.headers)
        if content:
            await trace.send_request_chunk_sent(request.method, request.url, content)


def _passed(live: Any, way: _Way) -> Any:
    """Return a live response as its caller would get it without this package."""
    coding = _undone_coding(way, Headers.of(live._raw_headers))
    if way.arrives_encoded and coding:
        source = _decoded(_reads(live.content), coding)
        limit, _ = live.content.get_read_buffer_limits()
        live.content = _stream(live._loop, source, limit, chunked=False)
    return live


async def _reads(content: Any) -> AsyncIterator[bytes]:
    while piece := await content.readany():
        yield piece


def _undone_coding(way: _Way, headers: Headers) -> str:
    """Return the content coding that aiohttp undoes for its caller; empty if it undoes none."""
    # It knows no lists, and of several lines the last one counts.
    coding = (headers.all("content-encoding") or [""])[-1].strip().lower()
    return coding if way.decodes and coding in ("gzip", "deflate", "br", "zstd") else ""


async def _decoded(
    source: AsyncIterator[bytes], coding: str, is_coded: Callable[[], bool] = lambda: True
) -> AsyncIterator[bytes]:
    """Decode a body as aiohttp does, with its errors.

    Args:
        source: The body in pieces.
        coding: Its content coding.
        is_coded: Returns false while the pieces come decoded already.
    """
    from aiohttp import ClientPayloadError
    from aiohttp.http_exceptions import ContentEncodingError

    out, buffer = _Decoded(), None
    try:
        async for piece in source:
            if not is_coded():
                yield piece
                continue
            buffer = buffer or _decoder(coding, out)
            buffer.feed_data(piece, len(piece))
            if found := out.take():
                yield found
        if buffer is not None:
            buffer.feed_eof()
    except ContentEncodingError as problem:
        raise ClientPayloadError(str(problem)) from problem


def _decoder(coding: str, out: _Decoded) -> Any:
    """Return aiohttp's own decoder.

    Raises:
        aiohttp.http_exceptions.ContentEncodingError: If it needs a library that is not installed.
    """
    from aiohttp.http_parser import DeflateBuffer

    return DeflateBuffer(out, coding)  # type: ignore[arg-type]


class _Decoded:
    """The part of a stream that aiohttp's decoder needs."""

    total_compressed_bytes = 0
    _low_water = sys.maxsize  # so that the decoder holds nothing back

    def __init__(self) -> None:
        self._content = b""

    def feed_data(self, data: bytes, *_: int) -> None:
        """Add `data`."""
        self._content += data

    def feed_eof(self) -> None:
        """Do nothing at the end."""

    def take(self) -> bytes:
        """Return what was added since the last call."""
        content, self._content = self._content, b""
        return content


def _check_coding(coding: str, response: Any) -> None:
    """Raise what aiohttp raises when it cannot undo the coding of a response.

    Raises:
        aiohttp.ClientResponseError: If it needs a library that is not installed.
    """
    from aiohttp import ClientResponseError
    from aiohttp.http_exceptions import ContentEncodingError

    try:
        if coding:
            _decoder(coding, _Decoded())
    except ContentEncodingError as problem:
        raise ClientResponseError(
            response.request_info,
            response.history,
            status=problem.code,
            message=problem.message,
            headers=problem.headers,
        ) from problem


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


async def _record(live: Any, forward: Forward, way: _Way) -> None:
    """Put the kept headers, and a body that is recorded while it is read, into a live response."""
    from aiohttp import ClientError

    # Not `headers`, which remembers what it was when it was first looked at.
    headers = Headers.of(live._raw_headers)
    chunked = "chunked" in headers.get("transfer-encoding").lower()
    coding = _undone_coding(way, headers)
    # Read as UTF-8 by aiohttp; the wire may carry any byte.
    reason = (live.reason or "").encode("utf-8", "surrogateescape").decode("latin-1")
    recorder = forward.record(
        live.status,
        reason,
        headers,
        framed=chunked,
        decodes=codings_of(headers) == (coding,),
        http_version="HTTP/{}.{}".format(*live.version),
    )
    content = live.content
    body = await RecordedBody(
        recorder, _Frames(content, chunked=chunked), TimeoutError
    ).settle_async()
    live._cache.clear()
    live._raw_headers = _raw(recorder.fields())
    live._headers = _as_aiohttp_reads(live._raw_headers)
    if not recorder.bodiless:
        limit, _ = content.get_read_buffer_limits()
        source: AsyncIterator[bytes] = body
        if coding:
            source = _decoded(body, coding, lambda: not recorder.decodes or recorder.encoded)
        live.content = _stream(live._loop, source, limit, chunked=recorder.length is None)
    try:
        _check_coding(coding, live)
    except ClientError:
        # The cassette needs all of the body, of which the caller gets nothing.
        async for _ in body:
            pass
        raise


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


async def _replay(request: Any, decision: Replay | Truncate, way: _Way) -> Any:
    import asyncio

    import aiohttp
    from aiohttp.http_parser import RawResponseMessage

    answer, size = decision.response, length(decision.response)
    loop = asyncio.get_running_loop()
    bodiless = is_bodiless(request.method, answer.status)
    fields = decision.fields(request.method)
    coding, raw = _undone_coding(way, Headers.of(fields)), _raw(fields)
    decodes = answer.codings == (coding,)
    head = RawResponseMessage(
        _version(answer.http_version),
        answer.status,
        # aiohttp reads the bytes of the phrase as UTF-8.
        answer.reason.encode("latin-1", "replace").decode("utf-8", "surrogateescape"),
        _as_aiohttp_reads(raw),
        raw,
        False,
        None,
        False,
        size is None,
    )

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in [] if bodiless else decision.pieces(decode=decodes):
            yield chunk
        match decision:
            case Truncate():
                raise incomplete(decision, size)
            case Replay(Response(cancelled=True)):
                asked = Request(request.method, str(request.url))
                failure = Fail("read-timeout", asked, hangs=True)
                timeout, error = native_error(request, way.limits, failure)
                await failure.wait_async(timeout)
                raise error

    limit = getattr(request.session, "_read_bufsize", 2**16)
    source = chunks() if decodes or not coding else _decoded(chunks(), coding)
    body = _stream(loop, source, limit, chunked=size is None)
    if bodiless:
        body.feed_eof()
    options: dict[str, Any] = {
        "writer": None,
        "continue100": None,
        "timer": aiohttp.helpers.TimerNoop(),
        "request_info": request.request_info,
        "traces": getattr(request, "_traces", []),
        "loop": loop,
        "session": request._session,
    }
    if _takes_stream_writer(aiohttp.ClientResponse):
        options["stream_writer"] = _Sent()
    response = request.response_class(request.method, request.original_url, **options)
    await response.start(_Connection(head, body))
    _check_coding(coding, response)
    return response


def _version(text: str) -> Any:
    """Return a version of HTTP, such as `HTTP/1.0`, as aiohttp has it; empty means HTTP/1.1."""
    import aiohttp

    found = re.fullmatch(r"HTTP/(\d)(?:\.(\d))?", text)
    if not found:
        return aiohttp.HttpVersion11
    return aiohttp.HttpVersion(int(found[1]), int(found[2] or 0))


def _raw(fields: list[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields
    )


def _as_aiohttp_reads(raw: tuple[tuple[bytes, bytes], ...]) -> Any:
    import multidict

    known = _known_names()
    pairs = [
        (known.get(name.lower()) or name.decode(), value.decode("utf-8", "surrogateescape"))
        for name, value in raw
    ]
    return multidict.CIMultiDictProxy(multidict.CIMultiDict(pairs))


@functools.cache
def _known_names() -> dict[bytes, str]:
    """Return the names that aiohttp's parser in C writes in a case of its own, in lower case."""
    import multidict
    from aiohttp import hdrs, http_parser

    if http_parser.HttpResponseParser is http_parser.HttpResponseParserPy:
        return {}
    names = (name for name in vars(hdrs).values() if isinstance(name, multidict.istr))
    return {name.lower().encode(): name for name in names}


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
    from aiohttp.base_protocol import BaseProtocol

    return _stream_class()(BaseProtocol(loop), limit, loop, source, chunked=chunked)


# To make a class takes longer than to decide about a request.
@functools.cache
def _stream_class() -> Any:
    from aiohttp import StreamReader

    class PulledStream(StreamReader):
        """A stream that fetches data where aiohttp would wait for it."""

        __slots__ = ("_chunked", "_source")

        def __init__(
            self,
            protocol: Any,
            limit: int,
            loop: Any,
            source: AsyncIterator[bytes],
            *,
            chunked: bool,
        ) -> None:
            super().__init__(protocol, limit, loop=loop)
            self._source, self._chunked = source, chunked

        async def _wait(self, func_name: str) -> None:  # noqa: ARG002 - aiohttp's signature
            try:
                chunk = await anext(self._source, None)
            except Exception as error:
                self.set_exception(error)
                raise
            if chunk is None:
                self.feed_eof()
                return
            if self._chunked:
                self.begin_http_chunk_receiving()
            self.feed_data(chunk)
            if self._chunked:
                self.end_http_chunk_receiving()

        async def wait_eof(self) -> None:
            while not self.is_eof():
                await self._wait("wait_eof")

    return PulledStream


@functools.cache
def _takes_stream_writer(cls: type) -> bool:
    """Return whether responses have to be made with the writer of the request (aiohttp 3.14)."""
    return "stream_writer" in inspect.signature(cls).parameters
