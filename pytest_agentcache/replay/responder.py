"""Decide how each request of a test is handled, without any I/O.

Synchronous and asynchronous clients share it: a client translates, the responder decides.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..clock import TIME, Clock
from ..errors import FaultError, NeverAnsweredError
from ..faults import NOTHING_PLANNED, Call, Plan, Planned, Selection
from ..http.messages import Interaction, Request, Response
from ..http.stand_ins import completed
from ..llm.prompt_log import PromptLog
from ..matching.matcher import Ids, Key, Matcher
from ..matching.stable_ids import StableIds
from ..redaction import Redaction
from ..settings.hosts import address_listed, url_listed
from ..settings.settings import Settings
from ..settings.telemetry import is_ignored
from .decisions import Decision, Fail, Forward, PassThrough, Replay, Scripted, Truncate
from .forked import ForkedChildren
from .guard import Guard
from .hooks import Hooks
from .misses import Miss, Sender, not_cached, noted, sentence
from .normalization import Normalization
from .planned_faults import apply_fault
from .recorded_log import RecordedLog, Slot
from .recorded_requests import RecordedRequests
from .refreshes import Refreshes
from .request_lines import RequestLines
from .response_recorder import ResponseRecorder
from .run_state import SURROUNDINGS


@dataclass(slots=True)
class Counts:
    """The numbers of requests that were replayed and recorded."""

    replayed: int = 0
    recorded: int = 0


@dataclass(slots=True)
class Responder:
    """The decisions about the requests of one test, or of one `use_cassette`.

    Args:
        settings: The settings of the test.
        recorded: The interactions on the cassette, in order.
        hooks: The hooks of conftest files and plugins.
        direct: Globs of hosts that go straight through, besides `settings.passthrough`.
        environment: The environment variables at the start of the run; they may hold secrets.
        for_process: The interactions on the cassette of the process.

    Attributes:
        closed: Whether its test is over.
        guard: The block of the network that applies to what outlives the test.
    """

    settings: Settings
    recorded: tuple[Interaction, ...] = ()
    hooks: Hooks = field(default_factory=Hooks)
    direct: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    for_process: tuple[Interaction, ...] = ()
    misses: list[Miss] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    refreshes: Refreshes = field(default_factory=Refreshes)
    prompts: PromptLog = field(default_factory=PromptLog)
    children: ForkedChildren = field(default_factory=ForkedChildren)
    closed: bool = False
    guard: Guard | None = None
    _records: bool = field(init=False)
    _waiting: RecordedRequests = field(init=False)
    _noted: dict[int, int] = field(init=False, default_factory=dict)
    matcher: Matcher = field(init=False)
    ids: StableIds = field(init=False)
    redaction: Redaction = field(init=False)
    normalization: Normalization = field(init=False)
    log: RecordedLog = field(init=False)
    _process_log: RecordedLog = field(init=False)
    _process: dict[Key, Interaction] = field(init=False)
    _lines: RequestLines = field(init=False, default_factory=RequestLines)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        self._records = self.settings.records
        self.redaction = Redaction.of(self.settings, self.environment)
        self.refreshes.safe = self.redaction.text
        self.normalization = Normalization(self.settings, self.redaction, self.hooks)
        self.ids = StableIds(self.settings.stable_ids)
        if self._records:
            self.ids.reserve(self.recorded)
        self.matcher = Matcher(self.settings, self.redaction.comparable, self.ids, self.hooks.alike)
        self.plan = Plan(self.matcher, self.normalized)
        self.log = RecordedLog(self.recorded, self.normalization, self.redaction, self.ids)
        self._process_log = RecordedLog(
            self.for_process, self.normalization, self.redaction, self.ids
        )
        self._process = {self.key(each): each for each in self.for_process}
        self._waiting = RecordedRequests(
            self.log.slots,
            self.settings,
            self.hooks,
            self.ids,
            self._key_and_ids,
            lambda: self.redaction.version,
        )

    def decide(
        self,
        request: Request,
        find_caller: Callable[[], Sender | None] = lambda: None,
        selection: Selection | None = None,
        passes: bool | None = None,
    ) -> Decision:
        """Decide how a client handles `request`.

        Args:
            request: The request that the client is about to send, with its secrets.
            find_caller: Finds what sends it; called only for a miss.
            selection: The faults planned for it, if their delays have passed already.
            passes: Whether it goes straight to the network; None to look its URL up.

        Raises:
            FaultError: For a fault that is impossible for this request.
            MissError: For a miss under `on_miss="raise"`.
        """
        __tracebackhide__ = True
        if selection is None:
            selection = self.plan.select(request)
            if selection.delays:
                Clock().sleep(selection.seconds)
        passes = self.passes(request.url) if passes is None else passes
        kept = None if passes else self._before(request)
        if kept is None and selection.planned is None:
            self._pass(request, selection)
            return PassThrough()
        request = kept or request
        if self._records:
            self.log.learn()
            self._process_log.learn()
        if selection is NOTHING_PLANNED and (replayed := self._replay_exact(request)) is not None:
            return replayed
        wanted = self._wanted(request)
        if selection is not NOTHING_PLANNED:
            selection.note_request(wanted)
        key, ids = self.matcher.key_and_ids(wanted)
        if selection.planned is not None:
            return self._fault(selection.planned, wanted, key, ids)
        if address_listed(wanted.url, self.settings.session_cassette) and (
            decision := self._once_per_process(wanted, key)
        ):
            return decision
        with self.log.lock:
            order = self.log.begin()
            if (slot := self._waiting.take(key, ids)) is not None:
                if slot.interaction.cancelled:
                    return self._hang(order, slot, wanted)
                return Replay(self._play(order, slot, wanted))
            if self.settings.repeat and (again := self._replay_again(key, wanted)) is not None:
                return again
            if self._records and not self.children.inside:
                TIME.upstream_took(requests=1)
                self.log.ask(order, key, wanted, request)
                self._noted[order] = self.plan.note(Call(wanted, "unanswered"))
                self.redaction.asked(wanted)
                self.ids.note_sent(ids, wanted)
                log = self.log
                return Forward(
                    wanted,
                    order,
                    self.settings,
                    self.keep,
                    self.drop,
                    log.end,
                    log.answer,
                    self.cancel,
                    self.ids.shown if self.ids else None,
                )
            known = self._waiting.knows(key, ids)
        kind = "exhausted" if known else "missing"
        return Replay(self.miss(wanted, kind, find_caller()))

    def _replay_exact(self, request: Request) -> Decision | None:
        """Decide about a request that is on the cassette byte for byte; None for any other."""
        with self.log.lock:
            if (slot := self._waiting.take_exact(request)) is None:
                return None
            return Replay(self._play(self.log.begin(), slot, request, is_raw=True))

    def _replay_again(self, key: Key, request: Request) -> Decision | None:
        """Replay the last response that was replayed to a request with this key, if there is one.

        Args:
            key: The key of the request.
            request: The request, redacted and normalized.
        """
        played = self._waiting.last(key)
        if played is None or played.given is None:
            return None
        self.counts.replayed += 1
        self.plan.note(Call(request, "replayed", played.given.status))
        return Replay(played.given)

    def _once_per_process(self, request: Request, key: Key) -> Decision | None:
        """Decide by the cassette of the process; None if it does not hold the request."""
        if found := self._process.get(key):
            self.redaction.played(request, found.request)
            self.counts.replayed += 1
            response = completed(found.response, found.request, Clock().now)
            self.plan.note(Call(request, "replayed", response.status))
            return Replay(response)
        if not self._records or self.children.inside:
            return None
        log = self._process_log
        order = log.begin()
        log.ask(order, key, request)
        self.redaction.asked(request)

        def keep(order: int, recording: ResponseRecorder) -> None:
            if not self.closed:
                log.keep(order, recording)
                self.counts.recorded += 1

        def drop(recording: ResponseRecorder) -> None:
            self.counts.recorded -= len(log.drop(recording))

        return Forward(request, order, self.settings, keep, drop, log.end, log.answer)

    def added_for_process(self) -> tuple[Interaction, ...]:
        """Return the new interactions for the cassette of the process, redacted."""
        return self._process_log.added()

    def _pass(self, request: Request, selection: Selection) -> None:
        """Note a request that goes straight to the network, if the test looks at its upstream."""
        if self.plan.watched:
            passed = self.redaction.request(request)
            selection.note_request(passed)
            self.plan.note(Call(passed, "passed"))

    def _before(self, request: Request) -> Request | None:
        """Return `request` as a hook changes it; if the hook raises, it counts as unanswered."""
        try:
            return self.hooks.before_request(request)
        except Exception:
            self.log.ask(self.log.begin(), (), self.redaction.request(request))
            raise

    def _wanted(self, request: Request) -> Request:
        """Return `request` as it is matched; if a hook raises, it counts as unanswered."""
        try:
            return self.normalized(request)
        except Exception:
            # Only the agent sees the hook's error, and agents catch everything.
            self.log.ask(self.log.begin(), (), self.redaction.request(request))
            raise

    def _play(self, order: int, slot: Slot, request: Request, *, is_raw: bool = False) -> Response:
        """Return the response of an interaction as the client receives it.

        Args:
            order: The number of the request.
            slot: The interaction.
            request: The request, redacted and normalized.
            is_raw: Whether it is neither.
        """
        self._note_played(order, slot)
        if is_raw:
            self.redaction.played_raw(request, slot.interaction.request)
        else:
            self.redaction.played(request, slot.interaction.request)
        interaction = slot.interaction
        replayed = self.normalization.restored(self.ids.replay(interaction.response))
        answer = completed(replayed, interaction.request, Clock().now)
        slot.given = answer
        self.plan.note(Call(request, "replayed", answer.status), is_raw=is_raw)
        return answer

    def _note_played(self, order: int, slot: Slot) -> None:
        self.log.play(order, slot)
        self.counts.replayed += 1
        if self.children.inside:
            own = (at for at, each in enumerate(self.log.slots) if each is slot)
            self.children.report(next(own))

    def after_fork(self) -> None:
        """Go on in a forked child, of which only the current thread is left."""
        self.children.inside = True
        self.misses.clear()
        self._lines.forget()

    def hear_children(self) -> None:
        """Note what forked children have missed and replayed."""
        with self.log.lock:
            for event in self.children.receive():
                if isinstance(event, Miss):
                    noted(self.misses, event)
                    continue
                self.counts.replayed += 1
                if (slot := self.log.slots[event]).order is None:
                    self.log.play(self.log.begin(), slot)

    def _hang(self, order: int, slot: Slot, request: Request) -> Fail:
        """Return the failure of a request that its caller cancels, as it did while recording."""
        self._note_played(order, slot)
        self.plan.note(Call(request, "unanswered"))
        return Fail("read-timeout", request, hangs=True)

    def _fault(self, planned: Planned, request: Request, key: Key, ids: Ids) -> Scripted:
        """Apply a planned fault to a request."""
        try:
            decision = apply_fault(planned, request, lambda: self._last_or_next(key, ids))
        except FaultError as error:
            self.plan.problem(str(error))
            raise
        match decision:
            case Replay(response) | Truncate(response=response):
                status: int | None = response.status
            case Fail():
                status = None
        self.plan.note(Call(request, "fault", status, planned))
        return decision

    def _last_or_next(self, key: Key, ids: Ids) -> Response | None:
        """Return the last response to a request with this key, else the next one."""
        with self.log.lock:
            waiting = self._waiting.next(key, ids)
            comes = waiting is not None and not waiting.interaction.cancelled
            coming = self._preview(waiting.interaction) if waiting and comes else None
            played = self._waiting.last(key)
            return self.log.last(key) or (played and played.given) or coming

    def _preview(self, interaction: Interaction) -> Response:
        """Return the response that the next replay of an interaction would give."""
        response = self.normalization.restored(self.ids.preview(interaction.response))
        return completed(response, interaction.request, Clock().now)

    def key(self, interaction: Interaction) -> Key:
        """Return the key of the request of a recorded interaction."""
        return self._key_and_ids(interaction.request)[0]

    def _key_and_ids(self, request: Request) -> tuple[Key, Ids]:
        return self.matcher.key_and_ids(self.normalized(request))

    def holds(self, number: int, request: Request) -> bool:
        """Return true if interaction `number`, from 1, has this normalised request."""
        key, ids = self._key_and_ids(self.recorded[number - 1].request)
        asked, own = self.matcher.key_and_ids(request)
        return key == asked and self.ids.bindings.agree(ids, own)

    def kind_of_miss(self, request: Request) -> str:
        """Return `exhausted` if the request was recorded, but fewer times; else `missing`."""
        known = self._waiting.knows(*self._key_and_ids(request))
        return "exhausted" if known else "missing"

    def passes(self, url: str) -> bool:
        """Return true if requests to `url` bypass the cassette."""
        return self.settings.mode == "live" or self.is_direct(url)

    def is_direct(self, url: str) -> bool:
        """Return true if requests to `url` bypass the cassette in every mode."""
        hosts = (*self.settings.passthrough, *self.direct)
        return bool(hosts) and url_listed(url, hosts)

    def ignores(self, url: str) -> bool:
        """Return true if requests to `url` get an empty response: they are telemetry."""
        return not self.passes(url) and is_ignored(url, self.settings.ignore_hosts)

    def can_answer(self, request: Request) -> bool:
        """Return true if `request` would not be a miss now. Uses up no interaction."""
        if self.passes(request.url) or (self.settings.records and not self.closed):
            return True
        if self.ignores(request.url):
            return True
        if not self.closed and self.plan.answers(request):
            return True
        kept = self.hooks.before_request(request)
        if kept is None:
            return True
        key, ids = self._key_and_ids(kept)
        if key in self._process:
            return not self.closed
        with self.log.lock:
            return not self.closed and self._waiting.next(key, ids) is not None

    @contextmanager
    def in_line(self, key: Hashable, session: Any) -> Iterator[None]:
        """Send a request through a cached session after the equal ones of other threads.

        Args:
            key: Equal for requests to which a cache has the same response.
            session: The session, whose background refreshes run first.
        """
        if self.settings.mode == "live" or self.refreshes.running:
            # Another request may have to wait for the refresh that sends this one.
            self.refreshes.run(session)
            yield
            return
        with self._lines.held(key) as is_held:
            self.refreshes.run(session)
            if not is_held or not self._records:
                yield
                return
            order = self.log.begin()
            try:
                yield
            finally:
                self.log.end_in_line(order, key)

    def miss(self, request: Request, kind: str, caller: Sender | None) -> Response:
        """Keep a miss and return the response to it: requests-cache's `504 Not Cached`.

        Raises:
            MissError: Under `on_miss="raise"`.
        """
        __tracebackhide__ = True
        self.plan.note(Call(request, "miss", 504))
        if self.children.inside and kind != "socket":
            kind = "forked"
        with self.log.lock:
            known = noted(self.misses, Miss(request, kind, caller))
        self.children.report(Miss(request, kind, caller))
        self.hooks.miss(known)
        if self.settings.on_miss == "raise":
            raise SURROUNDINGS.miss_error(sentence(known))
        return not_cached(known)

    def keep(self, order: int, recording: ResponseRecorder) -> None:
        """Keep a response that begins to arrive."""
        with self.log.lock:
            # After the end of its test, the caller still gets a response, but it is not kept.
            if not self.closed:
                if self.log.is_cancelled(order):
                    # The router's thread goes on when its caller has given up.
                    request = recording.request
                    raise NeverAnsweredError(f"{request.method} {request.url}")
                self.log.keep(order, recording)
                self.counts.recorded += 1
                if order in self._noted:
                    self.plan.amend(self._noted[order], "recorded", recording.status)

    def cancel(self, order: int) -> None:
        """Keep a request that its caller gave up on before the response had arrived."""
        with self.log.lock:
            if not self.closed:
                self.counts.recorded += not self.log.cancel(order)
                if order in self._noted:
                    self.plan.amend(self._noted[order], "unanswered")

    def drop(self, recording: ResponseRecorder) -> None:
        """Discard a response that broke off."""
        with self.log.lock:
            for order in self.log.drop(recording):
                self.counts.recorded -= 1
                if order in self._noted:
                    self.plan.amend(self._noted[order], "unanswered")

    def close(self) -> None:
        """End the test: every later request is a late miss."""
        self.hear_children()
        self.children.close()
        with self.log.lock:
            self.closed = True

    def twins(self) -> tuple[str, ...]:
        """Return warnings on requests that differ in redacted values and in their responses."""
        return self.log.twins(self.matcher.compared_headers)

    @property
    def unused(self) -> tuple[int, ...]:
        """The numbers, from 1, of the interactions that no request asked for."""
        return self.log.unused

    def replayed(self, number: int) -> bool:
        """Return true if interaction `number`, from 1, was requested."""
        return number not in self.unused

    def interactions(self, *, keep_unused: bool) -> tuple[Interaction, ...]:
        """Return the contents for the cassette: replayed and new interactions, redacted.

        Where unused ones are kept, for they are other tests', new ones come last.
        """
        if keep_unused:
            return (*self.recorded, *self.added(self.recorded))
        return self.log.interactions()

    def added(self, beside: Iterable[Interaction] = ()) -> tuple[Interaction, ...]:
        """Return the new interactions, redacted, in order.

        Args:
            beside: What else is going to be on the cassette, with ids of its own.
        """
        return self.log.added(beside)

    def normalized(self, request: Request) -> Request:
        """Return `request` as the cassette holds it, redacted and normalized."""
        return self.normalization.request(request)
