"""The faults that apply to one request, and the record of each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..http.messages import Request

if TYPE_CHECKING:
    from .planned import Planned


@dataclass(frozen=True, slots=True)
class Selection:
    """What is planned for one request: the delays in order, and what comes to pass after them."""

    delays: tuple[Planned, ...] = ()
    planned: Planned | None = None

    @property
    def seconds(self) -> float:
        """How long all delays take together."""
        return sum(each.seconds or 0.0 for each in self.delays)

    def note_request(self, request: Request) -> None:
        """Lets all of it know for which request, redacted and normalised, it came to pass."""
        for each in (*self.delays, *((self.planned,) if self.planned else ())):
            each.note_request(request)


NOTHING_PLANNED = Selection()


@dataclass(frozen=True, slots=True)
class Call:
    """A request that reached upstream, and what became of it.

    Attributes:
        request: The request, redacted and normalised as on a cassette.
        outcome: `replayed` or `recorded`; `fault`; `miss`; `passed` for one that went straight
            through; `unanswered` for one whose answer never came or broke off while recording.
        status: Status of the answer that was given, where there is one.
        fault: The planned fault that answered it.
    """

    request: Request
    outcome: str
    status: int | None = None
    fault: Planned | None = None

    def __str__(self) -> str:
        became = self.outcome if self.fault is None else f"{self.outcome}: {self.fault}"
        status = "" if self.status is None else f", {self.status}"
        return f"{self.request.method} {self.request.url}   {became}{status}"
