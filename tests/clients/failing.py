"""Servers on loopback at which things really go wrong."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .certificate import load_into

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def refusing() -> Iterator[str]:
    """A port at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}/it"


@contextmanager
def full() -> Iterator[str]:
    """A server that has no room for one more connection: nobody answers the first packet."""
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            filling = stack.enter_context(socket.socket())
            filling.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filling.connect(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/it"


@contextmanager
def serving(
    handle: Callable[[socket.socket], None], scheme: str = "http", host: str = "127.0.0.1"
) -> Iterator[str]:
    """A server that does one thing with each connection."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    handle(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"{scheme}://{host}:{listening.getsockname()[1]}/it"
        finally:
            # Closing alone wakes nobody who waits in `accept`.
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def resetting() -> contextlib.AbstractContextManager[str]:
    """A server that takes a request and resets the connection."""

    def reset(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return serving(reset)


def untrusted() -> contextlib.AbstractContextManager[str]:
    """A server whose certificate nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_into(context)

    def shake_hands(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)

    return serving(shake_hands, "https", "localhost")


def silent() -> contextlib.AbstractContextManager[str]:
    """A server that takes a request and says nothing, until the client gives up."""

    def wait(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    return serving(wait)


def breaking(framing: bytes, part: bytes) -> contextlib.AbstractContextManager[str]:
    """A server that sends a part of its answer and goes away."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(HEAD + framing + b"\r\n\r\n" + part)

    return serving(answer)
