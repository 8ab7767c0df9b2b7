"""Event loops on stopped time: a loop that has nothing to do but wait moves the clock.

Only asyncio's own loops are driven; one that is written in C (uvloop) keeps real time.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from . import threads
from .stopped import REAL, TIME

# In seconds: how long a loop waits for real input before it looks around again.
_SLICE = 0.02
# Likewise: a timer beyond this is none that anyone waits for, and dates have an end.
_FAR = 100 * 366 * 86400
# Whether connections that are made now are a client's whose requests tell of themselves.
_CLIENT: ContextVar[bool] = ContextVar("agentcache_client", default=False)


class _Upstream:
    """How many requests to upstream are under way on event loops."""

    waiting = 0


@contextmanager
def awaiting_upstream() -> Iterator[None]:
    """Tells loops that an answer is on its way, so that they do not move the clock past it."""
    token = _CLIENT.set(True)
    _Upstream.waiting += 1
    try:
        yield
    finally:
        _Upstream.waiting -= 1
        _CLIENT.reset(token)


def install() -> None:
    """Patches asyncio's event loops for the rest of the process. Idempotent."""
    from asyncio import base_events, selector_events

    loop: Any = base_events.BaseEventLoop
    if loop.time is _time:
        return
    run_once = loop._run_once

    def run_once_in_time(self: Any) -> None:
        if TIME.stopped and _of_test(self):
            _move_or_wait(self)
        run_once(self)

    loop.time, loop._run_once = _time, run_once_in_time
    selector: Any = selector_events.BaseSelectorEventLoop
    start_serving = selector._start_serving

    def start_serving_noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._agentcache_serves = True
        return start_serving(self, *args, **kwargs)

    selector._start_serving = start_serving_noted
    transport: Any = vars(selector_events)["_SelectorSocketTransport"]
    init = transport.__init__

    def init_marked(self: Any, *args: Any, **kwargs: Any) -> None:
        self._agentcache_client = _CLIENT.get()
        init(self, *args, **kwargs)

    transport.__init__ = init_marked


def _time(self: Any) -> float:
    """The loop's clock, in seconds."""
    return TIME.loop_time() if _of_test(self) else float(REAL.monotonic())


def _of_test(loop: Any) -> bool:
    """Whether a loop waits on the test's clock; a server in a thread of its own does not."""
    if threading.current_thread() is threading.main_thread():
        return True
    return threads.belongs() and not getattr(loop, "_agentcache_serves", False)


def _move_or_wait(loop: Any) -> None:
    """Brings a loop that has nothing to do to its next timer, or to input that comes before it.

    Whatever is there goes first. If something real may still come, the loop waits for it as long
    as it would have waited in real time, and only then moves the clock.
    """
    waited, timer = 0.0, None
    while not loop._ready and not loop._stopping:
        while loop._scheduled and loop._scheduled[0]._cancelled:
            loop._timer_cancelled_count -= 1
            heapq.heappop(loop._scheduled)._scheduled = False
        if not loop._scheduled:
            return
        if timer is not loop._scheduled[0]:
            waited, timer = 0.0, loop._scheduled[0]
        left = timer._when - loop.time()
        if left <= 0 or left > _FAR or _poll(loop, 0):
            return
        if waited >= left or not _may_come(loop):
            TIME.move(timedelta(seconds=left), timer._when)
            return
        before = REAL.monotonic()
        if _poll(loop, min(_SLICE, left - waited)):
            return
        waited += REAL.monotonic() - before


def _poll(loop: Any, seconds: float) -> bool:
    """Waits for input for at most `seconds`; whether there is anything to do then."""
    loop._process_events(loop._selector.select(seconds))
    return bool(loop._ready)


def _may_come(loop: Any) -> bool:
    """Whether something real may wake the loop: an answer, a thread, a socket, a process."""
    return _Upstream.waiting > 0 or threads.at_work() or any(map(_live, _readers(loop)))


def _readers(loop: Any) -> Iterator[Any]:
    """What reads from the sockets and pipes that the loop watches: a transport, or a callback."""
    transports = getattr(loop, "_transports", {})
    keys: dict[int, Any] = getattr(loop._selector, "get_map", dict)() or {}
    for key in [*keys.values()]:
        reader = key.data[0] if isinstance(key.data, tuple) else None
        yield transports.get(key.fd) or getattr(reader, "_callback", None)


def _live(reader: Any) -> bool:
    """Whether input from there may concern a test that waits.

    Neither what a server accepts and keeps open, nor the idle connections of a client whose
    requests tell of themselves.
    """
    if hasattr(reader, "_agentcache_client"):
        return not reader._agentcache_client and reader._server is None
    # Its own pipe, over which threads wake it, and sockets that listen.
    return getattr(reader, "__name__", "") not in ("_read_from_self", "_accept_connection")
