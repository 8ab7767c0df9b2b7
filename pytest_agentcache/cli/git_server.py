"""The process that stays behind the first cassette of a `git diff` and writes the others.

git calls a program for each file. The first one has imported the package; it forks, and the copy
serves the rest of the diff on a socket that only this user can reach. It ends with git.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

# In seconds: how often the server looks whether git still runs.
_POLL = 0.2


def start(path: Path, write: Callable[[list[str]], bytes]) -> None:
    """Leave a server behind, unless this system has none or the socket cannot be made.

    Args:
        path: The socket, named by the process id of git.
        write: Returns the output for the arguments of one call.
    """
    try:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        # Before the fork, so that the next call cannot come too early.
        listener.listen()
        if os.fork():
            listener.close()
            return
    except (OSError, AttributeError):
        return
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            # The pager waits until no process has its pipe open.
            os.dup2(null, standard)
        _serve(listener, int(path.name), write)
    finally:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
        os._exit(0)


def _serve(listener: socket.socket, git: int, write: Callable[[list[str]], bytes]) -> None:
    listener.settimeout(_POLL)
    while _runs(git):
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            continue
        with connection, connection.makefile("rb") as request:
            words = [os.fsdecode(word) for word in request.read().split(b"\0")]
            # The last byte says that the output is complete. A client that does not get it runs
            # the command itself.
            connection.sendall(write(words) + b"\0")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True
