"""Waiting on behalf of an upstream that takes its time, on threads and event loops of any kind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..clock import Clock


def pause(seconds: float) -> None:
    """Lets `seconds` pass: moves the clock where it is frozen, else really waits."""
    if seconds > 0:
        Clock().sleep(seconds)


async def pause_async(seconds: float) -> None:
    """The same on an event loop, where others go on meanwhile."""
    if seconds <= 0:
        return
    if _in_trio():
        await sys.modules["trio"].sleep(seconds)
        return
    import asyncio

    await asyncio.sleep(seconds)


async def in_worker(function: Callable[[], Any]) -> Any:
    """Calls `function` in a thread, and lets the event loop, asyncio's or trio's, go on meanwhile.

    While recording, upstream may be a server on that very loop.
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
