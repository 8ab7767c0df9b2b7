"""The server: what arrives over TCP is sent on by a client of the test."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import SettingsError
from .authority import Authority
from .connection import Connection
from .sender import Process, sender_at
from .upstream import Upstream

_HOST = "127.0.0.1"
# The variables of SDKs, and where they lead to without them.
_BASES = {
    "ANTHROPIC_BASE_URL": "https://api.anthropic.com",
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
}
# For a Node.js that does not know NODE_USE_ENV_PROXY.
_PRELOAD = Path(__file__).with_name("preload.cjs")


class Server:
    """The cassette of a test on a port of this machine, for other processes and languages.

    Whatever arrives is a request of the test: it is recorded, replayed, redacted and missed like
    one that the test sends itself. The server ends with the test.

    Args:
        acting_for: Returns a context in which a thread sends requests for the process that the
            given function finds.
        untrusted: Called with the host and the process where it does not trust the certificate.
        port: The port; 0 for one that is free.

    Attributes:
        port: The port.
        upstream: Sends the requests.
        authority: Signs the certificates for HTTPS; None without the extra `serve`.

    Raises:
        SettingsError: If the port is in use.
    """

    def __init__(
        self,
        acting_for: Callable[[Callable[[], Process]], AbstractContextManager[None]],
        untrusted: Callable[[str, Process], None],
        port: int = 0,
    ) -> None:
        self._acting_for, self._untrusted = acting_for, untrusted
        self._open: set[socket.socket] = set()
        self._workers: set[threading.Thread] = set()
        self._lock, self._closed = threading.Lock(), False
        self.upstream = Upstream()
        try:
            self._listener = socket.create_server((_HOST, port), backlog=256)
        except OSError as error:
            raise SettingsError(
                f"agentcache.serve(port={port}): {error.strerror}. Leave the port out to get a "
                "free one, or end the process that uses it"
            ) from None
        self.authority: Authority | None = None
        with suppress(ImportError):
            self.authority = Authority()
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="agentcache-serve", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL of the server itself, `http://127.0.0.1:PORT`; also that of its proxy."""
        return f"http://{_HOST}:{self.port}"

    def base(self, url: str) -> str:
        """Return the base URL by which a client reaches `url` through this server.

        Args:
            url: The base URL of the API, such as `https://api.openai.com/v1`.

        Raises:
            SettingsError: If it is no absolute URL of HTTP.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(
                f"base({url!r}): must be an absolute URL, such as 'https://api.openai.com/v1'"
            )
        return f"{self.url}/{url}"

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead a child process here, to be added to its environment.

        They name a proxy for HTTP and HTTPS, a certificate authority for it (with the extra
        `serve`), and the base URLs of OpenAI and Anthropic.
        """
        bases = {
            name: self.base(os.environ.get(name) or standard) for name, standard in _BASES.items()
        }
        proxies = {"HTTP_PROXY": self.url, "HTTPS_PROXY": self.url, "NO_PROXY": ""}
        both = proxies | {name.lower(): value for name, value in proxies.items()}
        trusted = self.authority.variables() if self.authority else {}
        options = os.environ.get("NODE_OPTIONS", "")
        node = {
            "NODE_USE_ENV_PROXY": "1",
            "NODE_OPTIONS": f"{options} --require {json.dumps(str(_PRELOAD))}".lstrip(),
        }
        return bases | both | trusted | node

    def close(self) -> None:
        """Close the port and all connections, and wait for their threads."""
        self._closed = True
        # This wakes `accept`, on every system.
        with suppress(OSError), socket.create_connection((_HOST, self.port), timeout=5):
            pass
        self._thread.join()
        self._listener.close()
        with self._lock:
            workers, connections = list(self._workers), list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for worker in workers:
            # One that waits for upstream ends by itself.
            worker.join(1)
        self.upstream.close()
        if self.authority is not None:
            self.authority.close()

    def acting_for(self, peer: int) -> AbstractContextManager[None]:
        """Return a context in which this thread sends requests of the process at port `peer`."""
        return self._acting_for(lambda: sender_at(peer, self.port))

    def secure(
        self,
        connection: socket.socket,
        address: str,
        peer: int,
        handle: Callable[[ssl.SSLSocket], None],
    ) -> None:
        """Handle the TLS of a connection to what is taken for the server at `address`.

        Args:
            connection: The connection.
            address: The address, HOST:PORT.
            peer: The port of the process at the other end, which may refuse the certificate.
            handle: Called with the TLS.
        """
        host = address.rpartition(":")[0].strip("[]")
        if self.authority is None:
            self._untrusted(address, sender_at(peer, self.port))
            return
        # A process that refuses a certificate is gone soon after.
        process = Process() if self.authority.knows(host) else sender_at(peer, self.port)
        try:
            inside = self.authority.context(host).wrap_socket(connection, server_side=True)
            with self.tracking(inside):
                handle(inside)
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):
                self._untrusted(address, process)

    @contextmanager
    def tracking(self, connection: socket.socket) -> Iterator[None]:
        """Close `connection` with the server, or at the end of the block."""
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _accept(self) -> None:
        while True:
            connection, (_, peer) = self._listener.accept()
            if self._closed:
                connection.close()
                return
            worker = threading.Thread(target=self._serve, args=(connection, peer), daemon=True)
            with self._lock:
                self._workers.add(worker)
            worker.start()

    def _serve(self, connection: socket.socket, peer: int) -> None:
        # The other end may leave at any time.
        with self.tracking(connection), suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Connection(connection, peer, self)
        with self._lock:
            self._workers.discard(threading.current_thread())
