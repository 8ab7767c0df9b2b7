"""The decisions about a request. A client handles each of them in one `match`."""

from __future__ import annotations

import errno
import math
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..clock import Clock
from ..errors import NeverAnsweredError
from ..http.framing import pieces, response_fields
from ..http.messages import Headers, Request, Response
from ..http.wire import WireSocket, response_socket
from ..matching.stable_ids import ShownIds
from ..settings.settings import Settings
from .async_wait import pause, pause_async
from .response_recorder import ResponseRecorder

# Kinds of failure that happen before the request is sent; the others happen after it.
CONNECTING = ("refuse", "dns", "tls", "connect-timeout")
# In seconds: a frozen event loop gets there when it has nothing else to do; a real one waits.
_LONGEST, _LONGEST_REAL = 365 * 86400.0, 60.0
_SELF_SIGNED = (
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    " (_ssl.c:1006)"
)


@dataclass(frozen=True, slots=True)
class Replay:
    """The client gets this response, and nothing is sent.

    Attributes:
        response: A response from the cassette or the cache, of a planned fault, or of a miss.
    """

    response: Response

    def pieces(self, *, decode: bool = False) -> list[bytes]:
        """Return the body in the pieces in which the client receives it.

        Args:
            decode: Whether the client gets it without its content codings.
        """
        return pieces(self.response, decode=decode)

    def fields(self, method: str) -> list[tuple[str, str]]:
        """Return the header fields of the response to a `method` request, as they were sent."""
        return response_fields(self.response, method)

    def as_socket(self, method: str) -> WireSocket:
        """Return a socket from which a client reads the response to a `method` request."""
        return response_socket(self.response, method)

    def find_response(self) -> Response | None:
        """Return the response that the client gets."""
        return self.response


@dataclass(frozen=True, slots=True)
class Truncate:
    """The client gets the first part of this response, and then the connection breaks.

    Attributes:
        request: The request, redacted and normalized.
        response: The whole response.
        after: The number of bytes of its body that arrive.
    """

    request: Request
    response: Response
    after: int

    def pieces(self, *, decode: bool = False) -> list[bytes]:
        """Return the part of the body that arrives, in the pieces in which it does.

        Args:
            decode: Whether the client gets it without its content codings.
        """
        return pieces(self.response, self.after, decode=decode)

    def fields(self, method: str) -> list[tuple[str, str]]:
        """Return the header fields of the response to a `method` request, as they were sent."""
        return response_fields(self.response, method)

    def as_socket(self, method: str) -> WireSocket:
        """Return a socket that closes in the middle of the response to a `method` request."""
        return response_socket(self.response, method, self.after)

    def find_response(self) -> Response | None:
        """Return None: the response does not arrive."""
        return None


@dataclass(frozen=True, slots=True)
class Fail:
    """The client raises its own error for a connection that fails.

    Attributes:
        kind: `refuse`, `reset`, `dns`, `tls`, `connect-timeout` or `read-timeout`.
        request: The request, redacted and normalized.
        seconds: The time until a timeout, in seconds; None for the client's own timeout.
        error: The system error that really happened while recording, if there is one.
        hangs: Whether the response never comes, because the caller gave up on it while recording.
    """

    kind: str
    request: Request
    seconds: float | None = None
    error: OSError | None = None
    hangs: bool = False

    @property
    def connecting(self) -> bool:
        """True if it happens before the request is sent."""
        return self.kind in CONNECTING

    def cause(self) -> OSError:
        """Return the system error from which clients make their own."""
        if self.error is not None:
            return self.error
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

    def delay(self, timeout: float | None) -> float:
        """Return the number of seconds until the client notices.

        Args:
            timeout: The client's own timeout in seconds; None if it has none. It passes only on a
                frozen clock: in real time, a test should not have to wait for it.
        """
        if not self.kind.endswith("-timeout"):
            return 0.0
        if self.seconds is not None:
            return self.seconds
        if self.hangs:
            return timeout or math.inf
        return float(timeout or 0.0) if Clock().frozen else 0.0

    def wait(self, allowed: float | None) -> None:
        """Let the time pass until the client notices, whose own timeout is `allowed`.

        Raises:
            NeverAnsweredError: If it has no timeout and the response never comes.
        """
        if (seconds := self.delay(allowed)) == math.inf:
            raise NeverAnsweredError(f"{self.request.method} {self.request.url}")
        pause(seconds)

    async def wait_async(self, allowed: float | None) -> None:
        """Do the same on an event loop, where the task may be cancelled meanwhile."""
        seconds = self.delay(allowed)
        await pause_async(min(seconds, _LONGEST if Clock().frozen else _LONGEST_REAL))
        if seconds == math.inf:
            raise NeverAnsweredError(f"{self.request.method} {self.request.url}")

    def find_response(self) -> Response | None:
        """Return None: there is no response."""
        return None


@dataclass(frozen=True, slots=True)
class Forward:
    """The client sends the request upstream and passes what comes back to `record`.

    Attributes:
        request: The request, redacted and normalized.
        order: Its number among all requests of the test.
        settings: The settings of the test.
        keep: Called with the number and the recorder when the response begins to arrive.
        drop: Called with the recorder if the response breaks off.
        finish: Called with the number when the response is complete.
        find: Returns the response to the request with this number, as far as it has arrived.
        cancel: Called with the number if the caller gives up before the response has arrived.
        ids: The stable ids that the client gets; None if it gets those of upstream.
    """

    request: Request
    order: int
    settings: Settings
    keep: Callable[[int, ResponseRecorder], None]
    drop: Callable[[ResponseRecorder], None]
    finish: Callable[[int], None]
    find: Callable[[int], Response | None]
    cancel: Callable[[int], None] = lambda order: None
    ids: ShownIds | None = None

    def upstream(self, request: Request) -> Request:
        """Return the client's request as upstream knows it: itself, or one with the true ids."""
        return self.ids.upstream(request) if self.ids else request

    @contextmanager
    def awaited(
        self, timeout: type[Exception], connecting: type[Exception] | tuple[()] = ()
    ) -> Iterator[None]:
        """Note it if the caller gives up inside the block, which awaits the response.

        Args:
            timeout: The error that the client raises when its own timeout for the response is over.
            connecting: The kind of it that it raises when it could not connect in time.
        """
        try:
            yield
        except BaseException as error:
            # Cancellation by asyncio or trio, and the end of a coroutine, are no `Exception`.
            timed_out = isinstance(error, timeout) and not isinstance(error, connecting)
            if timed_out or not isinstance(error, Exception):
                self.cancel(self.order)
            raise

    def record(
        self,
        status: int,
        reason: str,
        headers: Headers,
        *,
        framed: bool,
        decodes: bool = False,
        http_version: str = "",
    ) -> ResponseRecorder:
        """Start to record the response.

        Args:
            status: Status code.
            reason: Reason phrase.
            headers: All headers as they came.
            framed: Whether the pieces that follow are the chunks that upstream sent, rather than
                arbitrary reads from the socket.
            decodes: Whether the client decodes what it reads before anyone sees it.
            http_version: The version of HTTP in which it came; empty for HTTP/1.1.
        """
        recorder = ResponseRecorder(
            self.settings,
            self.request,
            status,
            reason,
            headers,
            framed=framed,
            decodes=decodes,
            http_version=http_version,
            drop=self.drop,
            ended=lambda: self.finish(self.order),
            ids=self.ids,
        )
        self.keep(self.order, recorder)
        return recorder

    def find_response(self) -> Response | None:
        """Return the response as far as it has arrived."""
        return self.find(self.order)


@dataclass(frozen=True, slots=True)
class PassThrough:
    """The client sends the request as if this package were not there."""

    def find_response(self) -> Response | None:
        """Return None: the response is not observed."""
        return None


Scripted = Replay | Truncate | Fail
"""A decision that needs no network."""

Decision = Scripted | Forward | PassThrough
"""How a client handles a request."""
