"""Bytes that are not text: base64 where they are few, otherwise a file beside the cassette."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from .protocol import BodyError, BodyKind, Fields, Reading, Store, Writing, media_type
from .text import text_under

# Beyond this many bytes it goes into a file.
LARGE_BINARY = 256
_MEDIA = ("image/", "audio/", "video/", "font/", "application/pdf", "application/zip")
_COLUMNS = 76


class Binary(BodyKind):
    """Bytes with a null byte among them. It also writes what no text can hold."""

    name = "binary"
    keys = ("base64", "file")
    is_opaque = True

    def has_type(self, content_type: str) -> bool:
        return media_type(content_type).startswith(_MEDIA)

    def detect(self, raw: bytes, content_type: str) -> bool:
        return b"\0" in raw

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields:
        if writing.store and len(raw) > LARGE_BINARY:
            return self.stored(raw, content_type, writing.store)
        text = base64.b64encode(raw).decode("ascii")
        if len(text) > _COLUMNS:
            cuts = range(0, len(text), _COLUMNS)
            text = "\n".join(text[cut : cut + _COLUMNS] for cut in cuts) + "\n"
        return {"base64": text}

    def stored(self, raw: bytes, content_type: str, store: Store) -> Fields:
        """Return the fields of a body that goes into a file of its own."""
        return {"file": store(raw, media_type(content_type))}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        text = text_under(key, fields)
        if key == "base64":
            return base64.b64decode("".join(text.split()), validate=True)
        if reading.load is None:
            raise BodyError("file", "there are no files beside this one")
        return reading.load(text)

    def render(self, raw: bytes, content_type: str) -> str:
        return ""
