"""The requests of one test and their responses, replayed or newly recorded."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from ..http.messages import CANCELLED, Interaction, Request, Response
from ..matching.matcher import Key
from ..matching.stable_ids import StableIds
from ..redaction import Redaction
from ..state import fork_safe
from .normalization import Normalization
from .ordering import lanes
from .ordering.sequence import Span, ordered
from .redacted_twins import redacted_twins
from .response_recorder import ResponseRecorder


@dataclass(slots=True)
class Slot:
    """An interaction of the cassette.

    Attributes:
        interaction: The interaction.
        order: The number of the request it was replayed to, if any.
        given: The response that the client got for it.
    """

    interaction: Interaction
    order: int | None = None
    given: Response | None = None


class RecordedLog:
    """The log of one test's requests, from which the new cassette is made.

    Args:
        recorded: The interactions on the cassette, in order.
        normalization: Converts new interactions to the form of the cassette.
        redaction: Numbers their secrets, and learns the secrets that upstream returns.
        ids: Maps their volatile ids to stable ones, and learns the ids that upstream returns.

    Attributes:
        lock: Held while the log is changed.
        slots: The interactions on the cassette, in order.
    """

    def __init__(
        self,
        recorded: Iterable[Interaction],
        normalization: Normalization,
        redaction: Redaction,
        ids: StableIds,
    ) -> None:
        self._normalization, self._redaction, self._ids = normalization, redaction, ids
        self.lock = fork_safe(threading.RLock())
        self.slots = [Slot(interaction) for interaction in recorded]
        redaction.continue_behind(slot.interaction for slot in self.slots)
        self._kept: list[tuple[int, ResponseRecorder]] = []
        self._asked: dict[int, tuple[Key, Request]] = {}
        self._sent_raw: dict[int, tuple[Key, Request, Request]] = {}
        self._cancelled: dict[int, Request] = {}
        self._spans: dict[int, Span] = {}
        # Requests that waited in a line of equal ones, and what the last of a line sent upstream.
        self._in_line: set[int] = set()
        self._sent: dict[Hashable, int] = {}
        # The number on the new cassette of each new interaction, by that of its request.
        self._numbers: dict[int, int] = {}
        # Responses that may still grow, and the size up to which each has been searched.
        self._arriving: dict[int, tuple[ResponseRecorder, int]] = {}

    def begin(self) -> int:
        """Return the number of a request that starts now."""
        with self.lock:
            lane = lanes.current()
            due, order = lane.due(), lanes.now()
            self._spans[order] = Span(lane.place(), due, order)
            return order

    def play(self, order: int, slot: Slot) -> None:
        """Note that a request received an interaction of the cassette."""
        slot.order = self._spans[order].ended = order

    def ask(self, order: int, key: Key, request: Request, raw: Request | None = None) -> None:
        """Note that a request is sent upstream.

        Args:
            order: Its number.
            key: Its key.
            request: The request, redacted and normalized.
            raw: The request as the client sends it.
        """
        self._asked[order] = key, request
        if raw is not None:
            self._sent_raw[order] = key, raw, request

    def twins(self, headers: Callable[[Request], Iterable[tuple[str, str]]]) -> tuple[str, ...]:
        """Return warnings on requests that differ in redacted values and in their responses.

        Args:
            headers: Returns the headers of a request that are compared.
        """
        return tuple(redacted_twins(self._sent_raw, self.answer, self._numbers.get, headers))

    def keep(self, order: int, recording: ResponseRecorder) -> None:
        """Keep a response that begins to arrive."""
        with self.lock:
            self._kept.append((order, recording))
            self._arriving[order] = recording, -1

    def end(self, order: int) -> None:
        """Note that a response is complete."""
        with self.lock:
            if self._spans[order].ended is None:
                self._spans[order].ended = lanes.now()

    def end_in_line(self, order: int, key: Hashable) -> None:
        """Note the end of a request that waited in a line of equal ones.

        Chance decides which of them is sent upstream. It counts as sent by the first of all that
        received its response, in the order of the program.

        Args:
            order: Its number in the line.
            key: The key of the line.
        """
        with self.lock:
            self._in_line.add(order)
            self.end(order)
            mine = self._spans[order]
            later = itertools.takewhile(lambda at: at > order, reversed(self._spans))
            sent = [at for at in later if self._spans[at].place[:-1] == mine.place[:-1]]
            if sent:
                self._sent[key] = sent[-1]
            source = self._sent.get(key)
            if not sent and source and mine.place < self._spans[source].place:
                self._spans[order], self._spans[source] = self._spans[source], mine

    def drop(self, recording: ResponseRecorder) -> tuple[int, ...]:
        """Discard a response that broke off, and return the numbers of its requests."""
        with self.lock:
            dropped = tuple(order for order, each in self._kept if each is recording)
            self._kept = [entry for entry in self._kept if entry[1] is not recording]
            for order in dropped:
                self._arriving.pop(order, None)
        return dropped

    def cancel(self, order: int) -> bool:
        """Note that the caller gave up on a response; return whether it had begun to arrive."""
        with self.lock:
            began = any(each == order for each, _ in self._kept)
            self._kept = [entry for entry in self._kept if entry[0] != order]
            self._arriving.pop(order, None)
            self._cancelled[order] = self._asked[order][1]
            self.end(order)
        return began

    def is_cancelled(self, order: int) -> bool:
        """Return true if the caller has given this request up."""
        return order in self._cancelled

    def answer(self, order: int) -> Response | None:
        """Return the response from upstream to a request so far."""
        with self.lock:
            recording = next((each for at, each in self._kept if at == order), None)
        return recording.interaction().response if recording else None

    def last(self, key: Key) -> Response | None:
        """Return the last response from upstream to a request with this key."""
        for order, recording in reversed(self._kept):
            if order in self._asked and self._asked[order][0] == key:
                return recording.interaction().response
        return None

    def learn(self) -> None:
        """Learn the secrets and ids in the responses that have arrived so far."""
        with self.lock:
            arriving = dict(self._arriving)
            for order in arriving:
                # Complete: searched for the last time below, since there may be thousands of them.
                if self._spans[order].ended is not None:
                    del self._arriving[order]
        for order, (recording, known) in arriving.items():
            if known != (size := recording.size):
                response = recording.interaction().response
                self._redaction.learn(response)
                self._ids.note_received(response)
                with self.lock:
                    if order in self._arriving:
                        self._arriving[order] = recording, size

    @property
    def unanswered(self) -> tuple[Request, ...]:
        """The requests to which upstream never gave a complete response, not even to a retry."""
        kept = {order for order, _ in self._kept}
        answered = {self._asked[order][0] for order in kept if order in self._asked}
        return tuple(
            request
            for order, (key, request) in self._asked.items()
            if order not in kept and order not in self._cancelled and key not in answered
        )

    @property
    def unused(self) -> tuple[int, ...]:
        """The numbers, from 1, of the interactions that no request asked for."""
        return tuple(at for at, slot in enumerate(self.slots, 1) if slot.order is None)

    def interactions(self) -> tuple[Interaction, ...]:
        """The replayed and the new interactions, redacted.

        Replayed ones keep their order. A new one follows all that were requested before it.
        """
        ranks = self._ranks()
        played = [slot for slot in self.slots if slot.order is not None]
        places = {ranks[slot.order]: at for at, slot in enumerate(played, 1)}  # type: ignore[index]
        ahead, at = sorted(places, reverse=True), 0
        # New interactions, by the number of replayed ones that precede them.
        behind: list[list[Slot]] = [[] for _ in range(len(played) + 1)]
        for new in self._new(ranks):
            while ahead and ahead[-1] < ranks[new.order]:  # type: ignore[index]
                at = max(at, places[ahead.pop()])
            behind[at].append(new)
        kept = [*behind[0]]
        for slot, following in zip(played, behind[1:], strict=True):
            kept += [slot, *following]
        self._number(kept, 1)
        return self._numbered(kept, played)

    def added(self, beside: Iterable[Interaction] = ()) -> tuple[Interaction, ...]:
        """The new interactions, redacted, in order.

        Args:
            beside: What else is going to be on the cassette, with ids of its own.
        """
        new = self._new(self._ranks())
        self._number(new, len(self.slots) + 1)
        return self._numbered(new, self.slots, beside)

    def _number(self, slots: list[Slot], start: int) -> None:
        """Note the numbers that interactions have on the cassette, from `start`."""
        self._numbers = {
            slot.order: at for at, slot in enumerate(slots, start) if slot.order is not None
        }

    def _new(self, ranks: dict[int, int]) -> list[Slot]:
        """Return the new interactions in order."""
        found = {order: recording.interaction() for order, recording in self._kept}
        for order, request in self._cancelled.items():
            found[order] = Interaction(request, CANCELLED)
        written = (
            (self._normalization.interaction(found[order]), order)
            for order in sorted(found, key=ranks.__getitem__)
        )
        return [Slot(each, order) for each, order in written if each is not None]

    def _ranks(self) -> dict[int, int]:
        """Return the rank of each request that received a response, by its number."""
        answered = {order for order, _ in self._kept} | {slot.order for slot in self.slots}
        answered |= self._cancelled.keys()
        answered |= self._in_line
        orders = {span: order for order, span in self._spans.items() if order in answered}
        return {orders[span]: rank for rank, span in enumerate(ordered(orders))}

    def _numbered(
        self, slots: list[Slot], kept: list[Slot], beside: Iterable[Interaction] = ()
    ) -> tuple[Interaction, ...]:
        """The interactions in slots; secrets of one format and ids of new ones are numbered.

        Args:
            slots: What is there and what is new.
            kept: What is on the cassette, too, with numbers of its own.
            beside: What has ids of its own.
        """
        known = {id(slot) for slot in self.slots}
        new = [slot.interaction for slot in slots if id(slot) not in known]
        numbered = iter(self._redaction.renumbered(new, (slot.interaction for slot in kept)))
        is_new = [id(slot) not in known for slot in slots]
        done = [
            next(numbered) if new else slot.interaction
            for new, slot in zip(is_new, slots, strict=True)
        ]
        return self._ids.written(done, is_new, beside)
