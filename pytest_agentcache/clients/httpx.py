"""The edge for httpx and httpx2, which share one shape: the transports that open connections.

Transports of the user's own (mocks, ASGI apps) open none and are left alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from importlib import import_module
from typing import Any

from ..clock import awaiting_upstream
from ..faults import Fault, native
from ..faults.outcomes import given
from ..http.framing import length
from ..http.messages import Headers, Request, Response
from ..replay.async_wait import pause, pause_async
from ..replay.decisions import Forward
from ..replay.dispatcher import DISPATCHER
from ..replay.response_recorder import RecordedBody, ResponseRecorder

MODULES = ("httpx", "httpx2")


def install(module: Any) -> None:
    """Patches the transports of `module` (httpx or httpx2) for the rest of the process."""
    sync, async_ = module.HTTPTransport, module.AsyncHTTPTransport
    handle, handle_async = sync.handle_request, async_.handle_async_request

    class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
        """A body from the cassette, in either colour."""

        def __init__(self, chunks: list[bytes], broken: Exception | None = None) -> None:
            self._chunks, self._broken = chunks, broken

        def __iter__(self) -> Iterator[bytes]:
            yield from self._chunks
            if self._broken is not None:
                raise self._broken

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._chunks:
                yield chunk
            if self._broken is not None:
                raise self._broken

    class LiveStream(module.SyncByteStream):  # type: ignore[misc]
        """A body that is kept while it is read."""

        def __init__(self, live: Any, body: RecordedBody) -> None:
            self._live, self._body = live, body

        def __iter__(self) -> Iterator[bytes]:
            return self._body

        def close(self) -> None:
            self._live.close()

    class AsyncLiveStream(module.AsyncByteStream):  # type: ignore[misc]
        """The same, asynchronous."""

        def __init__(self, live: Any, source: AsyncGenerator[bytes], body: RecordedBody) -> None:
            self._live, self._source, self._body = live, source, body

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self._body

        async def aclose(self) -> None:
            await self._source.aclose()
            await self._live.aclose()

    def played(decision: Response | Fault, method: str) -> Any:
        answer, chunks, broken = given(decision)
        return module.Response(
            answer.status,
            headers=_framed(answer.headers, method, answer.status, length(answer)),
            stream=Stream(
                [] if method == "HEAD" else chunks, _native(module, broken) if broken else None
            ),
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": answer.reason.encode("latin-1", "replace"),
            },
        )

    def recording_of(live: Any, ask: Forward) -> ResponseRecorder:
        framed = "chunked" in live.headers.get("transfer-encoding", "").lower()
        headers = Headers.of(live.headers.raw)
        return ask.record(live.status_code, live.reason_phrase, headers, framed=framed)

    def recorded(live: Any, recording: ResponseRecorder, stream: Any) -> Any:
        method = recording.request.method
        return module.Response(
            live.status_code,
            headers=_framed(recording.shown, method, live.status_code, recording.length),
            stream=stream,
            extensions=live.extensions,
        )

    def handle_decided(self: Any, request: Any) -> Any:
        __tracebackhide__ = True
        if not _wanted(request):
            return handle(self, request)
        answer = DISPATCHER.decide(_asked(request, request.read()), _limits(request))
        if isinstance(answer, Fault) and answer.answer is None:
            raise _failing(module, request, answer)
        if isinstance(answer, (Response, Fault)):
            return played(answer, request.method)
        with DISPATCHER.pass_through():
            live = handle(self, request)
        if answer is None:
            return live
        recording = recording_of(live, answer)
        try:
            arriving = RecordedBody(recording, _frames(live.stream)).settle()
        except BaseException:
            live.close()
            raise
        return recorded(live, recording, LiveStream(live.stream, arriving))

    async def handle_async_decided(self: Any, request: Any) -> Any:
        __tracebackhide__ = True
        if not _wanted(request):
            return await handle_async(self, request)
        asked = _asked(request, await request.aread())
        answer = await DISPATCHER.decide_async(asked, _limits(request))
        if isinstance(answer, Fault) and answer.answer is None:
            raise await _failing_async(module, request, answer)
        if isinstance(answer, (Response, Fault)):
            return played(answer, request.method)
        if answer is None:
            return await handle_async(self, request)
        with awaiting_upstream():
            live = await handle_async(self, request)
        recording, source = recording_of(live, answer), _frames_async(live.stream)
        try:
            arriving = await RecordedBody(recording, source).settle_async()
        except BaseException:
            await live.aclose()
            raise
        return recorded(live, recording, AsyncLiveStream(live.stream, source, arriving))

    sync.handle_request, async_.handle_async_request = handle_decided, handle_async_decided


def _wanted(request: Any) -> bool:
    # A protocol that takes the connection over is no exchange of a request and an answer.
    return "upgrade" not in request.headers and DISPATCHER.wants(str(request.url))


def _asked(request: Any, content: bytes) -> Request:
    return Request(request.method, str(request.url), Headers.of(request.headers.raw), content)


def _limits(request: Any) -> tuple[float | None, float | None]:
    """The client's own timeouts: for a connection, and for an answer."""
    limits = request.extensions.get("timeout", {})
    return limits.get("connect") or None, limits.get("read") or None


_ERRORS = {
    "refuse": "ConnectError",
    "dns": "ConnectError",
    "tls": "ConnectError",
    "connect-timeout": "ConnectTimeout",
    "read-timeout": "ReadTimeout",
    "reset": "ReadError",
    "truncate": "RemoteProtocolError",
}


def _lasts(request: Any, fault: Fault) -> float:
    """How many seconds pass until a fault shows."""
    connect, read = _limits(request)
    return fault.lasts(connect if fault.connecting else read)


def _failing(module: Any, request: Any, fault: Fault) -> Exception:
    """What a client raises for a fault, once it shows."""
    pause(_lasts(request, fault))
    return _native(module, fault)


async def _failing_async(module: Any, request: Any, fault: Fault) -> Exception:
    """The same on an event loop."""
    await pause_async(_lasts(request, fault))
    return _native(module, fault, in_loop=True)


def _native(module: Any, fault: Fault, *, in_loop: bool = False) -> Exception:
    """What a client of `module` raises for a fault, with what lies below it."""
    name, cause = _ERRORS[fault.kind], _cause(fault, in_loop=in_loop)
    below = getattr(import_module(module.__name__.replace("httpx", "httpcore")), name)(cause)
    below.__cause__ = cause
    error: Exception = getattr(module, name)(str(below))
    return native(error, fault, below)


def _cause(fault: Fault, *, in_loop: bool) -> Exception:
    if fault.answer is not None:
        return _incomplete(fault.answer, fault.after)
    cause = fault.cause()
    if not in_loop:
        return cause
    # Below the asynchronous clients is anyio, which tells less.
    match fault.kind:
        case "refuse":
            return native(OSError("All connection attempts failed"), fault, cause)
        case "reset":
            broken: Exception = import_module("anyio").BrokenResourceError()
            return native(broken, fault, cause)
        case "connect-timeout" | "read-timeout":
            return TimeoutError()
        case _:
            return cause


def _incomplete(answer: Response, after: int) -> Exception:
    size = length(answer)
    told = "incomplete chunked read" if size is None else f"received {after} bytes, expected {size}"
    error: Exception = import_module("h11").RemoteProtocolError(
        f"peer closed connection without sending complete message body ({told})"
    )
    return error


def _framed(
    headers: Headers, method: str, status: int, size: int | None
) -> list[tuple[bytes, bytes]]:
    """`headers` with the framing that they would have come with over HTTP/1.1, as bytes.

    httpx takes text in headers for ASCII; the wire may carry any byte.
    """
    fields = list(headers)
    if method != "HEAD" and status not in (204, 304):
        sized = ("content-length", str(size))
        fields.append(("transfer-encoding", "chunked") if size is None else sized)
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields]


def _frames(live: Any) -> Iterator[bytes]:
    whole = _joining(live)
    for piece in live:
        yield from whole(piece)


async def _frames_async(live: Any) -> AsyncGenerator[bytes]:
    whole = _joining(live)
    async for piece in live:
        for frame in whole(piece):
            yield frame


def _joining(live: Any) -> Callable[[bytes], list[bytes]]:
    """Puts together what httpcore gives out in parts: one frame may take several reads.

    httpcore does not say where a chunk of HTTP/1.1 ends, h11 below it knows. Where the way down
    to h11 has changed, each part counts as a chunk.
    """
    reader = live
    for step in ("_httpcore_stream", "_stream", "_connection", "_h11_state", "_reader"):
        reader = getattr(reader, step, None)
    rest: list[bytes] = []

    def whole(piece: bytes) -> list[bytes]:
        rest.append(piece)
        if getattr(reader, "_bytes_in_chunk", 0):
            return []
        frame = b"".join(rest)
        rest.clear()
        return [frame]

    return whole
