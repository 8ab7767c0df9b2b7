"""The last line behind all clients: sockets and DNS blocked, whichever library opens them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import NetworkBlocked
from ..http.messages import Request
from ..network import sockets
from ..network.rules import Rules
from ..replay.dispatcher import DISPATCHER, find_caller
from ..replay.guard import Guard
from ..replay.misses import Miss, Sender
from ..settings.settings import Settings
from ..settings.telemetry import is_ignored


def _find_guard() -> Guard | None:
    return DISPATCHER.guard


def install() -> None:
    """Patch the sockets of Python for the life of the process. Called once."""
    sockets.install(_find_guard)


def patch_methods() -> None:
    """Patch their methods again if another plugin has restored them. Idempotent."""
    sockets.patch_methods(_find_guard)


class SocketGuard(Rules):
    """A guard that allows loopback, Unix sockets and named hosts, and refuses the rest.

    Args:
        allowed: Hosts, host:port or globs that may be reached besides loopback.
        mode: The mode that blocks the network, for the error.
        refused: Called for each refusal that does not belong to a test on a cassette.
        ignored: The setting `ignore_hosts`: refusals of these hosts are not misses.
    """

    error = NetworkBlocked

    def __init__(
        self,
        allowed: tuple[str, ...],
        mode: str,
        refused: Callable[[str, Sender | None], None],
        ignored: tuple[str, ...] = (),
    ) -> None:
        super().__init__(allowed)
        self._ignored, self._mode, self._on_refusal = ignored, mode, refused

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise for a connection or a look-up that is not allowed.

        Raises:
            NetworkBlocked: An `OSError`, like any failed connection.
            MissError: Under `on_miss="raise"`.
        """
        if target := self.refused(event, arguments):
            self._refuse(target)

    def check_host(self, host: str | bytes | None, port: object) -> None:
        """Raise for a connection to `host` that is not allowed, given by name or by address.

        Raises:
            NetworkBlocked: An `OSError`, like any failed connection.
            MissError: Under `on_miss="raise"`.
        """
        if target := self.refused_host(host, port):
            self._refuse(target)

    def _refuse(self, target: str) -> None:
        caller = find_caller()
        responder = DISPATCHER.owner()
        request = Request("CONNECT", target)
        if is_ignored(
            f"//{target}", responder.settings.ignore_hosts if responder else self._ignored
        ):
            pass
        elif responder is None:
            self._on_refusal(target, caller)
        elif responder.closed:
            DISPATCHER.late_misses.append(Miss(request, "late", caller))
        else:
            responder.miss(request, "socket", caller)
        raise self.error(
            target,
            f"the network is shut in {self._mode} mode. Record the request through a client that "
            "pytest-agentcache knows, or name the host in agentcache_allowed_hosts",
        )


def guard_for(
    settings: Settings, refused: Callable[[str, Sender | None], None] = lambda target, caller: None
) -> SocketGuard:
    """Return the guard for a test or a run with `settings`."""
    allowed = (*settings.allowed_hosts, *settings.passthrough)
    return SocketGuard(allowed, settings.mode, refused, settings.ignore_hosts)
