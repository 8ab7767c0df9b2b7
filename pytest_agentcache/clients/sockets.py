"""The last line behind all clients: sockets and DNS blocked by an audit hook (PEP 578).

The hook sees every connection of Python's `socket` module, whichever library opens it and
however the function was imported. Libraries with sockets of their own in C (uvloop, grpc, libpq)
do not pass through it.
"""

from __future__ import annotations

import _socket
import ipaddress
import re
import socket
import sys
from collections.abc import Callable
from typing import Any

from ..errors import NetworkBlocked
from ..http.messages import Request
from ..replay.dispatcher import DISPATCHER, find_caller
from ..replay.misses import Miss, Sender
from ..settings.hosts import host_listed
from ..settings.settings import Settings
from ..settings.telemetry import is_ignored
from ..state import WRAPPED

_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKUPS = (
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.getnameinfo",
)
# The place of the address among the arguments of each method of a socket that takes one.
_WITH_ADDRESS = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}
_EVENTS = frozenset((*_CONNECTS, *_LOOKUPS))


def install() -> None:
    """Add the audit hook, which stays for the life of the process."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        # Python calls this for every audit event, so the common case returns at once.
        if event in _EVENTS and DISPATCHER.guard is not None:
            DISPATCHER.guard.check(event, arguments)

    sys.addaudithook(hook)
    patch_methods()
    _socket.socket = _checked(_socket.socket)  # type: ignore[misc]
    # `socket.getaddrinfo` looks up this function at each call, however it was imported.
    _socket.getaddrinfo = _remembering(_socket.getaddrinfo)
    socket.gethostbyname = _remembering(socket.gethostbyname)
    socket.gethostbyname_ex = _remembering(socket.gethostbyname_ex)


def patch_methods() -> None:
    """Check addresses before sockets look names up. Idempotent.

    Needed in front of each test: pytest-socket restores the methods that it found at its import.
    """
    for method, at in _WITH_ADDRESS.items():
        found = getattr(socket.socket, method)
        if WRAPPED.get(found) is None:
            setattr(socket.socket, method, _checking(found, at))


def _checked(raw: type[_socket.socket]) -> type[_socket.socket]:
    """Return the type of sockets in C with the same checks; its own methods cannot be replaced."""

    class Instances(type):
        # Sockets of `socket.socket` derive from the original.
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, raw)

    methods = {name: _checking(getattr(raw, name), at) for name, at in _WITH_ADDRESS.items()}
    made: Any = Instances(
        raw.__name__, (raw,), {"__module__": raw.__module__, "__slots__": (), **methods}
    )
    checked: type[_socket.socket] = made
    return checked


def _checking(method: Callable[..., Any], at: int) -> Callable[..., Any]:
    """Check an address before Python looks its name up, which happens before its audit hooks."""

    def method_checked(self: socket.socket, *arguments: Any) -> Any:
        if DISPATCHER.guard is not None and len(arguments) > at:
            DISPATCHER.guard.check("socket.connect", (self, arguments[at]))
        return method(self, *arguments)

    WRAPPED.set(method_checked, method)
    return method_checked


def _remembering(look_up: Callable[..., Any]) -> Callable[..., Any]:
    """Give the guard the addresses of an allowed name: sockets connect to addresses."""

    def look_up_remembered(host: Any, *arguments: Any, **keywords: Any) -> Any:
        found = look_up(host, *arguments, **keywords)
        if DISPATCHER.guard is not None:
            DISPATCHER.guard.remember(_name(host), found)
        return found

    return look_up_remembered


class SocketGuard:
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
        self._allowed, self._ignored = allowed, ignored
        self._mode, self._refused = mode, refused
        self._names: dict[str, set[str]] = {}

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise for a connection or a look-up that is not allowed.

        Raises:
            NetworkBlocked: An `OSError`, like any failed connection.
            MissError: Under `on_miss="raise"`.
        """
        host, port = _target(event, arguments)
        if host is None or self._allows(event, host, port):
            return
        shown = f"[{host}]" if ":" in host else host
        self._refuse(host if port is None else f"{shown}:{port}")

    def remember(self, host: str, found: Any) -> None:
        """Keep the addresses that the look-up of an allowed `host` returned."""
        if _is_address(host) or not self._may_look_up(host):
            return
        if isinstance(found, str):
            addresses = [found]
        elif isinstance(found, tuple):
            addresses = found[2]
        else:
            addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            self._names.setdefault(address, set()).add(host)

    def _allows(self, event: str, host: str, port: int | None) -> bool:
        if _is_local(host):
            return True
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            # Looking up an address sends nothing, and the connection to it is checked by itself.
            return _is_address(host) or self._may_look_up(host)
        if event in _LOOKUPS:
            return any(self._may_look_up(each) for each in (host, *self._names.get(host, ())))
        hosts = (host, *self._names.get(host, ()))
        return any(self.is_listed(each, port) for each in hosts)

    def is_listed(self, host: str, port: int | None) -> bool:
        """Return true if `host` may be reached on `port`; None for a look-up."""
        return host_listed(host, port, self._allowed)

    def _may_look_up(self, host: str) -> bool:
        # A host that is allowed on one port has to be looked up first, on any port.
        names = [re.sub(r"(?<=[^:]):[\d*?]+$", "", each) for each in self._allowed]
        return host_listed(host, None, names) or self.is_listed(host, None)

    def _refuse(self, target: str) -> None:
        caller = find_caller()
        responder = DISPATCHER.owner()
        request = Request("CONNECT", target)
        if is_ignored(
            f"//{target}", responder.settings.ignore_hosts if responder else self._ignored
        ):
            pass
        elif responder is None:
            self._refused(target, caller)
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


def _target(event: str, arguments: tuple[Any, ...]) -> tuple[str | None, int | None]:
    if event in _CONNECTS:
        family, address = arguments[0].family, arguments[1]
        # Unix sockets and the like do not leave the machine; sendto without an address
        # follows a connect that was checked.
        if family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return None, None
        return _name(address[0]), address[1]
    if event == "socket.getnameinfo":
        return _name(arguments[0][0]), None
    port = arguments[1] if event == "socket.getaddrinfo" else None
    return _name(arguments[0]), port if isinstance(port, int) and port else None


def _name(host: Any) -> str:
    text = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
    return str(text or "").rstrip(".").lower()


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_address(host: str) -> bool:
    return _address(host) is not None


def _is_local(host: str) -> bool:
    """Return true if `host` is this machine: loopback, any address, or its own name."""
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    own = socket.gethostname().lower()
    return host in ("", "localhost", own)
