"""The guard of a closed network, as the patches of the sockets see it."""

from __future__ import annotations

from typing import Any, Protocol


class Guard(Protocol):
    """The check of each connection and name look-up."""

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise for a connection or a look-up that is not allowed."""

    def remember(self, host: Any, found: Any) -> None:
        """Note the addresses that the look-up of `host` returned."""
