"""The network of a Python process that an offline run has started."""

from __future__ import annotations

import os
import sys

from . import sockets
from .closing import TEST, Closing, node_variables, patch_process_starts
from .rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ChildGuard:
    """The guard of a Python child, on the rules of its parent."""

    def __init__(self, closing: Closing) -> None:
        self._closing, self._rules = closing, Rules(closing.allowed)

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Report and refuse a connection or a look-up that is not allowed.

        Raises:
            ConnectionError: With the target and the remedy.
        """
        target = self._rules.refused(event, arguments)
        if target is None:
            return
        command = " ".join(getattr(sys, "orig_argv", None) or getattr(sys, "argv", None) or [])
        self._closing.report(target, os.getpid(), command, os.environ.get(TEST, ""))
        raise ConnectionError(
            f"connection to {target} refused by pytest-agentcache: the network is shut for the "
            "processes that an offline run starts. If they need this host, name it in "
            "agentcache_allowed_hosts"
        )

    def remember(self, host: Any, found: Any) -> None:
        """Note the addresses that the look-up of `host` returned."""
        self._rules.remember(host, found)


class ClosedChild:
    """This process, as the child of an offline run.

    Attributes:
        guard: Its guard; None once its own run of pytest has one.
        closing: What closes it, and the processes that it starts; None likewise.
    """

    def __init__(self, closing: Closing) -> None:
        self.guard: ChildGuard | None = ChildGuard(closing)
        self.closing: Closing | None = closing

    def hand_over(self) -> None:
        """Leave the network to an offline run of this process, such as that of xdist's worker."""
        if self.closing is not None:
            added = {**self.closing.proxy_variables(), **node_variables({})}
            for name, value in added.items():
                if os.environ.get(name) == value:
                    del os.environ[name]
        self.guard = self.closing = None


def close() -> ClosedChild | None:
    """Close the network of this process, and of those that it starts, if its environment says so.

    Returns:
        The closed process; None for one that stays open.
    """
    closing = Closing.of_process()
    if closing is None:
        return None
    child = ClosedChild(closing)
    sockets.install(lambda: child.guard)
    patch_process_starts(lambda: child.closing)
    return child
