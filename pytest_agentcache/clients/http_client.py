"""The client module for `http.client`, and so for urllib.request, xmlrpc and others built on it.

A request is gathered as the bytes that it sends and looked at when it is complete: at the end of
`request`, or when its response is asked for, if it was put together by hand. An answer is read by
`http.client` itself, from a socket that holds it.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from typing import Any, NoReturn

from ..http.messages import Headers, Request
from ..http.wire import WireSocket, frames, message, read_chunked
from ..replay.decisions import Fail, Forward, PassThrough, Replay, Truncate
from ..replay.dispatcher import DISPATCHER
from ..replay.native_errors import caused_by
from ..replay.response_recorder import RecordedBody
from ..state import CLIENT_DECISION, CLIENT_REQUEST

MODULES = ("http.client",)


def install(module: Any) -> None:
    """Patch `http.client.HTTPConnection` for the rest of the process."""
    plain, tls = module.HTTPConnection, module.HTTPSConnection
    request, send = plain.request, plain.send
    getresponse, close = plain.getresponse, plain.close

    def connect_later(connect: Any) -> Any:
        def connect_when_asked(self: Any) -> None:
            if DISPATCHER.route(_origin(self, tls)) is None:
                connect(self)

        return connect_when_asked

    def send_later(self: Any, data: Any) -> None:
        if DISPATCHER.route(_origin(self, tls)) is None:
            send(self, data)
            return
        gathered = CLIENT_REQUEST.setdefault(self, bytearray())
        for piece in _as_bytes(data):
            gathered += piece

    def decide(self: Any) -> None:
        held = self._HTTPConnection__response
        if CLIENT_REQUEST.get(self) is None or (held is not None and not held.isclosed()):
            # Nothing was sent, or the last response is unread; `http.client` has an error for that.
            return
        sent = bytes(CLIENT_REQUEST.pop(self))
        parsed = _parse(module, _origin(self, tls), sent)
        timeout = _seconds(self.timeout) or None
        route = DISPATCHER.route(parsed.url)
        decision = route.decide(parsed, (timeout, timeout)) if route else PassThrough()
        match decision:
            case Fail(connecting=True):
                _fail(self, decision)
            case Forward() | PassThrough():
                with DISPATCHER.pass_through():
                    send(self, _as_upstream_knows(sent, parsed, decision))
        CLIENT_DECISION.set(self, (parsed.method, decision))

    def request_decided(self: Any, *args: Any, **kwargs: Any) -> None:
        request(self, *args, **kwargs)
        # Here, because callers expect errors of the connection from `request`.
        decide(self)

    def getresponse_decided(self: Any) -> Any:
        __tracebackhide__ = True
        decide(self)
        method, decision = CLIENT_DECISION.pop(self, ("", PassThrough()))
        match decision:
            case Replay() | Truncate():
                return _replay(self, getresponse, decision, method)
            case Fail():
                _fail(self, decision)
            case Forward():
                return _record(self, receive, decision)
            case PassThrough():
                return receive(self)

    def receive(self: Any) -> Any:
        with DISPATCHER.pass_through():
            return getresponse(self)

    def close_gathered(self: Any) -> None:
        CLIENT_REQUEST.pop(self)
        CLIENT_DECISION.pop(self)
        close(self)

    plain.request = request_decided
    plain.send, plain.getresponse, plain.close = send_later, getresponse_decided, close_gathered
    plain.connect, tls.connect = connect_later(plain.connect), connect_later(tls.connect)


def _origin(connection: Any, tls: Any) -> str:
    """Return the scheme, host and port of a connection; `tls` is the class of HTTPS connections."""
    scheme, standard = ("https", 443) if isinstance(connection, tls) else ("http", 80)
    # Behind a proxy, the connection's own host is the proxy; the tunnel knows the real one.
    tunnel = connection._tunnel_host
    host = tunnel or connection.host
    port = connection._tunnel_port if tunnel else connection.port
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + (f":{port}" if port and port != standard else "")


def _as_bytes(data: Any) -> Iterator[bytes]:
    if hasattr(data, "read"):
        while piece := data.read(65536):
            yield piece.encode("iso-8859-1") if isinstance(piece, str) else piece
    else:
        try:
            yield bytes(memoryview(data))
        except TypeError:
            yield from data


def _parse(module: Any, origin: str, sent: bytes) -> Request:
    file = io.BytesIO(sent)
    method, target, _ = file.readline().decode("latin-1").split(" ", 2)
    headers = Headers.of(module.parse_headers(file).items())
    is_chunked = headers.get("transfer-encoding").lower() == "chunked"
    body = read_chunked(file) if is_chunked else file.read()
    url = target if target.startswith(("http://", "https://")) else origin + target
    return Request(method, url, headers, body)


def _as_upstream_knows(sent: bytes, request: Request, decision: Forward | PassThrough) -> bytes:
    """Return the bytes of a request, with what is changed before it is sent upstream."""
    match decision:
        case Forward():
            to_upstream = decision.upstream(request)
        case PassThrough():
            return sent
    if to_upstream is request:
        return sent
    method, target, version = sent.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)
    target = to_upstream.url[len(request.url) - len(target) :]
    headers = to_upstream.headers.without("transfer-encoding", "content-length")
    if to_upstream.body:
        headers = headers.plus("content-length", str(len(to_upstream.body)))
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + to_upstream.body


def _replay(connection: Any, getresponse: Any, decision: Replay | Truncate, method: str) -> Any:
    # The connection reads its response from its current socket, and keeps its
    # own account of what it may be asked next.
    real, connection.sock = connection.sock, decision.as_socket(method)
    own = connection.response_class
    match decision:
        case Truncate():
            connection.response_class = _breaking(own, decision)
    try:
        return getresponse(connection)
    finally:
        connection.sock = real
        if connection.response_class is not own:
            connection.response_class = own


def _fail(connection: Any, failure: Fail) -> NoReturn:
    failure.wait(_seconds(connection.timeout))
    if failure.kind == "reset":
        connection.close()
    raise caused_by(failure, failure.cause())


def _seconds(timeout: Any) -> float | None:
    """Return the timeout of a connection, which may be the default of all sockets."""
    return timeout if isinstance(timeout, (int, float)) else socket.getdefaulttimeout()


def _breaking(cls: Any, decision: Truncate) -> Any:
    """Return a `cls` whose errors refer to the decision that causes them."""

    def linking(read: Any) -> Any:
        def read_linking(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return read(self, *args, **kwargs)
            except Exception as error:
                caused_by(decision, error)
                raise

        return read_linking

    names = ("peek", "read", "read1", "readinto", "readline")
    return type(cls.__name__, (cls,), {name: linking(getattr(cls, name)) for name in names})


def _record(connection: Any, receive: Any, forward: Forward) -> Any:
    with forward.awaited(TimeoutError):
        live = receive(connection)
        recording = forward.record(
            live.status, live.reason, Headers.of(live.headers.items()), framed=bool(live.chunked)
        )
        arriving = RecordedBody(recording, frames(live)).settle()
    method = forward.request.method
    source = message(
        method, live.status, live.reason, recording.fields(), arriving, length=recording.length
    )
    shown = connection.response_class(WireSocket(source, live.close), method=method)
    shown.begin()
    # The connection sends nothing more until this response is read, and closes it with itself.
    if connection._HTTPConnection__response is live:
        connection._HTTPConnection__response = shown
    return shown
