"""A request that neither cache nor cassette could answer, and the answer to it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..http.messages import Headers, Request, Response


@dataclass(frozen=True, slots=True)
class Caller:
    """The line of user code that asked."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}()"


@dataclass(slots=True)
class Miss:
    """A request that neither cache nor cassette could answer.

    Attributes:
        request: The request, redacted and normalised; its URL is the address for a raw socket.
        kind: `missing` (not recorded), `exhausted` (all its recordings were played), `late`
            (asked after the end of its test) or `socket` (a connection past every client).
        caller: Who asked, where a line of user code is known.
        count: How many times the same caller asked the same.
    """

    request: Request
    kind: str
    caller: Caller | None = None
    count: int = 1


def noted(misses: list[Miss], miss: Miss) -> Miss:
    """Adds `miss` to `misses`, or counts it where the same caller has asked the same before."""
    for known in misses:
        if (known.request, known.kind, known.caller) == (miss.request, miss.kind, miss.caller):
            known.count += 1
            return known
    misses.append(miss)
    return miss


def sentence(miss: Miss) -> str:
    """A miss in one sentence, for the caller who gets it."""
    what = f"{miss.request.method} {miss.request.url}".strip()
    return {
        "missing": f"{what} is not on the cassette",
        "exhausted": f"{what} was asked more often than it was recorded",
        "late": f"{what} was asked after the end of its test",
        "socket": f"{what}: a connection past every client that is recorded",
    }[miss.kind]


def not_cached(miss: Miss) -> Response:
    """The 504 that requests-cache defines for `only_if_cached`, in a body that SDKs can read."""
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
    return Response(504, headers, json.dumps(error).encode(), "Not Cached")
