"""Wait for a slow upstream, in threads and on event loops of asyncio and trio."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..clock import Clock

# A replayed response takes a task one or two turns of its event loop.
_TURNS = 10


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


async def let_others_run() -> None:
    """Let the other tasks of the event loop do what they can do at once."""
    for _ in range(_TURNS):
        if _in_trio():
            await sys.modules["trio"].lowlevel.checkpoint()
        else:
            import asyncio

            await asyncio.sleep(0)


async def in_worker(function: Callable[[], Any]) -> Any:
    """Call `function` in a thread, without blocking the event loop.

    While recording, upstream may be a server on the same loop. If the caller is cancelled, the
    thread goes on by itself.
    """
    if _in_trio():
        return await sys.modules["trio"].to_thread.run_sync(function, abandon_on_cancel=True)
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
