"""Streams of JSON documents, one a line (NDJSON, JSON Lines) or each after a mark (RFC 7464)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .event_changes import restored, shortened
from .json_text import json_leaves
from .protocol import BodyKind, Fields, Leaf, Part, Place, Reading, Writing, media_type
from .text import decoded, is_binary, text_under

# The ends of their media types, after `application/x-`, `application/geo+`, `text/` and the like.
# This is the one list of them.
SUFFIXES = (
    "json-lines",
    "json-seq",
    "json-stream",
    "jsonl",
    "jsonlines",
    "ndjson",
    "stream+json",
)
# The record separator that begins each text of a JSON text sequence.
_MARK = b"\x1e"
# A field of an event and the name of an event of AWS may come before the data. A stream is often
# labelled as another kind, and nothing else begins a line like that.
_PAYLOAD = re.compile(rb"(?:data:[ ]?|[\x1e \t]*(?:!?[\w.-]{1,200} )?(?=[{\[]))([^\r\n]+)")


class LineStream(BodyKind):
    """A stream of JSON lines.

    On a cassette it is text, or JSON if it has one line only. If some of its events can be written
    as changes of others, it is written under a key of its own.
    """

    name = "lines"
    keys = ("json_lines",)
    is_stream = True
    ends = (b"\n",)

    def has_type(self, content_type: str) -> bool:
        return media_type(content_type).endswith(SUFFIXES)

    def detect(self, raw: bytes, content_type: str) -> bool:
        return self.has_type(content_type)

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields | None:
        try:
            text = "" if is_binary(raw) else raw.decode("utf-8")
        except UnicodeDecodeError:
            return None
        data = shortened(text)
        return None if data is None or data == text else {"json_lines": data}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        return restored(text_under(key, fields)).encode("utf-8")

    def leaves(
        self, raw: bytes, content_type: str, nested: Callable[[Part, str], Iterator[Leaf]]
    ) -> Iterator[Leaf]:
        for index, (_, line) in enumerate(self.events(raw)):
            yield from json_leaves(line, f"lines[{index}]")

    def render(self, raw: bytes, content_type: str) -> str:
        return decoded(raw.replace(_MARK, b""), content_type)

    def split(self, raw: bytes) -> list[bytes]:
        # Not `splitlines`: a bare carriage return does not end a line of JSON.
        cut = raw.split(b"\n")
        return [line + b"\n" for line in cut[:-1]] + [line for line in cut[-1:] if line]

    def events(self, raw: bytes) -> Iterator[tuple[str, bytes]]:
        # After a mark, a document may take several lines.
        for text in raw.split(_MARK if raw.startswith(_MARK) else b"\n"):
            if data := text.strip(b"\x1e \t\r\n"):
                yield "", data

    def payloads(self, raw: bytes) -> Iterator[Place]:
        if not raw.startswith(_MARK):
            yield from payloads(raw)
            return
        at = 0
        for text in raw.split(_MARK):
            if data := text.strip():
                start = at + text.index(data)
                yield start, start + len(data)
            at += len(text) + 1


def payloads(raw: bytes) -> Iterator[Place]:
    """Yield where the data of each event begins and ends, in a stream that is written as text."""
    at = 0
    for line in raw.splitlines(keepends=True):
        if match := _PAYLOAD.match(line):
            yield at + match.start(1), at + match.end(1)
        at += len(line)
