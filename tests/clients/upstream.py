"""A real HTTP/1.1 server on loopback that answers what a test tells it to, and counts."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 20  # Seconds after which a server that nobody lets go on gives up.


@dataclass
class Answer:
    """A response to send.

    `body` in several pieces is sent piece by piece, each as a chunk under `framing="chunked"`.
    `framing` is `length`, `chunked`, `close` (ended by the connection) or `none`.
    """

    body: bytes | list[bytes] = b""
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    reason: str | None = None
    framing: str = "length"
    gate: threading.Event | None = None  # The last piece waits for it.
    breaks: bool = False  # The connection ends where the last piece should come.
    silent: threading.Event | None = None  # Nothing at all is sent before it is set.
    version: str = "HTTP/1.1"

    @property
    def pieces(self) -> list[bytes]:
        return self.body if isinstance(self.body, list) else [self.body]

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


@dataclass(frozen=True)
class Asked:
    """A request that the server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Upstream:
    """The server; `answers[path]` are given in turn, the last of them again and again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.tunnels: list[str] = []
        self._answers: dict[str, deque[Answer]] = defaultdict(deque)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def hits(self) -> int:
        return len(self.asked)

    def serve(self, path: str, *answers: Answer) -> str:
        """Answers `path` with `answers` from now on; gives its URL."""
        self._answers[path] = deque(answers)
        return self.url + path

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            answers = self._answers.get(asked.path.partition("?")[0])
            if not answers:
                return Answer(b"no such path", 404)
            return answers[0] if len(answers) == 1 else answers.popleft()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def secure(self, context: ssl.SSLContext) -> None:
        """From now on it speaks HTTPS."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")

    def stop(self) -> None:
        """From now on nobody answers here, on old connections neither. Idempotent."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    upstream: Upstream
    request_queue_size = 128
    # Joined when the server closes, so no thread of one test runs into the next.
    daemon_threads = False

    def handle_error(self, request, client_address):
        """Clients of these tests hang up when they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the answers to requests in two packets wait for delayed acknowledgements.
    disable_nagle_algorithm = True
    server: _Server

    def setup(self):
        super().setup()
        self.server.upstream.opened(self.connection)

    def finish(self):
        super().finish()
        self.server.upstream.closed(self.connection)

    def do_CONNECT(self):
        self.server.upstream.tunnels.append(self.path)
        self.send_error(502, "No way on")

    def _do(self):
        asked = Asked(self.command, self.path, dict(self.headers.items()), self._body())
        answer = self.server.upstream.answer(asked)
        if answer.silent is not None and not answer.silent.wait(PATIENCE):
            return
        self.protocol_version = answer.version
        self.send_response(answer.status, answer.reason)
        for name, value in answer.headers:
            self.send_header(name, value)
        bodiless = self.command == "HEAD" or answer.status in (204, 304)
        if answer.framing == "length" and answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.content)))
        elif answer.framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.framing == "close":
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if not bodiless:
            self._send(answer)

    def _send(self, answer: Answer):
        pieces = answer.pieces
        for at, piece in enumerate(pieces):
            if at == len(pieces) - 1:
                if answer.gate is not None and not answer.gate.wait(PATIENCE):
                    answer.breaks = True
                if answer.breaks:
                    self.close_connection = True
                    return
            self.wfile.write(
                b"%x\r\n%b\r\n" % (len(piece), piece)
                if answer.framing == "chunked" and piece
                else piece
            )
            self.wfile.flush()
        if answer.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_):
        pass


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler._do)
