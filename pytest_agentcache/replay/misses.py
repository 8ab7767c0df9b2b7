"""Misses, which neither the cache nor the cassette can answer, and ready-made responses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ..http.messages import Headers, Request, Response
from ..serving.sender import Process

_NOT_CACHED = "Not Cached"


@dataclass(frozen=True, slots=True)
class Caller:
    """The line of user code that sent a request."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return place if self.function == "<module>" else f"{place} in {self.function}()"

    @property
    def phrase(self) -> str:
        """The words that follow "sent"."""
        return f"at {self}"


Sender = Caller | Process
"""The sender of a request: a line of user code, or another process."""


@dataclass(slots=True)
class Miss:
    """A request that neither the cache nor the cassette could answer.

    Attributes:
        request: The request, redacted and normalized; for a raw socket its URL is the address.
        kind: `missing` (not recorded), `exhausted` (all its recordings were replayed), `late`
            (sent after the end of its test), `forked` (sent by a forked child process, which
            cannot record), `untrusted` (HTTPS of another process, which refuses the certificate)
            or `socket` (a connection outside every client).
        caller: The line of user code, or the other process, that sent it, if known.
        count: The number of times that the same caller sent the same request.
        reported: Whether it is in the report of a test already.
    """

    request: Request
    kind: str
    caller: Sender | None = None
    count: int = 1
    reported: bool = field(default=False, compare=False)


def noted(misses: list[Miss], miss: Miss) -> Miss:
    """Add `miss` to `misses`, or count it if the same caller has sent the same request before."""
    for known in misses:
        if (known.request, known.kind, known.caller) == (miss.request, miss.kind, miss.caller):
            known.count += 1
            return known
    misses.append(miss)
    return miss


def sentence(miss: Miss) -> str:
    """Return a miss in one sentence, for its caller."""
    what = f"{miss.request.method} {miss.request.url}".strip()
    return {
        "missing": f"{what} is not on the cassette",
        "exhausted": f"{what} was asked more often than it was recorded",
        "forked": f"{what} was sent by a forked child process, which cannot record",
        "untrusted": f"{what}: HTTPS through the proxy of agentcache.serve() was not trusted",
        "late": f"{what} was asked after the end of its test",
        "socket": f"{what}: a connection past every client that is recorded",
    }[miss.kind]


def is_not_cached(response: Response) -> bool:
    """Return true for a response of `not_cached`."""
    return response.status == 504 and response.reason == _NOT_CACHED


def empty_response(request: Request) -> Response:
    """Return the response to a request that is ignored: empty, or an empty JSON object."""
    sent, accepted = request.headers.get("content-type"), request.headers.get("accept")
    if "json" in sent or "json" in accepted:
        return Response(200, Headers((("content-type", "application/json"),)), b"{}", "OK")
    return Response(200, Headers(()), b"", "OK")


def not_cached(miss: Miss) -> Response:
    """Return requests-cache's 504 for `only_if_cached`, with a body that SDKs can read."""
    error = {
        "type": "error",
        "error": {
            "type": "not_cached",
            "code": f"agentcache_{miss.kind}",
            "message": f"pytest-agentcache: {sentence(miss)}",
            "param": None,
        },
    }
    headers = Headers(
        # The OpenAI and Anthropic SDKs obey x-should-retry and give up at once.
        (("content-type", "application/json"), ("x-should-retry", "false"))
    )
    return Response(504, headers, json.dumps(error).encode(), _NOT_CACHED)
