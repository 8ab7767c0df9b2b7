"""uvloop, whose event loop connects, looks names up and starts processes in C."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ..replay.dispatcher import DISPATCHER
from .children import CHILDREN

LIBRARY = "uvloop"


def install(module: Any) -> None:
    """Patch the loop of `module` for the rest of the process."""
    loop = module.Loop
    for name in ("create_connection", "create_datagram_endpoint"):
        setattr(loop, name, _connecting(getattr(loop, name)))
    loop.sock_connect = _sock_connect(loop.sock_connect)
    loop.getaddrinfo = _getaddrinfo(loop.getaddrinfo)
    loop.getnameinfo = _getnameinfo(loop.getnameinfo)
    for name in ("subprocess_exec", "subprocess_shell"):
        setattr(loop, name, _starting(getattr(loop, name)))


def _check(event: str, *arguments: Any) -> None:
    if (guard := DISPATCHER.guard) is not None:
        guard.check(event, arguments)


def _connecting(connect: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method of a loop that connects to a host and port, or to `remote_addr`."""

    async def connect_checked(
        self: Any, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        # The second and third argument of `create_datagram_endpoint` are two addresses.
        is_datagram = isinstance(host, tuple) or isinstance(port, tuple)
        remote: Any = options.get("remote_addr") or (port if is_datagram else (host, port))
        if remote is not None and (guard := DISPATCHER.guard) is not None:
            guard.check_host(*remote[:2])
        return await connect(self, protocol_factory, host, port, **options)

    return connect_checked


def _sock_connect(sock_connect: Callable[..., Any]) -> Callable[..., Any]:
    async def sock_connect_checked(self: Any, sock: Any, address: Any) -> Any:
        _check("socket.connect", sock, address)
        return await sock_connect(self, sock, address)

    return sock_connect_checked


def _getaddrinfo(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    async def getaddrinfo_checked(self: Any, host: Any, port: Any, **options: Any) -> Any:
        _check("socket.getaddrinfo", host, port)
        found = await getaddrinfo(self, host, port, **options)
        if (guard := DISPATCHER.guard) is not None:
            guard.remember(host, found)
        return found

    return getaddrinfo_checked


def _getnameinfo(getnameinfo: Callable[..., Any]) -> Callable[..., Any]:
    async def getnameinfo_checked(self: Any, sockaddr: Any, flags: int = 0) -> Any:
        _check("socket.getnameinfo", sockaddr)
        return await getnameinfo(self, sockaddr, flags)

    return getnameinfo_checked


def _starting(start: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method of a loop that starts a process, with its environment completed."""

    async def start_closed(self: Any, *arguments: Any, **options: Any) -> Any:
        if (completes := CHILDREN.completes()) is not None:
            given = options.get("env")
            options["env"] = completes.environment(os.environ if given is None else given)
        return await start(self, *arguments, **options)

    return start_closed
