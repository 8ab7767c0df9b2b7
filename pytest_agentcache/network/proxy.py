"""The proxy of programs that are not Python: a process that refuses and reports every request.

It is no thread of pytest's process, where a later `os.fork` of a test would warn about it. It ends
with the run, whose end of a pipe is closed then.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from .closing import TEST, Closing
from .peers import command_line, process_at, variable
from .rules import PORTS

# Forked at once, it is no child of the process that starts it, which need not wait for the rest.
_START = """
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
sys.path.insert(0, sys.argv[1])
from {} import serve
serve()
"""
_LONGEST = 64 * 1024


class Proxy:
    """A proxy for the children of this process.

    Args:
        closing: What closes the children.

    Attributes:
        url: Its address.
    """

    def __init__(self, closing: Closing) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        reader, self._writer = os.pipe()
        folder, numbers = str(Path(__file__).parents[2]), (listener.fileno(), reader)
        command = [sys.executable, "-ISc", _START.format(__name__), folder, closing.log]
        for number in numbers:
            os.set_inheritable(number, True)
        silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]
        # Where it does not start, the port is closed, and requests are refused without a report.
        # A test may have replaced what is in `subprocess`.
        with suppress(OSError):
            words = [*command, *map(str, numbers)]
            os.waitpid(os.posix_spawn(words[0], words, os.environ, file_actions=silent), 0)
        listener.close()
        os.close(reader)

    def stop(self) -> None:
        """End its process."""
        os.close(self._writer)


def serve() -> None:
    """Serve in the process of the proxy."""
    log, *numbers = sys.argv[2:]
    listener, lifeline = socket.socket(fileno=int(numbers[0])), int(numbers[1])
    closing, server = Closing((), log), listener.getsockname()[1]
    watched: tuple[int, ...] = (listener.fileno(), lifeline)
    while lifeline not in select.select(watched, (), ())[0]:
        connection, (_, port) = listener.accept()
        arguments = (closing, connection, port, server)
        threading.Thread(target=_refuse, args=arguments, daemon=True).start()


def _refuse(closing: Closing, connection: socket.socket, port: int, server: int) -> None:
    with connection:
        connection.settimeout(30)
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _LONGEST:
            if not (received := connection.recv(4096)):
                break
            head += received
        if (target := _target(head)) is None:
            return
        pid = process_at(port, server)
        command, test = ("", None) if pid is None else (command_line(pid), variable(pid, TEST))
        closing.report(target, pid, command, test)
        connection.sendall(_response(target))


def _target(head: bytes) -> str | None:
    """Return the host and port that a request is for; None for something other than HTTP."""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3:
        return None
    if words[0] == "CONNECT":
        return words[1]
    scheme, found, rest = words[1].partition("://")
    if not found:
        return None
    host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    has_port = host.rpartition(":")[2].isdecimal() and not host.endswith("]")
    return host if has_port or scheme not in PORTS else f"{host}:{PORTS[scheme]}"


def _response(target: str) -> bytes:
    """Return a response like that to a miss, which is not worth a retry."""
    message = f"pytest-agentcache: the network is shut; CONNECT {target} was refused"
    error = {"type": "not_cached", "code": "agentcache_socket", "message": message, "param": None}
    body = json.dumps({"type": "error", "error": error}).encode()
    head = (
        "HTTP/1.1 504 Not Cached\r\nContent-Type: application/json\r\nX-Should-Retry: false\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
