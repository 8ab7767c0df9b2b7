"""Values under secret names: in JSON, also inside text, in YAML, XML, and URLs inside a body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

from ..http.body import looks_like_json
from ..http.body.spans import Span
from ..http.body.xml import named_values
from .names import ESCAPED, HEADER, MARK, QUERY, Names, placeholder
from .signed_urls import scheme_of

# A name and the start of its text value: in JSON, in JSON inside a stream, and (with the quotes
# escaped, seven times over at most) in JSON inside a string of JSON. Each attempt begins at the
# first of a run of backslashes and is bounded, or some bodies would take quadratic time.
_MEMBER = (
    rb"""(?<!\\)(?P<quote>\\{0,7}")(?P<name>%s)(?P=quote)\s{0,64}:\s{0,64}"""
    rb"""(?:(?P<text>(?P=quote))|(?P<open>[\[{])|(?P<number>-?\d[\w.+-]{0,64}(?=\s{0,64}[,}])))"""
)
# Begins with a quote, which is found much faster than what may be before it.
_NAMED = rb'"(?P<name>%s)\\{0,7}"\s{0,64}:'
_LETTERS = rb"[\w.$-]{1,64}"
_PLAIN = re.compile(_NAMED % _LETTERS), re.compile(_MEMBER % _LETTERS)
# Slower and rarely needed: names that are written with escapes.
_CODES = rb"(?:[\w.$-]|\\{1,8}u00[2-7][0-9A-Fa-f]){1,64}"
_CODED = re.compile(_NAMED % _CODES), re.compile(_MEMBER % _CODES)
_PAIR = re.compile(
    rb""""(?:[Nn]ame|[Kk]ey)(?P<quote>\\{0,7}")\s{0,64}:\s{0,64}(?P=quote)"""
    rb"""(?P<name>[\w.-]{1,64})(?P=quote)\s{0,64},\s{0,64}(?P=quote)[Vv]alue(?P=quote)"""
    rb"""\s{0,64}:\s{0,64}(?P=quote)"""
)
# `password: "…"` of GraphQL, `password = "…"` of code: a name without quotes, in text.
_ASSIGNED = re.compile(
    rb"""(?:(?<![\w"'\\.$-])|(?<=\\[nrt]))(?P<name>[A-Za-z_][\w-]{0,63})\s{0,8}[:=]\s{0,8}"""
    rb"""(?:String!?\s{0,8}=\s{0,8})?(?P<quote>\\{0,7}")"""
)
# The value before its name.
_REVERSED = re.compile(
    rb""""[Vv]alue(?P<quote>\\{0,7}")\s{0,64}:\s{0,64}(?P=quote)"""
    rb"""(?P<value>[^"]{1,4096}?)(?P=quote)\s{0,64},\s{0,64}(?P=quote)(?:[Nn]ame|[Kk]ey)(?P=quote)"""
    rb"""\s{0,64}:\s{0,64}(?P=quote)(?P<name>[\w.-]{1,64})(?P=quote)"""
)
_TEXTS = re.compile(
    rb"""\[(?:\s{0,64}\\{0,7}"[^"\\\[\]]{1,4096}\\{0,7}"\s{0,64},?){1,64}\s{0,64}\]"""
)
_QUOTE = re.compile(rb"""(?<!\\)\\*\"""")
_ESCAPED = re.compile(rb"\\+u00([2-7][0-9A-Fa-f])")
_BRACKET = re.compile(rb"""(?<!\\)\\*"|[\[\]{}]""")
# An object that describes a value instead of holding one (JSON Schema).
_SCHEMA = re.compile(
    rb"""\{\s*(?:\\*"[^"\\]{0,64}\\*"\s*:\s*(?:\\*"[^"\\]{0,512}\\*"|true|false|-?\d+)\s*,\s*){0,8}"""
    rb"""\\*"(?:\$ref|anyOf|oneOf|allOf|enum|properties|items|"""
    rb"""type\\*"\s*:\s*(?:\[|\\*"(?:string|object|number|integer|boolean|array|null|STRING"""
    rb"""|OBJECT|NUMBER|INTEGER|BOOLEAN|ARRAY)))"""
)
# A "token" beside a "logprob" is a piece of text, not a credential.
_PIECE = rb"""\\*"(?:log_?prob(?:ability)?s?|token_?id|bytes)\\*\""""
_PIECE_AFTER = re.compile(rb"\s*,\s*" + _PIECE, re.IGNORECASE)
_PIECE_BEFORE = re.compile(_PIECE + rb"\s*:[^{}]*,\s*\Z", re.IGNORECASE)
# Parameters and userinfo of URLs inside a body.
_PARAMETER = re.compile(rb"[?&](?:amp;)?([\w.-]{1,64})=([^&#\s\"'\\<>]+)")
# The same inside a parameter of another URL, percent-encoded once or twice.
_CODED_PARAMETER = re.compile(
    rb"%(?:25)?(?:3[Ff]|26)([\w.-]{1,64})%(?:25)?3[Dd]((?:[^%&#\s\"'\\<>]|%(?!(?:25)?2[36]))+)"
)
_CODED_EQUALS = (b"%3D", b"%3d", b"%253D", b"%253d")
_USERINFO = re.compile(rb"(?<=://)[^/@?#:\s\"'\\<>]{0,256}:([^/@?#:\s\"'\\<>]{1,256})@")
# Likewise, with the placeholders of what is redacted already.
_QUERY = re.compile(rb"\?((?:[^#\s\"'\\<>]|<[A-Z0-9_]{1,128}>)+)")
_SIGNED_PARAMETER = re.compile(rb"([\w.-]{1,64})=((?:[^&#\s\"'\\<>]|<[A-Z0-9_]{1,128}>)+)")
# `password: …` of YAML and `password = …` of TOML, INI files and properties. What is in double
# quotes is found as in any text.
_LINES = re.compile(r"[/+.-](?:yaml|yml|toml|ini|(?:java-)?properties)\b", re.IGNORECASE)
_LINE = re.compile(
    rb"""^(?P<indent>[ \t]{0,64})(?:-[ \t]{1,8}){0,8}"""
    rb"""(?P<quote>["']?)(?P<name>[A-Za-z_][\w.-]{0,63})(?P=quote)[ \t]{0,64}"""
    rb"""[:=][ \t]{0,64}(?:'(?P<quoted>[^'\r\n]+)'"""
    rb"""|[|>][-+\d]{0,2}[ \t]*\r?\n(?P<block>(?:(?P=indent)[ \t]+[^\r\n]*\r?\n?)+)"""
    rb"""|(?P<plain>[^\s"'|>&*!{}\[\]#][^\r\n]*?)[ \t]*(?:[ \t]\#[^\r\n]*)?\r?$)""",
    re.MULTILINE,
)
# The same in braces: `{user: bot, password: …}`.
_IN_BRACES = re.compile(
    rb"""[{,][ \t]{0,8}(?P<name>[A-Za-z_][\w.-]{0,63}):[ \t]{1,8}"""
    rb"""(?P<plain>[^\s"'{}\[\],]{1,4096})"""
)
_LONGEST = 2**20
_NUMBER = re.compile(rb"-?\d[\w.+-]*")


class Fields:
    """Finds values under secret names.

    Args:
        names: Decides which names hold secrets.
    """

    def __init__(self, names: Names) -> None:
        self._names = names

    def spans(self, raw: bytes, *, every: bool = False) -> Iterator[Span]:
        """Yield secrets by their names.

        Args:
            raw: A body, or a part of one.
            every: Whether placeholders of any name count too.
        """
        for span in self._all(raw, every):
            if every or not MARK.fullmatch(raw, span.start, span.stop):
                yield span

    def _all(self, raw: bytes, every: bool) -> Iterator[Span]:
        if b'"' in raw and self._names.may_be_in(raw):
            yield from self._members(raw, every)
            if b"alue" in raw:
                yield from self._assigned(raw, _PAIR, HEADER, every)
                yield from self._reversed(raw, every)
            if b'\\"' in raw or not looks_like_json(raw):
                yield from self._assigned(raw, _ASSIGNED, None, every)
        yield from self.in_urls(raw, every=every)

    def _members(self, raw: bytes, every: bool) -> Iterator[Span]:
        """Yield texts and numbers under secret names, also those inside lists and objects."""
        is_secret, done = self._names.is_secret, 0
        named, member = _CODED if ESCAPED.search(raw) else _PLAIN
        for found in named.finditer(raw):
            if not is_secret(name := _plain(found["name"])):
                continue
            if (match := member.match(raw, _start_of_quote(raw, found.start()))) is None:
                continue
            quote = match["quote"]
            if match["text"]:
                yield from self._text(raw, match, name, None, every)
                continue
            # A bare "token" with a number is the id of a piece of text.
            if match.start() < done or name.lower() == "token":
                continue
            if match["number"] and not self._names.hides_number(name, every=every):
                continue
            mark = quote + placeholder(name).encode() + quote
            if match["number"]:
                yield Span(*match.span("number"), mark)
            elif not _SCHEMA.match(raw, match.start("open")):
                if texts := _TEXTS.match(raw, match.start("open")):
                    # One placeholder, for any number of texts.
                    yield Span(*texts.span(), b"[" + mark + b"]")
                else:
                    leaves, done = _leaves(raw, match.start("open"), quote, mark)
                    yield from leaves

    def _text(
        self,
        raw: bytes,
        match: re.Match[bytes],
        name: str,
        place: re.Pattern[str] | None,
        every: bool,
    ) -> Iterator[Span]:
        """Yield the text that begins where `match` ends."""
        end = _end_of_text(raw, match.end(), len(match["quote"]) - 1)
        if end is None or end == match.end():
            return
        value = _plain(raw[match.end() : end])
        if not self._names.hides(name, value, place, every=every):
            return
        if name.lower() != "token" or not (
            _PIECE_AFTER.match(raw, end + len(match["quote"]))
            or _PIECE_BEFORE.search(raw[max(0, match.start() - 400) : match.start()])
        ):
            yield Span(match.end(), end, placeholder(name).encode())

    def _assigned(
        self, raw: bytes, pattern: re.Pattern[bytes], place: re.Pattern[str] | None, every: bool
    ) -> Iterator[Span]:
        for match in pattern.finditer(raw):
            name = match["name"].decode("latin-1")
            if self._names.is_secret(name, place):
                yield from self._text(raw, match, name, place, every)

    def _reversed(self, raw: bytes, every: bool) -> Iterator[Span]:
        for match in _REVERSED.finditer(raw):
            name, value = match["name"].decode("latin-1"), _plain(match["value"])
            if self._names.hides(name, value, HEADER, every=every):
                yield Span(*match.span("value"), placeholder(name).encode())

    def in_urls(self, raw: bytes, *, every: bool = False) -> Iterator[Span]:
        """Yield secret parameters and passwords of the URLs in `raw`."""
        if b"=" in raw:
            for match in _PARAMETER.finditer(raw):
                name = match[1].decode("latin-1")
                value = unquote_plus(match[2].decode("latin-1"))
                if self._names.hides(name, value, QUERY, every=every):
                    yield Span(*match.span(2), placeholder(name).encode())
            if every:
                yield from _signed(raw)
        if any(each in raw for each in _CODED_EQUALS):
            for match in _CODED_PARAMETER.finditer(raw):
                name = match[1].decode("latin-1")
                value = unquote_plus(unquote_plus(match[2].decode("latin-1")))
                hides = self._names.hides(name, value, QUERY, every=every)
                if hides and (every or not MARK.fullmatch(value.encode("utf-8", "replace"))):
                    yield Span(*match.span(2), placeholder(name).encode())
        if b"@" in raw and b"://" in raw:
            for match in _USERINFO.finditer(raw):
                yield Span(match.start(), match.end() - 1, b"<USER>:<PASSWORD>")

    def lines(self, raw: bytes, content_type: str, *, every: bool = False) -> Iterator[Span]:
        """Yield secrets by their names in YAML, TOML, INI files and properties."""
        if not _LINES.search(content_type) or not self._names.may_be_in(raw):
            return
        for pattern in (_LINE, _IN_BRACES):
            for match in pattern.finditer(raw):
                name, group = match["name"].decode("latin-1"), str(match.lastgroup)
                if not self._names.is_secret(name):
                    continue
                start = match.start(group)
                held = match[group].strip()
                start += match[group].index(held)
                if _NUMBER.fullmatch(held):
                    hides = self._names.hides_number(name, every=every)
                else:
                    hides = self._names.hides(name, held.decode("latin-1"), every=every)
                if hides and held and (every or not MARK.fullmatch(held)):
                    yield Span(start, start + len(held), placeholder(name).encode())

    def elements(self, raw: bytes, *, every: bool = False) -> Iterator[Span]:
        """Yield the texts of XML elements, attributes and HTML fields with secret names."""
        for name, start, stop in named_values(raw):
            held = raw[start:stop].replace(b"&lt;", b"<").replace(b"&gt;", b">")
            hides = self._names.hides(name, held.decode("latin-1"), every=every)
            if hides and (every or not MARK.fullmatch(held)):
                yield Span(start, stop, placeholder(name).encode())


def _signed(raw: bytes) -> Iterator[Span]:
    """Yield what changes with each signature in the signed URLs in `raw`."""
    for query in _QUERY.finditer(raw):
        found = [
            (each[1].decode("latin-1"), each)
            for each in _SIGNED_PARAMETER.finditer(raw, *query.span(1))
        ]
        if scheme := scheme_of(frozenset(name.lower() for name, _ in found)):
            for name, each in found:
                if name.lower() in scheme.volatile | scheme.optional:
                    yield Span(*each.span(2), placeholder(name).encode())


def _start_of_quote(raw: bytes, at: int) -> int:
    """Return where the backslashes before a quote begin."""
    while at and raw[at - 1] == ord("\\"):
        at -= 1
    return at


def _plain(name: bytes) -> str:
    if b"\\" in name:
        name = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), name)
    return name.decode("latin-1")


def _leaves(raw: bytes, start: int, quote: bytes, mark: bytes) -> tuple[list[Span], int]:
    """Return the texts and numbers in the list or object at `start`, and its end."""
    found: list[Span] = []
    at, open_ = start, [b""]
    while (match := _BRACKET.search(raw, at, start + _LONGEST)) is not None:
        if open_[-1] == b"[":
            # Numbers of an object have names of their own, and are often lifetimes.
            found += [Span(*each.span(), mark) for each in _NUMBER.finditer(raw, at, match.start())]
        at = match.end()
        if match[0] in (b"[", b"{"):
            open_.append(match[0])
        elif match[0] in (b"]", b"}"):
            open_.pop()
            if len(open_) < 2:
                break
        else:
            end = _end_of_text(raw, at, len(quote) - 1) if match[0] == quote else None
            if end is None:
                break
            after = end + len(quote)
            is_name = raw[after : after + 64].lstrip()[:1] == b":"
            if not is_name and end > at and not MARK.fullmatch(raw, at, end):
                found.append(Span(at, end, mark[len(quote) : len(mark) - len(quote)]))
            at = after
    return found, max(at, start + 1)


def _end_of_text(raw: bytes, start: int, escapes: int) -> int | None:
    """Return the end of a JSON text whose quote has that many backslashes before it."""
    for match in _QUOTE.finditer(raw, start):
        run = match.end() - match.start() - 1
        # One level down, a backslash is written as two and a quote has one more before it.
        if run % (2 * escapes + 2) == escapes:
            return match.end() - escapes - 1
        if run < escapes:
            return None
    return None
