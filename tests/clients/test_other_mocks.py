"""Libraries that mock requests in the same process."""

from __future__ import annotations

import asyncio
import gzip
import urllib.request
from contextlib import contextmanager
from unittest import mock

import aiohttp
import httpx
import pytest
import requests
import requests_mock
import responses
import respx
import vcr
from aioresponses import aioresponses

from pytest_agentcache import use_cassette

from .upstream import Answer

RECORDED = """\
agentcache: 1
recorded_at: '2026-11-21T18:29:15Z'
interactions:
- request: {method: GET, url: 'https://api.invalid/it'}
  response: {status: 200, text: from the cassette}
"""


def get(url):
    return httpx.get(url).text


def get_async(url):
    async def send():
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).text

    return asyncio.run(send())


def get_urllib3(url):
    return requests.get(url, timeout=5).text


def get_http_client(url):
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def get_aiohttp(url):
    async def send():
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return await response.text()

    return asyncio.run(send())


@pytest.mark.parametrize("send", [get, get_async])
def test_respx_mocks_beside_a_cassette(send, tmp_path):
    """A mocked request is not missed; a route that passes through uses the cassette."""
    path = tmp_path / "beside.yaml"
    path.write_text(RECORDED)

    with use_cassette(path, mode="offline"), respx.mock as router:
        mocked = router.get("https://mock.invalid/").respond(text="mocked")
        router.route(host="api.invalid").pass_through()

        assert send("https://mock.invalid/") == "mocked"
        assert send("https://api.invalid/it") == "from the cassette"
        assert mocked.call_count == 1


@pytest.mark.parametrize("send", [get, get_async])
def test_respx_mock_is_not_recorded(send, tmp_path):
    """A response of respx while recording is not written to the cassette."""
    path = tmp_path / "none.yaml"

    with use_cassette(path, mode="record"), respx.mock as router:
        router.get("https://mock.invalid/").respond(text="mocked")
        assert send("https://mock.invalid/") == "mocked"

    assert not path.exists()


@contextmanager
def by_responses():
    with responses.RequestsMock() as mocked:
        mocked.get("https://mock.invalid/", body="mocked")
        mocked.add_passthru("https://api.invalid")
        yield get_urllib3


@contextmanager
def by_requests_mock():
    with requests_mock.Mocker(real_http=True) as mocked:
        mocked.get("https://mock.invalid/", text="mocked")
        yield get_urllib3


class MockedResponse(aiohttp.ClientResponse):
    """A response with the writer that aiohttp 3.14 requires and aioresponses 0.7 does not give."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs, stream_writer=mock.Mock(output_size=0))


@contextmanager
def by_aioresponses():
    with aioresponses(passthrough=["https://api.invalid"]) as mocked:
        mocked.get("https://mock.invalid/", body="mocked", response_class=MockedResponse)
        yield get_aiohttp


def mounted(transport):
    """Return a function that sends to `mock.invalid` through `transport` and elsewhere as usual."""

    def send(url):
        with httpx.Client(mounts={"https://mock.invalid": transport}) as client:
            return client.get(url).text

    return send


@contextmanager
def by_mock_transport():
    yield mounted(httpx.MockTransport(lambda request: httpx.Response(200, text="mocked")))


@contextmanager
def by_wsgi_transport():
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"mocked"]

    yield mounted(httpx.WSGITransport(app))


@contextmanager
def by_asgi_transport():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"mocked"})

    def send(url):
        async def act():
            mounts = {"https://mock.invalid": httpx.ASGITransport(app)}
            async with httpx.AsyncClient(mounts=mounts) as client:
                return (await client.get(url)).text

        return asyncio.run(act())

    yield send


MOCKS = [
    by_responses,
    by_requests_mock,
    by_aioresponses,
    by_mock_transport,
    by_wsgi_transport,
    by_asgi_transport,
]


@pytest.mark.parametrize("mode", ["record", "replay", "offline"])
@pytest.mark.parametrize("mocked", MOCKS)
def test_mock_beside_a_cassette(mocked, mode, tmp_path):
    """A mocked request is neither recorded nor missed; one that is let through is replayed."""
    path = tmp_path / "beside.yaml"
    path.write_text(RECORDED)

    with use_cassette(path, mode=mode) as harness, mocked() as send:
        assert send("https://mock.invalid/") == "mocked"
        assert send("https://api.invalid/it") == "from the cassette"

    assert (harness.misses, harness.unused) == ([], ())
    assert path.read_text() == RECORDED


def test_request_without_a_respx_route_is_refused_by_respx(tmp_path):
    """A request that no route matches is refused by respx, as it is live."""
    with (
        use_cassette(tmp_path / "none.yaml", mode="record"),
        respx.mock,
        pytest.raises(respx.models.AllMockedAssertionError),
    ):
        get("https://other.invalid/")


def get_encoded(url):
    return requests.get(url + "/encoded", timeout=5).text


BELOW_VCR = [get_encoded, get, get_async, get_urllib3, get_http_client, get_aiohttp]


@pytest.mark.parametrize("send", BELOW_VCR)
def test_request_that_vcr_sends_is_on_the_cassette(send, upstream, tmp_path):
    """VCR.py records from upstream while recording, and from the cassette offline."""
    path = tmp_path / "outer.yaml"
    url = upstream.serve("/it", Answer([b"from ", b"upstream"], framing="chunked"))

    upstream.serve(
        "/it/encoded", Answer(gzip.compress(b"text"), headers=[("Content-Encoding", "gzip")])
    )

    def use_vcr(name):
        with vcr.use_cassette(str(tmp_path / name)) as inner:
            text = send(url)
        assert len(inner) == 1
        return text

    live = use_vcr("without.yaml")
    with use_cassette(path, mode="record"):
        assert use_vcr("recording.yaml") == live
    upstream.stop()
    with use_cassette(path, mode="offline") as harness:
        assert use_vcr("replaying.yaml") == live
    assert harness.unused == ()


@pytest.mark.parametrize("send", BELOW_VCR)
def test_response_of_vcr_is_neither_recorded_nor_missed(send, upstream, tmp_path):
    """A request that VCR.py replays is left to it in every mode."""
    path, inner = tmp_path / "outer.yaml", str(tmp_path / "inner.yaml")
    url = upstream.serve("/it", Answer(b"from upstream"))
    with vcr.use_cassette(inner):
        recorded = send(url)
    upstream.stop()

    for mode in ("record", "replay", "offline"):
        with use_cassette(path, mode=mode) as harness, vcr.use_cassette(inner):
            assert send(url) == recorded
        assert harness.misses == []
    assert not path.exists()


@pytest.mark.parametrize("send", [get, get_async, get_urllib3, get_http_client, get_aiohttp])
def test_https_below_vcr_opens_no_connection(send, tmp_path):
    """A request over TLS replays offline, below VCR.py, which then has it too."""
    path, inner = tmp_path / "outer.yaml", str(tmp_path / "inner.yaml")
    path.write_text(RECORDED)

    with use_cassette(path, mode="offline") as harness, vcr.use_cassette(inner):
        assert send("https://api.invalid/it") == "from the cassette"
    with use_cassette(path, mode="offline"), vcr.use_cassette(inner):
        assert send("https://api.invalid/it") == "from the cassette"
    assert (harness.misses, harness.unused) == ([], ())


def test_session_below_vcr_keeps_its_connection(tmp_path):
    """A session that sends several requests uses VCR.py and the cassette in turn."""
    path, inner = tmp_path / "outer.yaml", str(tmp_path / "inner.yaml")
    path.write_text(RECORDED + RECORDED.partition("interactions:\n")[2].replace("/it", "/more"))
    with use_cassette(path, mode="offline"), vcr.use_cassette(inner):
        requests.get("https://api.invalid/it", timeout=5)

    modes = {"allow_playback_repeats": True, "record_mode": "new_episodes"}
    with (
        use_cassette(path, mode="offline") as harness,
        vcr.use_cassette(inner, **modes) as played,
        requests.Session() as session,
    ):
        for step in ("it", "more", "it"):
            text = session.get(f"https://api.invalid/{step}", timeout=5).text
            assert text == "from the cassette"

    assert (played.play_count, harness.unused) == (2, (1,))


def test_request_that_vcr_sends_may_be_missed(tmp_path):
    """A request on neither cassette is a miss, which VCR.py gets as its response."""
    inner = str(tmp_path / "inner.yaml")
    with (
        use_cassette(tmp_path / "outer.yaml", mode="offline", on_miss="respond") as harness,
        vcr.use_cassette(inner),
    ):
        assert "is not on the cassette" in get_urllib3("https://missed.invalid/")
    assert len(harness.misses) == 1
