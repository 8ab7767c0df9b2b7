"""The guard of the network, as the clients see it."""

from __future__ import annotations

from typing import Protocol

from ..network import guard


class Guard(guard.Guard, Protocol):
    """The check of each connection and name look-up; see `clients.sockets`.

    Attributes:
        allowed: Hosts, host:port or globs that may be reached besides loopback.
    """

    allowed: tuple[str, ...]

    def check_host(self, host: str | bytes | None, port: object) -> None:
        """Raise for a connection to `host` that is not allowed, given by name or by address."""
