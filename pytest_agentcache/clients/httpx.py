"""The clients httpx and httpx2, which share one API: their transports that open connections.

Transports of the user (mocks, ASGI apps) open no connection and are not patched.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from importlib import import_module
from typing import Any

from ..clock import awaiting_upstream
from ..http.framing import length
from ..http.messages import Headers, Request, Response
from ..replay.decisions import Fail, Forward, PassThrough, Replay, Truncate
from ..replay.dispatcher import DISPATCHER, Route
from ..replay.native_errors import caused_by
from ..replay.response_recorder import RecordedBody, ResponseRecorder

MODULES = ("httpx", "httpx2")


def install(module: Any) -> None:
    """Patch the transports of `module` (httpx or httpx2) for the rest of the process."""
    sync, async_ = module.HTTPTransport, module.AsyncHTTPTransport
    handle, handle_async = sync.handle_request, async_.handle_async_request
    responses = _Responses(module)

    def send(self: Any, request: Any) -> Any:
        with DISPATCHER.pass_through():
            return handle(self, request)

    def handle_decided(self: Any, request: Any) -> Any:
        __tracebackhide__ = True
        if (route := _route(module, request)) is None:
            return handle(self, request)
        sent = _to_request(request, request.read())
        match route.decide(sent, _timeouts(request)):
            case Replay() | Truncate() as decision:
                return responses.replayed(decision, request)
            case Fail() as failure:
                failure.wait(_own_timeout(request, failure))
                raise _native(module, failure, failure.cause())
            case Forward() as forward:
                with forward.awaited(module.ReadTimeout):
                    live = send(self, responses.changed(request, sent, forward.upstream(sent)))
                    return responses.recorded(live, forward)
            case PassThrough():
                return send(self, request)

    async def handle_async_decided(self: Any, request: Any) -> Any:
        __tracebackhide__ = True
        if (route := _route(module, request)) is None:
            return await handle_async(self, request)
        sent = _to_request(request, await request.aread())
        match await route.decide_async(sent, _timeouts(request)):
            case Replay() | Truncate() as decision:
                return responses.replayed(decision, request)
            case Fail() as failure:
                await failure.wait_async(_own_timeout(request, failure))
                raise _native(module, failure, _cause_in_loop(failure))
            case Forward() as forward:
                with forward.awaited(module.ReadTimeout):
                    native = responses.changed(request, sent, forward.upstream(sent))
                    with awaiting_upstream():
                        live = await handle_async(self, native)
                    return await responses.recorded_async(live, forward)
            case PassThrough():
                return await handle_async(self, request)

    sync.handle_request, async_.handle_async_request = handle_decided, handle_async_decided


class _Responses:
    """Makes the responses of `module`, which is httpx or httpx2."""

    def __init__(self, module: Any) -> None:
        self._module = module

        class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
            """A body from the cassette, for either kind of client."""

            def __init__(
                self, chunks: list[bytes], broken: Exception | None, hangs: tuple[Fail, Any] | None
            ) -> None:
                self._chunks, self._broken, self._hangs = chunks, broken, hangs

            def __iter__(self) -> Iterator[bytes]:
                yield from self._chunks
                if self._hangs is not None:
                    failure, timeout = self._hangs
                    failure.wait(timeout)
                if self._broken is not None:
                    raise self._broken

            async def __aiter__(self) -> AsyncIterator[bytes]:
                for chunk in self._chunks:
                    yield chunk
                if self._hangs is not None:
                    failure, timeout = self._hangs
                    await failure.wait_async(timeout)
                if self._broken is not None:
                    raise self._broken

        class LiveStream(module.SyncByteStream):  # type: ignore[misc]
            """A body that is recorded while it is read."""

            def __init__(self, live: Any, body: RecordedBody) -> None:
                self._live, self._body = live, body

            def __iter__(self) -> Iterator[bytes]:
                return self._body

            def close(self) -> None:
                self._live.close()

        class AsyncLiveStream(module.AsyncByteStream):  # type: ignore[misc]
            """A body that is recorded while it is read on an event loop."""

            def __init__(
                self, live: Any, source: AsyncGenerator[bytes], body: RecordedBody
            ) -> None:
                self._live, self._source, self._body = live, source, body

            def __aiter__(self) -> AsyncIterator[bytes]:
                return self._body

            async def aclose(self) -> None:
                await self._source.aclose()
                await self._live.aclose()

        self._stream, self._live, self._live_async = Stream, LiveStream, AsyncLiveStream

    def changed(self, request: Any, sent: Request, to_upstream: Request) -> Any:
        """Return a request, with what is changed before it is sent upstream."""
        if to_upstream is sent:
            return request
        return self._module.Request(
            request.method,
            to_upstream.url,
            headers=_as_bytes([*to_upstream.headers]),
            content=to_upstream.body,
            extensions=request.extensions,
        )

    def replayed(self, decision: Replay | Truncate, request: Any) -> Any:
        """Return the response of a decision that needs no network."""
        response, method = decision.response, request.method
        broken, hangs = None, None
        match decision:
            case Truncate():
                broken = _incomplete(self._module, decision)
            case Replay(Response(cancelled=True)):
                failure = Fail("read-timeout", _to_request(request, b""), hangs=True)
                hangs = failure, _own_timeout(request, failure)
                broken = _native(self._module, failure, failure.cause())
        return self._module.Response(
            response.status,
            headers=_as_bytes(decision.fields(method)),
            stream=self._stream([] if method == "HEAD" else decision.pieces(), broken, hangs),
            extensions={
                "http_version": response.http_version.encode() or b"HTTP/1.1",
                "network_stream": _NoNetworkStream(),
                "reason_phrase": response.reason.encode("latin-1", "replace"),
            },
        )

    def recorded(self, live: Any, forward: Forward) -> Any:
        """Return a live response whose body is recorded while it is read."""
        recorder = _recorder(live, forward)
        try:
            body = RecordedBody(recorder, _frames(live.stream), self._module.ReadTimeout).settle()
        except BaseException:
            live.close()
            raise
        return self._shown(live, recorder, self._live(live.stream, body))

    async def recorded_async(self, live: Any, forward: Forward) -> Any:
        """Return the same for an asynchronous client."""
        recorder, source = _recorder(live, forward), _frames_async(live.stream)
        try:
            body = await RecordedBody(recorder, source, self._module.ReadTimeout).settle_async()
        except BaseException:
            await live.aclose()
            raise
        return self._shown(live, recorder, self._live_async(live.stream, source, body))

    def _shown(self, live: Any, recorder: ResponseRecorder, stream: Any) -> Any:
        return self._module.Response(
            live.status_code,
            headers=_as_bytes(recorder.fields()),
            stream=stream,
            extensions=live.extensions,
        )


def _recorder(live: Any, forward: Forward) -> ResponseRecorder:
    framed = "chunked" in live.headers.get("transfer-encoding", "").lower()
    headers = Headers.of(live.headers.raw)
    version = live.extensions.get("http_version", b"HTTP/1.1").decode()
    return forward.record(
        live.status_code,
        _reason(live),
        headers,
        framed=framed,
        http_version=version,
    )


def _reason(live: Any) -> str:
    # `reason_phrase` leaves out what is not ASCII. HTTP/2 has no such phrase; it is the usual one.
    sent: bytes | None = live.extensions.get("reason_phrase")
    return str(live.reason_phrase) if sent is None else sent.decode("latin-1")


class _NoNetworkStream:
    """The connection of a response that came over none."""

    def get_extra_info(self, _: str) -> Any:
        """Return None: there is no socket, no certificate and no address."""
        return None


def _route(module: Any, request: Any) -> Route | None:
    # A protocol that takes over the connection does not exchange a request and a response.
    if "upgrade" in request.headers or (module.__name__ == "httpx" and _is_mocked(request)):
        return None
    return DISPATCHER.route(str(request.url))


def _is_mocked(request: Any) -> bool:
    """Return True if respx, which patches httpcore below the transport, handles the request.

    Its patterns are matched without calling the route, so that no call is counted twice.
    """
    if (mocks := sys.modules.get("respx.mocks")) is None:
        return False
    routers = mocks.HTTPCoreMocker.routers
    for router in routers:
        for route in router.routes:
            if route.pattern is None or route.pattern.match(request):
                return not route.is_pass_through
    # respx refuses, or mocks by itself, a request that no route matches.
    return bool(routers)


def _to_request(request: Any, content: bytes) -> Request:
    return Request(request.method, str(request.url), Headers.of(request.headers.raw), content)


def _timeouts(request: Any) -> tuple[float | None, float | None]:
    """Return the client's own timeouts for the connection and for the response, in seconds."""
    timeouts = request.extensions.get("timeout", {})
    return timeouts.get("connect") or None, timeouts.get("read") or None


_ERRORS = {
    "refuse": "ConnectError",
    "dns": "ConnectError",
    "tls": "ConnectError",
    "connect-timeout": "ConnectTimeout",
    "read-timeout": "ReadTimeout",
    "reset": "ReadError",
}


def _own_timeout(request: Any, failure: Fail) -> float | None:
    """Return the client's own timeout for a failure, in seconds."""
    connect, read = _timeouts(request)
    return connect if failure.connecting else read


def _native(module: Any, failure: Fail, cause: Exception) -> Exception:
    """Return the error that a client of `module` raises for a failure."""
    return _wrapped(module, _ERRORS[failure.kind], failure, cause)


def _cause_in_loop(failure: Fail) -> Exception:
    """Return the error below an asynchronous client, where anyio keeps less of the cause."""
    cause = failure.cause()
    match failure.kind:
        case "refuse":
            return caused_by(failure, OSError("All connection attempts failed"), cause)
        case "reset":
            broken: Exception = import_module("anyio").BrokenResourceError()
            return caused_by(failure, broken, cause)
        case "connect-timeout" | "read-timeout":
            return TimeoutError()
        case _:
            return cause


def _incomplete(module: Any, decision: Truncate) -> Exception:
    """Return the error that a client of `module` raises for a body that breaks off."""
    size = length(decision.response)
    missing = (
        "incomplete chunked read"
        if size is None
        else f"received {decision.after} bytes, expected {size}"
    )
    cause: Exception = import_module("h11").RemoteProtocolError(
        f"peer closed connection without sending complete message body ({missing})"
    )
    return _wrapped(module, "RemoteProtocolError", decision, cause)


def _wrapped(module: Any, name: str, decision: Fail | Truncate, cause: Exception) -> Exception:
    """Return the error called `name` of httpx, around that of httpcore, around `cause`."""
    below = getattr(import_module(module.__name__.replace("httpx", "httpcore")), name)(cause)
    below.__cause__ = cause
    error: Exception = getattr(module, name)(str(below))
    return caused_by(decision, error, below)


def _as_bytes(fields: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    # httpx takes text in headers for ASCII; the wire may carry any byte.
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
    """Return a function that joins the parts of a frame, which may take several reads.

    httpcore does not mark the end of a chunk of HTTP/1.1, but h11 below it knows it. If h11 cannot
    be found there, each part counts as a chunk.
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
