"""The network guard of `block_network`, whose hosts are regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...clients.sockets import SocketGuard
from ...errors import NetworkBlocked


class BlockedError(NetworkBlocked, RuntimeError):
    """A connection that `block_network` refuses; pytest-recording raises a `RuntimeError`."""

    def __init__(self, target: str, why: str) -> None:
        super().__init__(target, why)
        host = target.rpartition(":")[0] or target
        self.args = (f"Network is disabled for host {host.strip('[]')!r}: {self.args[0]}",)


class BlockingGuard(SocketGuard):
    """A guard that allows loopback, named hosts, and hosts that match a regular expression.

    Args:
        patterns: Regular expressions that match from the start of a host or an address.
        allowed: Hosts, host:port or globs.
        mode: The mode of the test.
    """

    error = BlockedError

    def __init__(self, patterns: Iterable[str], allowed: tuple[str, ...], mode: str) -> None:
        # The error itself is the report, as with pytest-recording.
        super().__init__(allowed, mode, lambda target, caller: None)
        self._patterns = [re.compile(pattern) for pattern in patterns]

    def is_listed(self, host: str, port: int | None) -> bool:
        """Return true if `host` may be reached."""
        return super().is_listed(host, port) or any(each.match(host) for each in self._patterns)
