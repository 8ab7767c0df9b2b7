"""The fixture `agentcache_upstream`, with which a test plans faults."""

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
    """The upstream of a test, whose faults come before the cassette and the network.

    If several faults match a request, the first planned one with `times` left occurs. A `delay` is
    followed by the next fault, and `down` comes before all others. A request with a fault does not
    reach the network, is not recorded, and uses up no interaction. A fault that never occurs fails
    the test, unless it is `optional`.

    `match` is a whole URL, a glob, an `re.Pattern`, or a function of the `Request`.
    `times` is the number of requests for which a fault occurs; None means all.

    Each method returns the planned fault: `.fired` is the number of requests for which it occurred,
    and `.requests` lists them.

    Args:
        plan: The plan to add faults to.

    Raises:
        FaultError: By each method, for a value that is not allowed.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @checked
    def down(self, match: Matchable | None = None, *, optional: bool | None = None) -> Down:
        """Refuse all connections inside the `with` block.

        Args:
            match: The requests that it applies to; None for all.
            optional: Whether the test passes without such a request; by default if it applies
                to all requests.
        """
        where = f"{NAME}.down()"
        chosen = match is None if optional is None else truth_of(optional, where)
        found = None if match is None else Match(match, self._plan.matcher, where)
        call = "down()" if found is None else f"down({found})"
        down = Down("down", found, call, optional=chosen, active=False, began=False)
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
        """Respond with an error status, 400 or above.

        Args:
            match: The requests that it applies to.
            status: The status code.
            times: The number of requests that it applies to.
            headers: The header fields, such as `{"Retry-After": "30"}`.
            json: The body as a JSON value.
            text: The body as text.
            sse: The body as a list of events: each text, a JSON value, or a pair of name and data.
            content: The body in bytes.
            optional: Whether the test passes if the fault never occurs.
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
        """Respond with a scripted response of any status. The arguments are those of `fail`."""
        bodies = {"json": json, "text": text, "sse": sse, "content": content}
        answer = scripted(f"{NAME}.reply()", status, headers, bodies)
        return self._add("reply", match, times, optional, f"status={status}", answer=answer)

    @checked
    def refuse(
        self, match: Matchable, *, times: int | None = None, optional: bool = False
    ) -> Planned:
        """Refuse the connection."""
        return self._add("refuse", match, times, optional)

    @checked
    def reset(
        self, match: Matchable, *, times: int | None = None, optional: bool = False
    ) -> Planned:
        """Reset the connection after the request was sent."""
        return self._add("reset", match, times, optional)

    @checked
    def dns(self, match: Matchable, *, times: int | None = None, optional: bool = False) -> Planned:
        """Fail to resolve the host."""
        return self._add("dns", match, times, optional)

    @checked
    def tls(self, match: Matchable, *, times: int | None = None, optional: bool = False) -> Planned:
        """Present a self-signed certificate."""
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
        """Let the client run into a timeout.

        Args:
            match: The requests that it applies to.
            kind: `read`: there is no response; `connect`: there is no connection.
            seconds: How long the client waits; by default its own timeout on a frozen clock, and
                not at all in real time.
            times: The number of requests that it applies to.
            optional: Whether the test passes if the fault never occurs.
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
        """Break off a response.

        By default it is the last response to the same request in this test, or else the next one
        on the cassette, which is not used up. `json`, `text`, `sse` or `content` (with `status`
        and `headers`) describe another one; a first recording, which has no response yet, needs
        that.

        Args:
            match: The requests that it applies to.
            after_bytes: The number of bytes of the body that arrive. Either this or
            after_events: the number of events of a stream that arrive (or lines, in a stream of
                lines).
            times: The number of requests that it applies to.
            status: The status of a response described here, as for `reply`.
            headers: Its header fields.
            json: Its body as a JSON value.
            text: Its body as text.
            sse: Its body as a list of events.
            content: Its body in bytes.
            optional: Whether the test passes if the fault never occurs.
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
        option = f"after_{unit}={after}"
        planned = self._add("truncate", match, times, optional, option, answer=answer)
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
        """Delay the response: move the clock by `seconds`, then apply the next fault.

        In real time (`freeze=False`) it waits.
        """
        lasts = seconds_of(seconds, f"{NAME}.delay()")
        return self._add("delay", match, times, optional, f"{lasts:g}", seconds=lasts)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests that have reached upstream, in order, with their outcomes."""
        return self._plan.calls

    @property
    def responses(self) -> Mock:
        """An active `responses.RequestsMock` in front of the faults and the cassette.

        Requests that it does not match go on to them. It sees only requests sent by `requests`.

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
        call = f"{method}({', '.join((str(found), *options, *more))})"
        planned = Planned(kind, found, call, times, truth_of(optional, where), **what)
        self._plan.add(planned)
        return planned
