"""Matchers of VCR.py, by the names of `match_on`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...http.messages import Request
from ...settings.checks import URL_PARTS
from .messages import vcr_request

DEFAULT = ("method", *URL_PARTS)
_OURS = {"uri": "url", "raw_body": "body"}
_KNOWN = frozenset({"method", "url", "uri", *URL_PARTS, "headers", "body", "raw_body"})

Alike = Callable[[Request, Request], bool]


def matchers(
    names: Iterable[str], registered: Mapping[str, Callable[..., Any]]
) -> tuple[tuple[str, ...], Alike | None, tuple[str, ...]]:
    """Return what to compare for the names of `match_on`.

    Args:
        names: Names of matchers.
        registered: The matchers that `pytest_recording_configure` has registered.

    Returns:
        A value of `match`, a function that compares two requests with the registered matchers if
        there are any, and the names that are not known.
    """
    listed = list(names)
    functions = [registered[name] for name in listed if name in registered]
    known = [name for name in listed if name in _KNOWN and name not in registered]
    unknown = tuple(name for name in listed if name not in _KNOWN and name not in registered)
    found = [_OURS.get(name, name) for name in known]
    if set(URL_PARTS) <= set(found) or "url" in found:
        found = ["url", *(name for name in found if name not in {*URL_PARTS, "url"})]

    def alike(one: Request, other: Request) -> bool:
        return all(_agrees(each, one, other) for each in functions)

    return tuple(dict.fromkeys(found)), alike if functions else None, unknown


def _agrees(matcher: Callable[..., Any], one: Request, other: Request) -> bool:
    try:
        result = matcher(vcr_request(one), vcr_request(other))
    except AssertionError:
        return False
    return result is None or bool(result)
