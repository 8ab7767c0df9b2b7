"""Threads, pool jobs and tasks remember who started them.

Threads and pools have to know whose test it is; tasks know from the thread that runs them. All of
them have a lane of their own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..clock import threads
from ..replay.dispatcher import DISPATCHER, keeping_owner
from ..replay.ordering import lanes
from ..state import THREAD_OWNER


def follow_threads() -> None:
    """Make threads and executors remember the test that started them. Called once."""
    from concurrent.futures import ThreadPoolExecutor

    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_owned(self: threading.Thread) -> None:
        owner = DISPATCHER.owner_of_work()
        if not threads.of_pool(self):
            THREAD_OWNER.set(self, owner)
        if owner is not None:
            threads.adopt(self)
            # When a pool starts another thread is chance; its work items have lanes of their own.
            if not threads.of_pool(self):
                lanes.assign(self, lanes.current().fork())
        start(self)

    def submit_owned(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, keeping_owner(fn), *args, **kwargs)

    threading.Thread.start = start_owned  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = submit_owned  # type: ignore[method-assign]


def follow_forks() -> None:
    """Make forked children report to the test that forked them. Called once."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=DISPATCHER.before_fork, after_in_child=DISPATCHER.after_fork)


def follow_workers(module: Any) -> None:
    """Make the worker threads of an anyio backend remember the test that gave them work."""
    for name in ("AsyncIOBackend", "TrioBackend"):
        backend = getattr(module, name, None)
        if backend is not None:
            backend.run_sync_in_worker_thread = _handing_over(backend.run_sync_in_worker_thread)


def _handing_over(run_sync: Any) -> Any:
    # It is bound already, so a static method replaces the class method.
    def run_sync_owned(function: Any, *args: Any, **kwargs: Any) -> Any:
        return run_sync(keeping_owner(function), *args, **kwargs)

    return staticmethod(run_sync_owned)


def follow_tasks(module: Any) -> None:
    """Give each task of asyncio's event loops a lane of its own."""
    loop = module.BaseEventLoop
    create_task = loop.create_task

    def create_task_followed(self: Any, coro: Any, *args: Any, **kwargs: Any) -> Any:
        if not DISPATCHER.is_open:
            return create_task(self, coro, *args, **kwargs)
        lane, context = lanes.current().fork(), kwargs.get("context")
        if context is None:
            with lanes.in_context(lane):
                return create_task(self, coro, *args, **kwargs)
        # A task in a given context has a lane there, unless the context is in use already.
        with suppress(RuntimeError):
            context.run(lanes.enter, lane)
        return create_task(self, coro, *args, **kwargs)

    loop.create_task = create_task_followed


def follow_trio(module: Any) -> None:
    """Give each task of trio a lane of its own."""
    runner = getattr(module, "Runner", None)
    spawn = getattr(runner, "spawn_impl", None)
    if runner is None or spawn is None:
        # This version of trio is built differently; its requests keep the order of their starts.
        return

    def spawn_followed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not DISPATCHER.is_open:
            return spawn(self, *args, **kwargs)
        with lanes.in_context(lanes.current().fork()):
            return spawn(self, *args, **kwargs)

    runner.spawn_impl = spawn_followed
