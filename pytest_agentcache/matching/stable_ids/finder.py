"""Find the ids of a text, and make the stable ids that replace them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .volatile import ID_FORMATS, NAMED_IDS, NUMBERED, UUID

# Words that can be an id. Everything else is skipped at the speed of `re`.
_WORD = re.compile(rb"[\w-]{11,}")
# An escape of JSON or of a URL ends in letters or digits; the word begins behind it.
_ESCAPES = (
    (b"\\", re.compile(rb"u[0-9A-Fa-f]{4}|[nrtbf]")),
    (b"%", re.compile(rb"[0-9A-Fa-f]{2}")),
)
# UUIDs are also found behind a prefix: `run-…`. Without dashes only versions 4 and 7 are found:
# the others cannot be distinguished from a checksum.
_UUIDS = re.compile(
    rb"(?<![0-9A-Za-z])(?:(?<![0-9A-Fa-f]{4}-)(?P<uuid>%s)(?!-[0-9A-Fa-f]{4})"
    rb"|(?P<hex>[0-9a-f]{12}[47][0-9a-f]{3}[89ab][0-9a-f]{15}))(?![0-9A-Za-z])" % UUID
)
_UUID_HEADS = {"uuid": "00000000-0000-4000-8000-", "hex": "00000000000040008000"}
_DIGITS = 8
_LEAD = re.compile(rb"[A-Za-z]+[_-]")


@dataclass(frozen=True, slots=True)
class FoundId:
    """An id in a text.

    Attributes:
        start: The offset of its first byte.
        stop: The offset behind its last byte.
        look: Its prefix or format. Ids of one look share one sequence of numbers.
        text: The id.
        stable: Whether it is a stable id already.
    """

    start: int
    stop: int
    look: str
    text: bytes
    stable: bool


class IdFinder:
    """The formats that a test has turned on.

    Args:
        wanted: Kinds of ids, and lines `NAME => regular expression` for other ids.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        lines = [line.partition(" => ") for line in wanted]
        kinds = [name for name, arrow, _ in lines if not arrow]
        self._own = {name: re.compile(text.encode()) for name, arrow, text in lines if arrow}
        self._named = [
            (re.compile(pattern), look)
            for pattern, look in (NAMED_IDS[kind] for kind in kinds if kind in NAMED_IDS)
        ]
        formats = [each for each in ID_FORMATS if each.kind in kinds]
        either = b"|".join(
            rb"(?P<m%d>%s)%s" % (at, each.prefix, each.random) for at, each in enumerate(formats)
        )
        self._prefixed = re.compile(either) if formats else None
        self._uuids = "uuid" in kinds

    def __bool__(self) -> bool:
        return bool(self._own or self._named or self._prefixed or self._uuids)

    def find(self, raw: bytes) -> Iterator[FoundId]:
        """Yield the ids in `raw` in order, without overlaps."""
        found = [*self._find_own(raw)]
        for pattern, look in self._named:
            found += [
                self._found(*match.span("id"), look, match["id"]) for match in pattern.finditer(raw)
            ]
        if self._prefixed or self._uuids:
            for word in _WORD.finditer(raw):
                found += self._find_in_word(raw, *word.span())
        end = 0
        for each in sorted(found, key=lambda each: each.start):
            if each.start >= end:
                yield each
                end = each.stop

    def _find_own(self, raw: bytes) -> Iterator[FoundId]:
        for name, pattern in self._own.items():
            # An id that is too short for a number is replaced by the name of its format.
            stable = re.compile(rb"(?<![\w-])%s-%s(?![\w-])" % (name.encode(), NUMBERED))
            for match in (*stable.finditer(raw), *pattern.finditer(raw)):
                text = match[0]
                yield FoundId(*match.span(), f"={name}", text, self._is_own_stable(name, text))

    def _find_in_word(self, raw: bytes, start: int, stop: int) -> Iterator[FoundId]:
        for sign, rest in _ESCAPES:
            if raw[start - 1 : start] == sign and (escape := rest.match(raw, start)):
                start = escape.end()
        word = raw[start:stop]
        if self._prefixed and (match := self._prefixed.fullmatch(word)):
            yield self._found(start, stop, match[match.lastgroup or 0].decode(), word)
        elif self._uuids and len(word) >= 32:
            for match in _UUIDS.finditer(word):
                look = match.lastgroup or ""
                yield self._found(start + match.start(), start + match.end(), look, match[0])

    def _found(self, start: int, stop: int, look: str, text: bytes) -> FoundId:
        if head := _UUID_HEADS.get(look):
            return FoundId(start, stop, look, text, text.startswith(head.encode()))
        stable = re.fullmatch(re.escape(look.encode()) + NUMBERED, text) is not None
        return FoundId(start, stop, look, text, stable)

    def stable_id(self, look: str, text: bytes, number: int) -> bytes:
        """Return the stable id of this number for an id.

        Args:
            look: The look of the id.
            text: The id.
            number: A number from 1.
        """
        if look.startswith("="):
            return self._own_stable(look[1:], text, number)
        if head := _UUID_HEADS.get(look):
            return f"{head}{number:012}".encode()
        return f"{look}{number:0{_DIGITS}}".encode()

    def _own_stable(self, name: str, text: bytes, number: int) -> bytes:
        if text.isdigit():
            # In JSON this can be a number, which has no leading zero.
            made = b"1%0*d" % (len(text) - 1, number)
            return made if self._own[name].fullmatch(made) else text
        lead = _LEAD.match(text)
        start = lead.end() if lead else 0
        zeros = re.sub(rb"[A-Za-z0-9]", b"0", text[start:])
        digits = b"%0*d" % (_DIGITS, number)
        if zeros.endswith(b"0" * len(digits)):
            made = text[:start] + zeros[: -len(digits)] + digits
            if self._own[name].fullmatch(made):
                return made
        return name.encode() + b"-" + digits

    def _is_own_stable(self, name: str, text: bytes) -> bool:
        number = re.search(rb"(?:\A1000+|00)(\d{4,6})\Z", text)
        return number is not None and self._own_stable(name, text, int(number[1])) == text
