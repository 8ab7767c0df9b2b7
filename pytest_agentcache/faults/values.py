"""What a fault does to one request, as the edges are told, and what became of each request."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ..clock import Clock
from ..http.messages import Request, Response

if TYPE_CHECKING:
    from .planned import Planned

# What goes wrong before a request was sent; the rest goes wrong after it.
CONNECTING = ("refuse", "dns", "tls", "connect-timeout")
_SELF_SIGNED = (
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    " (_ssl.c:1006)"
)
E = TypeVar("E", bound=BaseException)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request; its client raises its own error for it.

    Attributes:
        kind: `refuse`, `reset`, `dns`, `tls`, `connect-timeout`, `read-timeout` or `truncate`.
        request: The request, redacted and normalised.
        seconds: How long it takes until a timeout, in seconds; None for what the client allows.
        answer: The whole answer of which `truncate` gives a part.
        after: How many bytes of its body arrive.
    """

    kind: str
    request: Request
    seconds: float | None = None
    answer: Response | None = None
    after: int = 0

    @property
    def connecting(self) -> bool:
        """Whether it goes wrong before the request was sent."""
        return self.kind in CONNECTING

    def cause(self) -> OSError:
        """The error of the system from which clients make their own."""
        match self.kind:
            case "refuse":
                return ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            case "reset":
                return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            case "dns":
                return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            case "tls":
                error = ssl.SSLCertVerificationError(1, _SELF_SIGNED)
                error.library, error.reason = "SSL", "CERTIFICATE_VERIFY_FAILED"
                error.verify_code, error.verify_message = 18, "self-signed certificate"
                return error
            case _:
                return TimeoutError("timed out")

    def lasts(self, allowed: float | None) -> float:
        """How many seconds pass until it shows.

        Args:
            allowed: The client's own timeout in seconds; None if it has none. It passes on a
                frozen clock only: nobody wants to wait for it.
        """
        if not self.kind.endswith("-timeout"):
            return 0.0
        if self.seconds is not None:
            return self.seconds
        return float(allowed or 0.0) if Clock().frozen else 0.0


@dataclass(frozen=True, slots=True)
class Selection:
    """What is planned for one request: the delays in order, and what comes to pass after them."""

    delays: tuple[Planned, ...] = ()
    planned: Planned | None = None

    @property
    def seconds(self) -> float:
        """How long all delays take together."""
        return sum(each.seconds or 0.0 for each in self.delays)

    def note_request(self, request: Request) -> None:
        """Lets all of it know for which request, redacted and normalised, it came to pass."""
        for each in (*self.delays, *((self.planned,) if self.planned else ())):
            each.note_request(request)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that reached upstream, and what became of it.

    Attributes:
        request: The request, redacted and normalised as on a cassette.
        outcome: `replayed` or `recorded`; `fault`; `miss`; `passed` for one that went straight
            through; `unanswered` for one whose answer never came or broke off while recording.
        status: Status of the answer that was given, where there is one.
        fault: The planned fault that answered it.
    """

    request: Request
    outcome: str
    status: int | None = None
    fault: Planned | None = None

    def __str__(self) -> str:
        became = self.outcome if self.fault is None else f"{self.outcome}: {self.fault}"
        status = "" if self.status is None else f", {self.status}"
        return f"{self.request.method} {self.request.url}   {became}{status}"


def native(error: E, fault: Fault, cause: BaseException | None = None) -> E:
    """`error`, which a client raises for `fault`, with the fault as `agentcache_fault`."""
    error.agentcache_fault = fault  # type: ignore[attr-defined]
    if cause is not None:
        error.__cause__ = cause
    return error


def fault_of(error: BaseException) -> Fault | None:
    """The fault from which `error` comes, through whatever clients have wrapped around it."""
    found = (getattr(each, "agentcache_fault", None) for each in behind(error))
    return next((each for each in found if isinstance(each, Fault)), None)


def behind(error: BaseException) -> Iterator[BaseException]:
    """An error and all that stand behind it."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]
