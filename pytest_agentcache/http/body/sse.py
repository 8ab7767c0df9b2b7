"""Server-sent events (WHATWG HTML, section 9.2), one event a line and the exact bytes again.

A regular stream is written as the data of its events, one a line. Words beside it tell what else
the bytes need: `typed` (an `event:` line that repeats the data's "type"), `crlf`, `unspaced`
(`data:x`), `unterminated` (no blank line at the end).
"""

from __future__ import annotations

import json
import re

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_FLAGS = ("typed", "crlf", "unspaced", "unterminated")


def is_stream(content_type: str) -> bool:
    """Whether a media type is that of server-sent events."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


def split(raw: bytes) -> list[bytes]:
    """The bytes of each event with the blank line that ends it; a rest without one comes last."""
    ends = [blank.end() for blank in _BLANK_LINE.finditer(raw)]
    events = [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    rest = raw[ends[-1] if ends else 0 :]
    return [*events, rest] if rest else events


def lines(raw: bytes) -> tuple[str, str] | None:
    """The data of the events in `raw`, one a line, and their style; None if irregular."""
    try:
        stream = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    words = []
    if "\r\n" in stream:
        words.append("crlf")
        stream = stream.replace("\r\n", "\n")
    if "\r" in stream or not stream:
        return None
    if stream.startswith("event:"):
        words.insert(0, "typed")
    if re.search(r"^data:(?! )", stream, re.MULTILINE):
        words.append("unspaced")
    if not stream.endswith("\n\n"):
        words.append("unterminated")
    found = []
    for event in stream.removesuffix("\n\n").split("\n\n"):
        line = event.rpartition("\n")[2] if event.startswith("event:") else event
        found.append(line if line.startswith(":") else line.removeprefix("data:"))
    if "unspaced" not in words:
        found = [line.removeprefix(" ") if not line.startswith(":") else line for line in found]
    data, style = "\n".join(found) + "\n", " ".join(words)
    return (data, style) if text(data, style) == raw else None


def text(data: str, style: str) -> bytes:
    """The bytes of the stream whose events' data are the lines of `data`.

    Raises:
        ValueError: If `style` has a word that is none.
    """
    words = style.split()
    for word in words:
        if word not in _FLAGS:
            raise ValueError(f"unknown SSE style {word!r}; known are {', '.join(_FLAGS)}")
    head = "data:" if "unspaced" in words else "data: "
    events = []
    for line in data.removesuffix("\n").split("\n"):
        event = line if line.startswith(":") else head + line
        if "typed" in words and (kind := _type(line)):
            event = f"event: {kind}\n{event}"
        events.append(event)
    stream = "\n\n".join(events) + ("" if "unterminated" in words else "\n\n")
    if "crlf" in words:
        stream = stream.replace("\n", "\r\n")
    return stream.encode("utf-8")


def _type(line: str) -> str:
    try:
        kind = json.loads(line).get("type")
    except (ValueError, AttributeError):
        return ""
    return kind if isinstance(kind, str) and "\n" not in kind else ""
