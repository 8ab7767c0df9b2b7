"""A response as every client sees it, recorded and then replayed with the server stopped."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from pytest_agentcache import use_cassette
from pytest_agentcache.http.body import encoding

from .clients import CLIENTS, Call
from .upstream import Answer

JSON = [("Content-Type", "application/json")]
TEXT = [("Content-Type", "text/plain; charset=utf-8")]
BINARY = [("Content-Type", "application/octet-stream")]


def test_status_and_reason(client, upstream, journey):
    """Status and reason phrase come as upstream gave them, standard or not."""
    reasons = {200: None, 201: "Made Just Now", 299: "Rather Odd", 404: None, 500: "Oh No"}
    calls = [
        Call(upstream.serve(f"/{status}", Answer(b"text", status, TEXT, reason)))
        for status, reason in reasons.items()
    ]
    recorded, replayed = journey(lambda: client.send(*calls))

    expected = reasons | {200: "OK", 404: "Not Found"}
    assert [(each.status, each.reason) for each in recorded] == [*expected.items()]
    assert replayed == recorded


def test_headers(client, upstream, journey):
    """Headers are found in any case, and repeated ones all of them."""
    headers = [
        *TEXT,
        ("X-One", "1"),
        ("x-MANY", "a"),
        ("X-Many", "b"),
        ("Cache-Control", "no-store"),
    ]
    url = upstream.serve("/it", Answer(b"text", headers=headers))
    recorded, replayed = journey(lambda: client.send(Call(url)))

    assert recorded[0].all("x-one") == ["1"]
    assert recorded[0].all("x-many") in (["a", "b"], ["a, b"])
    assert recorded[0].all("content-type") == ["text/plain; charset=utf-8"]
    assert recorded[0].all("content-length") == ["4"]
    assert replayed == recorded


def test_headers_beyond_ascii(client, upstream, journey):
    """Each client reads bytes beyond ASCII on replay as it did live."""
    url = upstream.serve("/it", Answer(b"text", headers=[*TEXT, ("ETag", '"S\xe3o Paulo"')]))
    live = client.send(Call(url))[0].all("etag")
    recorded, replayed = journey(lambda: client.send(Call(url)))

    assert len(live) == 1
    assert recorded[0].all("etag") == replayed[0].all("etag") == live


def test_cookies_are_true_while_recording_and_placeholders_afterwards(client, upstream, journey):
    """Two cookies reach the client's jar; their values never reach the cassette."""
    cookies = [("Set-Cookie", "sid=s3cret; Path=/"), ("Set-Cookie", "lang=hush; Path=/")]
    url = upstream.serve("/it", Answer(b"text", headers=[*TEXT, *cookies]))
    recorded, replayed = journey(lambda: client.send(Call(url), Call(url)))

    assert len(recorded[0].all("set-cookie")) == len(replayed[0].all("set-cookie")) == 2
    if client.has_jar:
        assert recorded[0].cookies == {"sid": "s3cret", "lang": "hush"}
        assert "s3cret" in upstream.asked[1].headers["Cookie"]
        assert set(replayed[0].cookies) == {"sid", "lang"}
        assert all("<" in value for value in replayed[0].cookies.values())


def test_secrets_in_a_body(client, upstream, journey, cassette):
    """The caller gets a true token while recording, and its placeholder from the cassette."""
    url = upstream.serve("/it", Answer(b'{"access_token": "s3cret-token"}', headers=JSON))
    key = {"Authorization": "Bearer s3cret-key"}
    recorded, replayed = journey(lambda: client.send(Call(url, headers=key)))

    assert upstream.asked[0].headers["Authorization"] == "Bearer s3cret-key"
    assert recorded[0].json() == {"access_token": "s3cret-token"}
    assert replayed[0].json()["access_token"].startswith("<")
    assert "s3cret" not in cassette.read_text()


BODIES = {
    "json": Answer(json.dumps({"a": [1, 2.5, None, "ü😀"]}).encode(), headers=JSON),
    "json-chunked": Answer([b'{"a": ', b"1}"], headers=JSON, framing="chunked"),
    "json-closing": Answer([b'{"a": ', b"1}"], headers=JSON, framing="close"),
    "text": Answer("naïve ☂\r\n".encode(), headers=TEXT),
    "text-chunked": Answer([b"one ", b"two"], headers=TEXT, framing="chunked"),
    "text-in-one-chunk": Answer([b"one"], headers=TEXT, framing="chunked"),
    "text-closing": Answer([b"one ", b"two"], headers=TEXT, framing="close"),
    "binary": Answer(bytes(range(256)) * 9, headers=BINARY),
    "binary-chunked": Answer([bytes(range(256)), b"\0\xff"], headers=BINARY, framing="chunked"),
    "empty": Answer(b"", headers=TEXT),
    "untyped": Answer(b"what is this"),
    "big": Answer(bytes(range(256)) * 1024, headers=BINARY),
    "gzip": Answer(gzip.compress(b"{}" * 500), headers=[*TEXT, ("Content-Encoding", "gzip")]),
    "deflate": Answer(zlib.compress(b"ab" * 500), headers=[*TEXT, ("Content-Encoding", "deflate")]),
}
DECODED = {"gzip": b"{}" * 500, "deflate": b"ab" * 500}


def decoded(client, body, coding):
    """Return a body as the code under test reads it, decoded by the client or not."""
    if client.decodes or coding not in DECODED:
        return body
    return zlib.decompress(body, 47)


def test_bodies(client, upstream, journey):
    """Any body arrives to the byte, in its content coding, with the same headers both times."""
    calls = [Call(upstream.serve(f"/{kind}", answer)) for kind, answer in BODIES.items()]
    recorded, replayed = journey(lambda: client.send(*calls))

    for (kind, answer), got in zip(BODIES.items(), recorded, strict=True):
        assert decoded(client, got.body, kind) == DECODED.get(kind, answer.content), kind
        assert got.all("content-encoding") == ([kind] if kind in DECODED else []), kind
    assert replayed == recorded


def test_coded_json_in_any_framing(client, upstream, journey):
    """A gzipped response states the length of what travels, however it was framed."""
    packed = gzip.compress(b'{"k": "v"}')
    headers = [*JSON, ("Content-Encoding", "gzip")]
    calls = [
        Call(
            upstream.serve(
                f"/{framing}", Answer([packed[:9], packed[9:]], headers=headers, framing=framing)
            )
        )
        for framing in ("length", "chunked", "close")
    ]
    recorded, replayed = journey(lambda: client.send(*calls))

    length = str(len(encoding.encoded(b'{"k": "v"}', ("gzip",))))
    for got in recorded:
        assert json.loads(decoded(client, got.body, "gzip")) == {"k": "v"}
        assert got.all("content-length") == [length]
    assert replayed == recorded


def test_head_keeps_its_length(client, upstream, journey):
    """A HEAD response has no body, and the length of the GET response."""
    url = upstream.serve("/it", Answer(b"x" * 1234, headers=TEXT))
    recorded, replayed = journey(lambda: client.send(Call(url, "HEAD"), Call(url)))

    assert (recorded[0].body, recorded[0].all("content-length")) == (b"", ["1234"])
    assert recorded[1].body == b"x" * 1234
    assert replayed == recorded


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_body(client, upstream, journey, status):
    """204 and 304 end with their headers, and the connection goes on."""
    bare = Answer(b"", status, [("ETag", '"v1"')], framing="none")
    url, other = (
        upstream.serve("/it", bare),
        upstream.serve("/other", Answer(b"more", headers=TEXT)),
    )
    recorded, replayed = journey(lambda: client.send(Call(url), Call(other)))

    assert (recorded[0].status, recorded[0].body) == (status, b"")
    assert recorded[0].all("etag") == ['"v1"']
    assert recorded[1].body == b"more"
    assert replayed == recorded


def test_redirects_are_followed_through_the_cassette(client, upstream, journey):
    """Each step of a redirect is an interaction of its own, and the history is kept."""
    if not client.follows:
        pytest.skip("this client leaves redirects to its caller")
    url = upstream.serve("/a", Answer(b"", 302, [("Location", "/b?x=1")]))
    upstream.serve("/b", Answer(b"", 307, [("Location", upstream.url + "/c")]))
    upstream.serve("/c", Answer(b"there", headers=TEXT))
    recorded, replayed = journey(lambda: client.send(Call(url)))

    assert (recorded[0].history, recorded[0].body) == ([302, 307], b"there")
    assert replayed == recorded
    assert len(journey.replayed.cassette.interactions) == 3


def test_redirects_can_be_left_alone(client, upstream, journey):
    """A client that does not follow redirects gets the redirect itself."""
    url = upstream.serve("/a", Answer(b"", 302, [("Location", "/b")]))
    recorded, replayed = journey(lambda: client.send(Call(url, follow=False)))

    assert (recorded[0].status, recorded[0].all("location")) == (302, ["/b"])
    assert replayed == recorded


def test_several_requests_over_one_session(client, upstream, journey):
    """One connection serves one session, while recording too; equal requests play in order."""
    url = upstream.serve("/it", *[Answer(f"n{n}".encode(), headers=TEXT) for n in range(4)])
    calls = [Call(url)] * 3 + [Call(url, "POST", body=b"q")]
    recorded, replayed = journey(lambda: client.send(*calls))

    assert [each.body for each in recorded] == [b"n0", b"n1", b"n2", b"n3"]
    assert upstream.connections == (4 if client.name == "urllib.request" else 1)
    assert replayed == recorded


def test_cassette_of_one_client_plays_in_every_other(client, upstream, journey, cassette):
    """A recording of one client replays with any other, as that one would have got it live."""
    packed = gzip.compress(b'{"k": "v"}')
    coded = [*JSON, ("Content-Encoding", "gzip")]
    paths = {
        "/json": Answer(packed, headers=coded),
        "/text": Answer([b"one ", b"two"], headers=TEXT, framing="chunked"),
        "/odd": Answer(b"\0\1", 418, BINARY, "Short and Stout"),
    }
    calls = [Call(upstream.serve(path, answer)) for path, answer in paths.items()]
    calls += [
        Call(f"{upstream.url}/text?q=a%20b%2Bc&n=%C3%BC&e=~"),
        Call(calls[0].url, "POST", {"Content-Type": "application/json"}, b'{"x": 1}'),
    ]
    recorded = journey.record(lambda: client.send(*calls))
    upstream.stop()

    for other in CLIENTS:
        with use_cassette(cassette, mode="offline"):
            replaying = CLIENTS[other]()
            replayed = replaying.send(*calls)
        assert [_read(replaying, each) for each in replayed] == [
            _read(client, each) for each in recorded
        ]


def _read(client, got):
    coding = "".join(got.all("content-encoding"))
    return got.status, got.reason, decoded(client, got.body, coding)


def test_recording_again_changes_nothing(client, upstream, journey, cassette):
    """The same traffic makes the same cassette."""
    calls = [Call(upstream.serve(f"/{kind}", answer)) for kind, answer in BODIES.items()]
    journey.record(lambda: client.send(*calls))
    first = cassette.read_text()
    cassette.unlink()
    journey.record(lambda: client.send(*calls))

    def lasting(text):
        return [line for line in text.splitlines() if not line.startswith("recorded_at")]

    assert lasting(cassette.read_text()) == lasting(first)
