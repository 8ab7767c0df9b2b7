"""The rules of a closed network: loopback, Unix sockets and named hosts stay open."""

from __future__ import annotations

import _socket

# Importing `typing` would take longer than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ipaddress
    from collections.abc import Iterable
    from typing import Any

_WITH_ADDRESS = ("socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKUPS = (
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.getnameinfo",
)
PORTS = {"http": 80, "https": 443, "ftp": 21}
"""The standard ports of schemes."""
EVENTS = frozenset((*_WITH_ADDRESS, *_LOOKUPS))
"""The audit events of Python that lead out of the machine."""


class Rules:
    """The rules for connections and look-ups.

    Args:
        allowed: Hosts, host:port or globs that may be reached besides loopback.
    """

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        self._names: dict[str, set[str]] = {}

    def refused(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        """Return the target of an audit event that is not allowed, a host or host:port."""
        host, port = _target(event, arguments)
        if host is None or self._allows(event, host, port):
            return None
        return host_and_port(host, port)

    def refused_host(self, host: Any, port: object) -> str | None:
        """Return the target of a connection that is not allowed, given by name or by address."""
        name, number = _name(host), port if isinstance(port, int) else None
        if self._allows("socket.connect", name, number):
            return None
        return host_and_port(name, number)

    def remember(self, host: Any, found: Any) -> None:
        """Keep the addresses that the look-up of an allowed `host` returned."""
        name = _name(host)
        if _is_address(name) or not self._may_look_up(name):
            return
        if isinstance(found, str):
            addresses = [found]
        elif isinstance(found, tuple):
            addresses = found[2]
        else:
            addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            self._names.setdefault(address, set()).add(name)

    def _allows(self, event: str, host: str, port: int | None) -> bool:
        if is_local(host):
            return True
        if event in ("socket.bind", "socket.getaddrinfo", "socket.gethostbyname"):
            # Looking up an address sends nothing, and the connection to it is checked by itself.
            # What is bound is an address of this machine, but its name is looked up.
            return _is_address(host) or self._may_look_up(host)
        if event in _LOOKUPS:
            return any(self._may_look_up(each) for each in (host, *self._names.get(host, ())))
        hosts = (host, *self._names.get(host, ()))
        return any(self.is_listed(each, port) for each in hosts)

    def is_listed(self, host: str, port: int | None) -> bool:
        """Return true if `host` may be reached on `port`; None for a look-up."""
        return host_listed(host, port, self.allowed)

    def _may_look_up(self, host: str) -> bool:
        import re

        # A host that is allowed on one port has to be looked up first, on any port.
        names = [re.sub(r"(?<=[^:]):[\d*?]+$", "", each) for each in self.allowed]
        return host_listed(host, None, names) or self.is_listed(host, None)


def host_listed(host: str, port: int | None, listed: Iterable[str]) -> bool:
    """Return true if `host` (with `port`) matches one of `listed`: host, host:port or glob."""
    from fnmatch import fnmatchcase

    host = host.strip("[]").lower()
    # Brackets are no glob where they hold an IPv6 address.
    names = {host, f"[{host}]"} | ({f"{host}:{port}", f"[{host}]:{port}"} if port else set())
    globs = [each.lower() for each in listed]
    return any(glob in names or any(fnmatchcase(name, glob) for name in names) for glob in globs)


def host_and_port(host: str, port: int | None) -> str:
    """Return a host and a port in one text, an IPv6 address in brackets."""
    shown = f"[{host}]" if ":" in host else host
    return host if port is None else f"{shown}:{port}"


def is_local(host: str) -> bool:
    """Return true if `host` is this machine: loopback, any address, or its own name."""
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return host in ("", "localhost") or host == _socket.gethostname().lower()


def _target(event: str, arguments: tuple[Any, ...]) -> tuple[str | None, int | None]:
    if event in _WITH_ADDRESS:
        family, address = arguments[0].family, arguments[1]
        # Unix sockets and the like do not leave the machine; sendto without an address
        # follows a connect that was checked.
        if family not in (_socket.AF_INET, _socket.AF_INET6) or not isinstance(address, tuple):
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
    import ipaddress

    try:
        found = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_address(host: str) -> bool:
    return _address(host) is not None
