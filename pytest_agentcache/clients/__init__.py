"""Where requests are met: one edge a client, put in once a process and left there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import wrapt

from ..clock import loops, trio
from ..replay.cache_router import Router
from ..replay.dispatcher import DISPATCHER
from . import aiohttp, http_client, httpx, requests_cache, sockets, urllib3
from .concurrency import follow_tasks, follow_threads, follow_trio, follow_workers


def _trio(module: ModuleType) -> None:
    trio.install(module)
    follow_trio(module)


_EDGES = {
    http_client.MODULE: http_client.install,
    urllib3.MODULE: urllib3.install,
    **dict.fromkeys(httpx.MODULES, httpx.install),
    aiohttp.MODULE: aiohttp.install,
    requests_cache.MODULE: requests_cache.install,
    "asyncio.base_events": follow_tasks,
    "asyncio.selector_events": lambda module: loops.install(),
    trio.MODULE: _trio,
    "anyio._backends._asyncio": follow_workers,
    "anyio._backends._trio": follow_workers,
}


def install() -> None:
    """Puts the edges in, each when its client is imported, now or later. Idempotent."""
    if not DISPATCHER.installed:
        DISPATCHER.installed = True
        follow_threads()
        sockets.install()
    for name, edge in _EDGES.items():
        _put_in(name, edge)


def _put_in(name: str, edge: Callable[[ModuleType], None]) -> None:
    """Puts one edge in, anew if its client was imported anew, as pytest inside pytest does."""
    known = DISPATCHER.edges

    def put(module: ModuleType) -> None:
        if known.get(name) is not module:
            known[name] = module
            edge(module)

    # None stands for a hook that waits; one that has run is gone.
    if name not in known or known[name] is not sys.modules.get(name):
        known[name] = None
        wrapt.register_post_import_hook(put, name)


__all__ = ["DISPATCHER", "Router", "install"]
