"""The clients: each adapts one library, patched once per process and left patched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import wrapt

from ..clock import loops, trio
from ..replay.cache_router import Router
from ..replay.dispatcher import DISPATCHER
from . import (
    aiohttp,
    grpc,
    http_client,
    httpx,
    pycurl,
    requests_cache,
    sockets,
    urllib3,
    uvloop,
    vcr,
)
from .children import CHILDREN
from .concurrency import follow_forks, follow_tasks, follow_threads, follow_trio, follow_workers


class Client(Protocol):
    """A module of this folder that adapts one library.

    It translates the library's requests to `Request`, asks `DISPATCHER.route(url)` for the route
    of each, and carries out the decision in one `match`. A new client needs an entry in `CLIENTS`.
    """

    @property
    def MODULES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """The library's modules that are patched, each when it is imported."""
        ...

    def install(self, module: Any) -> None:
        """Patch `module` for the rest of the process."""


def _trio(module: ModuleType) -> None:
    trio.install(module)
    follow_trio(module)


CLIENTS: tuple[Client, ...] = (aiohttp, http_client, httpx, requests_cache, urllib3)

_PATCHES: dict[str, Callable[[ModuleType], None]] = {
    **{name: client.install for client in CLIENTS for name in client.MODULES},
    **{each.LIBRARY: each.install for each in (grpc, pycurl, uvloop)},
    "asyncio.base_events": follow_tasks,
    "asyncio.selector_events": lambda module: loops.install(),
    trio.MODULE: _trio,
    "anyio._backends._asyncio": follow_workers,
    "anyio._backends._trio": follow_workers,
    # Last, because it takes the functions of the clients as they are patched.
    "vcr.patch": vcr.install,
}


def install() -> None:
    """Patch every client now, or when it is imported. Idempotent."""
    if not DISPATCHER.installed:
        DISPATCHER.installed = True
        follow_threads()
        follow_forks()
        sockets.install()
    sockets.patch_methods()
    for name, patch in _PATCHES.items():
        _patch_on_import(name, patch)


def _patch_on_import(name: str, patch: Callable[[ModuleType], None]) -> None:
    """Patch one module, and again if it is imported again, as in a pytest inside pytest."""
    patched = DISPATCHER.patched

    def patch_once(module: ModuleType) -> None:
        if patched.get(name) is not module:
            patched[name] = module
            patch(module)

    # None means that a hook is waiting; a hook that has run is gone.
    if name not in patched or patched[name] is not sys.modules.get(name):
        patched[name] = None
        wrapt.register_post_import_hook(patch_once, name)


__all__ = ["CHILDREN", "CLIENTS", "DISPATCHER", "Client", "Router", "install"]
