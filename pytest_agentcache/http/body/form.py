"""`application/x-www-form-urlencoded` (WHATWG URL, section 5) as fields and as the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from ...canonical_yaml import writable
from . import protocol
from .json_text import is_document
from .protocol import BodyKind, Leaf, Part, Plain, Reading, Writing
from .text import decoded

Fields = dict[str, str] | list[list[str]]
# One field: its name and its value.
FIELD = re.compile(rb"(?:^|(?<=&))([^=&]+)=([^&]+)")
_LOOKS_LIKE_FORM = re.compile(rb"[\w.%+\[\]-]+=[^&\s{}\"]*(?:&[\w.%+\[\]-]+=[^&\s{}\"]*)*")
_LONGEST_UNDECLARED = 2**16


class Form(BodyKind):
    """The fields of an HTML form.

    JSON that is labelled as a form is not one: urllib and curl label every body so by default.
    """

    name = "form"
    media = ("application/x-www-form-urlencoded",)
    keys = ("form",)
    styles = ("form_style",)

    def detect(self, raw: bytes, content_type: str) -> bool:
        return self.has_type(content_type) and not is_document(raw)

    def write(self, raw: bytes, content_type: str, writing: Writing) -> protocol.Fields | None:
        found = fields(raw)
        if found is None or not writable(found[0], writing.room):
            return None
        return {"form": found[0], **({"form_style": found[1]} if found[1] else {})}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        return text(fields[key], fields.get("form_style", ""))

    def plain(self, raw: bytes, content_type: str, nested: Callable[[Part], Plain | None]) -> Plain:
        return Plain("form", by_name(pairs(raw)))

    def leaves(
        self, raw: bytes, content_type: str, nested: Callable[[Part, str], Iterator[Leaf]]
    ) -> Iterator[Leaf]:
        for name, value in pairs(raw):
            yield Leaf(f"form.{name}", name, value)

    def escape(self, text: bytes) -> bytes:
        return text.replace(b"<", b"%3C").replace(b">", b"%3E")

    def render(self, raw: bytes, content_type: str) -> str:
        return decoded(raw, content_type)


def looks_like_form(raw: bytes) -> bool:
    """Return whether a body of any media type is written like a form."""
    return len(raw) < _LONGEST_UNDECLARED and _LOOKS_LIKE_FORM.fullmatch(raw) is not None


def by_name(pairs: Iterable[Iterable[str]]) -> dict[str, Any]:
    """Return values by their names, in a list where a name repeats."""
    named: dict[str, Any] = {}
    for name, value in pairs:
        if name not in named:
            named[name] = value
        elif isinstance(named[name], list):
            named[name].append(value)
        else:
            named[name] = [named[name], value]
    return named


def pairs(raw: bytes) -> list[tuple[str, str]]:
    """Return names and values in order, however they are escaped."""
    text = raw.decode("utf-8", "backslashreplace")
    return parse_qsl(text, keep_blank_values=True, errors="backslashreplace")


def fields(raw: bytes) -> tuple[Fields, str] | None:
    """Return the fields of a form and the style that gives its bytes back, or None if none does.

    The fields are a mapping, or a list of pairs where a name repeats. The style is empty where a
    space is `+`, and `percent` where it is `%20`.
    """
    try:
        found = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    names = dict(found)
    read: Fields = names if len(names) == len(found) else [list(pair) for pair in found]
    for style in ("", "percent"):
        if text(read, style) == raw:
            return read, style
    return None


def text(found: Fields, style: str) -> bytes:
    """Return the bytes of a form.

    Raises:
        ValueError: If `style` is neither empty nor `percent`.
    """
    if style not in ("", "percent"):
        raise ValueError(f"unknown form style {style!r}; known is percent")
    items = (
        list(found.items()) if isinstance(found, dict) else [(name, value) for name, value in found]
    )
    return urlencode(items, quote_via=quote if style else quote_plus).encode("ascii")
