"""A client reads the same from the wire live, while recording and on replay."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import http.client
import io
import json
import urllib.request
import zlib

import aiohttp
import boto3
import httpx
import httpx2
import pytest
import requests
import urllib3

from pytest_agentcache import use_cassette

from .clients import Call
from .upstream import Answer

TEXT = b'{"id": "chatcmpl-1"}'
JSON = ("Content-Type", "application/json")
GZIP = ("Content-Encoding", "gzip")


@pytest.fixture
def threefold(upstream, cassette):
    """Do something live, while recording and offline, and return all three results."""

    def do(act):
        live = act()
        with use_cassette(cassette, mode="record"):
            recorded = act()
        upstream.stop()
        with use_cassette(cassette, mode="offline"):
            return live, recorded, act()

    return do


def error_of(act):
    """Return the class of the error that `act` raises."""
    try:
        act()
    except Exception as error:
        return type(error)
    return None


async def fetch(url, **options):
    """Return the body and the content coding that aiohttp gives."""
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:
        return await response.read(), response.headers.get("Content-Encoding")


def raw_of_httpx(module):
    def read(url):
        with module.stream("GET", url) as response:
            return b"".join(response.iter_raw()), response.headers["content-encoding"]

    return read


def raw_of_requests(url):
    response = requests.get(url, stream=True)
    return response.raw.read(decode_content=False), response.headers["Content-Encoding"]


def raw_of_urllib3(url):
    response = urllib3.request("GET", url, decode_content=False)
    return response.data, response.headers["Content-Encoding"]


def raw_of_urllib(url):
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as response:
        return response.read(), response.headers["Content-Encoding"]


@pytest.mark.parametrize(
    "read",
    [
        raw_of_requests,
        raw_of_urllib3,
        raw_of_urllib,
        raw_of_httpx(httpx),
        raw_of_httpx(httpx2),
        lambda url: asyncio.run(fetch(url, auto_decompress=False)),
    ],
    ids=["requests", "urllib3", "urllib", "httpx", "httpx2", "aiohttp"],
)
def test_encoded_body_is_given_to_who_reads_it_raw(upstream, threefold, read):
    """The bytes decode to the same body, and the header names their coding."""
    url = upstream.serve("/it", Answer(gzip.compress(TEXT), headers=[JSON, GZIP]))

    for body, coding in threefold(lambda: read(url)):
        assert (gzip.decompress(body), coding) == (TEXT, "gzip")


def test_option_of_a_call_beats_that_of_the_session(upstream, threefold):
    """aiohttp decodes for one call what its session leaves encoded."""
    url = upstream.serve("/it", Answer(gzip.compress(TEXT), headers=[JSON, GZIP]))

    async def both():
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            async with session.get(url, auto_decompress=True) as decoded:
                first = await decoded.read()
            async with session.get(url) as encoded:
                return first, gzip.decompress(await encoded.read())

    assert threefold(lambda: asyncio.run(both())) == ((TEXT, TEXT),) * 3


def test_body_that_is_not_in_its_coding_raises_what_it_raises_live(client, upstream, threefold):
    """It reaches the client as it was sent."""
    url = upstream.serve("/it", Answer(TEXT, headers=[JSON, GZIP]))
    live, recorded, replayed = threefold(lambda: error_of(lambda: client.send(Call(url))))

    assert recorded == replayed == live
    assert (live is not None) is client.decodes


def test_several_content_encodings_are_a_list(upstream, threefold):
    """They are undone in reverse order."""
    body = zlib.compress(gzip.compress(TEXT))
    headers = [JSON, GZIP, ("Content-Encoding", "deflate")]
    url = upstream.serve("/it", Answer(body, headers=headers))

    assert threefold(lambda: requests.get(url).content) == (TEXT, TEXT, TEXT)


def bare_deflate(body):
    """Return `body` as some servers send `deflate`: without the header of zlib."""
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(body) + encoder.flush()


MANGLED = {
    "cut off": ("gzip", gzip.compress(TEXT)[:-4]),
    "cut off in the middle": ("gzip", gzip.compress(TEXT)[:-12]),
    "followed by something": ("gzip", gzip.compress(TEXT) + b"something"),
    "in two parts": ("gzip", gzip.compress(TEXT[:5]) + gzip.compress(TEXT[5:])),
    "of nothing": ("gzip", gzip.compress(b"")),
    "bare deflate": ("deflate", bare_deflate(TEXT)),
    "deflate that is cut off": ("deflate", zlib.compress(TEXT)[:-5]),
}


@pytest.mark.parametrize("name", MANGLED)
def test_clients_read_a_mangled_body_as_live(client, upstream, threefold, name):
    """Each of them decodes, cuts or refuses it in its own way."""
    coding, body = MANGLED[name]
    url = upstream.serve("/it", Answer(body, headers=[JSON, ("Content-Encoding", coding)]))

    def read():
        try:
            return client.send(Call(url))[0].body
        except aiohttp.ClientError:
            # Which of them it is depends on whether the body came together with the headers.
            return aiohttp.ClientError
        except Exception as error:
            return type(error)

    live, recorded, replayed = threefold(read)
    assert recorded == replayed == live


def test_coding_that_is_listed_with_identity(client, upstream, threefold):
    """Some clients know such a list, some refuse it, others pass the body on as it came."""
    headers = [JSON, ("Content-Encoding", "gzip, identity")]
    url = upstream.serve("/it", Answer(gzip.compress(TEXT), headers=headers))

    def read():
        try:
            return client.send(Call(url))[0].body == TEXT
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return type(error)

    live, recorded, replayed = threefold(read)
    assert recorded == replayed == live


@pytest.mark.parametrize("name", MANGLED)
def test_mangled_body_travels_as_it_came(upstream, threefold, name):
    """Encoded again, it would be whole."""
    coding, body = MANGLED[name]
    url = upstream.serve("/it", Answer(body, headers=[JSON, ("Content-Encoding", coding)]))

    assert threefold(lambda: raw_of_urllib(url)[0]) == (body,) * 3


SENT_GZIP = gzip.compress(TEXT, mtime=1)
DIGESTS = {
    "Content-MD5": base64.b64encode(hashlib.md5(SENT_GZIP).digest()).decode(),
    "ETag": f'"{hashlib.md5(SENT_GZIP).hexdigest()}"',
    "x-amz-checksum-crc32": "as S3 sends it",
    "x-goog-hash": "md5=as Google sends it",
}


@pytest.mark.parametrize("digest", DIGESTS)
def test_body_with_a_digest_travels_as_it_came(upstream, threefold, digest):
    """Clients compare the digest with what they receive."""
    headers = [JSON, GZIP, (digest, DIGESTS[digest])]
    url = upstream.serve("/it", Answer(SENT_GZIP, headers=headers))

    assert threefold(lambda: raw_of_urllib(url)[0]) == (SENT_GZIP,) * 3


def test_body_with_an_opaque_entity_tag_is_written_decoded(upstream, threefold, cassette):
    """Only a tag that is the MD5 digest of the body is one."""
    headers = [JSON, GZIP, ("ETag", '"' + "0" * 32 + '"')]
    url = upstream.serve("/it", Answer(SENT_GZIP, headers=headers))
    threefold(lambda: requests.get(url).json())

    assert "json: {id: chatcmpl-1}" in cassette.read_text(encoding="utf-8")


def test_object_of_s3_that_is_stored_encoded(upstream, threefold):
    """boto3 verifies the checksum of the encoded bytes."""
    checksum = base64.b64encode(zlib.crc32(SENT_GZIP).to_bytes(4, "big")).decode()
    headers = [JSON, GZIP, ("x-amz-checksum-crc32", checksum)]
    upstream.serve("/bucket/key", Answer(SENT_GZIP, headers=headers))

    def read():
        client = boto3.client(
            "s3",
            endpoint_url=upstream.url,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret",
            region_name="eu-west-1",
        )
        return gzip.decompress(client.get_object(Bucket="bucket", Key="key")["Body"].read())

    assert threefold(read) == (TEXT, TEXT, TEXT)


EVENTS = [b"data: 1\n\n", b"data: 2\n\n"]


def test_stream_that_is_not_in_its_coding(client, upstream, threefold):
    """It is refused when it is read."""
    headers = [("Content-Type", "text/event-stream"), GZIP]
    url = upstream.serve("/it", Answer(EVENTS, headers=headers, framing="chunked"))

    live, recorded, replayed = threefold(lambda: error_of(lambda: client.send(Call(url))))
    assert recorded == replayed == live


def test_aiohttp_refuses_a_coding_without_its_library(upstream, threefold, monkeypatch):
    """The error comes with the headers, and the cassette has the body."""
    monkeypatch.setattr("aiohttp.http_parser.HAS_BROTLI", False)
    headers = [("Content-Type", "text/plain"), ("Content-Encoding", "br")]
    url = upstream.serve("/it", Answer(b"?", headers=headers))

    errors = threefold(lambda: error_of(lambda: asyncio.run(fetch(url))))
    assert errors == (aiohttp.ClientResponseError,) * 3


def test_aiohttp_undoes_the_last_of_several_codings(upstream, threefold):
    """It knows no lists."""
    headers = [JSON, GZIP, ("Content-Encoding", "deflate")]
    body = zlib.compress(gzip.compress(TEXT))
    url = upstream.serve("/it", Answer(body, headers=headers))

    for got, _ in threefold(lambda: asyncio.run(fetch(url))):
        assert gzip.decompress(got) == TEXT


def test_unknown_coding_is_passed_on(client, upstream, threefold):
    """A coding that nothing here knows reaches the client as it came."""
    headers = [JSON, ("Content-Encoding", "x-own")]
    url = upstream.serve("/it", Answer(b"?" + TEXT, headers=headers))

    bodies = [got.body for [got] in threefold(lambda: client.send(Call(url)))]
    assert bodies == [b"?" + TEXT] * 3


SENT = [
    ("Content-Type", "application/json"),
    ("ETag", '"1"'),
    ("WWW-Authenticate", "Basic"),
    ("x-lower", "1"),
    ("X-Mixed-CASE", "2"),
]


def names_of(headers):
    wanted = {name.lower() for name, _ in SENT}
    return sorted(name for name in headers if name.lower() in wanted)


async def names_of_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return names_of(name.decode() for name, _ in response.raw_headers)


@pytest.mark.parametrize("sent", [SENT, [(name.lower(), value) for name, value in SENT]])
@pytest.mark.parametrize(
    "read",
    [
        lambda url: names_of(requests.get(url).headers),
        lambda url: names_of(name.decode() for name, _ in httpx.get(url).headers.raw),
        lambda url: names_of(name.decode() for name, _ in httpx2.get(url).headers.raw),
        lambda url: names_of(urllib.request.urlopen(url).headers),
        lambda url: asyncio.run(names_of_aiohttp(url)),
    ],
    ids=["requests", "httpx", "httpx2", "urllib", "aiohttp"],
)
def test_names_come_in_the_case_in_which_they_were_sent(upstream, threefold, read, sent):
    """Code that looks a name up in a dict finds it."""
    url = upstream.serve("/it", Answer(b"{}", headers=sent))

    assert threefold(lambda: read(url)) == (sorted(name for name, _ in sent),) * 3


async def shown_by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return names_of(response.headers)


def test_aiohttp_shows_its_own_case_of_known_names(upstream, threefold):
    """Its parser writes `Etag`, however that was sent."""
    url = upstream.serve("/it", Answer(b"{}", headers=SENT))
    live, recorded, replayed = threefold(lambda: asyncio.run(shown_by_aiohttp(url)))

    assert recorded == replayed == live


@pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_version_of_http_says_nothing_of_names(upstream, threefold, module):
    """A server of HTTP/1.0 sends names in their usual case, too."""
    url = upstream.serve("/it", Answer(b"{}", headers=SENT, version="HTTP/1.0"))

    def read():
        response = module.get(url)
        return response.http_version, names_of(name.decode() for name, _ in response.headers.raw)

    live, recorded, replayed = threefold(read)
    assert recorded == replayed == live == ("HTTP/1.0", sorted(name for name, _ in SENT))


def test_version_of_http_through_aiohttp(upstream, threefold):
    """The response of a server of HTTP/1.0 has that version."""
    url = upstream.serve("/it", Answer(b"{}", headers=[JSON], version="HTTP/1.0"))

    async def read():
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return tuple(response.version)

    assert threefold(lambda: asyncio.run(read())) == ((1, 0),) * 3


def test_header_that_goes_on_in_the_next_line(client, upstream, threefold):
    """Each client joins the lines in its own way."""
    url = upstream.serve("/it", Answer(b"{}", headers=[JSON, ("X-Fold", "a\r\n b")]))
    live, recorded, replayed = threefold(lambda: client.send(Call(url))[0].all("x-fold"))

    assert recorded == replayed == live


def test_request_ids_rate_limits_and_date_are_there(client, upstream, journey, cassette):
    """Their values are left out of the file, and equal while recording and on replay."""
    headers = [JSON, ("X-Request-Id", "req_secret"), ("X-RateLimit-Remaining", "41")]
    url = upstream.serve("/it", Answer(b"{}", headers=headers))
    [recorded], [replayed] = journey(lambda: client.send(Call(url)))

    assert recorded == replayed
    assert recorded.all("x-request-id")[0].startswith("req_")
    assert int(recorded.all("x-ratelimit-remaining")[0]) > 0
    text = cassette.read_text(encoding="utf-8")
    assert "req_secret" not in text
    assert "X-RateLimit-Remaining: …" in text


def test_date_is_the_time_of_the_clock(upstream, cassette):
    """Caches that compare it with the frozen clock hit and expire."""
    url = upstream.serve("/it", Answer(b"{}", headers=[JSON]))
    for mode in ("record", "offline"):
        with use_cassette(cassette, mode=mode, freeze="2026-11-21T10:00:00Z"):
            assert requests.get(url).headers["Date"] == "Sat, 21 Nov 2026 10:00:00 GMT"


class Short:
    """A file that gives less than it is asked for, and insists on being asked for a size."""

    def __init__(self, content):
        self._file = io.BytesIO(content)

    def read(self, size):
        return self._file.read(min(size, 3))


@pytest.mark.parametrize(
    "send",
    [
        lambda url, body: requests.post(url, data=body),
        lambda url, body: urllib3.request("POST", url, body=body),
    ],
    ids=["requests", "urllib3"],
)
def test_file_that_reads_short_is_sent_whole(upstream, threefold, send):
    """It is read until it is empty."""
    url = upstream.serve("/it", Answer(b"{}", headers=[JSON]))
    threefold(lambda: send(url, Short(b"0123456789")) and None)

    assert [each.body for each in upstream.asked] == [b"0123456789"] * 2


async def post_compressed(url):
    body = {"a": "b" * 99}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body, compress=True) as response,
    ):
        return response.status


UPLOADS = {
    "generator of urllib3": lambda url: (
        urllib3.request("POST", url, body=iter([b"01", b"2"])).status
    ),
    "file of urllib3": lambda url: urllib3.request("POST", url, body=io.BytesIO(b"012")).status,
    "bytes of urllib3": lambda url: urllib3.request("POST", url, body=b"012").status,
    "compressed by aiohttp": lambda url: asyncio.run(post_compressed(url)),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_upload_is_framed_and_encoded_as_it_is_live(upstream, threefold, name):
    """Upstream gets the same bytes, in chunks or with a length, while recording."""
    url = upstream.serve("/it", Answer(b"{}", headers=[JSON]))
    assert threefold(lambda: UPLOADS[name](url)) == (200, 200, 200)

    live, recorded = upstream.asked
    assert recorded == live


def test_reason_phrase_beyond_ascii(client, upstream, threefold):
    """It is the same for each client, however that reads it."""
    url = upstream.serve("/it", Answer(b"{}", headers=[JSON], reason="Alles gut \xe4"))
    live, recorded, replayed = threefold(lambda: client.send(Call(url))[0].reason)

    assert recorded == replayed == live


@pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_bytes_of_a_reason_phrase_beyond_ascii(upstream, threefold, module):
    """httpx leaves such bytes out of `reason_phrase`, and keeps them in `extensions`."""
    url = upstream.serve("/it", Answer(b"{}", headers=[JSON], reason="Sch\xf6n"))

    read = threefold(lambda: module.get(url).extensions["reason_phrase"])
    assert read == (b"Sch\xf6n",) * 3


def test_part_of_a_body_that_breaks_off(upstream, cassette):
    """While recording, the error has the bytes that arrived."""
    answer = Answer([b"begin", b"end"], headers=[("Content-Type", "text/plain")], breaks=True)
    url = upstream.serve("/it", answer)

    def read():
        with pytest.raises(http.client.IncompleteRead) as caught:
            urllib.request.urlopen(url).read()
        return caught.value.partial, caught.value.expected

    live = read()
    with use_cassette(cassette, mode="record", on_miss="respond"):
        assert read() == live == (b"begin", 3)


def test_hooks_of_aiohttp_are_called(upstream, threefold):
    """The trace hooks of a session see the request and each piece of the response."""
    url = upstream.serve("/it", Answer(json.dumps({"a": 1}).encode(), headers=[JSON]))

    async def traced():
        seen = []
        trace = aiohttp.TraceConfig()

        async def note_start(*_):
            seen.append("start")

        async def note_headers(*_):
            seen.append("headers")

        async def note_sent(_, __, params):
            seen.append(bytes(params.chunk))

        async def note_chunk(_, __, params):
            seen.append(params.chunk)

        async def note_end(*_):
            seen.append("end")

        trace.on_request_start.append(note_start)
        trace.on_request_headers_sent.append(note_headers)
        trace.on_request_chunk_sent.append(note_sent)
        trace.on_response_chunk_received.append(note_chunk)
        trace.on_request_end.append(note_end)
        async with aiohttp.ClientSession(trace_configs=[trace]) as session:
            response = await session.post(url, data=b"body")
            await response.read()
        return seen

    live, recorded, replayed = threefold(lambda: asyncio.run(traced()))
    assert recorded == replayed == live
