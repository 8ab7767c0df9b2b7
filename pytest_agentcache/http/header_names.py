"""The case in which header names are written, on the wire and on the cassette.

Names are compared in lower case. The wire shows the case in which they came: the usual one, which
a cassette need not say, or another one that it names.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

# Registered fields (IANA, HTTP Field Name Registry), which servers of HTTP/1.1 send in this case.
# All other names are usually in lower case.
_REGISTERED = {
    name.lower(): name
    for name in (
        "Accept",
        "Accept-CH",
        "Accept-Patch",
        "Accept-Post",
        "Accept-Ranges",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Headers",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Origin",
        "Access-Control-Expose-Headers",
        "Access-Control-Max-Age",
        "Age",
        "Allow",
        "Alt-Svc",
        "Authentication-Info",
        "Cache-Control",
        "Connection",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-Length",
        "Content-Location",
        "Content-MD5",
        "Content-Range",
        "Content-Security-Policy",
        "Content-Type",
        "Date",
        "Deprecation",
        "ETag",
        "Expires",
        "Keep-Alive",
        "Last-Modified",
        "Link",
        "Location",
        "Pragma",
        "Preference-Applied",
        "Proxy-Authenticate",
        "Proxy-Authentication-Info",
        "Referrer-Policy",
        "Retry-After",
        "Server",
        "Set-Cookie",
        "Strict-Transport-Security",
        "Sunset",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Vary",
        "Via",
        "WWW-Authenticate",
        "Warning",
    )
}
LOWER = "lower"


@lru_cache(maxsize=1024)
def usual_name(name: str) -> str:
    """Return a header name, given in lower case, in the case in which it is usually sent."""
    return _REGISTERED.get(name, name)


def as_sent(pairs: Iterable[tuple[str, str]], unusual: Iterable[str]) -> list[tuple[str, str]]:
    """Return headers with their names in the case in which they were sent.

    Args:
        pairs: Names in lower case, and values.
        unusual: The names that were not sent in their usual case.
    """
    sent = _by_lower_name(tuple(unusual))
    return [(sent.get(name) or usual_name(name), value) for name, value in pairs]


@lru_cache(maxsize=64)
def _by_lower_name(unusual: tuple[str, ...]) -> dict[str, str]:
    # Of a field that was sent in two ways, the first counts.
    return {name.lower(): name for name in reversed(unusual)}


def names_are_lower(http_version: str) -> bool:
    """Return true if all header names are in lower case in a version of HTTP (RFC 9113, 8.2).

    Args:
        http_version: The version, such as `HTTP/2`; empty for HTTP/1.1.
    """
    return bool(http_version) and not http_version.startswith("HTTP/1")


def unusual_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are not in their usual case, each once, in order."""
    return tuple(dict.fromkeys(name for name in names if name != usual_name(name.lower())))


# A client sends the same names again and again.
@lru_cache(maxsize=1024)
def lower_and_unusual(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names in lower case, and those that are not in their usual case."""
    return tuple(name.lower() for name in names), unusual_names(names)


def marked_names(names: Iterable[str], unusual: Iterable[str]) -> str | list[str]:
    """Return what a cassette says beside headers whose registered names came in lower case.

    Args:
        names: The names of all headers on the cassette, in lower case.
        unusual: The names that did not come in their usual case.

    Returns:
        `lower` if no registered name came in its usual case, else the names that came in lower
        case; empty if there are none.
    """
    lower = sorted(name for name in set(unusual) if name == name.lower())
    if not lower:
        return []
    registered = {name for name in names if name in _REGISTERED}
    return LOWER if registered <= set(lower) else lower


def recorded_names(names: Iterable[str], unusual: Iterable[str]) -> tuple[str, ...]:
    """Return the unusual names that a reader of the cassette will know of.

    Args:
        names: The names of the headers that the cassette keeps, in lower case.
        unusual: The names of all headers that were not sent in their usual case.
    """
    kept = set(names)
    unusual = [name for name in unusual if name.lower() in kept]
    return names_as_sent(marked_names(kept, unusual), unusual)


def names_as_sent(marked: str | list[str], keys: Iterable[str]) -> tuple[str, ...]:
    """Return the unusual names of headers that a cassette describes.

    Args:
        marked: The value of `header_names` on the cassette; empty if it is absent.
        keys: The names of the headers as they are written on the cassette.
    """
    written = unusual_names(key for key in keys if key != key.lower())
    if marked == LOWER:
        return tuple(dict.fromkeys([*written, *_REGISTERED]))
    return tuple(dict.fromkeys([*written, *marked]))
