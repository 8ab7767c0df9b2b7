"""A fault that a test has planned, and how often it came to pass."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import TracebackType

from ..http.messages import Request, Response
from .match import Match


@dataclass(eq=False, slots=True)
class Planned:
    """A fault that a test has planned.

    Attributes:
        kind: `fail`, `reply`, `delay`, `truncate`, or a kind of failed connection.
        match: Which requests it is for; None for all.
        told: The call that planned it, as text.
        times: For how many requests; None for all that come.
        optional: Whether it need not come to pass.
        planned_at: The line that planned it, where one is known.
        fired: For how many requests it came to pass.
        requests: These requests, redacted and normalised.
        answer: What is answered, or broken off.
        seconds: How long a delay or a timeout takes.
        after: How many bytes, or events, of an answer arrive; see `unit`.
        unit: `bytes` or `events`.
        active: Whether it holds now; what `down()` plans does so inside its `with` alone.
        began: Whether it ever held.
    """

    kind: str
    match: Match | None
    told: str
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
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def applies_to(self, request: Request) -> bool:
        """Whether it would come to pass for `request` now.

        Raises:
            FaultError: If its match raises.
        """
        left = self.times is None or self.fired < self.times
        return self.active and left and (self.match is None or self.match(request))

    def fire(self) -> bool:
        """Counts a request for which it comes to pass; False if another was quicker."""
        with self._lock:
            if not self.active or (self.times is not None and self.fired >= self.times):
                return False
            self.fired += 1
            return True

    def note_request(self, request: Request) -> None:
        """Keeps the request for which it came to pass, redacted and normalised."""
        with self._lock:
            self.requests += (request,)

    @property
    def missed(self) -> bool:
        """Whether it had to come to pass and did not."""
        return not self.began or not (self.fired or self.optional)

    def __str__(self) -> str:
        return self.told

    def __repr__(self) -> str:
        return f"<{self.told}, fired {self.fired} times>"


class Down(Planned):
    """What `down()` plans: it holds as long as its `with` lasts."""

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
