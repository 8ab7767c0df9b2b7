"""The server: what arrives over TCP is sent on by a client of the test."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol
from urllib.parse import urlsplit

from ..errors import SettingsError
from ..network.closing import node_variables, proxy_variables
from .authority import Authority
from .connection import Connection
from .sender import Process, sender_at
from .upstream import Upstream

LOOPBACK, _ANY = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only where the user asks for it
# The variables of SDKs, and where they lead to without them.
_BASES = {
    "ANTHROPIC_BASE_URL": "https://api.anthropic.com",
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
}


class Test(Protocol):
    """The test to which the requests belong; see `replay.served`."""

    def sending(self, find_process: Callable[[], Process]) -> AbstractContextManager[None]:
        """Return a context in which a thread sends requests for the process that is found."""
        ...

    def untrusted(self, address: str, process: Process) -> None:
        """Note that a process does not trust the server to be the one at `address`."""

    def misses(self) -> list[dict[str, Any]]:
        """Return the misses so far, as JSON."""
        ...


class Server:
    """The cassette of a test on a port of this machine, for other processes and languages.

    Each request that arrives is one of the test: it is recorded, replayed, redacted and missed
    like one that the test sends itself. The server ends with the test.

    Args:
        test: The test whose requests these are.
        host: The address to listen on.
        port: The port; 0 for one that is free.
        default: The base URL for requests that name no upstream; empty for an error.

    Attributes:
        port: The port.
        default: As above.
        upstream: Sends the requests.

    Raises:
        SettingsError: If the address is in use, or the base URL is not absolute.
    """

    def __init__(self, test: Test, host: str = LOOPBACK, port: int = 0, default: str = "") -> None:
        self.test, self.default = test, default and _checked(default, "upstream=")
        self._open: set[socket.socket] = set()
        self._workers: set[threading.Thread] = set()
        self._lock, self._closed = threading.Lock(), False
        self.upstream = Upstream()
        try:
            self._listener = socket.create_server((host, port), backlog=256)
        except OSError as error:
            raise SettingsError(
                f"serve on {host}:{port}: {error.strerror}. Leave the port out to get a free one, "
                "or end the process that uses it"
            ) from None
        self._authority: Authority | None = None
        self._host = LOOPBACK if host == _ANY else host
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="agentcache-serve", daemon=True)
        self._thread.start()

    @property
    def authority(self) -> Authority | None:
        """The signer of the certificates for HTTPS; None without the extra `serve`.

        Made when it is needed first: clients with a base URL need none.
        """
        with self._lock, suppress(ImportError):
            self._authority = self._authority or Authority()
        return self._authority

    @property
    def url(self) -> str:
        """The URL of the server itself, `http://127.0.0.1:PORT`; also that of its proxy."""
        return f"http://{self._host}:{self.port}"

    def base(self, url: str) -> str:
        """Return the base URL by which a client reaches `url` through this server.

        Args:
            url: The base URL of the API, such as `https://api.openai.com/v1`.

        Raises:
            SettingsError: If it is not an absolute URL of HTTP.
        """
        return f"{self.url}/{_checked(url, 'base')}"

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead a child process here, to be added to its environment.

        They name a proxy for HTTP and HTTPS, a certificate authority for it (with the extra
        `serve`), and the base URLs of OpenAI and Anthropic.
        """
        return self.variables(os.environ)

    def variables(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the variables to add to the environment `given`."""
        bases = {name: given.get(name) or standard for name, standard in _BASES.items()}
        led = {
            name: url if url.startswith(self.url) else self.base(url) for name, url in bases.items()
        }
        authority = self.authority
        trusted = authority.variables() if authority else {}
        return led | proxy_variables(self.url, "") | trusted | node_variables(given)

    def close(self) -> None:
        """Close the port and all connections, and wait for their threads."""
        self._closed = True
        # This wakes `accept`, on every system.
        with suppress(OSError), socket.create_connection((self._host, self.port), 5):
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
        if self._authority is not None:
            self._authority.close()

    def sending(self, peer: int) -> AbstractContextManager[None]:
        """Return a context in which this thread sends requests of the process at port `peer`."""
        return self.test.sending(lambda: sender_at(peer, self.port))

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
        if (authority := self.authority) is None:
            self.test.untrusted(address, sender_at(peer, self.port))
            return
        # A process that refuses a certificate is gone soon after.
        process = Process() if authority.knows(host) else sender_at(peer, self.port)
        try:
            inside = authority.context(host).wrap_socket(connection, server_side=True)
            with self.tracking(inside):
                handle(inside)
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):
                self.test.untrusted(address, process)

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


def _checked(url: str, where: str) -> str:
    """Return `url`.

    Raises:
        SettingsError: If it is no absolute URL of HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(
            f"serve: {where} {url!r} must be an absolute URL, such as 'https://api.openai.com/v1'"
        )
    return url
