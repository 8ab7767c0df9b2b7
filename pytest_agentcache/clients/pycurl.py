"""pycurl, which opens its sockets in C: its transfers are refused where the network is closed."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from ..errors import NetworkBlocked
from ..network.rules import PORTS
from ..replay.dispatcher import DISPATCHER
from ..replay.guard import Guard

LIBRARY = "pycurl"


def install(module: Any) -> None:
    """Replace the handles of `module` for the rest of the process."""
    module.Curl = _handle(module)
    module.CurlMulti = _multi(module)


def _handle(module: Any) -> type:
    """Return the type of transfers that are checked before they start, and at each connection."""
    # These lead to another place than the URL says; what they connect to is checked.
    elsewhere = {module.RESOLVE, module.CONNECT_TO, module.UNIX_SOCKET_PATH}

    class Curl(module.Curl):  # type: ignore[misc]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._options: dict[int, Any] = {}

        def setopt(self, option: int, value: Any) -> None:
            super().setopt(option, value)
            self._options[option] = value

        def setopt_string(self, option: int, value: Any) -> None:
            super().setopt_string(option, value)
            self._options[option] = value

        def unsetopt(self, option: int) -> None:
            super().unsetopt(option)
            self._options.pop(option, None)

        def reset(self) -> None:
            super().reset()
            self._options.clear()

        def duphandle(self) -> Any:
            copy = super().duphandle()
            copy._options = dict(self._options)
            return copy

        def perform(self) -> None:
            self._prepare()
            super().perform()

        def perform_rb(self) -> bytes:
            self._prepare()
            found: bytes = super().perform_rb()
            return found

        def perform_rs(self) -> str:
            self._prepare()
            found: str = super().perform_rs()
            return found

        def _prepare(self) -> None:
            """Check the URL, and have each connection checked.

            Raises:
                pycurl.error: With the code of a failed connection.
            """
            guard = DISPATCHER.guard
            if guard is None:
                return
            super().setopt(module.OPENSOCKETFUNCTION, self._open_socket)
            url = self._options.get(module.URL)
            if url is None or elsewhere & self._options.keys():
                return
            try:
                guard.check_host(*_host_and_port(url))
            except NetworkBlocked as blocked:
                raise module.error(module.E_COULDNT_CONNECT, str(blocked)) from blocked

        def _open_socket(self, purpose: int, address: Any) -> Any:
            family, kind, protocol, target = address
            if family in (socket.AF_INET, socket.AF_INET6) and not _is_open(target):
                return module.SOCKET_BAD
            if (own := self._options.get(module.OPENSOCKETFUNCTION)) is not None:
                return own(purpose, address)
            # Given a socket, pycurl would leave it to be closed by someone.
            return socket.socket(family, kind, protocol).detach()

    Curl.__module__ = module.Curl.__module__
    return Curl


def _is_open(target: tuple[Any, ...]) -> bool:
    guard: Guard | None = DISPATCHER.guard
    try:
        if guard is not None:
            guard.check_host(*target[:2])
    except NetworkBlocked:
        return False
    return True


def _multi(module: Any) -> type:
    """Return the type of a set of transfers, each of which is checked when it is added."""

    class CurlMulti(module.CurlMulti):  # type: ignore[misc]
        def add_handle(self, curl: Any) -> None:
            curl._prepare()
            super().add_handle(curl)

    CurlMulti.__module__ = module.CurlMulti.__module__
    return CurlMulti


def _host_and_port(url: str | bytes) -> tuple[str, int | None]:
    text = url.decode("latin-1") if isinstance(url, bytes) else url
    # As curl does: a URL without a scheme is one of HTTP.
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.hostname or "", port or PORTS.get(parts.scheme)
