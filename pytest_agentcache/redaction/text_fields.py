"""Values under secret names in text: settings, source code, headers, commands and tables.

Text has no grammar of its own. Each secret name in it is looked at with what is around it, and a
value without quotes has to look generated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..http.body.spans import Span
from .credible import is_generated, may_be_credential
from .names import HEADER, MARK, TEXT, Names, placeholder

# The names of secrets contain one of these. Finding each of them in turn is fast.
_MARKS = (
    *(b"key", b"token", b"secret", b"pass", b"pwd", b"credential", b"auth", b"jwt", b"srf"),
    *(b"cookie", b"assertion", b"verifier", b"connection", b"signature", b"bearer", b"session-id"),
)
_NAME = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-$")
_ANY_NAME = re.compile(rb"[A-Za-z_][\w.$-]{0,63}")
_LONGEST_NAME = 64
# `API key` and `access token` in a sentence.
_FIRST_WORD = re.compile(rb"(?<![\w-])(?i:api|auth|access|client|secret|private)[ ]\Z")
# The end of a line, also in JSON, also in the events of a stream.
_END = rb"(?:\r?\n(?:data:)?|(?:\\{1,7}r)?\\{1,7}n)"
_GAP = rb"(?:[ \t]|%s){0,64}" % _END
_BLANK = rb"(?:[ \t]|\\{1,7}t){0,16}"
# A name, what is between it and its value, and the quote that begins the value.
_BETWEEN = re.compile(
    rb"""(?P<close>\\{0,7}["'`])?\]?(?:"""
    rb"""(?P<sign>"""
    + _GAP
    + rb"""(?::=|=>|:[ ]?[\w.\[\]|!? ]{1,40}[ ]=|\]?[ ]?=|:)"""
    + _GAP
    # Block texts, anchors and tags of YAML; types of GraphQL, Python and others.
    + rb"""(?:[|>][-+\d]{0,2}"""
    + _END
    + rb"""[ \t]{1,64}|[&!]{1,2}\w{1,32}[ ]{1,4}|[A-Za-z]{1,24}\(|[bfru]{1,2}(?=\\{0,7}["']))?)"""
    rb"""|(?P<comma>,"""
    + _GAP
    + rb""")|(?P<default>[ ]{0,4}\{[^{}]{0,256}?default[ ]{0,16}=[ ]{0,4})"""
    rb"""|(?P<space>[ ]is:?[ ]|[ \t]{1,4}))"""
    rb"""(?:(?i:bearer|basic|token|apikey|digest)[ ]{1,4})?"""
    rb"""(?P<quote>\\{0,7}(?:["'`]))?"""
)
_PLAIN = re.compile(rb"(?:<[A-Z][A-Z0-9_]{0,127}>|[^\s\"'`\\<>,;&(){}\[\]|])+")
# In `token = next(…)` and `key = names[0]` the value is code.
_CODE = re.compile(rb"[(\[{]|\.\w|\\{0,7}[\"'`]\w")
_COOKIES = re.compile(r"(?:^|-)cookie2?\Z", re.IGNORECASE)
_COOKIE = re.compile(
    rb"(?<=[\s;:,\"'`])([\w.-]{1,64})=((?:<[A-Z][A-Z0-9_]{0,127}>|[^;\s\"'`\\<>,])+)"
)
_LINE_END = re.compile(rb"[\r\n\"'`]|\\{1,7}[nr\"]")
# `- name: API_KEY` and `value: …` in the next line, in this order or the other.
_NAMED_BY = re.compile(rb"(?:name|key):[ ]{1,4}[\"']?\Z", re.IGNORECASE)
_NEXT_VALUE = re.compile(rb"[\"']?[ ]{0,8}" + _END + rb"[ \t-]{0,64}(?:[Vv]alue):[ ]{1,4}[\"']?")
_PREVIOUS_VALUE = re.compile(
    rb"[Vv]alue:[ ]{1,4}[\"']?([^\s\"'\\]{1,4096})[\"']?[ ]{0,8}"
    + _END
    + rb"[ \t-]{0,64}(?:[Nn]ame|[Kk]ey):[ ]{1,4}[\"']?\Z"
)
# A table: names and cells between the same separators, line by line.
_AFTER_CELL = re.compile(rb"""\\{0,7}["']?[ ]{0,16}(?:([,;|\t]|\\t)|\\{0,7}[rn\r\n])""")
_BEFORE_CELL = re.compile(
    rb"""(?:([,;|\t]|\\t)|[\r\n]|\\n|:[ ]?\\{0,7}"|\A)[ ]{0,8}(?:\\{0,7}["'])?\Z"""
)
_LONGEST_ROW = 1024
_ROW = re.compile(rb"(?:[^\r\n\\]|\\(?!\\{0,6}[nr])){1,1024}")
_ROW_BEGIN = re.compile(rb"\r?\n|(?:\\{1,7}r)?\\(?P<of_end>\\{0,7})n|:[ ]?(?P<of_quote>\\{0,7})\"")
_CELL_NAME = re.compile(rb"[\w .()/#-]{0,64}")
_LINE_BREAK = re.compile(_END)
_MOST_ROWS = 100_000


class TextFields:
    """Finds values under secret names in text of any kind.

    Args:
        names: Decides which names hold secrets.
    """

    def __init__(self, names: Names) -> None:
        self._names = names

    def spans(
        self, raw: bytes, places: Iterable[tuple[int, int]], *, every: bool = False
    ) -> Iterator[Span]:
        """Yield secrets by their names.

        Args:
            raw: A text, or a body with texts in it.
            places: Where the names of `secret_names` are.
            every: Whether placeholders of any name count too.
        """
        done: set[int] = set()
        for start, stop in places:
            name = name_at(raw, start, stop)
            if start in done or not self._names.is_secret(name, TEXT):
                continue
            done.add(start)
            yield from self._beside(raw, start, stop, name, every)
            if (row := _row_of_names(raw, start, stop)) and row.start not in done:
                done.add(row.start)
                yield from self._table(raw, row, every)

    def secret_names(self, raw: bytes) -> Iterator[tuple[int, int]]:
        """Yield where the names of secrets are, of headers too."""
        is_secret, size = self._names.is_secret, len(raw)
        if self._names.has_globs:
            for match in _ANY_NAME.finditer(raw):
                if is_secret(match[0].decode("latin-1"), HEADER):
                    yield match.span()
            return
        lower = raw.lower()
        for mark in _MARKS:
            at = lower.find(mark)
            while at >= 0:
                start, stop = at, at + len(mark)
                while stop < size and raw[stop] in _NAME:
                    stop += 1
                while start and raw[start - 1] in _NAME:
                    start -= 1
                if stop - start <= _LONGEST_NAME + 8:
                    start = _without_escape(raw, start)
                    if start <= at:
                        start = stop - len(raw[start:stop].lstrip(b"-.$"))
                        if before := _FIRST_WORD.search(raw, max(0, start - 8), start):
                            start = before.start()
                        if is_secret(name_at(raw, start, stop), HEADER):
                            yield start, stop
                at = lower.find(mark, stop)

    def _beside(self, raw: bytes, start: int, stop: int, name: str, every: bool) -> Iterator[Span]:
        match = _BETWEEN.match(raw, stop)
        if match is None:
            yield from self._paired(raw, start, stop, name, every)
            return
        close, quote = match["close"], match["quote"]
        is_member = (close or b"")[-1:] == b'"' and (match["sign"] or b"")[:1] == b":"
        if is_member and quote in (b"", None, close):
            # A member of JSON; it is found as such.
            return
        if match["comma"] is not None and not (close and quote):
            return
        if _COOKIES.search(name) and match["sign"] and not quote:
            yield from self._cookies(raw, match.end(), every)
            return
        begin = match.end()
        if quote:
            if raw.startswith(quote * 2, begin):
                begin += 2 * len(quote)
            end = raw.find(quote, begin, begin + 4096)
            value = raw[begin:end]
            if end <= begin or (b"\n" in value and not quote.endswith(b"`")):
                return
        else:
            plain = _PLAIN.match(raw, begin)
            if plain is None:
                yield from self._paired(raw, start, stop, name, every)
                return
            value = plain[0].rstrip(b".:!?*")
            end = begin + len(value)
            if raw[begin : begin + 1] in b"$%@&*/" or _CODE.match(raw, end):
                return
        text = value.decode("latin-1")
        is_assigned = match["sign"] is not None
        is_packed = b" " not in raw[stop:begin]
        if self._hides(name, text, every, quote, is_assigned, is_packed=is_packed):
            yield Span(begin, end, placeholder(name).encode())
        elif not quote:
            yield from self._paired(raw, start, stop, name, every)

    def _hides(
        self,
        name: str,
        value: str,
        every: bool,
        quote: bytes | None = None,
        is_assigned: bool = True,
        is_packed: bool = False,
    ) -> bool:
        """Return whether a value beside a name in text is a secret.

        Args:
            name: The name.
            value: The value.
            every: Whether placeholders of any name count too.
            quote: The quote around the value; None without quotes.
            is_assigned: Whether a sign such as `=` is between them.
            is_packed: Whether there is no space between them, as in a setting of a shell.
        """
        if MARK.fullmatch(value.encode("latin-1")):
            return every
        if not self._names.hides(name, value, TEXT, every=every):
            return False
        if quote and is_assigned:
            return quote.endswith(b'"') or may_be_credential(value)
        if is_assigned and is_packed and name.isupper():
            return len(value) >= 8 and any(each.isdecimal() for each in value)
        return is_generated(value, 16 if self._names.is_ambiguous(name) else 8)

    def _cookies(self, raw: bytes, start: int, every: bool) -> Iterator[Span]:
        end = _LINE_END.search(raw, start)
        for pair in _COOKIE.finditer(raw, start, end.start() if end else len(raw)):
            name = pair[1].decode()
            is_mark = MARK.fullmatch(pair[2]) is not None
            if every if is_mark else is_generated(pair[2].decode("latin-1"), 8):
                yield Span(*pair.span(2), placeholder(name).encode())

    def _paired(self, raw: bytes, start: int, stop: int, name: str, every: bool) -> Iterator[Span]:
        """Yield the value in the line after or before that of its name."""
        before = raw[max(0, start - 4200) : start]
        if not _NAMED_BY.search(before[-16:]):
            return
        if (after := _NEXT_VALUE.match(raw, stop)) and (held := _PLAIN.match(raw, after.end())):
            begin, end = held.span()
        elif held := _PREVIOUS_VALUE.search(before):
            begin = max(0, start - 4200) + held.start(1)
            end = begin + len(held[1])
        else:
            return
        if self._hides(name, raw[begin:end].decode("latin-1"), every):
            yield Span(begin, end, placeholder(name).encode())

    def _table(self, raw: bytes, row: _Row, every: bool) -> Iterator[Span]:
        """Yield the cells under secret names, in the lines after that of the names."""
        names = [cell.strip(b" \"'\\").decode("latin-1") for cell in row.cells]
        hidden = [each for each in enumerate(names) if self._names.is_secret(each[1], TEXT)]
        at = row.stop
        for _ in range(_MOST_ROWS):
            begin = _LINE_BREAK.match(raw, at)
            line = row.pattern.match(raw, begin.end()) if begin else None
            if line is None:
                return
            cells = _cells(line[0], row.separator)
            if len(cells) != len(row.cells):
                return
            for number, name in hidden:
                start = line.start() + sum(map(len, cells[:number])) + number * len(row.separator)
                cell = cells[number]
                value = cell.strip(b" \"'\\")
                start += cell.find(value)
                text = value.decode("latin-1")
                is_mark = MARK.fullmatch(value) is not None
                if value and (every if is_mark else is_generated(text, 6)):
                    yield Span(start, start + len(value), placeholder(name).encode())
            at = line.end()


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of names between separators.

    Attributes:
        start: Where it begins.
        stop: Where it ends.
        separator: What is between two names.
        cells: The names, with the quotes and blanks around them.
        pattern: Matches another line of the table.
    """

    start: int
    stop: int
    separator: bytes
    cells: list[bytes]
    pattern: re.Pattern[bytes]


def name_at(raw: bytes, start: int, stop: int) -> str:
    """Return a name, also of two words, as one word."""
    return raw[start:stop].decode("latin-1").replace(" ", "_")


def _without_escape(raw: bytes, start: int) -> int:
    r"""Return where a name begins behind an escape of JSON (`\n`, `\u003c`)."""
    if start and raw[start - 1] == ord("\\"):
        return start + (5 if raw[start] == ord("u") else 1)
    return start


def _row_of_names(raw: bytes, start: int, stop: int) -> _Row | None:
    """Return the line around a name, if it is a line of names between separators."""
    after = _AFTER_CELL.match(raw, stop)
    before = _BEFORE_CELL.search(raw, max(0, start - 16), start)
    if after is None or before is None or not (after[1] or before[1]):
        return None
    separator = after[1] or before[1]
    begin, pattern = max(0, start - _LONGEST_ROW), _ROW
    for match in _ROW_BEGIN.finditer(raw, begin, start):
        begin = match.end()
        depth = match["of_end"] if match["of_quote"] is None else match["of_quote"]
        pattern = _ROW if depth is None else _row_in_json(len(depth))
    line = pattern.match(raw, begin)
    if line is None or line.end() < stop:
        return None
    cells = _cells(line[0], separator)
    if len(cells) < 2 or not all(_CELL_NAME.fullmatch(each.strip(b" \"'\\")) for each in cells):
        return None
    return _Row(begin, line.end(), separator, cells, pattern)


@lru_cache(maxsize=8)
def _row_in_json(depth: int) -> re.Pattern[bytes]:
    """Return a pattern for a line in a text of JSON whose quotes have `depth` backslashes."""
    return re.compile(rb'(?:[^\r\n\\"]|\\{%d,15}"|\\(?!\\{0,14}[nr"])){1,1024}' % (depth + 1))


def _cells(line: bytes, separator: bytes) -> list[bytes]:
    """Return the cells of a line; a separator in quotes separates nothing."""
    if b'"' not in line:
        return line.split(separator)
    cells, is_quoted = [b""], False
    for piece in re.split(rb"(\"|" + re.escape(separator) + rb")", line):
        if piece == b'"':
            is_quoted = not is_quoted
        if piece == separator and not is_quoted:
            cells.append(b"")
        else:
            cells[-1] += piece
    return cells
