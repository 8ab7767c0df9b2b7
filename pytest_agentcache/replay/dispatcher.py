"""Find the responder of each request; all clients call the one dispatcher of the process.

Tests run one after another, so at most one of their cassettes is open. `use_cassette` may put
others on top, each for its own task or thread. Threads keep the responder of the test that started
them, so a thread that outlives its test gets late misses and does not use up the cassette of the
next test.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import FrameType, ModuleType
from typing import Any, Protocol

from ..clock import Clock, awaiting_upstream, threads
from ..errors import OverlapError
from ..faults import Selection
from ..http.messages import Request
from ..state import THREAD_OWNER, fork_safe, on_reset
from .async_wait import in_worker, let_others_run, pause_async
from .cache_router import Router, Timeouts
from .decisions import Decision, PassThrough, Replay
from .guard import Guard
from .misses import Caller, Miss, Sender, empty_response, is_not_cached, not_cached
from .ordering import lanes
from .responder import Responder

_PACKAGE = str(Path(__file__).parent.parent)
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")} | {"<frozen", "<string"}
)


class Caches(Protocol):
    """The isolation of one test's caches; see `cache.isolation`."""

    def path(self, wanted: Any) -> Path:
        """Return the path of a cache in place of `wanted`."""
        ...

    def own(self, cache: Any) -> Any:
        """Return the test's own cache in place of `cache`."""

    def memory(self) -> str:
        """Return the address of the in-memory SQLite database that the test's sessions share."""
        ...

    def namespace(self, wanted: str) -> str:
        """Return the name that a cache on a server gets in place of `wanted`."""
        ...


Variables = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Returns variables for the environment of a child process, given its others."""


@dataclass(eq=False, slots=True)
class Opened:
    """A cassette that is open, of a test or of a `use_cassette`.

    Attributes:
        responder: Decides about its requests.
        caches: Its isolated caches, if they are isolated.
        router: The router in front of it, if there is one.
        around: The cassette that it replaces for its time, if any.
        is_block: Whether it is of a `use_cassette`.
        guard: Its own block of the network, if it has one.
        variables: Returns the variables that lead a child to its server, given the child's others,
            if its children are to use it.
    """

    responder: Responder
    caches: Caches | None
    router: Router | None
    around: Opened | None
    is_block: bool = False
    guard: Guard | None = None
    variables: Variables | None = None

    def is_inside(self, other: Opened | None) -> bool:
        """Return true if it replaces `other`, directly or not; all replace None, the network."""
        around = self.around
        while around is not None and around is not other:
            around = around.around
        return around is other


# The blocks of `use_cassette` that were opened in this context, or in the one it is a copy of.
_BLOCKS: ContextVar[tuple[Opened, ...]] = ContextVar("agentcache_blocks", default=())


class Dispatcher:
    """The open cassettes of tests and of `use_cassette`.

    Attributes:
        patched: The modules that are patched, by name; None until a module is imported.
        late_misses: Misses of requests that came after the end of their tests.
        outside: The responder of requests outside any test, in a run that is offline.
        folder: The current folder when the last cassette was opened.
    """

    installed = False

    def __init__(self) -> None:
        self._opened: list[Opened] = []
        self._change = fork_safe(threading.Lock())
        self._guard: Guard | None = None
        self._thread = threading.local()
        self.patched: dict[str, ModuleType | None] = {}
        self.late_misses: list[Miss] = []
        self.outside: Responder | None = None
        self.folder = Path()

    @property
    def around(self) -> Opened | None:
        """The innermost open cassette that is known to be around the caller."""
        if not self._opened:
            return None
        own = next((each for each in reversed(_BLOCKS.get()) if each in self._opened), None)
        owner = self._owner_of_thread()
        starter = next((each for each in self._opened if each.responder is owner), None)
        if own is None or (starter is not None and starter.is_inside(own)):
            own = starter
        tests = [each for each in self._opened if not each.is_block and each.is_inside(own)]
        return tests[-1] if tests else own

    def _innermost(self) -> tuple[Opened, ...]:
        """Return the innermost open cassettes, one of which is that of the caller.

        Where the caller has opened no block itself, it may be in one that a fixture has opened, or
        in one that was opened while its thread was running.
        """
        if len(self._opened) < 2:
            return tuple(self._opened)
        start = self.around
        if start in _BLOCKS.get():
            return (start,) if start else ()
        inside = [each for each in self._opened if each is start or each.is_inside(start)]
        outer = [each.around for each in inside]
        return tuple(each for each in inside if each not in outer)

    def _one(self) -> Opened | None:
        """Return the open cassette of the caller.

        Raises:
            OverlapError: If it may be one of several.
        """
        innermost = self._innermost()
        if len(innermost) > 1:
            raise OverlapError
        return innermost[0] if innermost else None

    @property
    def current(self) -> Responder | None:
        """The responder of the innermost open cassette."""
        opened = self._one()
        return None if opened is None else opened.responder

    @property
    def caches(self) -> Caches | None:
        """The caches of the running test, if they are isolated."""
        opened = self._one()
        return None if opened is None else opened.caches

    @property
    def variables_of_children(self) -> Variables | None:
        """The variables for children of the caller, if they are to use its cassette."""
        innermost = self._innermost() if self._opened else ()
        return next((each.variables for each in innermost), None)

    @property
    def guard(self) -> Guard | None:
        """The block of the network around the caller, in modes that have one.

        A thread that outlives its test keeps that of its test.
        """
        owned = self._owner_of_thread()
        if owned is not None and owned.closed and owned.guard is not None:
            return owned.guard
        innermost = self._innermost() if self._opened else ()
        return next((each.guard for each in innermost if each.guard is not None), self._guard)

    @guard.setter
    def guard(self, guard: Guard | None) -> None:
        self._guard = guard

    def open(
        self,
        responder: Responder,
        caches: Caches | None = None,
        router: Router | None = None,
        *,
        is_block: bool = False,
        variables: Variables | None = None,
    ) -> None:
        """Activate `responder`, and put `router` in front of it, if there is one.

        Args:
            responder: The responder.
            caches: Its isolated caches.
            router: The router.
            is_block: Whether it is of a `use_cassette`.
            variables: As in `Opened`.
        """
        opened = Opened(responder, caches, router, self.around, is_block, variables=variables)
        # Other threads open and close blocks of their own, and read the list without the lock.
        with self._change:
            self._opened = [*self._opened, opened]
        self.note_folder()

    def enter_block(self, responder: Responder, guard: Guard | None) -> None:
        """Make the open cassette of `responder` a block of the current context.

        Args:
            responder: The responder.
            guard: The block's own guard of the network, if it has one.
        """
        [opened] = (each for each in self._opened if each.responder is responder)
        opened.guard = guard
        _BLOCKS.set((*_BLOCKS.get(), opened))

    def note_folder(self) -> None:
        """Note the current folder, relative to which the senders of requests are shown."""
        with suppress(OSError):
            # As text, because a path is made for each test otherwise.
            if (folder := os.getcwd()) != str(self.folder):  # noqa: PTH109
                self.folder = Path(folder)

    def before_fork(self) -> None:
        """Prepare for children that go on with the open cassettes."""
        for responder in self._in_charge():
            responder.children.prepare()

    def after_fork(self) -> None:
        """Go on in a forked child, of which only the current thread is left."""
        for responder in self._in_charge():
            responder.after_fork()
        for opened in self._opened:
            if opened.router is not None:
                opened.router.after_fork()

    def _in_charge(self) -> list[Responder]:
        found = [opened.responder for opened in self._opened]
        return found if self.outside is None else [*found, self.outside]

    def close(self, responder: Responder) -> None:
        """Deactivate `responder`; every later request that belongs to it is a late miss."""
        own = (each.guard for each in self._opened if each.responder is responder)
        responder.guard = next(own, None) or self._guard
        responder.close()
        with self._change:
            self._opened = [each for each in self._opened if each.responder is not responder]
        if blocks := _BLOCKS.get():
            _BLOCKS.set(tuple(each for each in blocks if each in self._opened))

    @property
    def is_open(self) -> bool:
        """True if any cassette is open."""
        return bool(self._opened)

    def owner(self) -> Responder | None:
        """Return the responder of this thread's requests.

        Raises:
            OverlapError: If it may be one of several.
        """
        # An open block is innermost: a thread sees `use_cassette` as its test does.
        owned = self._owner_of_thread()
        return owned if owned is not None and owned.closed else self.current or self.outside

    def owner_of_work(self) -> Responder | None:
        """Return the responder of the work that this thread starts, if it is known."""
        owned = self._owner_of_thread()
        if owned is not None and owned.closed:
            return owned
        around = self.around
        return None if around is None else around.responder

    def _owner_of_thread(self) -> Responder | None:
        owned: Responder | None = getattr(self._thread, "owner", None)
        return THREAD_OWNER.get(threading.current_thread()) if owned is None else owned

    def route(self, url: str) -> Route | None:
        """Return the route of a request to `url`; None if the client sends it on its own.

        Raises:
            OverlapError: If it may belong to one of several blocks.
        """
        if self.passing_through or (responder := self.owner()) is None:
            return None
        opened = None if responder.closed else self._one()
        router = opened.router if opened is not None else None
        direct = responder.is_direct(url)
        # Requests of the session itself have already come through it.
        ignored = responder.ignores(url)
        enters = router is not None and not (direct or ignored or responder.prompts.inside)
        passes = direct or responder.settings.mode == "live"
        if passes and not enters and not responder.plan.watched:
            return None
        return Route(responder, router if enters else None, router, passes, ignored)

    def late_miss(self, request: Request, responder: Responder) -> Replay:
        """Keep the miss of a request that came after the end of its test, and respond to it."""
        miss = Miss(responder.redaction.request(request), "late", find_caller())
        self.late_misses.append(miss)
        return Replay(not_cached(miss))

    def take_late_misses(self) -> list[Miss]:
        """Return the late misses since the last call."""
        late, self.late_misses = self.late_misses, []
        return late

    def take_misses_outside(self) -> list[Miss]:
        """Return the misses outside any test since the last call."""
        if self.outside is None:
            return []
        self.outside.hear_children()
        found, self.outside.misses = self.outside.misses, []
        return found

    @property
    def passing_through(self) -> bool:
        """True if this thread is inside a client that is already allowed to send."""
        return bool(getattr(self._thread, "upstream", 0))

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Let all requests of this thread through: they are part of one that was decided."""
        self._thread.upstream = getattr(self._thread, "upstream", 0) + 1
        try:
            yield
        finally:
            self._thread.upstream -= 1

    @contextmanager
    def acting_for(self, find_sender: Callable[[], Sender | None]) -> Iterator[None]:
        """Report what `find_sender` returns as the sender of this thread's requests."""
        before = getattr(self._thread, "find_sender", None)
        self._thread.find_sender = find_sender
        try:
            yield
        finally:
            self._thread.find_sender = before

    @property
    def acts_for(self) -> Callable[[], Sender | None] | None:
        """Finds the sender of this thread's requests, if that is not on its own stack."""
        find_sender: Callable[[], Sender | None] | None
        find_sender = getattr(self._thread, "find_sender", None)
        return find_sender

    @contextmanager
    def owned_by(self, responder: Responder | None) -> Iterator[None]:
        """Assign this thread's requests to `responder`."""
        before = getattr(self._thread, "owner", None)
        self._thread.owner = responder
        try:
            yield
        finally:
            self._thread.owner = before


DISPATCHER = Dispatcher()


@on_reset("replay.dispatcher._BLOCKS")
def _reset_blocks() -> None:
    _BLOCKS.set(())


@on_reset("replay.dispatcher.DISPATCHER")
def _reset() -> None:
    # What is patched stays patched.
    DISPATCHER.guard = None
    DISPATCHER._opened.clear()
    DISPATCHER._thread = threading.local()
    DISPATCHER.late_misses.clear()
    DISPATCHER.outside = None
    DISPATCHER.folder = Path()


@dataclass(frozen=True, slots=True)
class Route:
    """The route of one request.

    Attributes:
        responder: The responder of the test that sends the request.
        session: The router that sends it through the test's `CachedSession`, if it goes there.
        router: The router of the test, whether the request has come through it or goes there.
        passes: Whether the request goes straight to the network, unless a fault is planned.
        ignored: Whether the request gets an empty response, unless a fault is planned.
    """

    responder: Responder
    session: Router | None
    router: Router | None
    passes: bool
    ignored: bool

    def decide(self, request: Request, timeouts: Timeouts = None) -> Decision:
        """Decide how a client handles `request`.

        Args:
            request: The request that the client is about to send.
            timeouts: Its timeouts for the connection and for the response, in seconds.

        Raises:
            FaultError: For a fault that is impossible for this request.
            MissError: For a miss under `on_miss="raise"`.
        """
        __tracebackhide__ = True
        if self._ignores(request):
            return Replay(empty_response(request))
        if self.session is not None:
            return self.session.decide(request, timeouts)
        return self._decide(request)

    async def decide_async(self, request: Request, timeouts: Timeouts = None) -> Decision:
        """Decide the same for a client on an event loop."""
        __tracebackhide__ = True
        if self._ignores(request):
            return Replay(empty_response(request))
        decision = await self._decide_on_loop(request, timeouts)
        match decision:
            case Replay(response) if is_not_cached(response):
                # Upstream would have taken longer: a recorded response wins a race.
                await let_others_run()
        return decision

    def _ignores(self, request: Request) -> bool:
        plan, closed = self.responder.plan, self.responder.closed
        return self.ignored and (closed or not plan.watched or not plan.answers(request))

    async def _decide_on_loop(self, request: Request, timeouts: Timeouts) -> Decision:
        __tracebackhide__ = True
        responder, session = self.responder, self.session
        if responder.closed:
            return self._decide(request)
        if session is None:
            selection = responder.plan.select(request)
            await pause_async(selection.seconds)
            return self._decide(request, selection)
        # On a frozen clock, and without a network, nothing blocks the loop. The files of the cache
        # are local, but BlockBuster forbids them there.
        instant = Clock().frozen or not responder.plan.watched
        instant = instant and "blockbuster" not in sys.modules
        if responder.settings.mode in ("replay", "offline") and instant:
            return session.decide(request)
        caller, queued = find_caller(), session.queue(request)

        def decide() -> Decision:
            with DISPATCHER.acting_for(lambda: caller):
                return session.decide(request, timeouts, queued)

        try:
            with awaiting_upstream():
                # The session waits for upstream, which may be a server on this very loop.
                decision: Decision = await in_worker(keeping_owner(decide))
        except BaseException as error:
            if not isinstance(error, Exception):
                queued.cancel()
            raise
        finally:
            if not queued.place.begun:
                queued.place.leave()
        return decision

    def _decide(self, request: Request, selection: Selection | None = None) -> Decision:
        __tracebackhide__ = True
        responder, router = self.responder, self.router
        if responder.closed:
            return PassThrough() if self.passes else DISPATCHER.late_miss(request, responder)
        if router is not None:
            request = router.client_request(request)
        decision = responder.decide(request, find_caller, selection, self.passes)
        match decision:
            case PassThrough():
                return decision
        responder.prompts.answered(request, decision.find_response)
        return decision if router is None else router.note_decision(request, decision)


def find_caller() -> Sender | None:
    """Return the innermost line of user code on this thread's stack, or what it acts for."""
    if (find_sender := DISPATCHER.acts_for) is not None:
        return find_sender()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_PACKAGE, *_LIBRARIES)) and "site-packages" not in file:
            return Caller(_relative(file), frame.f_lineno, frame.f_code.co_qualname)
        frame = frame.f_back
    return None


def _relative(file: str) -> str:
    # By text alone: looking at the file system is forbidden on some event loops (BlockBuster).
    try:
        return str(PurePath(file).relative_to(DISPATCHER.folder))
    except ValueError:
        return file


def keeping_owner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` for another thread, where its requests still belong to this test."""
    owner = DISPATCHER.owner_of_work()
    if owner is None:
        return function
    lane = lanes.current().hand_over()

    def run(*args: Any, **kwargs: Any) -> Any:
        with DISPATCHER.owned_by(owner), lanes.working(lane):
            return function(*args, **kwargs)

    return threads.handing_over(run)
