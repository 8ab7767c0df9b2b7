"""What ids look like, and the stable ones that take their place, of the same look."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# What could be an id; whatever else a text is made of is passed over fast.
_WORD = re.compile(rb"[\w-]{11,}")
# Behind an escape of JSON or of a URL a word begins, too.
_ESCAPES = (
    (b"\\", re.compile(rb"u[0-9A-Fa-f]{4}|[nrtbf]")),
    (b"%", re.compile(rb"[0-9A-Fa-f]{2}")),
)
_UUID = rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_STABLE = rb"00\d{6}"
# Letters and digits, or both cases where there is no digit: words are neither.
_RANDOM = (
    rb"(?:" + _UUID + rb"|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{8,128}"
    rb"|(?=[a-z]*[A-Z])(?=[A-Z]*[a-z])[A-Za-z]{20,128}|" + _STABLE + rb")"
)
# By kind: a mark that stays, and what is drawn anew for each id.
_MARKED: dict[str, tuple[tuple[bytes, bytes], ...]] = {
    "call": (
        (rb"chatcmpl-tool-", _RANDOM),
        (rb"(?:call|toolu|srvtoolu|mcptoolu)_(?:bdrk_|vrtx_|\d{1,2}_)?", _RANDOM),
        # The items of an answer of OpenAI: calls of functions, of its own tools, of MCP.
        (rb"(?:fco?|ctco?|ci|cu|cuo|fs|ig|ws|mcp|mcpl|mcpr|lsh|sh|shc)_", _RANDOM),
        (rb"tooluse_", rb"(?:[\w-]{20,24}|" + _STABLE + rb")"),
        (rb"function-call-", rb"\d{8,20}"),
    ),
    "answer": (
        (rb"gen-", rb"\d{10}-[A-Za-z0-9]{8,64}"),
        (rb"(?:chatcmpl|cmpl|embd|modr|gen)-", _RANDOM),
        (rb"(?:resp|msg|rs|cmp|compact)_(?:bdrk_|vrtx_)?", _RANDOM),
    ),
    "request": ((rb"req_(?:bdrk_|vrtx_)?", _RANDOM),),
    "object": (
        (rb"(?:file|ftjob|ftevent|ftckpt|snip)-", _RANDOM),
        (rb"(?:batch(?:_req)?|msgbatch|c?file|part|upload|vs(?:fb?)?|cntr|container)_", _RANDOM),
        (rb"(?:asst|conv|eval|evalrun|event|item|run|sess|skill|step|thread)_", _RANDOM),
    ),
    "uuid": (),
}
# A response of Gemini has no mark but the name of its field.
_NAMED = {
    "answer": (rb'responseId\\{0,7}"\s{0,64}:\s{0,64}\\{0,7}"(?P<id>[\w-]{16,64})', "response-")
}
# A UUID parts itself from what stands before it: `run-…`. In hexadecimal digits alone only those
# of version 4 and 7 are told from a checksum.
_UUIDS = re.compile(
    rb"(?<![0-9A-Za-z])(?:(?<![0-9A-Fa-f]{4}-)(?P<uuid>%s)(?!-[0-9A-Fa-f]{4})"
    rb"|(?P<hex>[0-9a-f]{12}[47][0-9a-f]{3}[89ab][0-9a-f]{15}))(?![0-9A-Za-z])" % _UUID
)
_DASHED, _PLAIN = "00000000-0000-4000-8000-", "00000000000040008000"
_DIGITS = 8
_LEAD = re.compile(rb"[A-Za-z]+[_-]")


@dataclass(frozen=True, slots=True)
class Id:
    """An id in a text, from `start` to before `stop`; ids of one `look` are numbered together."""

    start: int
    stop: int
    look: str
    text: bytes
    stable: bool


class Shapes:
    """Finds ids, and makes stable ones.

    Args:
        wanted: Kinds of ids, and `NAME => regular expression` for others.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        lines = [line.partition(" => ") for line in wanted]
        kinds = [name for name, arrow, _ in lines if not arrow]
        self._own = {name: re.compile(text.encode()) for name, arrow, text in lines if arrow}
        self._named = [
            (re.compile(pattern), look)
            for pattern, look in (_NAMED[kind] for kind in kinds if kind in _NAMED)
        ]
        marked = [each for kind in kinds for each in _MARKED[kind]]
        either = b"|".join(rb"(?P<m%d>%s)%s" % (at, *each) for at, each in enumerate(marked))
        self._marked = re.compile(either) if marked else None
        self._uuids = "uuid" in kinds

    def __bool__(self) -> bool:
        return bool(self._own or self._named or self._marked or self._uuids)

    def find(self, raw: bytes) -> Iterator[Id]:
        """The ids in `raw`, in order, none over another."""
        found = [*self._owned(raw)]
        for pattern, look in self._named:
            found += [
                self._id(*match.span("id"), look, match["id"]) for match in pattern.finditer(raw)
            ]
        if self._marked or self._uuids:
            for word in _WORD.finditer(raw):
                found += self._in_word(raw, *word.span())
        end = 0
        for each in sorted(found, key=lambda each: each.start):
            if each.start >= end:
                yield each
                end = each.stop

    def _owned(self, raw: bytes) -> Iterator[Id]:
        for name, pattern in self._own.items():
            # What is too short for a number of that look is called by the name of its shape.
            made = re.compile(rb"(?<![\w-])%s-%s(?![\w-])" % (name.encode(), _STABLE))
            for match in (*made.finditer(raw), *pattern.finditer(raw)):
                text = match[0]
                yield Id(*match.span(), f"={name}", text, self._is_own(name, text))

    def _in_word(self, raw: bytes, start: int, stop: int) -> Iterator[Id]:
        for sign, rest in _ESCAPES:
            if raw[start - 1 : start] == sign and (escape := rest.match(raw, start)):
                start = escape.end()
        word = raw[start:stop]
        if self._marked and (match := self._marked.fullmatch(word)):
            yield self._id(start, stop, match[match.lastgroup or 0].decode(), word)
        elif self._uuids and len(word) >= 32:
            for match in _UUIDS.finditer(word):
                look = match.lastgroup or ""
                yield self._id(start + match.start(), start + match.end(), look, match[0])

    def _id(self, start: int, stop: int, look: str, text: bytes) -> Id:
        head = {"uuid": _DASHED, "hex": _PLAIN}.get(look)
        if head is not None:
            return Id(start, stop, look, text, text.startswith(head.encode()))
        stable = re.fullmatch(re.escape(look.encode()) + _STABLE, text) is not None
        return Id(start, stop, look, text, stable)

    def stable(self, look: str, text: bytes, number: int) -> bytes:
        """The stable id with this number for ids that look like `text`."""
        if look.startswith("="):
            return self._own_like(look[1:], text, number)
        if look in ("uuid", "hex"):
            head = _DASHED if look == "uuid" else _PLAIN
            return f"{head}{number:012}".encode()
        return f"{look}{number:0{_DIGITS}}".encode()

    def _own_like(self, name: str, text: bytes, number: int) -> bytes:
        if text.isdigit():
            # In JSON it may stand as a number, which begins with no zero.
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

    def _is_own(self, name: str, text: bytes) -> bool:
        number = re.search(rb"(?:\A1000+|00)(\d{4,6})\Z", text)
        return number is not None and self._own_like(name, text, int(number[1])) == text
