"""The process at the other end of a connection, as far as the system says."""

from __future__ import annotations

from dataclasses import dataclass

from ..network.peers import command_line, process_at

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
        """The words that follow "sent"."""
        return f"by {self}"


def process_of(pid: int, command: str) -> Process:
    """Return a process with its command line on one line, and cut if it is long."""
    return Process(pid, " ".join(command.split())[:_LONGEST])


def sender_at(port: int, server: int) -> Process:
    """Return the process whose connection leads from `port` to the port `server` on loopback.

    It is found on Linux; elsewhere it is unknown.
    """
    pid = process_at(port, server)
    return Process() if pid is None else process_of(pid, command_line(pid))
