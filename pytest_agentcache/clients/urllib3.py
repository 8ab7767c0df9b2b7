"""The client urllib3, and so requests, requests-cache and botocore.

`_make_request` is below retries, redirects and pooling. urllib3's own response class reads a
replayed response, from a message that holds its bytes.
"""

from __future__ import annotations

import functools
import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..http.messages import Headers, Request
from ..http.wire import WireSocket, begun, content_of, frames, message, parsed
from ..replay.decisions import Fail, Forward, PassThrough, Replay, Truncate
from ..replay.dispatcher import DISPATCHER
from ..replay.native_errors import caused_by
from ..replay.response_recorder import RecordedBody
from ..state import CLIENT_TUNNEL
from .vcr import below_vcr

MODULES = ("urllib3.connectionpool",)


def install(module: Any) -> None:
    """Patch urllib3's connection pools for the rest of the process."""
    from urllib3 import HTTPHeaderDict
    from urllib3.exceptions import ReadTimeoutError

    plain, tls = module.HTTPConnectionPool, module.HTTPSConnectionPool
    make_request, prepare_proxy = plain._make_request, tls._prepare_proxy

    def make_request_decided(
        self: Any,
        conn: Any,
        method: str,
        url: str,
        body: Any = None,
        headers: Any = None,
        **options: Any,
    ) -> Any:
        __tracebackhide__ = True
        address = _address(self, url)
        route = DISPATCHER.route(address)
        if route is None:
            return make_request(self, conn, method, url, body=body, headers=headers, **options)
        if "real_connection" in vars(conn):
            # A connection of VCR.py's cassette.
            with below_vcr(conn, functools.partial(make_request_decided, self)):
                return make_request(self, conn, method, url, body=body, headers=headers, **options)
        content = None if body is None else content_of(body)
        # urllib3 sends a body of unknown length in chunks.
        whole = body is None or isinstance(body, (str, bytes, bytearray, memoryview))
        request = Request(method, address, Headers.of((headers or {}).items()), content or b"")
        connect, read = timeouts = _timeouts(self, options.get("timeout"))

        def send(to_upstream: Request = request, **changed: Any) -> Any:
            path, sent, fields = url, content, headers
            if to_upstream is not request:
                path = to_upstream.url[len(address) - len(url) :]
                sent, fields = to_upstream.body, HTTPHeaderDict(to_upstream.headers.pairs)
            with DISPATCHER.pass_through():
                if CLIENT_TUNNEL.pop(conn):
                    prepare_proxy(self, conn)
                return make_request(
                    self,
                    conn,
                    method,
                    path,
                    body=sent if whole else [sent],
                    headers=fields,
                    **options | changed,
                )

        match route.decide(request, (connect or None, read or None)):
            case Replay() | Truncate() as decision:
                return _replay(self, decision, method, url, options)
            case Fail() as failure:
                _fail(self, conn, failure, url, timeouts)
            case Forward() as forward:
                with forward.awaited(ReadTimeoutError):
                    return _record(
                        self, send(forward.upstream(request), **_UNREAD), forward, url, options
                    )
            case PassThrough():
                return send()

    def prepare_proxy_later(self: Any, conn: Any) -> None:
        # The tunnel would reach the network before the request is decided.
        if DISPATCHER.route(_address(self, "/")) is None:
            prepare_proxy(self, conn)
        else:
            CLIENT_TUNNEL.set(conn, True)

    plain._make_request = make_request_decided
    tls._prepare_proxy = prepare_proxy_later


# The live response is only read; the response that the caller gets owns the connection.
_UNREAD = {"preload_content": False, "decode_content": False, "response_conn": None}


def _address(pool: Any, url: str) -> str:
    if url.startswith(("http://", "https://")):
        return url
    host = f"[{pool.host.strip('[]')}]" if ":" in pool.host else pool.host
    standard = {"http": 80, "https": 443}.get(pool.scheme)
    port = f":{pool.port}" if pool.port and pool.port != standard else ""
    return f"{pool.scheme}://{host}{port}{url}"


def _replay(
    pool: Any, decision: Replay | Truncate, method: str, url: str, options: dict[str, Any]
) -> Any:
    match decision:
        case Replay():
            below = begun(decision.response, method)
        case Truncate():
            below = parsed(decision.as_socket(method), method)
    return _native(pool, below, method, url, options, decision)


def _timeouts(pool: Any, timeout: Any) -> tuple[float | None, float | None]:
    """Return the client's own timeouts for the connection and for the response, in seconds."""
    limits = pool._get_timeout(timeout)
    limits.start_connect()
    resolve = limits.resolve_default_timeout
    return resolve(limits.connect_timeout), resolve(limits.read_timeout)


def _fail(
    pool: Any, conn: Any, failure: Fail, url: str, timeouts: tuple[float | None, float | None]
) -> NoReturn:
    """Raise what `_make_request` raises when it really happens."""
    from urllib3 import exceptions

    cause: Any = failure.cause()
    connect, read = timeouts
    # The origin fails, not the proxy in between.
    conn._has_connected_to_proxy = bool(conn.proxy)
    match failure.kind:
        case "refuse":
            text = f"Failed to establish a new connection: {cause}"
            error: Exception = exceptions.NewConnectionError(conn, text)
        case "dns":
            error = exceptions.NameResolutionError(conn.host, conn, cause)
        case "tls":
            error = exceptions.SSLError(cause)
        case "connect-timeout":
            failure.wait(connect)
            text = f"Connection to {conn.host} timed out. (connect timeout={connect})"
            error = exceptions.ConnectTimeoutError(conn, text)
        case "read-timeout":
            failure.wait(read)
            text = f"Read timed out. (read timeout={read})"
            error = exceptions.ReadTimeoutError(pool, url, text)
        case _:
            raise caused_by(failure, cause)
    raise caused_by(failure, error, cause)


def _record(pool: Any, live: Any, forward: Forward, url: str, options: dict[str, Any]) -> Any:
    below: http.client.HTTPResponse = live._original_response
    method = forward.request.method
    recording = forward.record(
        live.status, live.reason, Headers.of(live.headers.items()), framed=bool(below.chunked)
    )
    arriving = RecordedBody(recording, frames(below)).settle()
    source = message(
        method, live.status, live.reason, recording.fields(), arriving, length=recording.length
    )
    below = parsed(WireSocket(source, live.close), method)
    return _native(pool, below, method, url, options)


def _native(
    pool: Any,
    below: http.client.HTTPResponse,
    method: str,
    url: str,
    options: dict[str, Any],
    decision: Replay | Truncate | None = None,
) -> Any:
    """Return urllib3's response over a message, as `HTTPConnection.getresponse` makes it."""
    from urllib3 import HTTPHeaderDict, HTTPResponse

    match decision:
        case Truncate():
            cls = _breaking(HTTPResponse, decision)
        case _:
            cls = HTTPResponse
    response = cls(
        body=below,
        headers=HTTPHeaderDict(below.headers.items()),
        status=below.status,
        version=below.version,
        version_string="HTTP/1.1",
        reason=below.reason,
        preload_content=options.get("preload_content", True),
        decode_content=options.get("decode_content", True),
        original_response=below,
        enforce_content_length=options.get("enforce_content_length", True),
        request_method=method,
        request_url=url,
        sock_shutdown=lambda _: None,
    )
    response.retries = options.get("retries")
    response._connection = options.get("response_conn")
    response._pool = pool
    return response


def _breaking(cls: Any, decision: Truncate) -> Any:
    """Return a `cls` whose errors refer to the decision that causes them."""

    class HTTPResponse(cls):  # type: ignore[misc]
        @contextmanager
        def _error_catcher(self) -> Iterator[None]:
            try:
                with super()._error_catcher():
                    yield
            except Exception as error:
                caused_by(decision, error)
                raise

    return HTTPResponse
