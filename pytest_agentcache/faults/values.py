"""The faults that apply to one request, and the record of each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..http.messages import Request

if TYPE_CHECKING:
    from .planned import Planned


@dataclass(frozen=True, slots=True)
class Selection:
    """The faults that apply to one request: the delays in order, and the fault after them."""

    delays: tuple[Planned, ...] = ()
    planned: Planned | None = None

    @property
    def seconds(self) -> float:
        """The sum of all delays."""
        return sum(each.seconds or 0.0 for each in self.delays)

    def note_request(self, request: Request) -> None:
        """Note the request, redacted and normalised, in all faults that occurred for it."""
        for each in (*self.delays, *((self.planned,) if self.planned else ())):
            each.note_request(request)


NOTHING_PLANNED = Selection()


@dataclass(frozen=True, slots=True)
class Call:
    """A request that reached upstream, and its outcome.

    Attributes:
        request: The request, redacted and normalised as on a cassette.
        outcome: `replayed` or `recorded`; `fault`; `miss`; `passed` for a request that was passed
            through; `unanswered` if the response never came, or broke off while recording.
        status: The status of the response, if there was one.
        fault: The planned fault that occurred, if any.
    """

    request: Request
    outcome: str
    status: int | None = None
    fault: Planned | None = None

    def __str__(self) -> str:
        became = self.outcome if self.fault is None else f"{self.outcome}: {self.fault}"
        status = "" if self.status is None else f", {self.status}"
        return f"{self.request.method} {self.request.url}   {became}{status}"
