"""JSON: its text as structure, and the exact same text again.

Structure is easier to read and to compare. Text becomes structure only if encoding that gives back
the same bytes. The style that this needs is kept as a few words: `spaced`, `indent=2 ascii`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from ...canonical_yaml import DEEPEST, Number, writable
from ...settings.json_path import children
from .protocol import BodyKind, Fields, Leaf, Part, Place, Plain, Reading, Writing, media_type
from .text import decoded

COMPACT = ""
_DEEPEST_LEAF = 100
_MEDIA = ("application/json", "text/json")
_FLAGS = ("spaced", "ascii", "html", "upper-hex", "escaped-slash", "newline")
_INDENT = re.compile(rb"[\[{]\r?\n([ \t]*)")
# In columns. No program writes more, and an edited cassette could ask for any memory.
_WIDEST_INDENT = 99
# Go's encoding/json and Google's front ends write these escaped, everything else as it is.
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
# Encoders differ in the case of the digits in these escapes.
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)")
_UPPER_HEX = re.compile(rb"\\u[0-9]{0,3}[A-F]")
_HTML_CHARS = re.compile("[<>&\u2028\u2029]")


class _Repeated(ValueError):
    """An object with the same key twice, which no dict holds."""


class Json(BodyKind):
    """A JSON document."""

    name = "json"
    media = _MEDIA
    keys = ("json",)
    styles = ("json_style",)

    def has_type(self, content_type: str) -> bool:
        media = media_type(content_type)
        return media in _MEDIA or media.endswith("+json")

    def detect(self, raw: bytes, content_type: str) -> bool:
        return self.has_type(content_type) or begins_like_json(raw)

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields | None:
        found = structure(raw, exact=writing.exact)
        if found is None or not writable(found[0], writing.room):
            return None
        return {"json": found[0], **({"json_style": found[1]} if found[1] else {})}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        return text(fields[key], fields.get("json_style", ""))

    def plain(
        self, raw: bytes, content_type: str, nested: Callable[[Part], Plain | None]
    ) -> Plain | None:
        try:
            value = parse(raw)
        except ValueError:
            return None
        # Deeper down it would depend on the stack whether a body can be compared.
        return Plain("json", value) if _is_within(value, DEEPEST) else None

    def leaves(
        self, raw: bytes, content_type: str, nested: Callable[[Part, str], Iterator[Leaf]]
    ) -> Iterator[Leaf]:
        return json_leaves(raw, "json")

    def render(self, raw: bytes, content_type: str) -> str:
        return decoded(raw, content_type)

    def is_list_of_events(self, raw: bytes) -> bool:
        """Return whether this is what Gemini streams unless it is asked for events."""
        return first_byte(raw) == b"[" and b'"candidates"' in raw

    def payloads(self, raw: bytes) -> Iterable[Place]:
        return [(0, len(raw))]


def first_byte(raw: bytes) -> bytes:
    """Return the first byte of `raw` that is not whitespace."""
    # Not `raw.lstrip()` at once, which copies the whole body.
    return (raw[:64].lstrip() or raw.lstrip())[:1]


def begins_like_json(raw: bytes) -> bool:
    """Return whether `raw` begins like a JSON object or list."""
    return first_byte(raw) in (b"{", b"[")


def is_document(raw: bytes) -> bool:
    """Return whether `raw` is a JSON object or list."""
    if not begins_like_json(raw):
        return False
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def json_leaves(raw: bytes | str, place: str) -> Iterator[Leaf]:
    """Yield the texts of a JSON document, and those of documents inside them; nothing if invalid.

    Args:
        raw: The document.
        place: Its place, put before those of the leaves.
    """
    try:
        yield from _leaves(json.loads(raw), place, "", _DEEPEST_LEAF)
    except (ValueError, RecursionError):
        return


def _leaves(value: Any, place: str, name: str, levels: int) -> Iterator[Leaf]:
    if not levels:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, f"{place}.{key}", key, levels - 1)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(each, f"{place}[{index}]", name, levels - 1)
    elif isinstance(value, str):
        yield Leaf(place, name, value)
        if value[:1] in ("{", "["):
            yield from json_leaves(value, place)


def _is_within(value: Any, levels: int) -> bool:
    return levels > 0 and all(_is_within(each, levels - 1) for each in children(value))


def parse(raw: bytes | str) -> Any:
    """Return the value of a JSON text, with the literals of its numbers remembered.

    Raises:
        ValueError: If it is not JSON by RFC 8259, or an object repeats a key.
    """
    text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    try:
        return json.loads(
            text,
            object_pairs_hook=_mapping,
            parse_float=_number,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _Repeated
    return mapping


def _number(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{literal} is out of a float's range")
    return value if repr(value) == literal else Number(literal)


def _integer(literal: str) -> int:
    if literal == "-0":
        raise ValueError("-0 is not an integer in Python")
    return int(literal)


def _constant(literal: str) -> Any:
    raise ValueError(f"{literal} is not JSON")


def structure(raw: bytes, *, exact: bool = True) -> tuple[Any, str] | None:
    """Return the value of `raw` and the style that gives it back, or None if no style does.

    Args:
        raw: A document.
        exact: Whether it must come back to the byte, or may come back compact.
    """
    try:
        value = parse(raw)
    except ValueError:
        return None
    if not exact:
        return value, COMPACT
    for style in _candidates(raw):
        try:
            if text(value, style) == raw:
                return value, style
        except (ValueError, RecursionError):
            return None
    return None


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def compact(raw: bytes) -> bytes | None:
    """Return a document in the style of `json.dumps` in the compact style; None in any other."""
    if not begins_like_json(raw):
        return None
    try:
        value = json.loads(raw)
        # Repeated keys and unusual numbers do not come back.
        if json.dumps(value).encode() == raw:
            return _compact.encode(value).encode()
    except (ValueError, RecursionError):
        pass
    return None


def _candidates(raw: bytes) -> list[str]:
    """Return styles that `raw` may have, judged by how it looks; the simplest comes first."""
    newline = " newline" if raw.endswith(b"\n") else ""
    spacings = [COMPACT, "spaced"]
    if (match := _INDENT.match(raw)) and len(match[1]) <= _WIDEST_INDENT:
        blanks = match[1]
        spacings = ["indent=tab"] if blanks[:1] == b"\t" else [f"indent={len(blanks)}"]
    escapes = [""]
    if b"\\u" in raw:
        hexadecimal = " upper-hex" if _UPPER_HEX.search(raw) else ""
        escapes = [f"{each}{hexadecimal}" for each in (" ascii", " html", " ascii html", "")]
    if b"\\/" in raw:
        escapes = [f"{each} escaped-slash" for each in escapes]
    return [(spacing + escape + newline).strip() for escape in escapes for spacing in spacings]


def text(value: Any, style: str) -> bytes:
    """Return `value` as JSON in `style`.

    Raises:
        ValueError: If `style` has an unknown word, or `value` is not JSON.
    """
    if style == COMPACT and not _has_literal(value):
        return _compact.encode(value).encode("utf-8")
    words = style.split()
    indent: str | None = None
    for word in words:
        if word.startswith("indent="):
            size = word.removeprefix("indent=")
            if size != "tab" and not (size.isdecimal() and len(size) < 3):
                raise ValueError(
                    f"unknown JSON style {word!r}; known are indent=tab and indent=0 to indent=99"
                )
            indent = "\t" if size == "tab" else " " * int(size)
        elif word not in _FLAGS:
            raise ValueError(
                f"unknown JSON style {word!r}; known are {', '.join(_FLAGS)}, indent=N"
            )
    separators = (", ", ": ") if "spaced" in words else (",", ":" if indent is None else ": ")
    ascii_only = "ascii" in words
    if _has_literal(value):
        done = _encode(value, separators, indent, ascii_only, "")
    else:
        done = json.dumps(
            value,
            ensure_ascii=ascii_only,
            separators=separators,
            indent=indent,
            allow_nan=False,
        )
    if "html" in words:
        done = _HTML_CHARS.sub(lambda match: _HTML[match[0]], done)
    if "upper-hex" in words:
        done = _ESCAPE.sub(_with_upper_hex, done)
    if "escaped-slash" in words:
        done = done.replace("/", "\\/")
    return done.encode("utf-8") + (b"\n" if "newline" in words else b"")


def _with_upper_hex(escape: re.Match[str]) -> str:
    # An escaped backslash may be followed by text that looks like an escape.
    return escape[0][:2] + escape[0][2:].upper()


def _has_literal(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_literal, value.values()))
    if isinstance(value, list):
        return any(map(_has_literal, value))
    return isinstance(value, Number)


def _encode(
    value: Any, marks: tuple[str, str], indent: str | None, ascii_only: bool, pad: str
) -> str:
    """Return what `json.dumps` returns, with numbers as they were written."""
    if isinstance(value, Number):
        return value.literal
    if not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)
    inside = pad if indent is None else pad + indent
    quote = encode_basestring_ascii if ascii_only else encode_basestring
    if isinstance(value, dict):
        parts = [
            quote(key) + marks[1] + _encode(each, marks, indent, ascii_only, inside)
            for key, each in value.items()
        ]
    else:
        parts = [_encode(each, marks, indent, ascii_only, inside) for each in value]
    first, last = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if indent is None:
        return first + marks[0].join(parts) + last
    return f"{first}\n{inside}" + f",\n{inside}".join(parts) + f"\n{pad}{last}"
