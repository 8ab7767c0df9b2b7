"""Bodies as text that people read; not every body is one."""

from __future__ import annotations

import codecs
import zlib

from ...http.body import aws_events, charset_of, is_binary

_LARGEST = 2**24


def text_of(raw: bytes, content_type: str) -> str:
    """A body as text, events of AWS as one line each; empty if it is none."""
    if aws_events.is_stream(content_type) and (events := aws_events.lines(raw)):
        return events
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(31).decompress(raw, _LARGEST)
        except zlib.error:
            return ""
    if is_binary(raw):
        return ""
    for name in ("utf-8", charset_of(content_type) or "utf-8"):
        try:
            return codecs.decode(raw, name)
        except (UnicodeDecodeError, LookupError):
            continue
    return ""
