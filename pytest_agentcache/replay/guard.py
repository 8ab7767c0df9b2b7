"""The guard of the network, as `replay` sees it."""

from __future__ import annotations

from typing import Any, Protocol


class Guard(Protocol):
    """The check of each connection and name look-up; see `clients.sockets`."""

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise for a connection or a look-up that is not allowed."""

    def remember(self, host: str, found: Any) -> None:
        """Note the addresses that the look-up of `host` returned."""
