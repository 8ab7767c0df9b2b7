"""The guard of the network, as the clients see it."""

from __future__ import annotations

from typing import NoReturn, Protocol

from ..network import guard


class Guard(guard.Guard, Protocol):
    """The check of each connection and name look-up; see `clients.sockets`.

    Attributes:
        allowed: Hosts, host:port or globs that may be reached besides loopback.
    """

    allowed: tuple[str, ...]

    def allows(self, host: str, port: int | None) -> bool:
        """Return true if a connection to `host` is allowed."""
        ...

    def refuse(self, target: str) -> NoReturn:
        """Keep the miss of a connection to `target`, a host or host:port, and raise."""
