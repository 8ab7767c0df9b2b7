"""Stand-ins for headers that differ on every response and that clients read all the same.

A cassette keeps the names of request ids and rate limits, and `…` for their values. The client
gets a value of the right form, the same on every replay and while recording. `date` comes from the
clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache

from .messages import Headers, Request, Response

LEFT_OUT = "…"
REQUEST_IDS = (
    "*-correlation-id",
    "*-request-id",
    "request-id",
    "x-amz-id-*",
    "x-amzn-requestid",
    "x-requestid",
)
# Rate limits count down on every response. On a refusal they say how long to wait: kept there.
COUNTERS = ("*ratelimit*", "*rate-limit*")
_LIMIT = "10000"


@dataclass(frozen=True, slots=True)
class _Family:
    """The rate-limit headers that one provider always sends together, written as one glob."""

    glob: str
    prefix: str
    suffixes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.prefix + suffix for suffix in self.suffixes)


_FAMILIES = (
    _Family(  # OpenAI and the providers that are compatible with it
        "x-ratelimit-*-*",
        "x-ratelimit-",
        (
            "limit-requests",
            "limit-tokens",
            "remaining-requests",
            "remaining-tokens",
            "reset-requests",
            "reset-tokens",
        ),
    ),
    _Family(  # GitHub
        "x-ratelimit-*", "x-ratelimit-", ("limit", "remaining", "reset", "resource", "used")
    ),
    _Family(  # Anthropic
        "anthropic-ratelimit-*",
        "anthropic-ratelimit-",
        tuple(
            f"{what}-{part}"
            for what in ("input-tokens", "output-tokens", "requests", "tokens")
            for part in ("limit", "remaining", "reset")
        ),
    ),
)


def listed(name: str, patterns: Iterable[str]) -> bool:
    """Return whether one of the globs matches a header name."""
    return _listed(name, tuple(patterns))


@lru_cache(maxsize=4096)
def _listed(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def shortened(pairs: list[tuple[str, str]], unusual: Iterable[str]) -> list[tuple[str, str]]:
    """Write each complete family of rate limits as one entry.

    Args:
        pairs: Headers of a response, those that are left out with `LEFT_OUT` for a value.
        unusual: The names that were not sent in their usual case, which a glob cannot tell.
    """
    left_out = {name for name, value in pairs if value == LEFT_OUT}
    left_out -= {name.lower() for name in unusual}
    for family in _FAMILIES:
        if left_out.issuperset(family.names):
            pairs = [pair for pair in pairs if pair[0] not in family.names or pair[1] != LEFT_OUT]
            pairs.append((family.glob, LEFT_OUT))
    return pairs


def filled(headers: Headers, seed: str, now: datetime) -> Headers:
    """Return headers as the client gets them: with stand-ins for what the cassette leaves out.

    Args:
        headers: The headers of a response on a cassette.
        seed: Makes the request ids. Equal seeds make equal ids.
        now: The time of the test, for `date` and for the moment at which limits are reset.
    """
    pairs: list[tuple[str, str]] = []
    for name, value in headers:
        if value != LEFT_OUT:
            pairs.append((name, value))
            continue
        names = next((each.names for each in _FAMILIES if each.glob == name), (name,))
        pairs += [(each, _stand_in(each, seed, now)) for each in names]
    if "date" not in headers:
        pairs.append(("date", _date(now)))
    return Headers(tuple(pairs), headers.unusual)


# On a frozen clock, it is the same for many responses.
@lru_cache(maxsize=64)
def _date(now: datetime) -> str:
    from email.utils import format_datetime

    return format_datetime(now.astimezone(UTC), usegmt=True)


def request_seed(request: Request) -> str:
    """Return the seed for the stand-ins in the response to a request, as the cassette holds it."""
    return f"{request.method} {request.url}"


def completed(response: Response, request: Request, now: datetime) -> Response:
    """Return a response of a cassette with the headers that the client gets; see `filled`."""
    return response.with_headers(filled(response.headers, request_seed(request), now))


def _stand_in(name: str, seed: str, now: datetime) -> str:
    if listed(name, REQUEST_IDS):
        digest = hashlib.sha256(f"{name} {seed}".encode("utf-8", "surrogatepass")).hexdigest()
        return next((make for glob, make in _IDS if fnmatchcase(name, glob)), _uuid)(digest)
    what = name.replace("ratelimit", "").replace("rate-limit", "")
    if "reset" in what:
        if name.startswith("anthropic-"):
            return (now.astimezone(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        if what.endswith(("-requests", "-tokens")):
            return "1s"
        return str(int(now.timestamp()) + 3600)
    if "used" in what:
        return "0"
    return "core" if "resource" in what else _LIMIT


def _uuid(digest: str) -> str:
    import uuid

    return str(uuid.UUID(digest[:32], version=4))


# The form of a provider's ids, by the glob of the header.
_IDS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("x-amz-request-id", lambda digest: digest[:16].upper()),
    ("x-amz-id-*", lambda digest: digest + "="),
    ("x-request-id", lambda digest: f"req_{digest[:32]}"),
    ("request-id", lambda digest: f"req_{digest[:24]}"),
)
