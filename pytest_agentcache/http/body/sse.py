"""Server-sent events (WHATWG HTML, section 9.2): one event a line, and the exact bytes again.

A regular stream is written as the data of its events, one a line, most of them as changes of an
event above (`event_changes`). A few words beside it say what else the bytes need: `typed` (an
`event:` line that repeats the data's "type"), `crlf`, `unspaced` (`data:x`), `unterminated` (no
blank line at the end).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .event_changes import restored, shortened
from .json_text import begins_like_json, json_leaves
from .lines import payloads
from .protocol import BodyKind, Fields, Leaf, Part, Place, Plain, Reading, Writing
from .text import decoded, text_under

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
# Nearly always the type comes first, and an event need not be read.
_TYPE_FIRST = re.compile(r'\{"type":"([\w.-]+)"[,}]', re.ASCII)
_FLAGS = ("typed", "crlf", "unspaced", "unterminated")


class EventStream(BodyKind):
    """A stream of server-sent events. JSON instead of events, often an error, is not one."""

    name = "sse"
    media = ("text/event-stream",)
    keys = ("sse",)
    styles = ("sse_style",)
    is_stream = True
    ends = (b"\n\n", b"\r\n\r\n", b"\r\r")

    def detect(self, raw: bytes, content_type: str) -> bool:
        return self.has_type(content_type) and not begins_like_json(raw)

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields | None:
        found = lines(raw)
        data = shortened(found[0]) if found else None
        if found is None or data is None:
            return None
        return {"sse": data, **({"sse_style": found[1]} if found[1] else {})}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        return text(restored(text_under(key, fields)), fields.get("sse_style", ""))

    def plain(self, raw: bytes, content_type: str, nested: Callable[[Part], Plain | None]) -> Plain:
        return Plain("text", raw.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape"))

    def leaves(
        self, raw: bytes, content_type: str, nested: Callable[[Part, str], Iterator[Leaf]]
    ) -> Iterator[Leaf]:
        for index, event in enumerate(split(raw)):
            for line in event.splitlines():
                if line.startswith(b"data:"):
                    yield from json_leaves(line[5:].strip(), f"sse[{index}]")

    def render(self, raw: bytes, content_type: str) -> str:
        return decoded(raw, content_type)

    def split(self, raw: bytes) -> list[bytes]:
        return split(raw)

    def events(self, raw: bytes) -> Iterator[tuple[str, bytes]]:
        for event in split(raw.replace(b"\r\n", b"\n")):
            found = event.split(b"\n")
            data = b"\n".join(line[5:].lstrip() for line in found if line.startswith(b"data:"))
            if data and data != b"[DONE]":
                name = next((line[6:].strip() for line in found if line.startswith(b"event:")), b"")
                yield name.decode("utf-8", "replace"), data

    def payloads(self, raw: bytes) -> Iterator[Place]:
        return payloads(raw)


def split(raw: bytes) -> list[bytes]:
    """Return the events in `raw`, each with its blank line; a rest without one comes last."""
    ends = [blank.end() for blank in _BLANK_LINE.finditer(raw)]
    events = [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    rest = raw[ends[-1] if ends else 0 :]
    return [*events, rest] if rest else events


def lines(raw: bytes) -> tuple[str, str] | None:
    """Return the data of the events in `raw`, one a line, and their style; None if irregular."""
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
    """Return the bytes of the stream whose events have the lines of `data` as their data.

    Raises:
        ValueError: If `style` has an unknown word.
    """
    words = style.split()
    for word in words:
        if word not in _FLAGS:
            raise ValueError(f"unknown SSE style {word!r}; known are {', '.join(_FLAGS)}")
    head = "data:" if "unspaced" in words else "data: "
    data = data.removesuffix("\n")
    if "typed" not in words and not data.startswith(":") and "\n:" not in data:
        stream = head + data.replace("\n", f"\n\n{head}")
    else:
        stream = "\n\n".join(_event(line, head, words) for line in data.split("\n"))
    stream += "" if "unterminated" in words else "\n\n"
    if "crlf" in words:
        stream = stream.replace("\n", "\r\n")
    return stream.encode("utf-8")


def _event(line: str, head: str, words: Sequence[str]) -> str:
    event = line if line.startswith(":") else head + line
    if "typed" in words and (kind := _type(line)):
        return f"event: {kind}\n{event}"
    return event


def _type(line: str) -> str:
    if match := _TYPE_FIRST.match(line):
        return match[1]
    try:
        kind = json.loads(line).get("type")
    except (ValueError, AttributeError):
        return ""
    return kind if isinstance(kind, str) and "\n" not in kind else ""
