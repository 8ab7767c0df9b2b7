"""Decides what becomes of a request: played, asked upstream, passed on or missed. No I/O.

Edges of every client, sync and async, share it: they translate, it decides.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .clock import Clock
from .errors import FaultError, MissError
from .faults import Call, Fault, Met, Plan, Planned
from .hooks import Hooks
from .hosts import host_listed
from .interaction import Headers, Interaction, Request, Response
from .matching import Key, Matcher
from .misses import Caller, Miss, not_cached, sentence
from .normalization import Normalization
from .outcomes import outcome
from .prompts import PromptLog
from .recording import Recording
from .redaction import Redaction
from .refreshes import Refreshes
from .settings import Settings


@dataclass(frozen=True, slots=True)
class AskUpstream:
    """The decision to ask the network; `record` takes what it answers."""

    request: Request
    order: int
    responder: Responder

    def record(
        self, status: int, reason: str, headers: Headers, *, framed: bool, decoded: bool = False
    ) -> Recording:
        """Starts to keep what upstream answers.

        Args:
            status: Status code.
            reason: Reason phrase.
            headers: All headers as they came.
            framed: Whether the pieces that follow are the chunks that upstream sent, and not
                whatever the socket happened to give.
            decoded: Whether the client has undone the content coding of those pieces.
        """
        recording = Recording(
            self.responder.settings,
            self.request,
            status,
            reason,
            headers,
            framed=framed,
            decoded=decoded,
            drop=self.responder.drop,
        )
        self.responder.keep(self.order, recording)
        return recording


Decision = Response | Fault | AskUpstream | None
"""What becomes of a request: an answer, what goes wrong, asking upstream, or passing it on."""


@dataclass(slots=True)
class _Slot:
    """An interaction of the cassette, and when it was asked for, if it was."""

    interaction: Interaction
    order: int | None = None


@dataclass(slots=True)
class Tally:
    """How many requests were played, recorded and missed."""

    played: int = 0
    recorded: int = 0


@dataclass(slots=True)
class Responder:
    """Answers the requests of one test (or of one `use_cassette`).

    Args:
        settings: How to match, redact and miss.
        recorded: The interactions on the cassette, in order.
        hooks: What plugins change.
        direct: Globs of hosts that go straight through, besides `settings.passthrough`.
        environment: Variables as the run found them, in which secrets may be.
    """

    settings: Settings
    recorded: tuple[Interaction, ...] = ()
    hooks: Hooks = field(default_factory=Hooks)
    direct: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    misses: list[Miss] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    refreshes: Refreshes = field(default_factory=Refreshes)
    prompts: PromptLog = field(default_factory=PromptLog)
    closed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _slots: list[_Slot] = field(init=False, default_factory=list)
    _waiting: dict[Key, deque[_Slot]] = field(init=False)
    _known: set[Key] = field(init=False, default_factory=set)
    _recordings: list[tuple[int, Recording]] = field(init=False, default_factory=list)
    _asked: dict[int, tuple[Key, Request]] = field(init=False, default_factory=dict)
    _learned: dict[int, int] = field(init=False, default_factory=dict)
    _order: itertools.count[int] = field(init=False, default_factory=itertools.count)
    _given: dict[Key, Response] = field(init=False, default_factory=dict)
    _noted: dict[int, int] = field(init=False, default_factory=dict)
    _matcher: Matcher = field(init=False)
    redaction: Redaction = field(init=False)
    normalization: Normalization = field(init=False)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.redaction = Redaction.of(self.settings, self.environment)
        self.refreshes.safe = self.redaction.text
        self.normalization = Normalization(self.settings, self.redaction, self.hooks)
        self._matcher = Matcher(self.settings, self.redaction.comparable)
        self.plan = Plan(self._matcher, self.normalized)
        self._waiting = defaultdict(deque)
        for interaction in self.recorded:
            slot = _Slot(interaction)
            self._slots.append(slot)
            # A cassette may be older than a setting, so it passes through the same steps.
            key = self.key(interaction)
            self._waiting[key].append(slot)
            self._known.add(key)

    def decide(
        self,
        request: Request,
        find_caller: Callable[[], Caller | None] = lambda: None,
        met: Met | None = None,
    ) -> Decision:
        """What becomes of `request`.

        Args:
            request: What the client is about to send, secrets and all.
            find_caller: Looks up who asked; called for a miss only.
            met: What is planned for it, by who has waited for that already.

        Returns:
            The answer to give, or what goes wrong, or the order to ask upstream, or None to pass
            it straight on.

        Raises:
            FaultError: For a fault that cannot be.
            MissError: For a miss under `on_miss="raise"`.
        """
        __tracebackhide__ = True
        if met is None:
            met = self.plan.meet(request)
            if met.seconds:
                Clock().sleep(met.seconds)
        if met.planned is None and self.passes(request.url):
            if self.plan.watched:
                passed = self.redaction.request(request)
                met.took(passed)
                self.plan.note(Call(passed, "passed"))
            return None
        if self.settings.records:
            self._learn()
        try:
            wanted = self.normalized(request)
        except Exception:
            # A hook that raises is heard by the agent alone, and agents catch everything.
            self._asked[next(self._order)] = (), self.redaction.request(request)
            raise
        met.took(wanted)
        key = self._matcher.key(wanted)
        if met.planned is not None:
            return self._fault(met.planned, wanted, key)
        with self._lock:
            order = next(self._order)
            if queue := self._waiting.get(key):
                slot = queue.popleft()
                slot.order = order
                self.tally.played += 1
                answer = self._given[key] = slot.interaction.response
                self.plan.note(Call(wanted, "played", answer.status))
                return answer
            if self.settings.records:
                self._asked[order] = key, wanted
                self._noted[order] = self.plan.note(Call(wanted, "unanswered"))
                self.redaction.asked(wanted)
                return AskUpstream(wanted, order, self)
        return self.miss(wanted, self.kind_of_miss(request), find_caller())

    def _fault(self, planned: Planned, request: Request, key: Key) -> Response | Fault:
        """What a planned fault makes of a request."""
        try:
            decision = outcome(planned, request, lambda: self._last_or_next(key))
        except FaultError as error:
            self.plan.problem(str(error))
            raise
        answer = decision.answer if isinstance(decision, Fault) else decision
        status = answer.status if answer else None
        self.plan.note(Call(request, "fault", status, planned))
        return decision

    def _last_or_next(self, key: Key) -> Response | None:
        """The answer that was given last for what has this key, else the next that would be."""
        with self._lock:
            for order, recording in reversed(self._recordings):
                if order in self._asked and self._asked[order][0] == key:
                    return recording.interaction().response
            waiting = self._waiting.get(key)
            return self._given.get(key) or (waiting[0].interaction.response if waiting else None)

    def key(self, interaction: Interaction) -> Key:
        """What a request is matched by, of an interaction on a cassette."""
        return self._matcher.key(self.normalized(interaction.request))

    def kind_of_miss(self, request: Request) -> str:
        """`exhausted` for what was recorded less often than it is asked for, else `missing`."""
        return (
            "exhausted" if self._matcher.key(self.normalized(request)) in self._known else "missing"
        )

    def finding(self, decision: Decision) -> Callable[[], Response | None]:
        """What finds the answer that follows from a decision, once it is there."""
        if isinstance(decision, AskUpstream):
            return lambda: self._arrived(decision.order)
        return lambda: decision if isinstance(decision, Response) else None

    def _arrived(self, order: int) -> Response | None:
        with self._lock:
            found = (recording for at, recording in self._recordings if at == order)
            recording = next(found, None)
        return recording.interaction().response if recording else None

    def passes(self, url: str) -> bool:
        """Whether requests to `url` go straight through."""
        return self.settings.mode == "live" or self.is_direct(url)

    def is_direct(self, url: str) -> bool:
        """Whether requests to `url` go straight through in every mode."""
        hosts = (*self.settings.passthrough, *self.direct)
        if not hosts:
            return False
        parts = urlsplit(url)
        try:
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            port = None
        return host_listed(parts.hostname or "", port, hosts)

    def can_answer(self, request: Request) -> bool:
        """Whether asking for `request` now would be no miss. Uses nothing up."""
        if self.passes(request.url) or (self.settings.records and not self.closed):
            return True
        if not self.closed and self.plan.answers(request):
            return True
        key = self._matcher.key(self.normalized(request))
        with self._lock:
            return not self.closed and bool(self._waiting.get(key))

    def miss(self, request: Request, kind: str, caller: Caller | None) -> Response:
        """Keeps a miss and gives the answer to it: requests-cache's `504 Not Cached`.

        Raises:
            MissError: Under `on_miss="raise"`.
        """
        __tracebackhide__ = True
        self.plan.note(Call(request, "miss", 504))
        with self._lock:
            known = next(
                (
                    miss
                    for miss in self.misses
                    if (miss.request, miss.kind, miss.caller) == (request, kind, caller)
                ),
                None,
            )
            if known is not None:
                known.count += 1
            else:
                known = Miss(request, kind, caller)
                self.misses.append(known)
        self.hooks.miss(known)
        if self.settings.on_miss == "raise":
            raise MissError(sentence(known))
        return not_cached(known)

    def keep(self, order: int, recording: Recording) -> None:
        """Keeps an answer that begins to arrive, in its place among the requests."""
        with self._lock:
            # An answer that comes after the end of its test is handed on, but not kept.
            if not self.closed:
                self._recordings.append((order, recording))
                self.tally.recorded += 1
                if order in self._noted:
                    self.plan.amend(self._noted[order], "recorded", recording.status)

    def drop(self, recording: Recording) -> None:
        """Forgets an answer that broke off on its way."""
        with self._lock:
            for order, each in self._recordings:
                if each is recording and order in self._noted:
                    self.plan.amend(self._noted[order], "unanswered")
            kept = [entry for entry in self._recordings if entry[1] is not recording]
            self.tally.recorded -= len(self._recordings) - len(kept)
            self._recordings = kept

    @property
    def unanswered(self) -> tuple[Request, ...]:
        """What upstream was asked and never gave a whole answer to, not even when asked again."""
        kept = {order for order, _ in self._recordings}
        answered = {self._asked[order][0] for order in kept if order in self._asked}
        return tuple(
            request
            for order, (key, request) in self._asked.items()
            if order not in kept and key not in answered
        )

    def close(self) -> None:
        """From now on every request is late."""
        with self._lock:
            self.closed = True

    @property
    def unused(self) -> tuple[int, ...]:
        """Numbers, from 1, of the interactions that nobody asked for."""
        return tuple(at for at, slot in enumerate(self._slots, 1) if slot.order is None)

    def played(self, number: int) -> bool:
        """Whether interaction `number`, from 1, was asked for."""
        return self._slots[number - 1].order is not None

    def interactions(self, *, keep_unused: bool) -> tuple[Interaction, ...]:
        """What the cassette shall hold: what was played and what is new, redacted.

        New ones stand behind the last one that was asked for before them; what was there keeps
        its order. Where unused ones are kept, for they are other tests', new ones come last.
        """
        if keep_unused:
            return (*self.recorded, *self.added())
        kept = [slot for slot in self._slots if slot.order is not None]
        for order, recording in sorted(self._recordings, key=lambda each: each[0]):
            before = [
                at for at, slot in enumerate(kept) if slot.order is not None and slot.order < order
            ]
            place = before[-1] + 1 if before else 0
            kept.insert(
                place, _Slot(self.normalization.interaction(recording.interaction()), order)
            )
        return self._numbered(kept)

    def added(self) -> tuple[Interaction, ...]:
        """What is new, redacted, in the order in which it was asked for."""
        new = sorted(self._recordings, key=lambda each: each[0])
        return self._numbered(
            [
                _Slot(self.normalization.interaction(each.interaction()), order)
                for order, each in new
            ]
        )

    def _numbered(self, slots: list[_Slot]) -> tuple[Interaction, ...]:
        """What slots hold, with secrets of one shape in what is new numbered in their order."""
        known = {id(slot) for slot in self._slots}
        new = [slot.interaction for slot in slots if id(slot) not in known]
        numbered = iter(self.redaction.renumbered(new))
        return tuple(slot.interaction if id(slot) in known else next(numbered) for slot in slots)

    def _learn(self) -> None:
        """Takes note of the secrets that upstream has handed out until now."""
        with self._lock:
            arrived = [each for _, each in self._recordings]
        for recording in arrived:
            if self._learned.get(id(recording)) != (size := recording.size):
                self._learned[id(recording)] = size
                self.redaction.learn(recording.interaction().response)

    def normalized(self, request: Request) -> Request:
        """`request` as the cassette holds it: redacted, tidied, mapped."""
        return self.normalization.request(request)
