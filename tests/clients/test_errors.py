"""A failure raises the client's own error, and is never a response."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading

import pytest
import urllib3

from pytest_agentcache import MissError, use_cassette

from .clients import Call
from .upstream import Answer

TEXT = [("Content-Type", "text/plain")]
SSE = [("Content-Type", "text/event-stream")]


def fails_and_leaves_nothing(cassette, errors, act):
    with use_cassette(cassette, mode="record", on_miss="respond") as harness, pytest.raises(errors):
        act()
    assert harness.cassette.interactions == ()
    assert harness.responder.counts.recorded == 0
    assert not cassette.exists()


def test_connection_refused(client, cassette):
    """A server that is not there is a connection error, while recording as live."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        fails_and_leaves_nothing(cassette, client.refused, lambda: client.send(Call(url)))


def test_no_answer_in_time(client, upstream, cassette):
    """A client that gives up on a silent server gives up on replay, too."""
    gate = threading.Event()
    client.timeout = 0.05
    url = upstream.serve("/it", Answer(b"late", headers=TEXT, silent=gate))

    with use_cassette(cassette, mode="record"), pytest.raises(client.timed_out):
        client.send(Call(url))
    gate.set()
    upstream.stop()

    with use_cassette(cassette, mode="offline") as harness, pytest.raises(client.timed_out):
        client.send(Call(url))
    assert [each.cancelled for each in harness.cassette.interactions] == [True]


PACKED = gzip.compress(b"text " * 1000)
BREAKING = {
    "length": Answer([b"text ", b"more"], headers=TEXT, breaks=True),
    "chunked": Answer([b"text ", b"more"], headers=TEXT, framing="chunked", breaks=True),
    "json": Answer(
        [b'{"a"', b":1}"],
        headers=[("Content-Type", "application/json")],
        framing="chunked",
        breaks=True,
    ),
    "gzip": Answer(
        [PACKED[:20], PACKED[20:]], headers=[*TEXT, ("Content-Encoding", "gzip")], breaks=True
    ),
    "events": Answer([b"data: 1\n\n", b"data: 2\n\n"], headers=SSE, framing="chunked", breaks=True),
    "events-length": Answer([b"data: 1\n\n", b"data: 2\n\n"], headers=SSE, breaks=True),
}


@pytest.mark.parametrize("kind", BREAKING)
def test_answer_that_breaks_off(client, upstream, cassette, kind):
    """A body that ends too soon is an error where it is read, and not recorded."""
    url = upstream.serve("/it", BREAKING[kind])
    if (client.name, kind) == ("botocore", "length"):
        # It does not compare a body with its length, nor does it live.
        live = client.send(Call(url))[0].body
        with use_cassette(cassette, mode="record", on_miss="respond"):
            assert client.send(Call(url))[0].body == live == b"text "
        assert not cassette.exists()
    else:
        fails_and_leaves_nothing(cassette, client.broken, lambda: client.send(Call(url)))


@pytest.mark.parametrize("kind", ["chunked", "events", "events-length"])
def test_what_came_before_the_break_was_handed_on(client, upstream, cassette, kind):
    """The chunks before the break reach the caller, as they do live."""
    seen = []
    url = upstream.serve("/it", BREAKING[kind])
    fails_and_leaves_nothing(cassette, client.broken, lambda: client.stream(url, take=seen.append))
    assert seen == [BREAKING[kind].pieces[0]]


def test_session_goes_on_after_an_error(client, upstream, journey, cassette):
    """One broken answer does not spoil the next, and only the good one is kept."""
    broken = upstream.serve("/broken", BREAKING["chunked"])
    url = upstream.serve("/it", Answer(b"fine", headers=TEXT))

    def act():
        with pytest.raises(client.broken):
            client.send(Call(broken))
        return client.send(Call(url))

    assert journey.record(act, on_miss="respond")[0].body == b"fine"
    assert journey.replay(lambda: client.send(Call(url)))[0].body == b"fine"


def test_retries_of_urllib3_see_each_refusal(upstream, journey):
    """Each 429 is an interaction of its own, and `Retry` counts them from the cassette too."""
    url = upstream.serve(
        "/it",
        Answer(b"slow", 429, [("Retry-After", "0")]),
        Answer(b"slower", 429, [("Retry-After", "0")]),
        Answer(b"fine"),
    )

    def act():
        retry = urllib3.Retry(3, status_forcelist=[429], allowed_methods=None)
        with urllib3.PoolManager(retries=retry) as pool:
            answer = pool.request("GET", url)
            return answer.data, [each.status for each in answer.retries.history]

    assert journey(act) == ((b"fine", [429, 429]), (b"fine", [429, 429]))
    assert upstream.hits == 3
    assert len(journey.replayed.cassette.interactions) == 3


def test_miss_is_a_504(client, upstream, cassette):
    """A request that is not on the cassette is a 504 for every client, and never goes upstream."""
    url = upstream.serve("/it", Answer(b"live"))
    for mode in ("replay", "offline"):
        with use_cassette(cassette, mode=mode, on_miss="respond") as harness:
            [got] = client.send(Call(url))
            [[*chunks]] = client.stream(url) if client.name != "urllib.request" else [[got.body]]

        assert (got.status, got.reason) == (504, "Not Cached")
        assert got.all("x-should-retry") == ["false"]
        assert got.all("content-type") == ["application/json"]
        assert got.json()["error"]["code"] == "agentcache_missing"
        assert b"".join(chunks) == got.body
        assert [miss.request.url for miss in harness.misses][:1] == [url]
        assert "test_errors.py" not in str(harness.misses[0].caller)
        assert "clients.py" in harness.misses[0].caller.file
    assert upstream.hits == 0


def test_exhausted_is_a_miss(client, upstream, journey):
    """Asked once more than recorded, a request is missed."""
    url = upstream.serve("/it", Answer(b"once"))
    journey.record(lambda: client.send(Call(url)))
    with pytest.raises(MissError):
        journey.replay(lambda: client.send(Call(url), Call(url)))

    assert [miss.kind for miss in journey.replayed.misses] == ["exhausted"]


def test_miss_can_raise_on_the_spot(client, upstream, cassette):
    """Under `on_miss="raise"` the miss goes through every client's own handling of errors."""
    url = upstream.serve("/it", Answer(b"live"))
    block = use_cassette(cassette, mode="replay", on_miss="raise")
    with pytest.raises(MissError), block, contextlib.suppress(Exception):
        client.send(Call(url))
    assert upstream.hits == 0


def test_swallowed_miss_fails_the_block(client, upstream, cassette):
    """If the caller catches everything and retries, there is a miss at the end."""
    url = upstream.serve("/it", Answer(b"live"))

    def persist():
        for _ in range(3):
            with contextlib.suppress(Exception):
                assert client.send(Call(url))[0].status == 200

    with pytest.raises(MissError, match="/it"), use_cassette(cassette, mode="offline"):
        persist()
    assert upstream.hits == 0
