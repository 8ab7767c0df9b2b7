"""Traffic that is not a request with a response, or not meant for the cassette."""

from __future__ import annotations

import asyncio

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from aiohttp import web

from pytest_agentcache import use_cassette

from .clients import Call
from .upstream import Answer


def by_requests(proxy, url):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, proxies={"https": proxy, "http": proxy}).content


def by_urllib3(proxy, url):
    with urllib3.ProxyManager(proxy, retries=False) as pool:
        return pool.request("GET", url).data


def by_httpx(module):
    def send(proxy, url):
        with module.Client(proxy=proxy, trust_env=False) as client:
            return client.get(url).content

    return send


def by_aiohttp(proxy, url):
    async def get():
        async with aiohttp.ClientSession() as session, session.get(url, proxy=proxy) as answer:
            return await answer.read()

    return asyncio.run(get())


PROXIED = {
    "requests": (by_requests, requests.exceptions.ProxyError),
    "urllib3": (by_urllib3, urllib3.exceptions.ProxyError),
    "httpx": (by_httpx(httpx), httpx.ProxyError),
    "httpx2": (by_httpx(httpx2), httpx2.ProxyError),
    "aiohttp": (by_aiohttp, aiohttp.ClientHttpProxyError),
}
HTTPS = """\
agentcache: 1
recorded_at: '2026-11-21T18:29:15Z'
interactions:
- request: {method: GET, url: 'https://api.invalid/it'}
  response: {status: 200, text: from the cassette}
"""


@pytest.mark.parametrize("name", PROXIED)
def test_https_through_a_proxy_opens_no_tunnel_on_replay(upstream, cassette, name):
    """The proxy hears of a request to a host behind it only where upstream is asked."""
    send, refused = PROXIED[name]
    cassette.parent.mkdir()
    cassette.write_text(HTTPS)
    with use_cassette(cassette, mode="offline"):
        assert send(upstream.url, "https://api.invalid/it") == b"from the cassette"
    assert (upstream.tunnels, upstream.connections) == ([], 0)

    with (
        use_cassette(cassette, mode="rerecord", on_miss="respond") as harness,
        pytest.raises(refused),
    ):
        send(upstream.url, "https://api.invalid/it")
    assert upstream.tunnels == ["api.invalid:443"]
    assert harness.cassette.interactions == ()


@pytest.mark.parametrize("name", PROXIED)
def test_http_through_a_proxy(upstream, journey, name):
    """A proxied request is recorded under the URL that it is for."""
    send, _ = PROXIED[name]
    upstream.serve("http://api.invalid/it", Answer(b"by proxy"))

    assert journey(lambda: send(upstream.url, "http://api.invalid/it")) == (b"by proxy",) * 2
    [interaction] = journey.replayed.cassette.interactions
    assert interaction.request.url == "http://api.invalid/it"


def test_websocket_is_left_alone(cassette):
    """An upgrade takes the connection over; it is neither recorded nor missed."""

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str((await socket.receive_str()).upper())
        await socket.close()
        return socket

    async def act():
        app = web.Application()
        app.router.add_get("/ws", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/ws"
        try:
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                await socket.send_str("hello")
                return await socket.receive_str()
        finally:
            await runner.cleanup()

    for mode in ("record", "offline"):
        with use_cassette(cassette, mode=mode) as harness:
            assert asyncio.run(act()) == "HELLO"
        assert (harness.cassette.interactions, harness.misses) == ((), [])


@pytest.mark.parametrize("mode", ["record", "replay", "offline"])
def test_passthrough_goes_straight_through(client, upstream, cassette, mode):
    """A host that is named is asked each time, and nothing of it is kept or missed."""
    url = upstream.serve("/it", Answer([b"li", b"ve"], framing="chunked"))
    place = f"127.0.0.1:{upstream.port}"
    with use_cassette(cassette, mode=mode, passthrough=[place]) as harness:
        [got] = client.send(Call(url))

    assert (got.status, got.body, upstream.hits) == (200, b"live", 1)
    assert [value for name, value in got.headers if name == "server"] != []
    assert (harness.cassette.interactions, harness.misses) == ((), [])


def test_live_mode_asks_upstream(client, upstream, cassette):
    """In live mode there is no cassette."""
    url = upstream.serve("/it", Answer(b"live"))
    with use_cassette(cassette, mode="live"):
        assert client.send(Call(url), Call(url))[1].body == b"live"

    assert upstream.hits == 2
    assert not cassette.exists()


def test_transports_of_ones_own_are_left_alone(cassette):
    """A mock or an ASGI app opens no connection, so there is nothing to record."""
    for module in (httpx, httpx2):
        transport = module.MockTransport(
            lambda request, module=module: module.Response(200, text="mine")
        )
        with use_cassette(cassette, mode="offline"), module.Client(transport=transport) as client:
            assert client.get("https://api.invalid/").text == "mine"
