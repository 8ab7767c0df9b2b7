"""JSON text as structure and the exact same text again.

Structure reads better and diffs better, but only text that re-encoding gives back to the byte may
become structure; the style that it takes is kept as a few words: `spaced`, `indent=2 ascii`.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from ...canonical_yaml import Number

COMPACT = ""
_FLAGS = ("spaced", "ascii", "html", "escaped-slash", "newline")
_INDENT = re.compile(rb"[\[{]\r?\n([ \t]*)")
# Go's encoding/json and Google's front ends write these escaped, everything else as it is.
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_HTML_CHARS = re.compile("[<>&\u2028\u2029]")


class _Repeated(ValueError):
    """An object with the same key twice, which no dict holds."""


def parse(raw: bytes | str) -> Any:
    """The value that JSON text stands for, its number literals remembered.

    Raises:
        ValueError: If it is no JSON by RFC 8259, or an object repeats a key.
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
        raise ValueError("-0 has no place among the integers")
    return int(literal)


def _constant(literal: str) -> Any:
    raise ValueError(f"{literal} is no JSON")


def structure(raw: bytes, *, exact: bool = True) -> tuple[Any, str] | None:
    """The value of `raw` and the style that gives it back, or None if no style does.

    Args:
        raw: A document.
        exact: Whether it has to come back to the byte, or may come back compact.
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


def _candidates(raw: bytes) -> list[str]:
    """Styles that `raw` may have, the plainest first; told from how it looks."""
    newline = " newline" if raw.endswith(b"\n") else ""
    spacings = [COMPACT, "spaced"]
    if match := _INDENT.match(raw):
        blanks = match[1]
        spacings = ["indent=tab"] if blanks[:1] == b"\t" else [f"indent={len(blanks)}"]
    escapes = [""]
    if b"\\u" in raw:
        escapes = [" ascii", " html", ""]
    if b"\\/" in raw:
        escapes = [f"{each} escaped-slash" for each in escapes]
    return [(spacing + escape + newline).strip() for escape in escapes for spacing in spacings]


def text(value: Any, style: str) -> bytes:
    """`value` as JSON in `style`.

    Raises:
        ValueError: If `style` has a word that is none, or `value` is no JSON.
    """
    words = style.split()
    indent: str | None = None
    for word in words:
        if word.startswith("indent="):
            size = word.removeprefix("indent=")
            if size != "tab" and not size.isdecimal():
                raise ValueError(f"unknown JSON style {word!r}")
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
    if "escaped-slash" in words:
        done = done.replace("/", "\\/")
    return done.encode("utf-8") + (b"\n" if "newline" in words else b"")


def _has_literal(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_literal(each) for each in value.values())
    if isinstance(value, list):
        return any(_has_literal(each) for each in value)
    return isinstance(value, Number)


def _encode(
    value: Any, marks: tuple[str, str], indent: str | None, ascii_only: bool, pad: str
) -> str:
    """What `json.dumps` does, but for numbers, which keep the way they were written."""
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
