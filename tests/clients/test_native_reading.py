"""Each client's own ways to read a body, recording and replaying alike."""

from __future__ import annotations

import asyncio
import datetime as dt
import http.client
import threading
import urllib.error
import urllib.request

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

from .upstream import Answer

LINES = [b"first line\n", b"second line\n", b"third"]
SSE = [("Content-Type", "text/event-stream")]
BODY = b"".join(LINES)
HTTPX = pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])


@pytest.fixture
def url(upstream):
    text = [("Content-Type", "text/plain; charset=utf-8"), ("X-Kind", "a")]
    return upstream.serve("/it", Answer(LINES, headers=text, framing="chunked"))


REQUESTS = {
    "iter_content(None)": (lambda answer: list(answer.iter_content(None)), LINES),
    "iter_content(5)": (lambda answer: b"".join(answer.iter_content(5)), BODY),
    "iter_lines": (lambda answer: list(answer.iter_lines()), [line.strip() for line in LINES]),
    "raw.read": (lambda answer: answer.raw.read(), BODY),
    "raw.read(4)": (
        lambda answer: (answer.raw.read(4), answer.raw.read(7)),
        (b"firs", b"t line\n"),
    ),
    "raw.stream": (lambda answer: list(answer.raw.stream()), LINES),
    "text": (lambda answer: answer.text, BODY.decode()),
    "content twice": (lambda answer: (answer.content, answer.content), (BODY, BODY)),
}


@pytest.mark.parametrize("way", REQUESTS)
def test_requests(journey, url, way):
    """requests reads a stream in all its ways."""
    read, expected = REQUESTS[way]

    def act():
        with requests.Session() as session, session.get(url, stream=True) as answer:
            assert answer.ok
            assert answer.headers["x-KIND"] == "a"
            assert answer.elapsed >= dt.timedelta(0)
            assert answer.url == answer.request.url == url
            return read(answer)

    assert journey(act) == (expected, expected)


URLLIB3 = {
    "data": (lambda answer: answer.data, BODY),
    "read": (lambda answer: answer.read(), BODY),
    "read(3)": (lambda answer: (answer.read(3), answer.read(3)), (b"fir", b"st ")),
    "read1": (lambda answer: answer.read1(), LINES[0]),
    "stream": (lambda answer: list(answer.stream()), LINES),
    "read_chunked": (lambda answer: list(answer.read_chunked()), LINES),
    "readline": (lambda answer: answer.readline(), LINES[0]),
    "iterated": (list, LINES),
    "readinto": (lambda answer: _into(answer, 8), BODY[:8]),
    "drained": (lambda answer: (answer.drain_conn(), answer.read()), (None, b"")),
}


def _into(answer, size):
    room = bytearray(size)
    return bytes(room[: answer.readinto(room)])


@pytest.mark.parametrize("way", URLLIB3)
def test_urllib3(journey, url, way):
    """urllib3 reads a stream in all its ways."""
    read, expected = URLLIB3[way]

    def act():
        with urllib3.PoolManager() as pool:
            answer = pool.request("GET", url, preload_content=False)
            assert answer.headers["X-KIND"] == "a"
            assert answer.version == 11
            found = read(answer)
            answer.close()
            assert answer.closed
            return found

    assert journey(act) == (expected, expected)


HTTP_CLIENT = {
    "read": (lambda answer: answer.read(), BODY),
    "read(5)": (lambda answer: (answer.read(5), answer.read(6)), (b"first", b" line\n")),
    "read1": (lambda answer: answer.read1(100), LINES[0]),
    "readline": (lambda answer: [answer.readline(), answer.readline()], LINES[:2]),
    "readinto": (lambda answer: _into(answer, 8), BODY[:8]),
    "peek": (lambda answer: (answer.peek(3)[:3], answer.read(5)), (b"fir", b"first")),
    "iterated": (list, LINES),
    "getheader": (lambda answer: (answer.getheader("X-kind"), answer.msg["x-kind"]), ("a", "a")),
}


@pytest.mark.parametrize("way", HTTP_CLIENT)
def test_http_client(journey, upstream, url, way):
    """http.client reads a stream in all its ways, and its connection goes on when it is read."""
    read, expected = HTTP_CLIENT[way]

    def act():
        connection = http.client.HTTPConnection("127.0.0.1", upstream.port)
        connection.request("GET", "/it")
        answer = connection.getresponse()
        connection.request("GET", "/it")
        with pytest.raises(http.client.ResponseNotReady):
            connection.getresponse()
        connection.close()
        assert answer.isclosed()

        connection.request("GET", "/it")
        answer = connection.getresponse()
        found = read(answer)
        answer.read()
        assert answer.isclosed()
        connection.request("GET", "/it")
        assert connection.getresponse().read() == BODY
        connection.close()
        return found

    assert journey(act) == (expected, expected)


def test_urlopen(journey, url):
    """urllib.request reads line by line and knows where an answer came from."""

    def act():
        with urllib.request.urlopen(url) as answer:
            return answer.geturl(), answer.headers["X-Kind"], list(answer)

    assert journey(act) == ((url, "a", LINES), (url, "a", LINES))


WAYS_OF_HTTPX = {
    "iter_raw": LINES,
    "iter_bytes": LINES,
    "iter_text": [line.decode() for line in LINES],
    "iter_lines": [line.decode().strip() for line in LINES],
}


@HTTPX
@pytest.mark.parametrize("way", WAYS_OF_HTTPX)
def test_httpx(journey, url, module, way):
    """httpx reads a stream in all its ways."""

    def act():
        with module.Client() as client, client.stream("GET", url) as answer:
            assert answer.headers["x-KIND"] == "a"
            found = list(getattr(answer, way)())
        assert answer.is_closed
        assert answer.elapsed >= dt.timedelta(0)
        assert (answer.http_version, answer.url, answer.encoding) == ("HTTP/1.1", url, "utf-8")
        return found

    assert journey(act) == (WAYS_OF_HTTPX[way], WAYS_OF_HTTPX[way])


@HTTPX
@pytest.mark.parametrize("way", WAYS_OF_HTTPX)
def test_httpx_async(journey, url, module, way):
    """The asynchronous client does so too."""

    async def read():
        async with module.AsyncClient() as client, client.stream("GET", url) as answer:
            found = [each async for each in getattr(answer, f"a{way}")()]
        assert answer.is_closed
        assert answer.elapsed >= dt.timedelta(0)
        return found

    assert journey(lambda: asyncio.run(read())) == (WAYS_OF_HTTPX[way], WAYS_OF_HTTPX[way])


@HTTPX
def test_httpx_reads_in_sizes_and_late(journey, url, module):
    """Chunks of a size, and a stream that is read whole after all."""

    def act():
        with module.Client() as client:
            with client.stream("GET", url) as answer:
                sized = list(answer.iter_bytes(10))
                assert answer.num_bytes_downloaded == len(BODY)
            with client.stream("GET", url) as answer:
                return sized, answer.read(), answer.text

    sizes = [BODY[at : at + 10] for at in range(0, len(BODY), 10)]
    assert journey(act) == ((sizes, BODY, BODY.decode()), (sizes, BODY, BODY.decode()))


async def _all(iterator):
    return [each async for each in iterator]


async def _exactly(content):
    start = await content.readexactly(5)
    with pytest.raises(asyncio.IncompleteReadError):
        await content.readexactly(500)
    return start


async def _wait_eof(content):
    await content.wait_eof()
    return content.is_eof(), await content.read()


AIOHTTP = {
    "iter_chunked": (lambda content: _all(content.iter_chunked(1024)), LINES),
    "iter_any": (lambda content: _all(content.iter_any()), LINES),
    "iter_chunks": (lambda content: _all(content.iter_chunks()), [(line, True) for line in LINES]),
    "iterated": (_all, LINES),
    "read": (lambda content: content.read(), BODY),
    "read(5)": (lambda content: content.read(5), b"first"),
    "readany": (lambda content: content.readany(), LINES[0]),
    "readline": (lambda content: content.readline(), LINES[0]),
    "readuntil": (lambda content: content.readuntil(b"second"), b"first line\nsecond"),
    "readexactly": (_exactly, b"first"),
    "wait_eof": (_wait_eof, (True, BODY)),
}


@pytest.mark.parametrize("way", AIOHTTP)
def test_aiohttp(journey, upstream, way):
    """aiohttp reads a stream in all its ways."""
    read, expected = AIOHTTP[way]
    url = upstream.serve("/events", Answer(LINES, framing="chunked", headers=[("X-Kind", "a")]))

    async def act():
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.headers["x-KIND"] == "a"
            assert dict(answer.raw_headers)[b"X-Kind"] == b"a"
            return await read(answer.content)

    # While it records, more than one frame may have arrived before the first is read.
    assert journey(lambda: asyncio.run(act())) == (expected, expected)


def test_aiohttp_of_known_length(journey, upstream):
    """Without chunks there are none to tell, and the length is known."""
    url = upstream.serve("/it", Answer(b"text", headers=[("Content-Type", "text/plain")]))

    async def act():
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            length = answer.content_length, answer.content_type, answer.method, str(answer.url)
            return length, await _all(answer.content.iter_chunks())

    expected = ((4, "text/plain", "GET", url), [(b"text", False)])
    assert journey(lambda: asyncio.run(act())) == (expected, expected)


def test_aiohttp_reads_on_after_a_cancelled_read(journey, upstream):
    """A read that was given up takes nothing away from the next one."""
    gate = threading.Event()
    parts = [b"data: 1\n\n", b"data: 2\n\n"]
    url = upstream.serve("/it", Answer(parts, headers=SSE, framing="chunked", gate=gate))

    async def act():
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            first = await answer.content.readany()
            reading = asyncio.ensure_future(answer.content.readany())
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            gate.set()
            return [first, await answer.content.readany()]

    assert journey.record(lambda: asyncio.run(act())) == parts
    assert journey.recorded.cassette.interactions[0].response.body == b"".join(parts)


@pytest.mark.parametrize("status", [404, 429, 500])
def test_raise_for_status(journey, upstream, status):
    """An error status is raised by those clients that raise it."""
    url = upstream.serve("/it", Answer(b'{"error": 1}', status, [("Retry-After", "3")]))

    async def with_aiohttp():
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            with pytest.raises(aiohttp.ClientResponseError) as caught:
                await session.get(url)
        return caught.value.status, caught.value.headers["retry-after"]

    def act():
        found = []
        with requests.Session() as session, pytest.raises(requests.HTTPError) as caught:
            session.get(url).raise_for_status()
        found.append(
            (caught.value.response.status_code, caught.value.response.headers["retry-after"])
        )
        for module in (httpx, httpx2):
            with module.Client() as client, pytest.raises(module.HTTPStatusError) as caught:
                client.get(url).raise_for_status()
            found.append(
                (caught.value.response.status_code, caught.value.response.headers["retry-after"])
            )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url)
        with caught.value as error:
            found.append((error.code, error.headers["retry-after"]))
        return [*found, asyncio.run(with_aiohttp())]

    assert journey(act) == ([(status, "3")] * 5, [(status, "3")] * 5)
