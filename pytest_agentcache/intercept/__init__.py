"""Where requests are met: one edge a client, put in once a process and left there."""

from __future__ import annotations

import wrapt

from . import aiohttp, http_client, httpx, requests_cache, sockets, urllib3
from .switchboard import SWITCHBOARD, follow_threads

_EDGES = {
    http_client.MODULE: http_client.install,
    urllib3.MODULE: urllib3.install,
    **dict.fromkeys(httpx.MODULES, httpx.install),
    aiohttp.MODULE: aiohttp.install,
    requests_cache.MODULE: requests_cache.install,
}


def install() -> None:
    """Puts the edges in, each when its client is imported, now or later. Idempotent."""
    if SWITCHBOARD.installed:
        return
    SWITCHBOARD.installed = True
    follow_threads()
    sockets.install()
    for module, edge in _EDGES.items():
        wrapt.register_post_import_hook(edge, module)


__all__ = ["SWITCHBOARD", "install"]
