"""What a test says of its upstream: `agentcache_upstream`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from ..errors import FaultError
from .arguments import NAME, checked, seconds_of, truth_of
from .match import Match, Matchable
from .plan import Plan
from .planned import Down, Planned
from .script import UNSET, HeaderFields, scripted
from .values import Call

if TYPE_CHECKING:
    from .mocks import Mock


class Upstream:
    """What the upstream does with requests before the cassette, or the network, is asked.

    Of the faults that are for a request, the one that was planned first and has `times` left comes
    to pass; `delay` lets the next have its turn, `down` goes before all others. A fault never
    reaches the network, is never written, and uses up no interaction. One that never comes to
    pass fails the test, unless it is `optional`.

    `match` is a whole URL, a glob, an `re.Pattern`, or a function that gets the `Request`.
    `times` is the number of requests for which a fault comes to pass; None means all.

    Each method gives back what it planned, whose `.fired` counts and whose `.requests` lists the
    requests for which it came to pass.

    Args:
        plan: What it adds to.

    Raises:
        FaultError: By each method, for a value that is not allowed.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @checked
    def down(self, match: Matchable | None = None, *, optional: bool | None = None) -> Down:
        """Lets nobody connect as long as its `with` lasts.

        Args:
            match: Whom it is for; None for all.
            optional: Whether nobody need try; by default so where it is for all.
        """
        where = f"{NAME}.down()"
        chosen = match is None if optional is None else truth_of(optional, where)
        found = None if match is None else Match(match, self._plan.matcher, where)
        told = "down()" if found is None else f"down({found})"
        down = Down("down", found, told, optional=chosen, active=False, began=False)
        self._plan.add(down, first=True)
        return down

    @checked
    def fail(
        self,
        match: Matchable,
        status: int = 503,
        *,
        times: int | None = None,
        headers: HeaderFields | None = None,
        json: Any = UNSET,
        text: str = UNSET,
        sse: Iterable[Any] = UNSET,
        content: bytes = UNSET,
        optional: bool = False,
    ) -> Planned:
        """Answers with a status that tells of a failure: 400 and above.

        Args:
            match: Whom it is for.
            status: Status code.
            times: For how many requests.
            headers: Header fields, such as `{"Retry-After": "30"}`.
            json: A body as a JSON value.
            text: A body as text.
            sse: A body as a list of events: each text, a JSON value, or a pair of name and data.
            content: A body in bytes.
            optional: Whether it need not come to pass.
        """
        bodies = {"json": json, "text": text, "sse": sse, "content": content}
        answer = scripted(f"{NAME}.fail()", status, headers, bodies, least=400)
        return self._add("fail", match, times, optional, f"status={status}", answer=answer)

    @checked
    def reply(
        self,
        match: Matchable,
        status: int = 200,
        *,
        times: int | None = None,
        headers: HeaderFields | None = None,
        json: Any = UNSET,
        text: str = UNSET,
        sse: Iterable[Any] = UNSET,
        content: bytes = UNSET,
        optional: bool = False,
    ) -> Planned:
        """Answers with a script, whatever the status. The arguments are those of `fail`."""
        bodies = {"json": json, "text": text, "sse": sse, "content": content}
        answer = scripted(f"{NAME}.reply()", status, headers, bodies)
        return self._add("reply", match, times, optional, f"status={status}", answer=answer)

    @checked
    def refuse(
        self, match: Matchable, *, times: int | None = None, optional: bool = False
    ) -> Planned:
        """Refuses the connection."""
        return self._add("refuse", match, times, optional)

    @checked
    def reset(
        self, match: Matchable, *, times: int | None = None, optional: bool = False
    ) -> Planned:
        """Resets the connection when the request was sent."""
        return self._add("reset", match, times, optional)

    @checked
    def dns(self, match: Matchable, *, times: int | None = None, optional: bool = False) -> Planned:
        """Finds no address for the host."""
        return self._add("dns", match, times, optional)

    @checked
    def tls(self, match: Matchable, *, times: int | None = None, optional: bool = False) -> Planned:
        """Shows a certificate that nobody trusts."""
        return self._add("tls", match, times, optional)

    @checked
    def timeout(
        self,
        match: Matchable,
        kind: Literal["read", "connect"] = "read",
        *,
        seconds: float | timedelta | None = None,
        times: int | None = None,
        optional: bool = False,
    ) -> Planned:
        """Lets the client wait in vain.

        Args:
            match: Whom it is for.
            kind: `read`: no answer comes; `connect`: no connection comes about.
            seconds: How long the client waits; by default as long as its own timeout says, on a
                frozen clock, and not at all in real time.
            times: For how many requests.
            optional: Whether it need not come to pass.
        """
        where = f"{NAME}.timeout()"
        if kind not in ("read", "connect"):
            raise FaultError(f"{where}: kind is {kind!r}; allowed are 'read', 'connect'")
        lasts = None if seconds is None else seconds_of(seconds, where)
        return self._add(f"{kind}-timeout", match, times, optional, repr(kind), seconds=lasts)

    @checked
    def truncate(
        self,
        match: Matchable,
        *,
        after_bytes: int | None = None,
        after_events: int | None = None,
        times: int | None = None,
        status: int = 200,
        headers: HeaderFields | None = None,
        json: Any = UNSET,
        text: str = UNSET,
        sse: Iterable[Any] = UNSET,
        content: bytes = UNSET,
        optional: bool = False,
    ) -> Planned:
        """Breaks an answer off on its way.

        It is the answer that the same request was given last, else the one that it is about to be
        given, which is not used up; or the one described here by `json`, `text`, `sse` or `content`
        (with `status` and `headers`), which a recording needs that has no answer yet.

        Args:
            match: Whom it is for.
            after_bytes: How many bytes of the body arrive. Either this or
            after_events: How many events of a stream (or lines, of a stream of lines) arrive.
            times: For how many requests.
            status: As of `reply`, for an answer of one's own.
            headers: Likewise.
            json: Likewise.
            text: Likewise.
            sse: Likewise.
            content: Likewise.
            optional: Whether it need not come to pass.
        """
        where = f"{NAME}.truncate()"
        if (after_bytes is None) == (after_events is None):
            raise FaultError(f"{where}: it takes either after_bytes= or after_events=")
        unit = "bytes" if after_events is None else "events"
        after = after_bytes if after_events is None else after_events
        if isinstance(after, bool) or not isinstance(after, int) or after < 0:
            raise FaultError(f"{where}: after_{unit} is {after!r}; it takes a number from 0 on")
        bodies = {"json": json, "text": text, "sse": sse, "content": content}
        answer = None
        if any(value is not UNSET for value in bodies.values()):
            answer = scripted(where, status, headers, bodies)
        elif headers is not None or status != 200:
            raise FaultError(
                f"{where}: status and headers are for an answer of your own; give its body too: "
                "json=, text=, sse= or content="
            )
        told = f"after_{unit}={after}"
        planned = self._add("truncate", match, times, optional, told, answer=answer)
        planned.after, planned.unit = after, unit
        return planned

    @checked
    def delay(
        self,
        match: Matchable,
        seconds: float | timedelta,
        *,
        times: int | None = None,
        optional: bool = False,
    ) -> Planned:
        """Lets the answer come later: moves the clock by `seconds`, then goes on.

        In real time (`freeze=False`) it waits.
        """
        lasts = seconds_of(seconds, f"{NAME}.delay()")
        return self._add("delay", match, times, optional, f"{lasts:g}", seconds=lasts)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests that reached upstream until now, in order, and what became of each."""
        return self._plan.calls

    @property
    def responses(self) -> Mock:
        """A `responses.RequestsMock` that is active, in front of faults and cassette.

        What it does not know goes on to them. It sees what requests sends, and no other client.

        Raises:
            FaultError: If the library is not installed.
        """
        if self._plan.mock is None:
            try:
                from .mocks import Mock
            except ImportError as error:
                raise FaultError(
                    f"{NAME}.responses needs the library responses ({error}): "
                    "pip install 'pytest-agentcache[responses]'"
                ) from None
            self._plan.mock = Mock(self._plan.note, self._plan.normalized)
        self._plan.mock.start()
        return self._plan.mock

    def _add(
        self,
        kind: str,
        match: Matchable,
        times: int | None,
        optional: bool,
        *options: str,
        **what: Any,
    ) -> Planned:
        method = "timeout" if kind.endswith("-timeout") else kind
        where = f"{NAME}.{method}()"
        number = isinstance(times, int) and not isinstance(times, bool)
        if times is not None and (not number or times < 1):
            raise FaultError(f"{where}: times is {times!r}; it takes a number from 1 on, or None")
        found = Match(match, self._plan.matcher, where)
        more = () if times is None else (f"times={times}",)
        told = f"{method}({', '.join((str(found), *options, *more))})"
        planned = Planned(kind, found, told, times, truth_of(optional, where), **what)
        self._plan.add(planned)
        return planned
