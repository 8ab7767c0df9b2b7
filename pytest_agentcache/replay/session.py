"""The session of one test: opened before its first request, closed after its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..cache.isolation import Isolation
from ..cassette import Cassette
from ..clock import Clock
from ..faults import Upstream
from ..llm.prompt_log import PromptCall
from ..llm.usage import Usage, usage_of
from ..redaction import dummies
from ..settings.settings import Settings
from ..state import fork_safe
from .cache_router import Router
from .cassette_file import CassetteFile
from .dispatcher import DISPATCHER, find_caller
from .hooks import Hooks
from .misses import Miss
from .process_cassette import ProcessCassette
from .refreshes import Refresh
from .responder import Responder
from .run_state import Run
from .served import ServedTest

if TYPE_CHECKING:
    from requests_cache import CachedSession

    from ..cache.session import IsolatedSession
    from ..serving.server import Server


@dataclass(slots=True)
class Harness:
    """The harness of a test: its cassette, its cache, and its misses.

    Args:
        settings: The settings of the test.
        path: Its cassette; None for a test without one that is only kept offline.
        make_folder: Returns the test's own folder; called once, if a cache needs it.
        run: The run it belongs to.
        hooks: The hooks of conftest files and plugins.
        configure_session: Called with the session when it is made.
        direct: Hosts whose requests go straight to the network.
        test: The name of the test, if the cassette is to hold it (see `Cassette.test`).
        is_block: Whether it is of a `use_cassette`.
        more: More cassettes, whose interactions follow those of `path`; never written.

    Attributes:
        passed: Whether the body of the test passed.
        stopped: Whether the test was skipped, or failed as expected, after it had begun.
    """

    settings: Settings
    path: Path | None
    make_folder: Callable[[], Path]
    run: Run
    hooks: Hooks = field(default_factory=Hooks)
    configure_session: Callable[[CachedSession], Any] = lambda session: None
    direct: tuple[str, ...] = ()
    test: str = ""
    is_block: bool = False
    more: tuple[Path, ...] = ()
    passed: bool = False
    stopped: bool = False
    clock: Clock = field(init=False, default_factory=Clock)
    cassette_file: CassetteFile = field(init=False)
    process_cassette: ProcessCassette = field(init=False)
    responder: Responder = field(init=False)
    _dummies: set[str] = field(init=False, default_factory=set)
    _isolation: Isolation = field(init=False)
    _session: IsolatedSession | None = field(init=False, default=None)
    _making: threading.RLock = field(
        init=False, default_factory=lambda: fork_safe(threading.RLock())
    )
    _requests_session: Any = field(init=False, default=None)
    _server: Server | None = field(init=False, default=None)

    def open(self) -> Harness:
        """Read the cassette and start to handle all requests.

        Raises:
            CassetteError: If there is a cassette that cannot be read.
            SettingsError: If the session of a router takes no such keyword.
        """
        self.cassette_file = CassetteFile(self.path, self.settings, self.run, self.test, self.more)
        self.process_cassette = ProcessCassette(self.settings, self.run)
        recorded = self.cassette_file.load()
        self.responder = Responder(
            self.settings,
            recorded,
            self.hooks,
            self.direct,
            self.run.environment,
            self.process_cassette.load() if self.path is not None else (),
        )
        self.responder.plan.find_caller = find_caller
        self._isolation = Isolation(
            self.make_folder, self.responder.redaction, self.settings, self.responder.prompts
        )
        self._requests_session = _requests_session()
        # Caches are isolated only for tests on a cassette.
        if self.path is None:
            DISPATCHER.open(self.responder)
        else:
            DISPATCHER.open(
                self.responder,
                self._isolation,
                self._router(),
                is_block=self.is_block,
                variables=self._variables if self.settings.children else None,
            )
        try:
            if self.mode in ("replay", "offline"):
                needed = dummies.variables_of(self.responder.recorded, self.settings.redact_env)
                self._dummies = dummies.hold(needed)
            if self.settings.freeze:
                self.freeze()
            if self.settings.router and self.path is not None:
                # Create it now, so that an error in its keywords is not raised inside an agent.
                _ = self.session
        except BaseException:
            self.close()
            raise
        return self

    def _router(self) -> Router | None:
        prompts = self.responder.prompts
        return Router(lambda: self.session, prompts) if self.settings.router else None

    def _variables(self, given: Mapping[str, str]) -> Mapping[str, str]:
        # The server starts with the first child.
        return self.serve().variables(given)

    def freeze(self) -> None:
        """Freeze the clock at the recording of the cassette, or at the start of the test."""
        start = self.settings.freeze
        if not isinstance(start, datetime):
            start = None if self.settings.sends_all else self.cassette_file.recorded_at
        self.clock.freeze(
            start or self.cassette_file.opened_at,
            self.settings.clock_engine,
            below=self.settings.freeze is True,
        )

    def close(self) -> None:
        """Close it; requests after this are late."""
        if self._server is not None:
            self._server.close()
        self.cassette_file.note_used(self.responder)
        dummies.release(self._dummies)
        self.clock.release()
        self.responder.plan.close()
        DISPATCHER.close(self.responder)
        if self._session is not None:
            self._session.close()  # type: ignore[no-untyped-call]
        self._isolation.close()
        if self.path is not None:
            _put_back(self._requests_session)

    @property
    def mode(self) -> str:
        """`replay`, `record`, `rerecord`, `offline`, `live` or `verify`."""
        return self.settings.mode

    @property
    def folder(self) -> Path:
        """The test's own folder, which contains its caches."""
        return self._isolation.folder

    @property
    def session(self) -> IsolatedSession:
        """The test's own `CachedSession`, made at the first access."""
        # With the router, several threads may be the first.
        with self._making:
            if self._session is None:
                self._session = self._isolation.session(self.settings.session)
                self.configure_session(self._session)
        return self._session

    @property
    def misses(self) -> list[Miss]:
        """The requests that neither cache nor cassette could answer, in order."""
        self.responder.hear_children()
        return self.responder.misses

    def check_flags(self) -> None:
        """Raise a wrong `auto_cache` again, even if its error was caught.

        Raises:
            AutoCacheError: The first that was raised, unless `on_miss` is `respond`.
        """
        problems = self.responder.prompts.problems
        if problems and self.settings.on_miss != "respond":
            raise problems[0].with_traceback(None)

    @property
    def prompt_cache(self) -> tuple[PromptCall, ...]:
        """The test's calls of models so far, in order, with their use of prompt caches.

        Calls that go straight to the network are not included.
        """
        return self.responder.prompts.calls()

    def usage(self, answer: Any) -> Usage:
        """Return the tokens of a model's response, of any provider and client.

        Args:
            answer: The object of an SDK (OpenAI, Anthropic, Gemini, boto3), the list of chunks or
                events of a stream, a client's response, a dict, or the text of the body.

        Raises:
            UsageError: If it is not the response of a model, or its body was streamed and not kept.
        """
        return usage_of(answer)

    @property
    def upstream(self) -> Upstream:
        """The upstream of the test: faults that override the cassette, and the calls so far."""
        self.responder.plan.watched = True
        return Upstream(self.responder.plan)

    def serve(self, port: int = 0, *, host: str = "127.0.0.1", upstream: str = "") -> Server:
        """Serve the cassette to other processes and languages, until the end of the test.

        What arrives there is a request of the test. Every call returns the same server.

        Args:
            port: The port; 0 for one that is free.
            host: The address to listen on. Any other than that of loopback can be reached from
                other machines and containers.
            upstream: The base URL for requests that name no upstream of their own.

        Raises:
            SettingsError: If the port is in use.
        """
        from ..serving.server import Server

        with self._making:
            if self._server is None:
                self._server = Server(ServedTest(self.responder), host, port, upstream)
                # What the test itself sends to the server is decided there.
                self.responder.direct += (urlsplit(self._server.url).netloc,)
            return self._server

    @property
    def pending(self) -> tuple[Refresh, ...]:
        """The background refreshes of stale-while-revalidate that are waiting to run."""
        return tuple(self.responder.refreshes.pending)

    def settle(self) -> None:
        """Run the waiting background refreshes now, in order.

        Raises:
            RefreshError: If one of them failed, now or before a request on its session.
        """
        self.responder.refreshes.settle()

    @property
    def cassette(self) -> Cassette:
        """The cassette; while recording, as it would be written now."""
        return self.cassette_file.now(self.responder)

    @property
    def unused(self) -> tuple[int, ...]:
        """The numbers, from 1, of the test's own interactions that it never requested."""
        return () if self.cassette_file.shared or self.settings.records else self.responder.unused

    def save(self) -> None:
        """Write the cassette, if the mode records and something is new.

        A test that stopped early loses no interaction, because it may have stopped before its use.

        Raises:
            CassetteError: If it cannot be written; the old file stays.
        """
        self.cassette_file.save(self.responder, stopped=self.stopped)
        if self.path is not None:
            self.process_cassette.save(self.responder)


def _requests_session() -> Any:
    requests = sys.modules.get("requests")
    return requests and requests.Session


def _put_back(session: Any) -> None:
    """Undo `requests_cache.install_cache()`."""
    requests: Any = sys.modules.get("requests")
    if requests is None:
        return
    if session is None:
        # The test imported requests; the original class is the one that sessions derive from.
        session = next(
            cls for cls in requests.Session.__mro__ if cls.__module__ == "requests.sessions"
        )
    if requests.Session is not session:
        requests.Session = requests.sessions.Session = session
