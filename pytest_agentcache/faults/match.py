"""The selection of requests by a URL, a glob, a regular expression or a function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..errors import FaultError
from ..http.messages import Request
from ..matching.matcher import Matcher

Matchable = str | re.Pattern[str] | Callable[[Request], object]
ALLOWED = (
    "a URL, a glob (`*` matches anything), an re.Pattern of text, or a function of the request"
)


class Match:
    """A predicate that selects requests.

    Args:
        given: A whole URL, which is compared as the cassette compares URLs (the order of the
            query does not matter); a glob, with or without a scheme; a regular expression, which
            is searched for in the URL; or a function of the `Request`.
        matcher: The comparison of URLs.
        where: The call with this argument, for errors.

    Raises:
        FaultError: For any other value.
    """

    def __init__(self, given: Matchable, matcher: Matcher, where: str) -> None:
        self.given, self._where = given, where
        self._meant = self._test(given, matcher)

    def __call__(self, request: Request) -> bool:
        """Return whether `request` is selected.

        Raises:
            FaultError: If the user's function raises, or is asynchronous.
        """
        return self._meant(request)

    def __str__(self) -> str:
        if isinstance(self.given, re.Pattern):
            return f"re.compile({self.given.pattern!r})"
        name = getattr(self.given, "__qualname__", None)
        return repr(self.given) if isinstance(self.given, str) or not name else str(name)

    @property
    def text(self) -> str:
        """The URL or the pattern, for finding similar requests; empty for a function."""
        if isinstance(self.given, re.Pattern):
            return self.given.pattern
        return self.given if isinstance(self.given, str) else ""

    def _test(self, given: Any, matcher: Matcher) -> Callable[[Request], bool]:
        if isinstance(given, str) and "*" in given:
            glob = re.compile(".*".join(map(re.escape, given.split("*"))), re.DOTALL)
            # `api.example/*` matches both schemes.
            return lambda request: any(
                glob.fullmatch(url) for url in (request.url, request.url.partition("://")[2])
            )
        if isinstance(given, str):
            if not _is_whole(given):
                raise FaultError(
                    f"{self._where}: match is {given!r}, no whole URL, nor any `*` in it; "
                    f"it takes {ALLOWED}"
                )
            wanted = matcher.url(given)
            return lambda request: matcher.url(request.url) == wanted
        if isinstance(given, re.Pattern) and isinstance(given.pattern, str):
            return lambda request: given.search(request.url) is not None
        if callable(given) and not inspect.isclass(given):
            return lambda request: self._called(given, request)
        raise FaultError(f"{self._where}: match is {given!r}; it takes {ALLOWED}")

    def _called(self, function: Callable[[Request], object], request: Request) -> bool:
        try:
            answer = function(request)
        except Exception as error:
            raise FaultError(
                f"{self._where}: its match raised {type(error).__name__}: {error}"
            ) from error
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise FaultError(f"{self._where}: its match is asynchronous; it takes a plain function")
        return bool(answer)


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
