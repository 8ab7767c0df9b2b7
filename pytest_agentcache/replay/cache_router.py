"""The test's `CachedSession` between any client and the cassette, as in a caching router.

The router sends the request of a client through the session. On a cache miss, the session sends it
with urllib3. The client module of urllib3 looks it up on the cassette or, while recording, sends it
upstream.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..cache.prepared import to_prepared
from ..http.messages import Headers, Request, Response
from ..llm.prompt_log import LoggedRequest, PromptLog
from ..llm.router_flag import without_flag
from .decisions import Decision, Fail, Forward, Replay, Scripted, Truncate
from .native_errors import chain, decision_in
from .request_lines import PlaceInLine, RequestLines

if TYPE_CHECKING:
    from requests import RequestException

    from ..cache.session import IsolatedSession


# A client's timeouts for the connection and for the response, in seconds, if it has any.
Timeouts = tuple[float | None, float | None] | None
_OF_SYSTEM = ("builtins", "socket", "ssl")


class Router:
    """The way of any client's requests through the session of their test.

    Args:
        session: Returns the session.
        prompts: The log of prompts.
    """

    def __init__(self, session: Callable[[], IsolatedSession], prompts: PromptLog) -> None:
        self._session, self._prompts = session, prompts
        self._thread = threading.local()
        self._lines = RequestLines()

    def queue(self, request: Request) -> QueuedRequest:
        """Return a place for `request` in the line of equal requests."""
        # Of two equal requests at the same time, the second always finds what the first has stored.
        place = self._lines.take((request.method, request.url, without_flag(request.body)))
        return QueuedRequest(place, self._prompts.note(request))

    def after_fork(self) -> None:
        """Go on in a forked child, of which only the current thread is left."""
        self._lines.forget()

    def decide(
        self, request: Request, timeouts: Timeouts = None, queued: QueuedRequest | None = None
    ) -> Scripted:
        """Replay the session's response to `request`, or the failure below the session.

        Args:
            request: The request that the client is about to send.
            timeouts: Its timeouts for the connection and for the response, in seconds.
            queued: Its place, if it is queued already.
        """
        __tracebackhide__ = True
        from requests import ConnectionError, Timeout  # noqa: A004 - as requests calls it
        from requests.exceptions import ChunkedEncodingError

        from ..cache.session import answer_of

        before = getattr(self._thread, "way", None)
        queued = queued or self.queue(request)
        self._thread.way = way = _Way(request, queued)
        try:
            with queued.place, self._prompts.noted(queued.entry):
                response = self._session().answer(to_prepared(request), timeouts)
        except (ConnectionError, Timeout, ChunkedEncodingError) as error:
            # The client raises the same error as without a session.
            return _failure(error, request)
        finally:
            self._thread.way = before
        answer = answer_of(response)
        below = way.find_answer()
        # A response of upstream reaches the client as it would without a cache in between, with all
        # its headers and chunks.
        if below and (below.status, below.body) == (answer.status, answer.body):
            return Replay(below)
        return Replay(answer)

    def client_request(self, request: Request) -> Request:
        """Return the client's own request, given the `request` that the session made of it."""
        way: _Way | None = getattr(self._thread, "way", None)
        return request if way is None or not way.leads(request) else way.whole(request)

    def note_decision(self, request: Request, decision: Decision) -> Decision:
        """Note the decision about a request that the session sent on, and return it."""
        way: _Way | None = getattr(self._thread, "way", None)
        if way is not None and request.body == way.request.body:
            way.find_answer = decision.find_response
            match decision:
                case Forward():
                    way.queued.forwarded(decision)
                case Fail(hangs=True):
                    # The client waits, not the session in between.
                    return replace(decision, seconds=0.0)
        return decision


@dataclass(slots=True)
class QueuedRequest:
    """The place of a request among others: in line for its response, and in the prompt log.

    Attributes:
        cancelled: Whether the client has given it up.
    """

    place: PlaceInLine
    entry: LoggedRequest | None
    cancelled: bool = False
    _forwards: list[Forward] = field(default_factory=list)

    def forwarded(self, forward: Forward) -> None:
        """Note that it is sent upstream."""
        self._forwards.append(forward)
        if self.cancelled:
            forward.cancel(forward.order)

    def cancel(self) -> None:
        """Give it up, wherever it is."""
        self.cancelled = True
        for forward in list(self._forwards):
            forward.cancel(forward.order)


def _failure(error: RequestException, request: Request) -> Fail | Truncate:
    """Return the decision that failed below the session: planned by the test, or real."""
    match decision_in(error):
        case Fail(hangs=True) as decision:
            return replace(decision, seconds=None)
        case Fail(seconds=None) | Truncate() as decision:
            return decision
        case Fail() as decision:
            # That time has passed already.
            return replace(decision, seconds=0.0)
        case None:
            return Fail(_kind(error), request, seconds=0.0, error=_system_error(error))


def _kind(error: RequestException) -> str:
    from requests import exceptions

    if isinstance(error, exceptions.ConnectTimeout):
        return "connect-timeout"
    if isinstance(error, exceptions.SSLError):
        return "tls"
    names = {type(each).__name__ for each in chain(error)}
    if isinstance(error, exceptions.ReadTimeout) or "ReadTimeoutError" in names:
        return "read-timeout"
    if "NameResolutionError" in names:
        return "dns"
    return "refuse" if "NewConnectionError" in names else "reset"


def _system_error(error: RequestException) -> OSError | None:
    found = (each for each in chain(error) if type(each).__module__ in _OF_SYSTEM)
    return next((each for each in found if isinstance(each, OSError)), None)


class _Way:
    """One request on its way through the session."""

    def __init__(self, request: Request, queued: QueuedRequest) -> None:
        self.request, self.queued = request, queued
        self.find_answer: Callable[[], Response | None] = lambda: None

    def leads(self, request: Request) -> bool:
        """Return true for this request, and false for one that a hook of the session sends."""
        return (request.method, request.body, _plain(request.url)) == (
            self.request.method,
            self.request.body,
            _plain(self.request.url),
        )

    def whole(self, request: Request) -> Request:
        """Return this request with the headers that the session added, such as `If-None-Match`."""
        own = {name for name, _ in self.request.headers}
        added = [pair for pair in request.headers if pair[0] not in own]
        headers = Headers((*self.request.headers, *added)) if added else self.request.headers
        return Request(self.request.method, self.request.url, headers, self.request.body)


def _plain(url: str) -> str:
    """Return a URL in the spelling that all clients agree on."""
    place, question, query = unquote(url.partition("#")[0]).lower().partition("?")
    scheme, _, rest = place.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{path}{question}{query}"
