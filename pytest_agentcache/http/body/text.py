"""Text of any kind that has no better form."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from typing import Any

from ...canonical_yaml import writable
from .protocol import BodyError, BodyKind, Fields, Part, Plain, Reading, Writing

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)


class Text(BodyKind):
    """Text. It takes every body that no other kind has."""

    name = "text"
    keys = ("text",)
    styles = ("text_style", "charset")

    def detect(self, raw: bytes, content_type: str) -> bool:
        return True

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields | None:
        if is_binary(raw):
            return None
        fields: Fields = {}
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            charset = charset_of(content_type)
            if not charset:
                return None
            try:
                text = raw.decode(charset)
                if text.encode(charset) != raw or not writable(text):
                    return None
            except (LookupError, UnicodeError):
                return None
            fields["charset"] = charset.lower()
        if "\r" in text and text.count("\r") == text.count("\r\n") == text.count("\n"):
            return {"text": text.replace("\r\n", "\n"), "text_style": "crlf", **fields}
        return {"text": text, **fields}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        text, style = text_under(key, fields), fields.get("text_style", "")
        if style not in ("", "crlf"):
            raise BodyError("text_style", f"unknown text style {style!r}; known is crlf")
        return (text.replace("\n", "\r\n") if style else text).encode(
            fields.get("charset", "utf-8")
        )

    def plain(self, raw: bytes, content_type: str, nested: Callable[[Part], Plain | None]) -> Plain:
        return Plain("text", raw.decode("utf-8", "surrogateescape"))

    def render(self, raw: bytes, content_type: str) -> str:
        return decoded(raw, content_type)


def text_under(key: str, fields: Mapping[str, Any]) -> str:
    """Return the text under `key`.

    Raises:
        BodyError: If it is not text.
    """
    value = fields[key]
    if not isinstance(value, str):
        raise BodyError(key, f"{key} is {type(value).__name__}, not text; put it in quotes")
    return value


def charset_of(content_type: str) -> str:
    """Return the charset that a content type names; empty if it names none."""
    found = _CHARSET.search(content_type)
    return found[1] if found else ""


def is_binary(raw: bytes) -> bool:
    """Return whether `raw` holds control characters that do not appear in text."""
    return _CONTROL.search(raw) is not None


def decoded(raw: bytes, content_type: str) -> str:
    """Return the text of a body in UTF-8 or in its charset; empty if it is binary."""
    if is_binary(raw):
        return ""
    for name in ("utf-8", charset_of(content_type) or "utf-8"):
        try:
            return codecs.decode(raw, name)
        except (UnicodeDecodeError, LookupError):
            continue
    return ""
