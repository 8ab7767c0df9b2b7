"""Event streams of AWS (`vnd.amazon.eventstream`), one event a line and its exact bytes again.

A regular event has JSON as its payload and three headers: its kind, its content type and its
message type (Smithy, "Amazon Event Stream"). It is written as `contentBlockDelta {…}`, an exception
with an exclamation mark before its name; lengths and checksums follow from that.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from zlib import crc32

MEDIA = "application/vnd.amazon.eventstream"
_LINE = re.compile(r"(!?)([\w.-]{1,200}) (.*)", re.ASCII)
# Both lengths and their checksum, and behind the payload that of all.
_PRELUDE, _CHECKSUM = 12, 4
_TEXT = 7


def is_stream(content_type: str) -> bool:
    """Whether a media type is that of AWS's event streams."""
    return content_type.partition(";")[0].strip().lower() == MEDIA


def events(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The kind (`!kind` of an exception) and payload of each event, as far as `raw` is one."""
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
    """The headers of an event that are text; those after one that is not are left out."""
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
    """The events in `raw`, one a line, or None if that would not give back its bytes."""
    try:
        found = [f"{kind} {payload.decode('utf-8')}" for kind, payload in events(raw)]
        data = "\n".join(found) + "\n"
        return data if found and text(data) == raw else None
    except ValueError:
        return None


def text(data: str) -> bytes:
    """The bytes of the stream whose events are the lines of `data`.

    Raises:
        ValueError: If a line is no event.
    """
    stream = b""
    for line in data.removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{line[:40]!r} is no event like 'contentBlockDelta {{…}}'")
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
