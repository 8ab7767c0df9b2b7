"""The faults of one test in the order in which they were planned, and what became of requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import FaultError
from ..http.messages import Request
from ..matching.matcher import Matcher
from .planned import Planned
from .values import NOTHING_PLANNED, Call, Selection

if TYPE_CHECKING:
    from .mocks import Mock


class Plan:
    """Tells what is planned for a request, and keeps what became of each.

    Args:
        matcher: Compares URLs.
        normalized: Makes of a request what may be told of it.
        find_caller: Looks up the line that plans something.

    Attributes:
        mock: The mock of `responses` that stands before it, if there is one.
        problems: What is wrong with the plan itself; agents swallow what they are told.
        watched: Whether the test has asked for it: then it is for what goes straight through too.
    """

    def __init__(
        self,
        matcher: Matcher,
        normalized: Callable[[Request], Request] = lambda request: request,
        find_caller: Callable[[], object] = lambda: None,
    ) -> None:
        self.matcher, self.normalized, self.find_caller = matcher, normalized, find_caller
        self._lock = threading.Lock()
        self._planned: list[Planned] = []
        self._calls: list[Call] = []
        self.mock: Mock | None = None
        self.problems: list[str] = []
        self.watched = False

    def add(self, planned: Planned, *, first: bool = False) -> None:
        """Adds a fault, behind all others or before them."""
        planned.planned_at = self.find_caller()
        with self._lock:
            self._planned.insert(0 if first else len(self._planned), planned)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests that reached upstream until now, in order, and what became of each."""
        with self._lock:
            return tuple(self._calls)

    def select(self, request: Request) -> Selection:
        """What is planned for `request`, and counts as having come to pass.

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
        """Whether a fault would answer `request` now. Uses nothing up."""
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
        """Keeps what is wrong with the plan, for the end of the test."""
        with self._lock:
            if text not in self.problems:
                self.problems.append(text)

    def note(self, call: Call) -> int:
        """Adds to `calls`; gives the place, for `amend`."""
        with self._lock:
            self._calls.append(call)
            return len(self._calls) - 1

    def amend(self, place: int, outcome: str, status: int | None = None) -> None:
        """Tells what became of a call in the end."""
        with self._lock:
            self._calls[place] = replace(self._calls[place], outcome=outcome, status=status)

    @property
    def missed(self) -> tuple[Planned, ...]:
        """What was planned, had to come to pass, and did not."""
        return tuple(planned for planned in self._planned if planned.missed)

    @property
    def unasked(self) -> tuple[str, ...]:
        """What `responses` was to answer, and was never asked."""
        return () if self.mock is None else self.mock.unasked

    def close(self) -> None:
        """Ends what is active."""
        if self.mock is not None:
            self.mock.end()
