"""Secrets known by their format, with numbers to distinguish those of one format."""

from __future__ import annotations

import re
import threading
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from ..http.body.spans import Span
from ..state import fork_safe
from .formats import BEGIN, FORMATS, PERSONAL, Format

_BASIC = re.compile(rb"(?i:basic)(?: |%20|\+)([A-Za-z0-9+/]{8,4096}={0,2})(?![\w+/])")
_ASSIGNMENT = re.compile(
    BEGIN + rb"([A-Z][A-Z0-9_]{0,63}(?:_KEY|_TOKEN|_SECRET|_PASSWORD|_PASSWD|_CREDENTIALS))"
    rb"\s{0,4}(?:=|:)\s{0,4}(?:\\{0,3}[\"'])?((?=[A-Za-z/+_-]{0,64}\d)[\w+/-]{16,}={0,2})(?![\w(\[]|\.\w)"
)
_ASSIGNMENT_MARKS = frozenset({b"_KEY", b"_TOKEN", b"_SECRET", b"_PASSW", b"_CREDENTIALS"})
_BASIC_MARKS = frozenset({b"asic ", b"ASIC "})

# What keys are made of, as one character each; everything else is a blank.
_SIGNS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/=.%~:@\\")
_OUTLINE = bytes(ord("x") if code in _SIGNS else ord(" ") for code in range(256))
_RUN = b"x" * 16


@dataclass(frozen=True, slots=True)
class _Table:
    """The formats of some settings.

    Attributes:
        formats: All of them, in the order in which they are searched for.
        others: The names of those that are not in the list of formats.
        marked: Formats by their mark. Those without a mark are searched for everywhere.
        around: The marks that may be anywhere.
        inside: The marks that are inside a run of characters of keys.
        unmarked: The formats without a mark.
        numbered: Finds placeholders with their numbers.
    """

    formats: tuple[Format, ...]
    others: frozenset[str]
    marked: dict[bytes, list[Format]]
    around: tuple[bytes, ...]
    inside: tuple[bytes, ...]
    unmarked: tuple[Format, ...]
    numbered: re.Pattern[bytes]


# Every test has one; most suites have one setting.
@lru_cache(maxsize=16)
def _table(changes: tuple[str, ...], personal: tuple[str, ...]) -> _Table:
    without = {line[1:].strip() for line in changes if line.startswith("!")}
    pairs = [line.partition("=>") for line in changes if not line.startswith("!")]
    mine = [
        Format(name.strip(), (), text.strip().encode(), anywhere=True) for name, _, text in pairs
    ]
    all_formats = (*mine, *FORMATS, *(each for kind in personal for each in PERSONAL[kind]))
    formats = tuple(each for each in all_formats if each.name not in without)
    marked: dict[bytes, list[Format]] = {}
    for each in formats:
        for mark in each.marks:
            marked.setdefault(mark, []).append(each)
    around = {mark for each in formats if each.around for mark in each.marks}
    names = "|".join(sorted({re.escape(each.name) for each in formats} | {"BASIC_AUTH"}))
    return _Table(
        formats,
        frozenset({"BASIC_AUTH", "ASSIGNMENT"} - without),
        marked,
        (*around, *_ASSIGNMENT_MARKS, *_BASIC_MARKS),
        tuple(mark for mark in marked if mark not in around),
        tuple(each for each in formats if not each.marks),
        re.compile(rf"(<|%3C|&lt;)({names})(?:_(\d{{1,6}}))?(?=>|%3E|&gt;)".encode()),
    )


class Shapes:
    """Finds secrets by their formats, and numbers those of one name.

    Args:
        changes: `NAME => regular expression` for further formats, `!NAME` for one to leave out.
        personal: Keys of `PERSONAL`, for personal data to find in addition.
        is_allowed: Returns whether a text that looks like a secret is known to be harmless.
    """

    def __init__(
        self,
        changes: Iterable[str] = (),
        personal: Iterable[str] = (),
        is_allowed: Callable[[bytes], bool] = lambda text: False,
    ) -> None:
        table = _table(tuple(changes), tuple(personal))
        self._formats, self._others, self._marked = table.formats, table.others, table.marked
        self._around, self._inside = table.around, table.inside
        self._unmarked, self._numbered = table.unmarked, table.numbered
        self._is_allowed = is_allowed
        # A body is searched when it is redacted, and again for doubts before it is written.
        self._hits = lru_cache(maxsize=8)(self._marks_in)
        self._numbers: dict[str, dict[bytes, int]] = {}
        # The highest number on a cassette for each name, and the cassette's numbers of our secrets.
        self._taken: dict[bytes, int] = {}
        self._same: dict[tuple[bytes, int], int] = {}
        self._lock = fork_safe(threading.Lock())

    def _marks_in(self, raw: bytes) -> list[bytes]:
        """Return the marks in `raw`; those of keys only in runs that are long enough for a key."""
        hits = [mark for mark in self._around if mark in raw]
        outline = raw.translate(_OUTLINE)
        at = outline.find(_RUN)
        if at >= 0:
            runs = []
            while at >= 0:
                end = outline.find(b" ", at)
                runs.append(raw[at : end if end >= 0 else len(raw)])
                at = outline.find(_RUN, end) if end >= 0 else -1
            long = b" ".join(runs)
            hits += [mark for mark in self._inside if mark in long]
        return hits

    def may_be_in(self, raw: bytes) -> bool:
        """Return whether `raw` is worth a search; this is much faster than a search."""
        return bool(self._hits(raw)) or any(each.pattern.search(raw) for each in self._unmarked)

    def spans(self, raw: bytes) -> Iterator[Span]:
        """Yield where secrets are in `raw`."""
        for start, stop, name in self._found(raw):
            value = raw[start:stop]
            if value and not _MARK.fullmatch(value) and not self._is_allowed(value):
                yield Span(start, stop, self._mark(name, value))

    def _found(self, raw: bytes) -> Iterator[tuple[int, int, str]]:
        hits = self._hits(raw)
        found = [each for mark in hits for each in self._marked.get(mark, ())]
        for each in (*dict.fromkeys(found), *self._unmarked):
            for match in each.found(raw):
                yield match.start(match.lastindex or 0), match.end(match.lastindex or 0), each.name
        if "BASIC_AUTH" in self._others and not _BASIC_MARKS.isdisjoint(hits):
            for match in _BASIC.finditer(raw):
                if _is_userinfo(match[1]):
                    yield match.start(1), match.end(1), "BASIC_AUTH"
        if "ASSIGNMENT" in self._others and not _ASSIGNMENT_MARKS.isdisjoint(hits):
            for match in _ASSIGNMENT.finditer(raw):
                # The name of the variable says more than the name of a format.
                yield match.start(2), match.end(2), "=" + match[1].decode()

    def _mark(self, name: str, value: bytes) -> bytes:
        if name.startswith("="):
            return f"<{name[1:]}>".encode()
        with self._lock:
            known = self._numbers.setdefault(name, {})
            behind = self._taken.get(name.encode(), 0)
            number = known.setdefault(_plain(value), behind + len(known) + 1)
        return numbered(name, number)

    def reserve(self, name: str, value: str) -> None:
        """Reserve a number of a name for a known secret, in case a format has that name too."""
        with self._lock:
            known = self._numbers.setdefault(name, {})
            known.setdefault(value.encode("utf-8", "surrogatepass"), len(known) + 1)

    def unnumbered(self, raw: bytes) -> bytes:
        """Return `raw` with placeholders without numbers."""
        return self._numbered.sub(rb"\1\2", raw) if _may_have_marks(raw) else raw

    def _placeholders(self, raw: bytes) -> list[tuple[bytes, int]]:
        if not _may_have_marks(raw):
            return []
        # Searched for one by one, because the expression would be tried at every byte.
        starts = sorted(at for mark in _BEGINS for at in _places(raw, mark))
        found = [self._numbered.match(raw, at) for at in starts]
        return [(each[2], int(each[3] or 1)) for each in found if each]

    def continue_behind(self, raw: bytes) -> None:
        """Keep the numbers in `raw`, which is on a cassette, for the secrets that have them."""
        for name, number in self._placeholders(raw):
            self._taken[name] = max(number, self._taken.get(name, 0))

    def equate(self, raw: bytes, recorded: bytes) -> None:
        """Remember which numbers a cassette has for the placeholders in `raw`."""
        ours, others = self._placeholders(raw), self._placeholders(recorded)
        if [name for name, _ in ours] == [name for name, _ in others]:
            for each, (_, number) in zip(ours, others, strict=True):
                self._same.setdefault(each, number)

    def renumbering(self, kept: Iterable[bytes] = ()) -> Callable[[bytes], bytes]:
        """Return a function that numbers placeholders in the order in which they appear.

        Args:
            kept: Texts that stay on a cassette unchanged, with their numbers.
        """
        used = {each for raw in kept for each in self._placeholders(raw)}
        met: dict[bytes, dict[int, int]] = {}
        last: dict[bytes, int] = {}
        for name, number in used:
            met.setdefault(name, {})[number] = number
            last[name] = max(number, last.get(name, 0))

        def renumber(match: re.Match[bytes]) -> bytes:
            name, number = match[2], int(match[3] or 1)
            number = self._same.get((name, number), number)
            known = met.setdefault(name, {})
            if number not in known:
                known[number] = last[name] = last.get(name, 0) + 1
            return match[1] + numbered(name.decode(), known[number])[1:-1]

        return lambda raw: self._numbered.sub(renumber, raw) if _may_have_marks(raw) else raw


# In a form and in XML it is escaped.
_BEGINS = (b"<", b"%3C", b"&lt;")


def _may_have_marks(raw: bytes) -> bool:
    return any(mark in raw for mark in _BEGINS)


def _places(raw: bytes, mark: bytes) -> Iterator[int]:
    at = raw.find(mark)
    while at >= 0:
        yield at
        at = raw.find(mark, at + 1)


_MARK = re.compile(rb"(?:<|%3C|&lt;)[A-Z][A-Z0-9_]{0,127}(?:>|%3E|&gt;)")


def numbered(name: str, number: int) -> bytes:
    """Return `<NAME>` for the first, `<NAME_2>` for the second."""
    return f"<{name}_{number}>".encode() if number > 1 else f"<{name}>".encode()


def _plain(value: bytes) -> bytes:
    """Return a secret without the escapes of the text around it."""
    plain = value.replace(b"\\/", b"/")
    return unquote_to_bytes(unquote_to_bytes(plain)) if b"%" in plain else plain


def _is_userinfo(coded: bytes) -> bool:
    """Return whether base64 holds a user and a password (RFC 7617)."""
    try:
        text = b64decode(coded, validate=True)
    except ValueError:
        return False
    return b":" in text and all(32 <= each < 127 or each > 159 for each in text)
