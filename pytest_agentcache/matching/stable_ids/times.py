"""Replace the times at which upstream created something by fixed instants.

A time is not an id: two responses may or may not be created in the same second. So each response
has one instant, which depends on its position in the file, and all fixed instants match each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ...http.messages import Interaction
from .finder import FoundId
from .rewriting import Rewriter
from .volatile import INSTANT, TIME_FIELD

_FIRST = 1_000_000_000  # 2001-09-09T01:46:40Z
_NUMBER = rb"(?:\d{13}|\d{10}(?:\.\d{1,9})?)"
_NAMED = re.compile(
    rb"""(?<![A-Za-z0-9])%s\\{0,7}"\s{0,64}:\s{0,64}
    (?:(?P<quote>\\{0,7}")(?P<text>%s|%s)(?=[Z+-]|(?P=quote))
    |(?P<number>%s)(?=\s{0,64}[,}\]]))"""
    % (TIME_FIELD, INSTANT, _NUMBER, _NUMBER),
    re.VERBOSE,
)
_EXPIRES = re.compile(rb"expir", re.IGNORECASE)
_ANY = re.compile(rb"(?<![\w.])(?:%s(?![\d.])|%s(?![\w.]))" % (INSTANT, _NUMBER))
_FIXED = re.compile(
    rb"(?<![\w.])(?:2001-09-09T0[1-4]:\d\d:\d\d(?:\.000000)?|100000\d{4}(?:000|\.0)?(?![\w.]))"
)


class Times:
    """Replaces the times in responses by fixed instants."""

    def __init__(self) -> None:
        self._named, self._any = Rewriter(_find_named), Rewriter(_find_any)

    def written(
        self, interactions: Sequence[Interaction], new: Sequence[bool], before: int
    ) -> list[Interaction]:
        """Return interactions, the new ones with fixed instants.

        Args:
            interactions: All interactions, in the order of the file.
            new: For each interaction, whether the cassette does not hold it yet.
            before: The number of interactions in front of them.
        """
        seen: dict[bytes, bytes] = {}
        done = []
        for position, (each, fresh) in enumerate(zip(interactions, new, strict=True), before + 1):
            done.append(self._fixed(each, position, seen) if fresh else each)
        return done

    def _fixed(
        self, interaction: Interaction, position: int, seen: dict[bytes, bytes]
    ) -> Interaction:
        request, response = interaction.request, interaction.response
        if seen:
            # Only times that upstream sent are replaced in requests: the client's own times stay.
            request = self._any.request(request, lambda each: seen.get(each.text, each.text))

        def fix(each: FoundId) -> bytes:
            fixed = _instant(each.text, position)
            seen.setdefault(each.text, fixed)
            return fixed

        if not _EXPIRES.search(response.body):
            response = self._named.response(response, fix)
        return replace(interaction, request=request, response=response)


def without_fixed(text: bytes) -> bytes:
    """Return `text` with one placeholder for all fixed instants."""
    return _FIXED.sub(b"\0time\0", text)


def _find_named(raw: bytes) -> Iterator[FoundId]:
    for match in _NAMED.finditer(raw):
        name = "number" if match["number"] else "text"
        yield FoundId(*match.span(name), "time", match[name], stable=False)


def _find_any(raw: bytes) -> Iterator[FoundId]:
    for match in _ANY.finditer(raw):
        yield FoundId(*match.span(), "time", match[0], stable=False)


def _instant(text: bytes, position: int) -> bytes:
    """Return the fixed instant of a response, in the notation of `text`."""
    seconds = _FIRST + min(position, 9999)
    whole, _, fraction = text.partition(b".")
    if b"T" in whole:
        instant = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
        return (instant + ".000000" if fraction else instant).encode()
    if fraction:
        return b"%d.0" % seconds
    return b"%d" % (seconds * 1000 if len(whole) == 13 else seconds)
