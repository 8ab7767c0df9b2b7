"""The times at which upstream made something, as fixed instants.

Times are no ids: of two answers it is chance whether they were made in one second. So each answer
has an instant of its own, by its place in the file, and fixed instants are matched as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ...http.messages import Interaction
from .messages import Messages
from .shapes import Id

_FIRST = 1_000_000_000  # 2001-09-09T01:46:40Z
_INSTANT = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?"
_NUMBER = rb"(?:\d{13}|\d{10}(?:\.\d{1,9})?)"
# Named as what has been, never as what is to come: whether something has expired is acted on.
_NAMED = re.compile(
    rb"""(?<![A-Za-z0-9])(?:timestamp|(?:creat|updat|complet|start|finish|fail|cancell?)ed
    |create|update|cancelling|in_progress|finalizing)(?:_?[Aa]t|_?[Tt]ime)?
    \\{0,7}"\s{0,64}:\s{0,64}(?:(?P<quote>\\{0,7}")(?P<text>%s|%s)(?=[Z+-]|(?P=quote))
    |(?P<number>%s)(?=\s{0,64}[,}\]]))"""
    % (_INSTANT, _NUMBER, _NUMBER),
    re.VERBOSE,
)
_EXPIRES = re.compile(rb"expir", re.IGNORECASE)
_ANY = re.compile(rb"(?<![\w.])(?:%s(?![\d.])|%s(?![\w.]))" % (_INSTANT, _NUMBER))
_FIXED = re.compile(
    rb"(?<![\w.])(?:2001-09-09T0[1-4]:\d\d:\d\d(?:\.000000)?|100000\d{4}(?:000|\.0)?(?![\w.]))"
)


class Times:
    """Puts fixed instants in place of the times in what upstream answers."""

    def __init__(self) -> None:
        self._named, self._any = Messages(_found_named), Messages(_found_any)

    def written(
        self, interactions: Sequence[Interaction], new: Sequence[bool], before: int
    ) -> list[Interaction]:
        """Interactions with fixed instants in those that are new.

        Args:
            interactions: All of them, in the order of the file.
            new: Of each, whether it is not on the cassette yet.
            before: How many stand before them.
        """
        seen: dict[bytes, bytes] = {}
        done = []
        for place, (each, fresh) in enumerate(zip(interactions, new, strict=True), before + 1):
            done.append(self._one(each, place, seen) if fresh else each)
        return done

    def _one(self, interaction: Interaction, place: int, seen: dict[bytes, bytes]) -> Interaction:
        request, response = interaction.request, interaction.response
        if seen:
            # What upstream said is sent again; a time of the client's own stays.
            request = self._any.request(request, lambda each: seen.get(each.text, each.text))

        def told(each: Id) -> bytes:
            fixed = _fixed(each.text, place)
            seen.setdefault(each.text, fixed)
            return fixed

        if not _EXPIRES.search(response.body):
            response = self._named.response(response, told)
        return replace(interaction, request=request, response=response)


def without_fixed(text: bytes) -> bytes:
    """`text` with all fixed instants the same."""
    return _FIXED.sub(b"\0time\0", text)


def _found_named(raw: bytes) -> Iterator[Id]:
    for match in _NAMED.finditer(raw):
        name = "number" if match["number"] else "text"
        yield Id(*match.span(name), "time", match[name], stable=False)


def _found_any(raw: bytes) -> Iterator[Id]:
    for match in _ANY.finditer(raw):
        yield Id(*match.span(), "time", match[0], stable=False)


def _fixed(text: bytes, place: int) -> bytes:
    """The fixed instant of an answer, written as `text` is."""
    seconds = _FIRST + min(place, 9999)
    whole, _, fraction = text.partition(b".")
    if b"T" in whole:
        said = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
        return (said + ".000000" if fraction else said).encode()
    if fraction:
        return b"%d.0" % seconds
    return b"%d" % (seconds * 1000 if len(whole) == 13 else seconds)
