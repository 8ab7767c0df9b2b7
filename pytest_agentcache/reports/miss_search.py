"""The search for what is close to a missed request: on its cassette, and on the others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import cassette
from ..errors import CassetteError
from ..http.messages import Request
from ..matching.differences import differences
from ..replay.misses import Miss
from ..replay.responder import Responder
from ..settings.hosts import host_of

# For all misses of a test together; once for its cassette and once for those of removed tests.
_MOST_SECONDS = 0.25
# What a cassette writes as it is, however it wraps and escapes a text.
_WORD = re.compile(rb"[A-Za-z0-9]{6,64}")
_ESCAPE = re.compile(rb"\\(?:u[0-9A-Fa-f]{4}|.)|%[0-9A-Fa-f]{2}", re.DOTALL)


class MissSearch:
    """The search for what is close to the misses of one test, which takes a limited time.

    Args:
        responder: The requests of the test.
        path: Its cassette, None if it is not on one.
        misses: Its misses.
    """

    def __init__(self, responder: Responder, path: Path | None, misses: Iterable[Miss]) -> None:
        self.responder, self.path = responder, path
        self._missing = [miss for miss in misses if miss.kind == "missing"]
        self._until = time.perf_counter() + _MOST_SECONDS

    @cached_property
    def _recorded(self) -> list[Request]:
        """The requests of the cassette, normalized."""
        return [self.responder.normalized(each.request) for each in self.responder.recorded]

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The hosts on the cassette, with their ports."""
        return frozenset(host_of(each.request.url) for each in self.responder.recorded)

    def closest_to(self, request: Request) -> Any:
        """Return the number of the closest interaction and its differences, None if none is close.

        Of a large cassette, at least the first interaction is compared.
        """
        best: Any = None
        for number, recorded in enumerate(self._recorded, 1):
            if best is not None and time.perf_counter() > self._until:
                break
            found = differences(self.responder.matcher, recorded, request)
            places = {each.place for each in found}
            # The same host and path weigh more than fewer differences elsewhere.
            score = (
                len(places & {"method", "host", "path"}),
                "body" in places,
                len(found),
                self.responder.replayed(number),
            )
            if best is None or score < best[0]:
                best = score, number, found
        # An interaction with another host and another path does not help.
        return None if best is None or best[0][0] > 1 else best[1:]

    def elsewhere(self, miss: Miss) -> Path | None:
        """Return another cassette in the same test folder that has the request, if one is found."""
        return self._elsewhere.get(id(miss))

    @cached_property
    def _elsewhere(self) -> dict[int, Path]:
        found: dict[int, Path] = {}
        others = _others(self.path) if self.path is not None and self._missing else []
        wanted = [(each, _signs(each.request, self.responder)) for each in self._missing]
        for other in others:
            if time.perf_counter() > self._until or len(found) == len(self._missing):
                break
            if other != self.path:
                left = [(each.request, signs) for each, signs in wanted if id(each) not in found]
                held = _held(other, left, self.responder)
                found |= {id(each): other for each, _ in wanted if each.request in held}
        return found


def holder_of(request: Request, responder: Responder) -> Callable[[Path], bool]:
    """Return a function that says whether a cassette has `request`.

    It takes a limited time for all cassettes together. After that it says no.
    """
    wanted = responder.normalized(request)
    signs = _signs(wanted, responder)
    until = time.perf_counter() + _MOST_SECONDS

    def holds(path: Path) -> bool:
        return time.perf_counter() < until and bool(_held(path, [(wanted, signs)], responder))

    return holds


def _held(
    path: Path, wanted: list[tuple[Request, list[bytes]]], responder: Responder
) -> list[Request]:
    """Return those of some requests, given with their signs, that a cassette has."""
    try:
        raw = path.read_bytes()
        # Bodies may be in files of their own, or in base64.
        is_whole = b"file: " not in raw and b"base64: " not in raw
        near = [
            request for request, signs in wanted if all(s in raw for s in signs) or not is_whole
        ]
        if not near:
            return []
        keys = {responder.key(each) for each in cassette.read(path).interactions}
    except (CassetteError, OSError):
        return []
    return [request for request in near if responder.matcher.key(request) in keys]


def _signs(request: Request, responder: Responder) -> list[bytes]:
    """Return texts that are in every cassette that has `request`."""
    settings = responder.settings
    if settings.stable_ids or settings.replace:
        # The cassette may have other texts in their place.
        return []
    step = urlsplit(request.url).path.rpartition("/")[2].encode()
    if "body" not in settings.match or settings.ignore_json or settings.ignore_form:
        return [step]
    # The longest are the rarest. A placeholder of a secret may have another name there.
    body = _ESCAPE.sub(b" ", request.body)
    # The headers of parts are written in lower case.
    is_as_written = b"<" not in body and not request.content_type.startswith("multipart/")
    words = set(_WORD.findall(body)) if is_as_written else set()
    return [step, *sorted(words, key=lambda word: (-len(word), word))[:4]]


def _others(path: Path) -> list[Path]:
    """Return the cassettes of the folder `cassettes` around `path`, else those beside it."""
    root = next((folder for folder in path.parents if folder.name == "cassettes"), None)
    try:
        return sorted(path.parent.glob("*.yaml") if root is None else root.rglob("*.yaml"))
    except OSError:
        return []
