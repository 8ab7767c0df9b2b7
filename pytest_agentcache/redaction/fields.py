"""Values under secret names: in JSON, also inside text, in YAML, XML, and URLs inside a body."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_plus

from ..http.body.compression import decoded_by, escaped
from ..http.body.spans import Span, merged
from ..http.body.xml import named_values
from .credible import is_generated
from .names import ESCAPED, HEADER, MARK, QUERY, Names, placeholder
from .signed_urls import scheme_of
from .text_fields import TextFields, name_at

# A name and the start of its text value: in JSON, in JSON inside a stream, and (with the quotes
# escaped, seven times over at most) in JSON inside a string of JSON. Each attempt begins at the
# first of a run of backslashes and is bounded, or some bodies would take quadratic time.
_MEMBER = (
    rb"""(?<!\\)(?P<quote>\\{0,7}")(?P<name>%s)(?P=quote)\s{0,64}:\s{0,64}(?:data:\s{0,8})?"""
    rb"""(?:(?P<text>(?P=quote))|(?P<open>[\[{])|(?P<number>-?\d[\w.+-]{0,64}(?=\s{0,64}[,}])))"""
)
# Begins with a quote, which is found much faster than what may be before it.
_NAMED = rb'"(?P<name>%s)\\{0,7}"\s{0,64}:'
_LETTERS = rb"[\w.$-]{1,64}"
_PLAIN = re.compile(_NAMED % _LETTERS), re.compile(_MEMBER % _LETTERS)
# Slower and rarely needed: names that are written with escapes.
_CODES = rb"(?:[\w.$-]|\\{1,8}u00[2-7][0-9A-Fa-f]){1,64}"
_CODED = re.compile(_NAMED % _CODES), re.compile(_MEMBER % _CODES)
# An object with a name and a value, in either order, with or without others between them.
_VALUE = rb"""(?i:[\w.-]{0,24}values?|v|default|content)"""
_LABEL = re.compile(
    rb""""(?i:[\w.-]{0,24}(?:name|key)|k|id|field|variable|header|label|title)"""
    rb"""(?P<quote>\\{0,7}")\s{0,64}:\s{0,64}(?P=quote)\Z"""
)
_VALUE_AFTER = re.compile(
    rb"""(?P<quote>\\{0,7}")\s{0,64},(?:[^{}]|\{[^{}]{0,256}\}){0,512}?"""
    rb"""(?<![\w\\])(?P=quote)%s(?P=quote)\s{0,64}:\s{0,64}(?:(?P<text>(?P=quote))|(?P<open>[\[{]))"""
    % _VALUE
)
_MAY_HAVE_VALUE = re.compile(rb"[vV]alue|VALUE|[{\"]v\b|default|content")
_VALUE_BEFORE = re.compile(
    rb""""%s(?P<quote>\\{0,7}")\s{0,64}:\s{0,64}(?P=quote)(?P<value>[^"\\]{1,4096})(?P=quote)"""
    rb"""\s{0,64},(?:[^{}]|\{[^{}]{0,256}\}){0,512}\Z""" % _VALUE
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
_PARAMETER = re.compile(rb"[?&#;]([\w.-]{1,64})=([^&#\s\"'\\<>]+)")
_USERINFO = re.compile(
    rb"(?:(?<=://)|(?<=:\\/\\/))([^/@?#:\s\"'\\<>]{0,256})(?::([^/@?#:\s\"'\\<>]{1,256}))?@"
)
_Coding = tuple[bytes, re.Pattern[bytes], re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]]
# The codings of a text inside another: what they have in common, a run of text in which they are,
# one code, and its meaning.
_CODINGS: tuple[_Coding, ...] = (
    (
        b"%",
        re.compile(rb"[^\s\"'\\<>&?=#;]+"),
        re.compile(rb"%([2-7][0-9A-Fa-f]|0[9AaDd])"),
        lambda match: bytes([int(match[1], 16)]),
    ),
    (
        b"&",
        re.compile(rb"[^<>\"]+"),
        re.compile(rb"&(?:(?:amp|quot|apos|lt|gt)|#(?:\d{2,3}|[xX][0-9A-Fa-f]{2}));"),
        lambda match: html.unescape(match[0].decode()).encode(),
    ),
)
_LONG_USER = 16
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
        self._text_fields = TextFields(names)

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
        if self._names.may_be_in(raw):
            places = list(self._text_fields.secret_names(raw))
            yield from self._text_fields.spans(raw, places, every=every)
            if b'"' in raw:
                yield from self._members(raw, every)
                for start, stop in places:
                    yield from self._labelled(raw, start, stop, every)
            if b"</" in raw or b"/>" in raw:
                yield from self.elements(raw, is_text=True, every=every)
            yield from self._coded(raw, every)
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

    def _labelled(self, raw: bytes, start: int, stop: int, every: bool) -> Iterator[Span]:
        """Yield the value of an object that has its secret name in another member."""
        label = _LABEL.search(raw, max(0, start - 192), start)
        if label is None:
            return
        name = name_at(raw, start, stop)
        if _MAY_HAVE_VALUE.search(raw, stop, stop + 512) and (
            match := _VALUE_AFTER.match(raw, stop)
        ):
            if match["text"]:
                yield from self._text(raw, match, name, HEADER, every)
            elif self._names.hides(name, "", HEADER, every=every):
                mark = match["quote"] + placeholder(name).encode() + match["quote"]
                yield from _leaves(raw, match.start("open"), match["quote"], mark)[0]
        elif match := _VALUE_BEFORE.search(raw, max(0, label.start() - 1024), label.start()):
            value = _plain(match["value"])
            if self._names.hides(name, value, HEADER, every=every):
                yield Span(*match.span("value"), placeholder(name).encode())

    def _coded(self, raw: bytes, every: bool) -> Iterator[Span]:
        """Yield secrets in what is percent-encoded, or escaped for HTML or JSON, once or more."""
        for sign, run, code, said in _CODINGS:
            if sign not in raw or not code.search(raw):
                continue
            for match in run.finditer(raw):
                if sign not in match[0] or not self._names.may_be_in(match[0]):
                    continue
                whole, place = decoded_by(code, match[0], said)
                if len(whole) < len(match[0]):
                    at = match.start()
                    for span in self._new(whole, every):
                        yield Span(at + place(span.start), at + place(span.stop), span.text)
        yield from escaped(raw, lambda whole: self._new(whole, every))

    def _new(self, raw: bytes, every: bool) -> list[Span]:
        return merged(self.spans(raw, every=every))

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
        if b"@" in raw and (b"://" in raw or rb":\/\/" in raw):
            for match in _USERINFO.finditer(raw):
                if match[2]:
                    yield Span(match.start(), match.end() - 1, b"<USER>:<PASSWORD>")
                elif is_generated(match[1].decode("latin-1"), _LONG_USER):
                    yield Span(*match.span(1), b"<USER>")

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

    def elements(self, raw: bytes, *, is_text: bool = False, every: bool = False) -> Iterator[Span]:
        """Yield the texts of XML elements, attributes and HTML fields with secret names.

        Args:
            raw: A document.
            is_text: Whether it is a text with elements in it, such as a prompt: a value has to look
                generated.
            every: Whether placeholders of any name count too.
        """
        if not self._names.may_be_in(raw):
            return
        for name, start, end in named_values(raw):
            if not self._names.is_secret(name):
                continue
            held = raw[start:end].rstrip()
            stop = start + len(held)
            held = held.replace(b"&lt;", b"<").replace(b"&gt;", b">")
            text = held.decode("latin-1")
            is_mark = MARK.fullmatch(held) is not None
            if is_text and not is_mark and not is_generated(text, 8):
                continue
            if self._names.hides(name, text, every=every) and (every or not is_mark):
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
