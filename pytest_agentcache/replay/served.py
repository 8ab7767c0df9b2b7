"""A test, as the server of its cassette sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..http.messages import Request
from ..serving.sender import Process
from .dispatcher import DISPATCHER
from .ordering import lanes
from .responder import Responder


@dataclass(frozen=True, slots=True)
class ServedTest:
    """The requests of other processes, which belong to one test.

    Args:
        responder: Decides about them.
    """

    responder: Responder

    @contextmanager
    def sending(self, find_process: Callable[[], Process]) -> Iterator[None]:
        """Send what this thread sends inside the block for the process that is found."""
        lane = lanes.current().fork()
        with (
            DISPATCHER.owned_by(self.responder),
            DISPATCHER.acting_for(find_process),
            lanes.working(lane),
        ):
            yield

    def untrusted(self, address: str, process: Process) -> None:
        """Note that a process does not trust the server to be the one at `address`."""
        self.responder.miss(Request("CONNECT", address), "untrusted", process)

    def misses(self) -> list[dict[str, Any]]:
        """Return the misses so far, as JSON."""
        return [
            {
                "method": miss.request.method,
                "url": miss.request.url,
                "kind": miss.kind,
                "sender": str(miss.caller or ""),
                "count": miss.count,
            }
            for miss in self.responder.misses
        ]
