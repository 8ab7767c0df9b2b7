"""One test on its cassette: opened before it asks for anything, closed when it has ended."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import cassette, vcr
from .cache.isolation import Isolation
from .cassette import Cassette
from .clock import Clock
from .errors import CassetteError, SecretError
from .faults import Upstream
from .hooks import Hooks
from .instants import age_text
from .interaction import Interaction
from .intercept import SWITCHBOARD, Router
from .intercept.switchboard import find_caller
from .misses import Miss
from .prompts import PromptCall
from .refreshes import Refresh
from .responder import Responder
from .runs import Run
from .settings import Settings
from .usage import Usage, usage_of

if TYPE_CHECKING:
    from requests_cache import CachedSession

    from .cache.session import IsolatedSession


@dataclass(slots=True)
class Harness:
    """What a test asks through: its cassette, its cache, and what it missed.

    Args:
        settings: What holds for this test.
        path: Its cassette; None for a test that is on none and merely kept offline.
        folder: The folder that is the test's own.
        run: The run it belongs to.
        hooks: What plugins change.
        configure_session: Called with the session when it is made.
        direct: Hosts that go straight through.
        test: The test, where the cassette shall say it (see `Cassette.test`).
    """

    settings: Settings
    path: Path | None
    folder: Path
    run: Run
    hooks: Hooks = field(default_factory=Hooks)
    configure_session: Callable[[CachedSession], Any] = lambda session: None
    direct: tuple[str, ...] = ()
    test: str = ""
    passed: bool = False
    written: bool = False
    clock: Clock = field(init=False, default_factory=Clock)
    responder: Responder = field(init=False)
    _found: Cassette | None = field(init=False, default=None)
    _foreign: bool = field(init=False, default=False)
    _opened_at: datetime = field(init=False)
    _isolation: Isolation = field(init=False)
    _session: IsolatedSession | None = field(init=False, default=None)
    _making: threading.RLock = field(init=False, default_factory=threading.RLock)
    _requests_session: Any = field(init=False, default=None)

    def open(self) -> Harness:
        """Reads the cassette and takes charge of all requests.

        Raises:
            CassetteError: If there is a cassette that cannot be read.
            SettingsError: If the session of a router takes no such keyword.
        """
        self._opened_at = self._began()
        if self.path is not None and self.mode != "live":
            self.run.opened.add(self.path.absolute())
        recorded: tuple[Interaction, ...] = ()
        if self.path is not None and self.mode != "live":
            self._foreign = vcr.is_foreign(self.path)
            if self._foreign and self.mode == "rerecord":
                raise vcr.unplayable(self.path)
        if self.path is not None and self._reads:
            self._found = self._read(self.path)
            recorded = self._found.interactions
            if self.mode == "rerecord":
                # Of a shared cassette a test plays what others of this run have asked anew.
                renewed = self.run.renewed(self.path)
                recorded = tuple(each for each in recorded if digest(each) in renewed)
        self.responder = Responder(
            self.settings, recorded, self.hooks, self.direct, self.run.environment
        )
        self.responder.plan.find_caller = find_caller
        self._isolation = Isolation(
            self.folder, self.responder.redaction, self.settings, self.responder.prompts
        )
        self._requests_session = _requests_session()
        # Caches are kept apart for tests on a cassette; elsewhere they are what they are.
        SWITCHBOARD.open(
            self.responder, *((self._isolation, self._router()) if self.path is not None else ())
        )
        try:
            if self.settings.freeze:
                self.freeze()
            if self.settings.router and self.path is not None:
                # Made now, or what is wrong with its keywords would be told to an agent.
                _ = self.session
        except BaseException:
            self.close()
            raise
        return self

    def _router(self) -> Router | None:
        prompts = self.responder.prompts
        return Router(lambda: self.session, prompts) if self.settings.router else None

    def _began(self) -> datetime:
        """When the test began, which is when a new cassette will say that it was recorded."""
        # Also where the clock of a test around this block stands still.
        now = self.clock.real_now.replace(microsecond=0)
        recording = self.path is not None and self.settings.records and self.shared
        return self.run.began(self.path, now) if recording and self.path else now

    def freeze(self) -> None:
        """Stops the clock where the test began: when its cassette was recorded, if there is one."""
        start = self.settings.freeze
        if not isinstance(start, datetime):
            recorded_at = self._found.recorded_at if self._found else None
            start = None if self.mode == "rerecord" else recorded_at
        self.clock.freeze(start or self._opened_at)

    @property
    def _reads(self) -> bool:
        return self.mode != "live" and (self.mode != "rerecord" or self.shared)

    def _read(self, path: Path) -> Cassette:
        try:
            return vcr.read_foreign(path) if self._foreign else cassette.read(path)
        except CassetteError:
            # Recording anew is the remedy for a cassette that nobody can read.
            if self.mode == "rerecord" and path.is_file():
                return Cassette(path)
            raise

    def close(self) -> None:
        """Gives up charge; whoever still asks is late."""
        self._tell_asked()
        self.clock.release()
        self.responder.plan.close()
        SWITCHBOARD.close(self.responder)
        if self._session is not None:
            self._session.close()  # type: ignore[no-untyped-call]
        self._isolation.close()
        if self.path is not None:
            _put_back(self._requests_session)

    def _tell_asked(self) -> None:
        """Notes what of the cassette was asked for, as others may be on it too."""
        if self.path is not None and self.found and not self.settings.records:
            unused, count = self.responder.unused, len(self.responder.recorded)
            asked = {number for number in range(1, count + 1) if number not in unused}
            self.run.asked.setdefault(self.path.absolute(), set()).update(asked)

    @property
    def shared(self) -> bool:
        """Whether other tests may be on the same cassette: it was given a name."""
        return bool(self.settings.cassette)

    @property
    def mode(self) -> str:
        """`replay`, `record`, `rerecord`, `offline` or `live`."""
        return self.settings.mode

    @property
    def session(self) -> IsolatedSession:
        """The test's own `CachedSession`, made when it is first asked for."""
        # Under the router several threads may be the first.
        with self._making:
            if self._session is None:
                self._session = self._isolation.session(self.settings.session)
                self.configure_session(self._session)
        return self._session

    @property
    def misses(self) -> list[Miss]:
        """What neither cache nor cassette could answer, in order."""
        return self.responder.misses

    def check_flags(self) -> None:
        """Sees to it that no wrong `auto_cache` is passed over, whoever caught the error.

        Raises:
            AutoCacheError: The first that was raised, unless `on_miss` is `respond`.
        """
        problems = self.responder.prompts.problems
        if problems and self.settings.on_miss != "respond":
            raise problems[0].with_traceback(None)

    @property
    def prompt_cache(self) -> tuple[PromptCall, ...]:
        """The test's calls of models until now, in order, and what prompt caches made of them.

        Of clients that go straight through, past cassette and session, nothing is known.
        """
        return self.responder.prompts.calls()

    def usage(self, answer: Any) -> Usage:
        """The tokens that an answer of a model tells, whoever answered and however it was read.

        Args:
            answer: What an SDK made of it (OpenAI, Anthropic, Gemini, boto3), the list of chunks
                or events of a streamed one, a client's response, a dict, or the text of its body.

        Raises:
            UsageError: If it is no answer of a model, or its body was streamed and not kept.
        """
        return usage_of(answer)

    @property
    def upstream(self) -> Upstream:
        """What the upstream does, over whatever is recorded: faults, and the calls so far."""
        self.responder.plan.watched = True
        return Upstream(self.responder.plan)

    @property
    def pending(self) -> tuple[Refresh, ...]:
        """The background refreshes of stale-while-revalidate that wait to be run."""
        return tuple(self.responder.refreshes.pending)

    def settle(self) -> None:
        """Runs the background refreshes that wait, in order, here and now.

        Raises:
            RefreshError: If one of them went wrong, now or before a request on its session.
        """
        self.responder.refreshes.settle()

    @property
    def cassette(self) -> Cassette:
        """The cassette as it is; while recording, as it would be written now."""
        path = self.path or Path()
        recorded_at = self._found.recorded_at if self._found else None
        if self.settings.records:
            kept = self.responder.interactions(keep_unused=self.shared)
            return Cassette(path, recorded_at or self._opened_at, kept, self.test)
        return Cassette(path, recorded_at, self.responder.recorded)

    @property
    def recorded_at(self) -> datetime | None:
        """When the cassette that was found had been recorded."""
        return self._found.recorded_at if self._found else None

    @property
    def aged(self) -> str:
        """How old the cassette is, where that is more than `max_age` allows."""
        limit, recorded = self.settings.max_age, self.recorded_at
        if limit is None or recorded is None or self.mode == "rerecord":
            return ""
        # Not by the clock of the test, which stands where it was recorded.
        age = self.clock.real_now - recorded
        too_old = f"recorded {age_text(age)} ago, {age_text(limit)} at most"
        return too_old if age > limit else ""

    @property
    def found(self) -> bool:
        """Whether there was a cassette when the test began."""
        return self.recorded_at is not None

    @property
    def unused(self) -> tuple[int, ...]:
        """Numbers, from 1, of the interactions of its own that the test never asked for."""
        return () if self.shared or self.settings.records else self.responder.unused

    def save(self) -> None:
        """Writes the cassette, if the mode records and there is anything new.

        Raises:
            CassetteError: If it cannot be written; what was there stays.
        """
        if self.path is None or not self.settings.records:
            return
        if (unanswered := self.responder.takes.unanswered) and self.settings.on_miss != "respond":
            first = unanswered[0]
            raise CassetteError(
                self.path,
                f"was not written, for upstream gave no answer to {first.method} {first.url}"
                + (f" and {len(unanswered) - 1} more" if len(unanswered) > 1 else ""),
                "Record again when it answers; a test of the failure itself says on_miss='respond'",
            )
        if self._foreign:
            # Played where it lies, and left as it is.
            if added := self.responder.added():
                raise vcr.nothing_new(self.path, added)
            return
        with cassette.locked(self.path):
            kept = self._merged(self.path) if self.shared else self.cassette
            if kept.interactions:
                changed = kept.interactions != (self._found.interactions if self._found else ())
                if changed and (doubts := self.responder.redaction.doubts(kept.interactions)):
                    raise SecretError(self.path, doubts)
                self.written = changed and cassette.write(kept)
                self._renew(self.path)
            elif not self.shared:
                # A test that asks the network for nothing has no cassette.
                cassette.remove(self.path)

    def _merged(self, path: Path) -> Cassette:
        """A shared cassette: what other tests have there, and behind it what this one adds."""
        now = self._read(path)
        kept, recorded_at = now.interactions, now.recorded_at
        if self.mode == "rerecord":
            renewed = self.run.renewed(path)
            asked = {self.responder.key(each) for each in self.responder.added()}
            kept = tuple(
                each
                for each in kept
                if digest(each) in renewed or self.responder.key(each) not in asked
            )
            recorded_at = recorded_at if renewed else None
        added = self.responder.added(kept)
        return Cassette(path, recorded_at or self._opened_at, (*kept, *added))

    def _renew(self, path: Path) -> None:
        """Lets other tests of this run play what this one has asked anew."""
        if self.shared and self.mode == "rerecord" and (count := len(self.responder.added())):
            # As it reads from the file, which is how the others will see it.
            written = cassette.read(path).interactions[-count:]
            self.run.renews(path, map(digest, written))


def drop_stale(run: Run, folders: Iterable[Path]) -> None:
    """Drops from shared cassettes what no test of a run has asked anew.

    Args:
        run: A run that recorded everything anew, in which all tests passed.
        folders: Folders of which every test ran; other cassettes are left as they are.

    Raises:
        CassetteError: If a cassette cannot be written.
    """
    for path, renewed in run.all_renewed().items():
        if not any(path.is_relative_to(folder) for folder in folders):
            continue
        with cassette.locked(path):
            now = cassette.read(path)
            kept = tuple(each for each in now.interactions if digest(each) in renewed)
            cassette.write(replace(now, interactions=kept))


def digest(interaction: Interaction) -> str:
    """What tells one interaction of a cassette from another, in all processes of a run."""
    return hashlib.sha256(repr(interaction).encode("utf-8", "surrogatepass")).hexdigest()


def _requests_session() -> Any:
    requests = sys.modules.get("requests")
    return requests and requests.Session


def _put_back(session: Any) -> None:
    """Undoes `requests_cache.install_cache()`."""
    requests: Any = sys.modules.get("requests")
    if requests is None:
        return
    if session is None:
        # requests came with the test; what it was born with is what a session derives from.
        session = next(
            cls for cls in requests.Session.__mro__ if cls.__module__ == "requests.sessions"
        )
    if requests.Session is not session:
        requests.Session = requests.sessions.Session = session
