"""Answers that come piece by piece: handed on at once, kept as they came, played alike."""

from __future__ import annotations

import gzip
import json
import threading
import zlib

import pytest

from pytest_agentcache import use_cassette
from pytest_agentcache.http.body import sse

from .clients import CLIENTS, Call
from .upstream import Answer

SSE = [("Content-Type", "text/event-stream; charset=utf-8")]
GZIP = [("Content-Encoding", "gzip")]
NDJSON = [("Content-Type", "application/x-ndjson")]
EVENTS = [b'data: {"n": %d}\n\n' % n for n in range(3)] + [b"data: [DONE]\n\n"]
CRLF = [event.replace(b"\n", b"\r\n") for event in EVENTS]
PACKED = gzip.compress(b"".join(EVENTS))

STREAMS = {
    "event-a-chunk": (Answer(EVENTS, headers=SSE, framing="chunked"), EVENTS),
    "events-in-one-chunk": (
        Answer([EVENTS[0] + EVENTS[1], EVENTS[2] + EVENTS[3]], headers=SSE, framing="chunked"),
        [EVENTS[0] + EVENTS[1], EVENTS[2] + EVENTS[3]],
    ),
    "event-over-chunks": (
        Answer([b"data: {", b'"n": 0}', b"\n\n", *EVENTS[1:]], headers=SSE, framing="chunked"),
        [b"data: {", b'"n": 0}', b"\n\n", *EVENTS[1:]],
    ),
    "crlf": (Answer(CRLF, headers=SSE, framing="chunked"), CRLF),
    "closing": (Answer(EVENTS, headers=SSE, framing="close"), EVENTS),
    "with-length": (Answer(EVENTS, headers=SSE), EVENTS),
    "unterminated": (
        Answer([EVENTS[0], b"data: x"], headers=SSE, framing="close"),
        [EVENTS[0], b"data: x"],
    ),
    "gzip": (Answer([PACKED[:30], PACKED[30:]], headers=[*SSE, *GZIP], framing="chunked"), EVENTS),
    "ndjson": (
        Answer([b'{"a":1}\n', b'{"a":2}\n'], headers=NDJSON, framing="chunked"),
        [b'{"a":1}\n', b'{"a":2}\n'],
    ),
    "ndjson-across": (
        Answer([b'{"a"', b':1}\n{"a":2}\n'], headers=NDJSON, framing="chunked"),
        [b'{"a"', b':1}\n{"a":2}\n'],
    ),
    "ndjson-closing": (
        Answer([b'{"a":1}\n{"a"', b":2}\n"], headers=NDJSON, framing="close"),
        [b'{"a":1}\n', b'{"a":2}\n'],
    ),
    "text": (Answer([b"one", b"two"], framing="chunked"), [b"one", b"two"]),
}


def readable(pieces, kind):
    """Return the pieces of a stream as the code under test reads them."""
    if kind != "gzip" or pieces[0].startswith(b"data"):
        return pieces
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    decoded = [decoder.decompress(piece) for piece in pieces]
    return [piece for piece in decoded if piece]


def test_chunks(client, upstream, journey):
    """A stream is handed on in the pieces that replay gives, which are those of upstream."""
    urls = [upstream.serve(f"/{kind}", answer) for kind, (answer, _) in STREAMS.items()]
    recorded, replayed = journey(lambda: client.stream(*urls))

    for (kind, (_, expected)), pieces in zip(STREAMS.items(), recorded, strict=True):
        assert readable(pieces, kind) == expected, kind
    assert replayed == recorded


def test_streams_read_at_once(client, upstream, journey):
    """Without streaming, the caller gets the whole body, with the same headers both times."""
    calls = [Call(upstream.serve(f"/{kind}", answer)) for kind, (answer, _) in STREAMS.items()]
    recorded, replayed = journey(lambda: client.send(*calls))

    for (kind, (_, expected)), got in zip(STREAMS.items(), recorded, strict=True):
        assert b"".join(readable([got.body], kind)) == b"".join(expected), kind
    assert replayed == recorded


def test_long_bodies_come_in_blocks(client, upstream, journey):
    """A body of known length has the same pieces both times, however the socket delivered it."""
    content = bytes(range(251)) * 1000
    url = upstream.serve("/it", Answer([content[:70_000], content[70_000:]]))
    recorded, replayed = journey(lambda: client.stream(url))

    assert b"".join(recorded[0]) == content
    assert replayed == recorded


@pytest.mark.parametrize("headers", [SSE, NDJSON, []], ids=["sse", "ndjson", "untyped"])
def test_first_chunk_does_not_wait_for_the_last(client, upstream, journey, headers):
    """While recording, the caller reads on while upstream still writes."""
    gate = threading.Event()
    parts = [b"data: 1\n\n", b"data: 2\n\n"]
    url = upstream.serve("/it", Answer(parts, headers=headers, framing="chunked", gate=gate))
    waited = []

    def take(_):
        waited.append(gate.is_set())
        gate.set()

    assert journey.record(lambda: client.stream(url, take=take)) == [parts]
    assert waited == [False, True]


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_frames_larger_than_a_read_stay_whole(client, upstream, journey, cassette, framing):
    """Events that take several reads of the socket are one chunk, however the reads fell."""
    events = [b"data: %s\n\n" % json.dumps("x" * size).encode() for size in (100_000, 10, 200_000)]
    url = upstream.serve("/it", Answer(events, headers=SSE, framing=framing))
    recorded, replayed = journey(lambda: client.stream(url))

    assert b"".join(recorded[0]) == b"".join(events)
    assert journey.replayed.cassette.interactions[0].response.chunks == ()
    assert [b"".join(replayed[0])] == [b"".join(recorded[0])]


def test_large_stream_records_alike_each_time(client, upstream, journey, cassette):
    """The pieces from the socket leave no trace on the cassette."""
    frames = [bytes([65 + n % 26]) * (3_000 + 7 * n) for n in range(60)]
    url = upstream.serve("/it", Answer(frames, framing="chunked"))
    sizes = set()
    for _ in range(3):
        with use_cassette(cassette, mode="rerecord") as harness:
            client.stream(url)
        sizes.add(harness.cassette.interactions[0].response.chunks)

    assert sizes == {tuple(map(len, frames))}


def test_closing_early_records_what_was_received(client, upstream, journey, cassette):
    """A stream left after its first event is recorded up to there; the session goes on."""
    gate = threading.Event()
    url = upstream.serve("/it", Answer(EVENTS, headers=SSE, framing="chunked", gate=gate))
    other = upstream.serve("/other", Answer(b"data: other\n\n", headers=SSE, framing="chunked"))
    # Its connection is closed or drained; upstream has to end for the latter.
    recorded = journey.record(
        lambda: client.stream(url, other, take=lambda chunk: chunk == EVENTS[0] and not gate.set())
    )

    assert recorded == [[EVENTS[0]], [b"data: other\n\n"]]
    kept = journey.recorded.cassette.interactions[0].response.body
    assert b"".join(EVENTS).startswith(kept)
    assert kept.startswith(EVENTS[0])
    assert len(sse.split(kept)) < 4 or kept == b"".join(EVENTS)
    replayed = journey.replay(lambda: client.stream(url, other, take=lambda _: True))
    assert replayed == recorded


def test_stream_of_one_client_plays_in_every_other(client, upstream, journey, cassette):
    """A caller that reads chunks gets those of upstream."""
    urls = [upstream.serve(f"/{kind}", answer) for kind, (answer, _) in STREAMS.items()]
    recorded = journey.record(lambda: client.stream(*urls))
    upstream.stop()

    for other in CLIENTS:
        with use_cassette(cassette, mode="offline"):
            replayed = CLIENTS[other]().stream(*urls)
        for kind, first, second in zip(STREAMS, recorded, replayed, strict=True):
            assert readable(second, kind) == readable(first, kind)
