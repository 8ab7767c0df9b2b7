"""The program that git calls for each cassette of a diff; run as a script, without the package.

git starts a process per file, and importing the package takes most of its time. So the first
process of a `git diff` stays behind as a server, and this script passes the others on to it:
see `git_server`. Without a server, it becomes `agentcache git-diff`.
"""

from __future__ import annotations

# `socket` itself takes longer to import than all the rest.
import _socket
import os
import stat
import sys

SOCKET = "AGENTCACHE_GIT_SOCKET"


def main(git: str, *words: str) -> None:
    """Write the changes of one cassette.

    Args:
        git: The process id of git, which names the socket.
        words: The arguments of `agentcache git-diff`.
    """
    path = _path(git)
    try:
        done = _from_server(path, words)
    except OSError:
        done = None
    if done is None:
        program = [sys.executable, "-P", "-m", "pytest_agentcache", "git-diff", *words]
        os.execve(sys.executable, program, {**os.environ, SOCKET: path})  # noqa: S606
    try:
        sys.stdout.buffer.write(done)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The user left the pager. A failing program would end `git diff` with an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _path(git: str) -> str:
    """Return the path of the socket; empty if others could write to its folder."""
    folder = f"{os.environ.get('TMPDIR') or '/tmp'}/agentcache-{os.getuid()}"  # noqa: S108
    try:
        if not os.path.lexists(folder):
            os.mkdir(folder, 0o700)  # noqa: PTH102 - `pathlib` takes too long to import
        found = os.lstat(folder)
    except OSError:
        return ""
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return f"{folder}/{git}" if mine and not found.st_mode & 0o077 else ""


def _from_server(path: str, words: tuple[str, ...]) -> bytes | None:
    """Return the output of the server; None without a server, or if it failed."""
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(path)
    request = b"\0".join(map(os.fsencode, words))
    while request:
        request = request[connection.send(request) :]
    connection.shutdown(_socket.SHUT_WR)
    pieces = []
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
    output = b"".join(pieces)
    return output[:-1] if output.endswith(b"\0") else None


if __name__ == "__main__":
    main(*sys.argv[1:])
