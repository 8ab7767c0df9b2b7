"""The patches of Python's sockets: an audit hook (PEP 578), and checks before names are looked up.

The hook sees every connection of the `socket` module, whichever library opens it and however the
function was imported. Libraries with sockets of their own in C do not pass through it.
"""

from __future__ import annotations

import _socket
import sys

from .rules import EVENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .guard import Guard

# The methods of a socket that take an address: its place among their arguments, and the event.
_WITH_ADDRESS = {
    "bind": (0, "socket.bind"),
    "connect": (0, "socket.connect"),
    "connect_ex": (0, "socket.connect"),
    "sendto": (-1, "socket.connect"),
    "sendmsg": (3, "socket.connect"),
}


def install(find_guard: Callable[[], Guard | None]) -> None:
    """Patch the sockets for the rest of the process.

    Args:
        find_guard: Finds the guard of the caller; None while the network is open.
    """

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        # Python calls this for every audit event, so the common case returns at once.
        if event in EVENTS and (guard := find_guard()) is not None:
            guard.check(event, arguments)

    sys.addaudithook(hook)
    patch_methods(find_guard)
    checked = _checked(_socket.socket, find_guard)
    # `socket.getaddrinfo` looks up this function at each call, however it was imported.
    _socket.getaddrinfo = _remembering(_socket.getaddrinfo, find_guard)
    known: Any = sys.modules.get("socket", _socket)
    _socket.socket = _socket.SocketType = known.SocketType = checked  # type: ignore[misc]
    for name in ("gethostbyname", "gethostbyname_ex"):
        setattr(known, name, _remembering(getattr(known, name), find_guard))


def patch_methods(find_guard: Callable[[], Guard | None]) -> None:
    """Check addresses before the methods of sockets look names up. Idempotent.

    Needed again in front of each test: pytest-socket restores the methods that it found at its
    import. Sockets that are not imported yet will derive from the patched ones in C.
    """
    socket: Any = sys.modules.get("socket")
    if socket is None:
        return
    for name in _WITH_ADDRESS:
        found = getattr(socket.socket, name)
        if getattr(found, "__module__", None) != __name__:
            setattr(socket.socket, name, _checking(found, name, find_guard))


def _checked(
    raw: type[_socket.socket], find_guard: Callable[[], Guard | None]
) -> type[_socket.socket]:
    """Return the type of sockets in C with the same checks; its own methods cannot be replaced."""

    class Instances(type):
        # Sockets of `socket.socket` derive from the original.
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, raw)

    kind = Instances if "socket" in sys.modules else type
    methods = {name: _checking(getattr(raw, name), name, find_guard) for name in _WITH_ADDRESS}
    made: Any = kind(
        raw.__name__, (raw,), {"__module__": raw.__module__, "__slots__": (), **methods}
    )
    checked: type[_socket.socket] = made
    return checked


def _checking(
    method: Callable[..., Any], name: str, find_guard: Callable[[], Guard | None]
) -> Callable[..., Any]:
    """Check an address before Python looks its name up, which happens before its audit hooks."""
    at, event = _WITH_ADDRESS[name]

    def method_checked(self: _socket.socket, *arguments: Any) -> Any:
        guard = find_guard()
        if guard is not None and len(arguments) > at:
            guard.check(event, (self, arguments[at]))
        return method(self, *arguments)

    return method_checked


def _remembering(
    look_up: Callable[..., Any], find_guard: Callable[[], Guard | None]
) -> Callable[..., Any]:
    """Give the guard the addresses of an allowed name: sockets connect to addresses."""

    def look_up_remembered(host: Any, *arguments: Any, **keywords: Any) -> Any:
        found = look_up(host, *arguments, **keywords)
        if (guard := find_guard()) is not None:
            guard.remember(host, found)
        return found

    return look_up_remembered
