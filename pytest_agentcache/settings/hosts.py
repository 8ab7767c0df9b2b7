"""Hosts as settings name them: host, host:port or glob."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from ..network.rules import host_listed

LOOPBACK = ("localhost", "127.*.*.*", "::1", "0.0.0.0")  # noqa: S104 - no bind


def host_of(url: str) -> str:
    """Return the host of `url` and its port, if it names one, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def url_listed(url: str, listed: Iterable[str]) -> bool:
    """Return true if the host of `url`, with its port, matches one of `listed`."""
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        port = None
    return host_listed(parts.hostname or "", port, listed)


def address_listed(url: str, listed: Iterable[str]) -> bool:
    """Return true if `url` matches one of `listed`: a host as above, or a glob of host and path."""
    hosts = [each for each in listed if "/" not in each]
    address = url.partition("://")[2].partition("?")[0].partition("#")[0].lower()
    globs = [each.lower() for each in listed if "/" in each]
    return url_listed(url, hosts) or any(fnmatchcase(address, glob) for glob in globs)
