"""The process at the other end of a connection, as far as the system says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
# 127.0.0.1, as /proc/net/tcp writes it: in the byte order of the machine.
_LOOPBACK = f"{int.from_bytes(bytes((127, 0, 0, 1)), 'little'):08X}"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Process:
    """Another process that sent a request.

    Attributes:
        pid: Its process id; None where the system does not say.
        command: Its command line; empty where the system does not say.
    """

    pid: int | None = None
    command: str = ""

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"process {self.pid}" + (f" ({self.command})" if self.command else "")

    @property
    def phrase(self) -> str:
        """What follows "sent"."""
        return f"by {self}"


def sender_at(port: int, server: int) -> Process:
    """Return the process whose connection leads from `port` to the port `server` on loopback.

    It is found in `/proc` (Linux); elsewhere it is unknown.
    """
    if (inode := _inode(port, server)) is None:
        return Process()
    link = f"socket:[{inode}]"
    for process in _PROC.iterdir():
        # Processes end meanwhile, and those of other users may not be read.
        with suppress(OSError):
            if process.name.isdecimal() and _holds(process, link):
                words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                command = b" ".join(words).decode("utf-8", "replace")
                return Process(int(process.name), command[:_LONGEST])
    return Process()


def _holds(process: Path, link: str) -> bool:
    return any(str(each.readlink()) == link for each in (process / "fd").iterdir())


def _inode(port: int, server: int) -> str | None:
    ends = [f"{_LOOPBACK}:{each:04X}" for each in (port, server)]
    with suppress(OSError):
        for line in (_PROC / "net" / "tcp").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1:3] == ends:
                return fields[9]
    return None
