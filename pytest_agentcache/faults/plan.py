"""The faults that one test plans, in order, and the requests that reached upstream."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import FaultError
from ..http.messages import Request
from ..matching.matcher import Matcher
from ..state import fork_safe
from .planned import Planned
from .values import NOTHING_PLANNED, Call, Selection

if TYPE_CHECKING:
    from .mocks import Mock


class Plan:
    """The faults of one test, and its requests with their outcomes.

    Args:
        matcher: The comparison of URLs.
        normalized: Redacts and normalises a request.
        find_caller: Looks up the line that plans a fault.

    Attributes:
        mock: The mock of `responses` in front of the plan, if any.
        problems: Errors in the plan itself, kept here because agents swallow exceptions.
        watched: Whether the test uses the plan, which then applies to passed-through hosts too.
    """

    def __init__(
        self,
        matcher: Matcher,
        normalized: Callable[[Request], Request] = lambda request: request,
        find_caller: Callable[[], object] = lambda: None,
    ) -> None:
        self.matcher, self.normalized, self.find_caller = matcher, normalized, find_caller
        self._lock = fork_safe(threading.Lock())
        self._planned: list[Planned] = []
        self._calls: list[Call] = []
        self._raw: list[int] = []
        self.mock: Mock | None = None
        self.problems: list[str] = []
        self.watched = False

    def add(self, planned: Planned, *, first: bool = False) -> None:
        """Add a fault after all others, or before them."""
        planned.planned_at = self.find_caller()
        with self._lock:
            self._planned.insert(0 if first else len(self._planned), planned)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests that have reached upstream, in order, with their outcomes."""
        with self._lock:
            while self._raw:
                call = self._calls[at := self._raw.pop()]
                self._calls[at] = replace(call, request=self.normalized(call.request))
            return tuple(self._calls)

    def select(self, request: Request) -> Selection:
        """Return the faults that occur for `request`, and count them.

        Raises:
            FaultError: If a function that was given as a match raises.
        """
        if not self._planned:
            return NOTHING_PLANNED
        delays: list[Planned] = []
        for planned in tuple(self._planned):
            if not self._applies(planned, request) or not planned.fire():
                continue
            if planned.kind != "delay":
                return Selection(tuple(delays), planned)
            delays.append(planned)
        return Selection(tuple(delays))

    def answers(self, request: Request) -> bool:
        """Return whether a fault would respond to `request` now, without counting it."""
        if self.mock is not None and self.mock.knows_url(request):
            return True
        return any(
            planned.kind != "delay" and self._applies(planned, request)
            for planned in tuple(self._planned)
        )

    def _applies(self, planned: Planned, request: Request) -> bool:
        try:
            return planned.applies_to(request)
        except FaultError as error:
            self.problem(f"{planned}, planned at {planned.planned_at}: {error}")
            raise

    def problem(self, text: str) -> None:
        """Keep an error in the plan for the end of the test."""
        with self._lock:
            if text not in self.problems:
                self.problems.append(text)

    def note(self, call: Call, *, is_raw: bool = False) -> int:
        """Add to `calls` and return the index, for `amend`.

        Args:
            call: The request and its outcome.
            is_raw: Whether the request is still to be redacted and normalised, before it is shown.
        """
        with self._lock:
            self._calls.append(call)
            index = len(self._calls) - 1
            if is_raw:
                self._raw.append(index)
            return index

    def amend(self, place: int, outcome: str, status: int | None = None) -> None:
        """Set the final outcome of a call."""
        with self._lock:
            self._calls[place] = replace(self._calls[place], outcome=outcome, status=status)

    @property
    def missed(self) -> tuple[Planned, ...]:
        """The faults that had to occur and did not."""
        return tuple(planned for planned in self._planned if planned.missed)

    @property
    def unrequested(self) -> tuple[str, ...]:
        """The responses of the mock that had to be requested and were not."""
        return () if self.mock is None else self.mock.unrequested

    def close(self) -> None:
        """Remove the mock."""
        if self.mock is not None:
            self.mock.end()
