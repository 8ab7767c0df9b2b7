import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.http import body
from pytest_agentcache.http.body import aws_events

from ..values import JSON, same

# As Bedrock sent it.
RAW = (
    b'\x00\x00\x00\xa4\x00\x00\x00W\x15\x8a"h\x0b:event-type\x07\x00\x11contentBlockDelta'
    b"\r:content-type\x07\x00\x10application/json\r:message-type\x07\x00\x05event"
    b'{"contentBlockIndex":0,"delta":{"text":"city\\":\\""},"p":"ab"}\x80\xf3Y\r'
)
LINE = 'contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"city\\":\\""},"p":"ab"}\n'


def event(payload=b"{}", headers=((":event-type", "a"), (":message-type", "event")), kind=7):
    """One event, its checksums right."""
    head = b"".join(
        bytes([len(name)])
        + name.encode()
        + bytes([kind])
        + struct.pack(">H", len(value))
        + value.encode()
        for name, value in headers
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    whole = prelude + struct.pack(">I", crc32(prelude)) + head + payload
    return whole + struct.pack(">I", crc32(whole))


def test_an_event_is_a_line():
    """Its kind and its payload; the rest follows from them."""
    assert body.to_fields(RAW, aws_events.MEDIA) == {"aws_events": LINE}
    assert body.to_fields(RAW * 2, aws_events.MEDIA) == {"aws_events": f"{LINE}~\n"}
    assert body.from_fields({"aws_events": LINE * 2}) == RAW * 2
    assert body.from_fields({"aws_events": f"{LINE}~\n"}) == RAW * 2


def test_an_exception_is_a_line_with_a_mark():
    """It has its name in a header of its own."""
    headers = (
        (":exception-type", "throttlingException"),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    )
    raw = event(b'{"message":"Slow down"}', headers)

    assert aws_events.lines(raw) == '!throttlingException {"message":"Slow down"}\n'
    assert aws_events.text(aws_events.lines(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        RAW[:-1],
        RAW + b"\x00",
        RAW[:-1] + b"\x00",
        event(),
        event(b"no json"),
        event(b'{"a":\n1}'),
        event(b"\xff"),
        event(kind=6),
        b"\xff" * 100,
        struct.pack(">II", 16, 2**31) + bytes(100),
    ],
)
def test_what_would_not_come_back_is_no_lines(raw):
    """Other headers, other payloads and broken streams are kept as bytes."""
    assert aws_events.lines(raw) is None
    fields = body.to_fields(raw, aws_events.MEDIA)
    assert "aws_events" not in fields
    assert body.from_fields(fields) == raw


@given(st.lists(JSON, min_size=1, max_size=4))
def test_any_payload_comes_back(values):
    """Every JSON value, on one line each."""
    data = "".join(f"chunk {body.json_text.text(value, '').decode()}\n" for value in values)
    raw = aws_events.text(data)

    assert aws_events.lines(raw) == data
    assert same([body.json_text.parse(payload) for _, payload in aws_events.events(raw)], values)


@given(st.binary(max_size=200))
def test_any_bytes_come_back(raw):
    """Noise is no stream, and reading it ends."""
    assert list(aws_events.events(raw)) is not None
    assert body.from_fields(body.to_fields(raw, aws_events.MEDIA)) == raw


@pytest.mark.parametrize("line", ["", "{}", "kind", "kind no json", "two words {}"])
def test_a_line_that_is_no_event_is_an_error(line):
    """An edit that does not give a stream is an error."""
    with pytest.raises(body.BodyError, match="aws_events"):
        body.from_fields({"aws_events": line})
