"""Wait for a slow upstream, in threads and on event loops of asyncio and trio."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..clock import Clock


def pause(seconds: float) -> None:
    """Move a frozen clock by `seconds`, or wait that long in real time."""
    if seconds > 0:
        Clock().sleep(seconds)


async def pause_async(seconds: float) -> None:
    """Do the same on an event loop, without blocking other tasks."""
    if seconds <= 0:
        return
    if _in_trio():
        await sys.modules["trio"].sleep(seconds)
        return
    import asyncio

    await asyncio.sleep(seconds)


async def in_worker(function: Callable[[], Any]) -> Any:
    """Call `function` in a thread, without blocking the event loop.

    While recording, upstream may be a server on the same loop.
    """
    if _in_trio():
        return await sys.modules["trio"].to_thread.run_sync(function)
    import asyncio

    return await asyncio.to_thread(function)


def _in_trio() -> bool:
    trio: Any = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True
