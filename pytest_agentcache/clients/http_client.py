"""The edge for `http.client`, and so for urllib.request, xmlrpc and whatever is built on them.

A request is gathered as the bytes that it sends and looked at when it is complete: at the end of
`request`, or when its response is asked for, if it was put together by hand. An answer is read by
`http.client` itself, from a socket that holds it.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from typing import Any, NoReturn

from ..faults import Fault, native
from ..faults.outcomes import as_socket
from ..http.messages import Headers, Request, Response
from ..http.wire import WireSocket, frames, message
from ..replay.async_wait import pause
from ..replay.decisions import Forward
from ..replay.dispatcher import DISPATCHER
from ..replay.response_recorder import RecordedBody

MODULE = "http.client"


def install(module: Any) -> None:
    """Patches `http.client.HTTPConnection` for the rest of the process."""
    plain, tls = module.HTTPConnection, module.HTTPSConnection
    request, send = plain.request, plain.send
    getresponse, close = plain.getresponse, plain.close

    def origin(connection: Any) -> str:
        scheme, standard = ("https", 443) if isinstance(connection, tls) else ("http", 80)
        # Behind a proxy the connection's own host is the proxy's; the tunnel knows the real one.
        tunnel = connection._tunnel_host
        host = tunnel or connection.host
        port = connection._tunnel_port if tunnel else connection.port
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}" + (f":{port}" if port and port != standard else "")

    def connect_later(connect: Any) -> Any:
        def connect_when_asked(self: Any) -> None:
            if not DISPATCHER.wants(origin(self)):
                connect(self)

        return connect_when_asked

    def send_later(self: Any, data: Any) -> None:
        if not DISPATCHER.wants(origin(self)):
            send(self, data)
            return
        gathered = self.__dict__.setdefault("_agentcache_sent", bytearray())
        for piece in _as_bytes(data):
            gathered += piece

    def decide(self: Any) -> None:
        held = self._HTTPConnection__response
        if "_agentcache_sent" not in self.__dict__ or (held is not None and not held.isclosed()):
            # Nothing was asked, or the last answer is unread, for which it has an error of its own.
            return
        sent = bytes(self.__dict__.pop("_agentcache_sent"))
        asked = _parse(module, origin(self), sent)
        limit = _seconds(self.timeout) or None
        answer = DISPATCHER.decide(asked, (limit, limit))
        if isinstance(answer, Fault) and answer.connecting:
            _fail(self, answer)
        if not isinstance(answer, (Response, Fault)):
            with DISPATCHER.pass_through():
                send(self, sent)
        self._agentcache_decided = asked.method, answer

    def request_decided(self: Any, *args: Any, **kwargs: Any) -> None:
        request(self, *args, **kwargs)
        # Here, because callers expect from here what goes wrong on the way to upstream.
        decide(self)

    def getresponse_decided(self: Any) -> Any:
        __tracebackhide__ = True
        decide(self)
        method, answer = self.__dict__.pop("_agentcache_decided", ("", None))
        if isinstance(answer, Fault) and answer.answer is None:
            _fail(self, answer)
        if isinstance(answer, (Response, Fault)):
            return _play(self, getresponse, answer, method)
        with DISPATCHER.pass_through():
            live = getresponse(self)
        return live if answer is None else _record(self, live, answer)

    def close_gathered(self: Any) -> None:
        for gathered in ("_agentcache_sent", "_agentcache_decided"):
            self.__dict__.pop(gathered, None)
        close(self)

    plain.request = request_decided
    plain.send, plain.getresponse, plain.close = send_later, getresponse_decided, close_gathered
    plain.connect, tls.connect = connect_later(plain.connect), connect_later(tls.connect)


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
    body = file.read()
    if headers.get("transfer-encoding").lower() == "chunked":
        body = _unchunked(body)
    url = target if target.startswith(("http://", "https://")) else origin + target
    return Request(method, url, headers, body)


def _unchunked(raw: bytes) -> bytes:
    file, body = io.BytesIO(raw), b""
    while size := int(file.readline().split(b";")[0] or b"0", 16):
        body += file.read(size)
        file.readline()
    return body


def _play(connection: Any, getresponse: Any, decision: Response | Fault, method: str) -> Any:
    fault = decision if isinstance(decision, Fault) else None
    # The connection reads its response from whatever its socket is at this moment, and keeps its
    # own account of what it may be asked next.
    real, connection.sock = connection.sock, as_socket(decision, method)
    cls = connection.response_class
    if fault is not None:
        connection.response_class = _breaking(cls, fault)
    try:
        return getresponse(connection)
    finally:
        connection.sock = real
        if fault is not None:
            connection.response_class = cls


def _fail(connection: Any, fault: Fault) -> NoReturn:
    pause(fault.lasts(_seconds(connection.timeout)))
    if fault.kind == "reset":
        connection.close()
    raise native(fault.cause(), fault)


def _seconds(timeout: Any) -> float | None:
    """The timeout of a connection, which may be the default of all sockets."""
    return timeout if isinstance(timeout, (int, float)) else socket.getdefaulttimeout()


def _breaking(cls: Any, fault: Fault) -> Any:
    """`cls`, whose errors tell of the fault that they come from."""

    def telling(read: Any) -> Any:
        def read_telling(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return read(self, *args, **kwargs)
            except Exception as error:
                native(error, fault)
                raise

        return read_telling

    names = ("peek", "read", "read1", "readinto", "readline")
    return type(cls.__name__, (cls,), {name: telling(getattr(cls, name)) for name in names})


def _record(connection: Any, live: Any, ask: Forward) -> Any:
    recording = ask.record(
        live.status, live.reason, Headers.of(live.headers.items()), framed=bool(live.chunked)
    )
    method = ask.request.method
    arriving = RecordedBody(recording, frames(live)).settle()
    source = message(
        method, live.status, live.reason, recording.shown, arriving, length=recording.length
    )
    shown = connection.response_class(WireSocket(source, live.close), method=method)
    shown.begin()
    # The connection may not ask again before this one is read, and closes it with itself.
    if connection._HTTPConnection__response is live:
        connection._HTTPConnection__response = shown
    return shown
