"""VCR.py inside a test on a cassette: it decides first, and what it sends is decided below it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

_KEPT = {
    "_AiohttpClientSessionRequest": ("aiohttp.client", "ClientSession._request"),
    "_HttpxHttpTransport_handle_request": ("httpx", "HTTPTransport.handle_request"),
    "_HttpxAsyncHttpTransport_handle_async_request": (
        "httpx",
        "AsyncHTTPTransport.handle_async_request",
    ),
    "_Httpx2HttpTransport_handle_request": ("httpx2", "HTTPTransport.handle_request"),
    "_Httpx2AsyncHttpTransport_handle_async_request": (
        "httpx2",
        "AsyncHTTPTransport.handle_async_request",
    ),
}
"""The functions that `vcr.patch` keeps from its import, to send with, and where they come from."""


def install(patch: Any) -> None:
    """Let VCR.py send with the patched clients, even if it was imported before they were patched.

    Args:
        patch: The module `vcr.patch`. It has imported all of the clients that are installed.
    """
    for name, (module, function) in _KEPT.items():
        if hasattr(patch, name):
            setattr(patch, name, attrgetter(function)(sys.modules[module]))


@contextmanager
def below_vcr(connection: Any, send: Callable[..., Any]) -> Iterator[None]:
    """Send with `send`, inside the block, the requests that VCR.py does not replay.

    Args:
        connection: A `vcr.stubs.VCRConnection` of urllib3.
        send: Sends a request, from the real connection, the method, the URL, and keywords.
    """
    # VCR.py's own `__setattr__` would set the attribute on the real connection too.
    held, real = vars(connection), connection.real_connection
    held["real_connection"] = _BelowVcr(real, send)
    try:
        yield
    finally:
        held["real_connection"] = real


class _BelowVcr:
    """The real connection of a `vcr.stubs.VCRConnection`, with `send` in place of its own ways."""

    def __init__(self, real: Any, send: Callable[..., Any]) -> None:
        self._real, self._send = real, send
        self._request: Callable[..., Any] = send

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def connect(self) -> None:
        """Do nothing: the request must be decided before anything connects."""

    def request(self, method: str, url: str, body: Any, headers: Any) -> None:
        """Note the request, which is sent when its response is read."""
        self._request = functools.partial(
            self._send, self._real, method, url, body=body, headers=headers
        )

    def getresponse(self) -> Any:
        """Send the request and return the response, decoded as urllib3 does by default."""
        return self._request()
