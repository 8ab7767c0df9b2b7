"""Event streams of AWS (`vnd.amazon.eventstream`): one event a line, and the exact bytes again.

A regular event has JSON as its payload and three headers: its kind, its content type and its
message type (Smithy, "Amazon Event Stream"). It is written as `contentBlockDelta {…}`, or as a
change of an event above (`event_changes`). An exception has an exclamation mark before its name.
Lengths and checksums follow from that.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zlib import crc32

from .event_changes import restored, shortened
from .json_text import json_leaves
from .lines import payloads
from .protocol import BodyKind, Editor, Fields, Leaf, Part, Place, Reading, Writing
from .text import text_under

MEDIA = "application/vnd.amazon.eventstream"
_LINE = re.compile(r"(!?)([\w.-]{1,200}) (.*)", re.ASCII)
# Both lengths with their checksum, and the checksum of everything after the payload.
_PRELUDE, _CHECKSUM = 12, 4
_TEXT = 7


class AwsEvents(BodyKind):
    """A binary stream of events as Bedrock sends it."""

    name = "aws_events"
    media = (MEDIA,)
    keys = ("aws_events",)
    is_rebuilt = True
    is_stream = True

    def detect(self, raw: bytes, content_type: str) -> bool:
        # The lengths of events are never without one.
        return self.has_type(content_type) and b"\0" in raw

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields | None:
        written = lines(raw)
        data = None if written is None else shortened(written)
        return None if data is None else {"aws_events": data}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        return text(restored(text_under(key, fields)))

    def leaves(
        self, raw: bytes, content_type: str, nested: Callable[[Part, str], Iterator[Leaf]]
    ) -> Iterator[Leaf]:
        for index, (_, payload) in enumerate(events(raw)):
            yield from json_leaves(payload, f"aws_events[{index}]")

    def replace(self, raw: bytes, content_type: str, editor: Editor) -> bytes:
        before = (lines(raw) or "").encode()
        after = editor.text(before, content_type)
        # Irregular events state lengths that cannot be changed here.
        return raw if after == before else text(after.decode())

    def render(self, raw: bytes, content_type: str) -> str:
        return lines(raw) or ""

    def events(self, raw: bytes) -> Iterator[tuple[str, bytes]]:
        return events(raw)

    def payloads(self, raw: bytes) -> Iterator[Place]:
        return payloads(raw)


def events(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the kind (`!kind` of an exception) and payload of each event until one is invalid."""
    at = 0
    while len(raw) - at >= _PRELUDE + _CHECKSUM:
        size, head = struct.unpack_from(">II", raw, at)
        if not _PRELUDE + head + _CHECKSUM <= size <= len(raw) - at:
            return
        body = raw[at + _PRELUDE : at + size - _CHECKSUM]
        headers = _headers(body[:head])
        exception = headers.get(":exception-type")
        kind = headers.get(":event-type", "") if exception is None else f"!{exception}"
        yield kind, body[head:]
        at += size


def _headers(raw: bytes) -> dict[str, str]:
    """Return the text headers of an event, up to the first that is not text."""
    found: dict[str, str] = {}
    at = 0
    while at < len(raw):
        end = at + 1 + raw[at]
        if len(raw) < end + 3 or raw[end] != _TEXT:
            break
        size = int.from_bytes(raw[end + 1 : end + 3], "big")
        found[raw[at + 1 : end].decode("latin-1")] = raw[end + 3 : end + 3 + size].decode("latin-1")
        at = end + 3 + size
    return found


def lines(raw: bytes) -> str | None:
    """Return the events in `raw`, one a line, or None if that would not give back its bytes."""
    try:
        found = [f"{kind} {payload.decode('utf-8')}" for kind, payload in events(raw)]
        data = "\n".join(found) + "\n"
        return data if found and text(data) == raw else None
    except ValueError:
        return None


def text(data: str) -> bytes:
    """Return the bytes of the stream whose events are the lines of `data`.

    Raises:
        ValueError: If a line is not an event.
    """
    stream = b""
    for line in data.removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{line[:40]!r} is not an event like 'contentBlockDelta {{…}}'")
        exception, kind, payload = match.groups()
        json.loads(payload)
        stream += _event("exception" if exception else "event", kind, payload.encode("utf-8"))
    return stream


def _event(message: str, kind: str, payload: bytes) -> bytes:
    headers = b"".join(
        bytes([len(name)])
        + name.encode("ascii")
        + bytes([_TEXT])
        + len(value).to_bytes(2, "big")
        + value.encode("ascii")
        for name, value in (
            (f":{message}-type", kind),
            (":content-type", "application/json"),
            (":message-type", message),
        )
    )
    size = _PRELUDE + len(headers) + len(payload) + _CHECKSUM
    prelude = struct.pack(">II", size, len(headers))
    whole = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return whole + struct.pack(">I", crc32(whole))
