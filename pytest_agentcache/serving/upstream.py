"""Send on what came over TCP, by a client that is recorded and replayed like those of the test."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import Any

from ..http.messages import Request

_HOP_BY_HOP = (
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_CONNECTIONS = 100


@dataclass(slots=True)
class Upstream:
    """Connections of urllib3, none of which is opened unless the test records."""

    _pools: dict[str | None, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, request: Request) -> Any:
        """Send `request`, and return the `urllib3.HTTPResponse`, whose body is unread.

        Raises:
            urllib3.exceptions.HTTPError, OSError: For a connection that fails.
        """
        import urllib3
        from urllib3.util import SKIP_HEADER

        headers = urllib3.HTTPHeaderDict()
        for name, value in request.headers.without(*_HOP_BY_HOP):
            headers.add(name, value)
        for name in ("accept-encoding", "user-agent"):
            # Without these, urllib3 adds its own.
            headers.setdefault(name, SKIP_HEADER)
        return self._pool(request.url).urlopen(
            request.method,
            request.url,
            body=request.body or None,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.clear()

    def _pool(self, url: str) -> Any:
        import urllib3
        from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

        proxy = select_proxy(url, get_environ_proxies(url))
        with self._lock:
            if proxy not in self._pools:
                named = (os.environ.get(name) for name in _CERTIFICATES)
                trusted = next(filter(None, named), DEFAULT_CA_BUNDLE_PATH)
                self._pools[proxy] = (
                    urllib3.ProxyManager(proxy, ca_certs=trusted, maxsize=_CONNECTIONS)
                    if proxy
                    else urllib3.PoolManager(ca_certs=trusted, maxsize=_CONNECTIONS)
                )
            return self._pools[proxy]
