"""One connection of another process: its requests are requests of the test."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from ..errors import AgentCacheError, MissError, NeverAnsweredError
from ..http.framing import is_bodiless
from ..http.messages import Headers, Request, Response
from ..http.wire import frames, message, read_chunked, response_bytes

_TARGET = re.compile(r"/?(?P<scheme>https?):/+(?P<rest>[^/?#].*)", re.DOTALL)
MISSES = "/_agentcache/misses"
"""The path at which the server itself returns the misses so far."""
# The first byte of a TLS connection (RFC 8446, section 5.1).
_HANDSHAKE = b"\x16"


class Connection(BaseHTTPRequestHandler):
    """The requests that arrive on one connection, in turn.

    Args:
        connection: The accepted socket, or the TLS inside a tunnel.
        peer: The port of its other end.
        server: The `Server` that accepted it.
        origin: The scheme and host to which a tunnel leads; empty without one.
    """

    protocol_version = "HTTP/1.1"
    server: Any

    def __init__(self, connection: socket.socket, peer: int, server: Any, origin: str = "") -> None:
        self._peer, self._origin = peer, origin
        super().__init__(connection, ("127.0.0.1", peer), server)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Write nothing: the output belongs to the tests."""

    def handle_one_request(self) -> None:
        """Read one request, and send the response to it."""
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        if self.command == "CONNECT":
            self._tunnel()
            return
        if self.path.removeprefix(self.server.url) == MISSES:
            self._send_json(200, {"misses": self.server.test.misses()})
            return
        try:
            request = self._request()
        except ValueError as error:
            self._send_error(400, str(error))
        else:
            with self.server.sending(self._peer):
                self._respond(request)

    def _request(self) -> Request:
        """Return the request to upstream.

        Raises:
            ValueError: If it names no upstream, or its body is not framed as it says.
        """
        target = self._origin + self.path if self._origin else self.path
        target = target.removeprefix(self.server.url)
        found = _TARGET.fullmatch(target)
        if found is None and self.server.default:
            found = _TARGET.fullmatch(self.server.default.rstrip("/") + target)
        if found is None:
            raise ValueError(
                f"{self.path} names no upstream. Use {self.server.url}/https://HOST/PATH, as "
                "agentcache.serve().base('https://HOST/PATH') returns it"
            )
        url = f"{found['scheme']}://{found['rest']}"
        headers = Headers.of(self.headers.items())
        host = urlsplit(url).netloc.rpartition("@")[2]
        named = tuple((name, host if name == "host" else value) for name, value in headers)
        return Request(self.command, url, Headers(named, headers.unusual), self._body())

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower().endswith("chunked"):
            return read_chunked(self.rfile)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _respond(self, request: Request) -> None:
        from urllib3.exceptions import HTTPError, NewConnectionError
        from urllib3.exceptions import TimeoutError as TimedOut

        try:
            live = self.server.upstream.send(request)
        except NewConnectionError:
            # To urllib3 it is a kind of timeout.
            self._reset()
        except (NeverAnsweredError, TimedOut, TimeoutError):
            self._stay_silent()
        except AgentCacheError as error:
            self._send_error(500, str(error))
        except (HTTPError, OSError):
            self._reset()
        except MissError as error:
            # The test fails for it at its end; here it would only end a thread.
            self._send_error(504, str(error))
        except Exception as error:  # noqa: BLE001 - of a hook of the user, whose test fails for it
            self._send_error(500, f"{type(error).__name__}: {error}")
        else:
            self._pass_on(request.method, live)

    def _pass_on(self, method: str, live: Any) -> None:
        """Send the response as it arrives."""
        below, fields = live._original_response, list(live.headers.items())
        size = None if below.chunked else 0
        sized = "content-length" in live.headers or is_bodiless(method, live.status)
        if below.chunked and self.request_version == "HTTP/1.0":
            fields = [each for each in fields if each[0].lower() != "transfer-encoding"]
            size, sized = 0, False
        if not (sized or size is None):
            # The end of the connection is the end of the body.
            self.close_connection = True
            fields.append(("connection", "close"))
        arriving = self._arriving(below)
        try:
            self._write(
                message(method, live.status, live.reason or "", fields, arriving, length=size)
            )
        except (http.client.HTTPException, OSError):
            self._reset()
        finally:
            live.close()

    def _arriving(self, below: Any) -> Iterator[bytes]:
        try:
            yield from frames(below)
        except http.client.IncompleteRead:
            # The connection closes where the body breaks off.
            self.close_connection = True
            raise

    def _send(self, response: Response) -> None:
        self._write(response_bytes(response, self.command))

    def _send_error(self, status: int, text: str) -> None:
        self.close_connection = True
        self._send_json(status, {"error": {"message": f"pytest-agentcache: {text}"}})

    def _send_json(self, status: int, content: Any) -> None:
        headers = Headers((("content-type", "application/json"), ("x-should-retry", "false")))
        body, reason = json.dumps(content).encode(), http.client.responses[status]
        self._send(Response(status, headers, body, reason))

    def _write(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self.connection.sendall(part)

    def _stay_silent(self) -> None:
        """Send nothing until the other end gives up, or the test ends."""
        self.close_connection = True
        with suppress(OSError):
            while self.connection.recv(65536):
                pass

    def _reset(self) -> None:
        self.close_connection = True
        # To linger for no time sends RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _tunnel(self) -> None:
        """Serve what a client sends to the host to which it wants a tunnel."""
        self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if self.connection.recv(1, socket.MSG_PEEK) != _HANDSHAKE:
            self._inside(self.connection, "http", ":80")
        else:
            self.server.secure(
                self.connection,
                self.path,
                self._peer,
                lambda inside: self._inside(inside, "https", ":443"),
            )

    def _inside(self, connection: socket.socket, scheme: str, standard: str) -> None:
        origin = f"{scheme}://{self.path.removesuffix(standard)}"
        Connection(connection, self._peer, self.server, origin)
