"""A planned fault, and the requests for which it occurred."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import TracebackType

from ..http.messages import Request, Response
from ..state import fork_safe
from .match import Match


@dataclass(eq=False, slots=True)
class Planned:
    """A fault that a test has planned.

    Attributes:
        kind: `fail`, `reply`, `delay`, `truncate`, or a kind of failed connection.
        match: The requests that it applies to; None for all.
        call: The call that planned it, as text.
        times: The number of requests that it applies to; None for all.
        optional: Whether the test passes if the fault never occurs.
        planned_at: The line that planned it, if known.
        fired: The number of requests for which it occurred.
        requests: These requests, redacted and normalised.
        answer: The scripted response, or the response to truncate.
        seconds: The duration of a delay or timeout.
        after: The number of bytes or events of a response that arrive; see `unit`.
        unit: `bytes` or `events`.
        active: Whether it applies now; that of `down()` applies only inside its `with` block.
        began: Whether it has ever been active.
    """

    kind: str
    match: Match | None
    call: str
    times: int | None = None
    optional: bool = False
    planned_at: object = None
    answer: Response | None = None
    seconds: float | None = None
    after: int = 0
    unit: str = "bytes"
    active: bool = True
    began: bool = True
    fired: int = 0
    requests: tuple[Request, ...] = ()
    _lock: threading.Lock = field(default_factory=lambda: fork_safe(threading.Lock()), repr=False)

    def applies_to(self, request: Request) -> bool:
        """Return whether it would occur for `request` now.

        Raises:
            FaultError: If its match raises.
        """
        left = self.times is None or self.fired < self.times
        return self.active and left and (self.match is None or self.match(request))

    def fire(self) -> bool:
        """Count a request; return False if another thread has used the last of `times`."""
        with self._lock:
            if not self.active or (self.times is not None and self.fired >= self.times):
                return False
            self.fired += 1
            return True

    def note_request(self, request: Request) -> None:
        """Keep a request for which it occurred, redacted and normalised."""
        with self._lock:
            self.requests += (request,)

    @property
    def missed(self) -> bool:
        """True if it had to occur and did not."""
        return not self.began or not (self.fired or self.optional)

    def __str__(self) -> str:
        return self.call

    def __repr__(self) -> str:
        return f"<{self.call}, fired {self.fired} times>"


class Down(Planned):
    """The fault of `down()`, which is active inside its `with` block."""

    def __enter__(self) -> Planned:
        self.active = self.began = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.active = False
