"""What stands behind all edges: sockets and DNS shut by an audit hook (PEP 578).

The hook sees every connection that goes through Python's `socket` module, whoever opens it and
however the function was imported. Libraries with sockets of their own in C (uvloop, grpc, libpq)
do not pass through it.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from ..errors import NetworkBlocked
from ..interaction import Request
from ..responder import LOOPBACK, Caller, host_listed
from .switchboard import SWITCHBOARD, find_caller

_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_EVENTS = frozenset((*_CONNECTS, *_LOOKUPS))


def install() -> None:
    """Adds the audit hook, which stays for the life of the process."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        # Python calls this for every event there is, so the common case leaves at once.
        if event in _EVENTS and SWITCHBOARD.guard is not None:
            SWITCHBOARD.guard.check(event, arguments)

    sys.addaudithook(hook)


class SocketGuard:
    """Lets loopback, Unix sockets and named hosts through and refuses the rest.

    Args:
        allowed: Hosts, host:port or globs that may be reached besides loopback.
        mode: The mode that shuts the network, for the error.
        refused: Told of each refusal that no test on a cassette answers for.
    """

    def __init__(
        self, allowed: tuple[str, ...], mode: str, refused: Callable[[str, Caller | None], None]
    ) -> None:
        self._allowed = (*LOOPBACK, *allowed)
        self._mode, self._refused = mode, refused
        self._addresses: set[str] = set()
        self._thread = threading.local()

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raises for what is not allowed.

        Raises:
            NetworkBlocked: As the failed connection that it is.
            MissError: Under `on_miss="raise"`.
        """
        if getattr(self._thread, "resolving", False):
            return
        host, port = self._target(event, arguments)
        if host is None or self._allows(event, host, port):
            return
        self._refuse(host if port is None else f"{host}:{port}")

    def _target(self, event: str, arguments: tuple[Any, ...]) -> tuple[str | None, int | None]:
        if event in _CONNECTS:
            family, address = arguments[0].family, arguments[1]
            # Unix sockets and the like do not leave the machine; sendto without an address
            # follows a connect that was checked.
            if family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
                return None, None
            return _name(address[0]), address[1]
        port = arguments[1] if event == "socket.getaddrinfo" else None
        return _name(arguments[0]), port if isinstance(port, int) and port else None

    def _allows(self, event: str, host: str, port: int | None) -> bool:
        if not host or host_listed(host, port, self._allowed) or host in self._addresses:
            if event == "socket.getaddrinfo" and host and not _is_address(host):
                self._remember(host)
            return True
        # Looking up an address asks nobody; connecting to it is checked by itself.
        return event in _LOOKUPS and _is_address(host)

    def _remember(self, host: str) -> None:
        """An allowed name stands for its addresses, which is what a socket connects to."""
        self._thread.resolving = True
        try:
            self._addresses.update(str(found[4][0]) for found in socket.getaddrinfo(host, None))
        except OSError:
            pass
        finally:
            self._thread.resolving = False

    def _refuse(self, target: str) -> None:
        caller = find_caller()
        responder = SWITCHBOARD.owner()
        if responder is not None and not responder.closed:
            responder.miss(Request("CONNECT", target), "socket", caller)
        else:
            self._refused(target, caller)
        raise NetworkBlocked(
            target,
            f"the network is shut in {self._mode} mode. Record the request through a client that "
            "pytest-agentcache knows, or name the host in agentcache_allowed_hosts",
        )


def _name(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return False
    return True
