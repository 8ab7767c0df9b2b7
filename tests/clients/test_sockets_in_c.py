"""Libraries with sockets of their own in C: refused where each of them can be, as it fails live.

Names end in `.invalid` and addresses are those of RFC 5737, so that nothing is reached even where
the guard fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from concurrent import futures

import grpc
import pycurl
import pytest
import uvloop

from pytest_agentcache import NetworkBlocked, use_cassette

METHOD = "/pkg.Service/Method"


@pytest.fixture
def shut(cassette):
    with use_cassette(cassette, mode="offline", on_miss="respond") as harness:
        yield harness


def missed(harness):
    """Return what was missed, all of it past every client and by this file."""
    assert all(miss.kind == "socket" for miss in harness.misses)
    assert all("test_sockets_in_c.py" in str(miss.caller) for miss in harness.misses)
    return {miss.request.url for miss in harness.misses}


def check_grpc(error, host):
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert f"connection to {host} refused by pytest-agentcache" in error.details()
    assert isinstance(error.__cause__, NetworkBlocked)


TARGETS = {
    "203.0.113.1:50051": "203.0.113.1:50051",
    "a.invalid": "a.invalid:443",
    "dns:///b.invalid:1": "b.invalid:1",
    "dns://127.0.0.1/c.invalid:2": "c.invalid:2",
    "ipv6:[2001:db8::1]:3": "[2001:db8::1]:3",
    "ipv4:127.0.0.1:4,203.0.113.2:4": "203.0.113.2:4",
}
RPCS = {
    "unary_unary": lambda call: call(b"", timeout=1),
    "unary_stream": lambda call: list(call(b"", timeout=1)),
    "stream_unary": lambda call: call.future(iter([b""]), timeout=1).result(),
    "stream_stream": lambda call: list(call(iter([b""]), timeout=1)),
}


def test_calls_of_grpc(shut):
    """A channel can be made; its calls fail as without a network, and so does waiting for it."""
    for target, host in TARGETS.items():
        with grpc.insecure_channel(target) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(METHOD)(b"", timeout=1)
        check_grpc(caught.value, host)
    with grpc.secure_channel("d.invalid:1", grpc.ssl_channel_credentials()) as channel:
        for kind, send in RPCS.items():
            with pytest.raises(grpc.RpcError) as caught:
                send(getattr(channel, kind)(METHOD))
            check_grpc(caught.value, "d.invalid:1")
    with grpc.insecure_channel("e.invalid:1") as channel, pytest.raises(grpc.RpcError):
        grpc.channel_ready_future(channel)

    assert missed(shut) == {*TARGETS.values(), "d.invalid:1", "e.invalid:1"}


def test_calls_of_grpc_on_an_event_loop(shut):
    """The same with `grpc.aio`."""

    async def read(stream):
        return [each async for each in stream]

    rpcs = {
        "unary_unary": lambda call: call(b"", timeout=1),
        "unary_stream": lambda call: read(call(b"", timeout=1)),
        "stream_unary": lambda call: call(iter([b""]), timeout=1),
        "stream_stream": lambda call: read(call(iter([b""]), timeout=1)),
    }

    async def main():
        credentials = grpc.ssl_channel_credentials()
        async with (
            grpc.aio.insecure_channel("a.invalid:1") as channel,
            grpc.aio.secure_channel("b.invalid:1", credentials) as other,
        ):
            for kind, send in rpcs.items():
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await send(getattr(channel, kind)(METHOD))
                check_grpc(caught.value, "a.invalid:1")
            with pytest.raises(grpc.aio.AioRpcError):
                await other.channel_ready()

    asyncio.run(main())
    assert missed(shut) == {"a.invalid:1", "b.invalid:1"}


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request)


def test_a_server_of_grpc_on_loopback(shut, tmp_path):
    """Loopback and Unix sockets are open."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Echo(),))
    port, unix = server.add_insecure_port("127.0.0.1:0"), f"unix:{tmp_path / 'socket'}"
    server.add_insecure_port(unix)
    server.start()

    async def main():
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            return await channel.unary_unary(METHOD)(b"x", timeout=10)

    try:
        for target in (f"localhost:{port}", unix):
            with grpc.insecure_channel(target) as channel:
                assert channel.unary_unary(METHOD)(b"x", timeout=10) == b"x"
        assert asyncio.run(main()) == b"x"
    finally:
        server.stop(None).wait()
    assert shut.misses == []


URLS = {
    "http://203.0.113.1/": "203.0.113.1:80",
    "a.invalid/path": "a.invalid:80",
    b"https://b.invalid:8443/": "b.invalid:8443",
    "ftp://me@c.invalid/": "c.invalid:21",
}


def test_transfers_of_pycurl(shut):
    """A transfer fails as without a network, in every way to start one."""
    curl, multi = pycurl.Curl(), pycurl.CurlMulti()
    curl.setopt(curl.TIMEOUT, 1)
    starts = [
        curl.perform,
        curl.perform_rb,
        curl.perform_rs,
        lambda: curl.duphandle().perform(),
        lambda: multi.add_handle(curl),
    ]
    for url in URLS:
        curl.setopt(curl.URL, url)
        for start in starts:
            with pytest.raises(pycurl.error, match="refused by pytest-agentcache") as caught:
                start()
            assert caught.value.args[0] == pycurl.E_COULDNT_CONNECT
            assert isinstance(caught.value.__cause__, NetworkBlocked)
    assert missed(shut) == set(URLS.values())


def test_connections_of_pycurl(shut, upstream):
    """Each connection is checked as well: the URL may not say where it leads."""
    opened = []

    def open_socket(purpose, address):
        opened.append(address.addr)
        return socket.socket(address.family, address.socktype, address.protocol).detach()

    curl = pycurl.Curl()
    curl.setopt(curl.TIMEOUT, 1)
    curl.setopt(curl.OPENSOCKETFUNCTION, open_socket)
    curl.setopt(curl.URL, f"http://127.0.0.1:{upstream.port}/none")
    assert curl.perform_rb() is not None
    assert opened == [("127.0.0.1", upstream.port)]
    curl.setopt(curl.URL, "http://a.invalid/")
    curl.setopt(curl.RESOLVE, ["a.invalid:80:203.0.113.1"])
    with pytest.raises(pycurl.error):
        curl.perform()
    assert missed(shut) == {"203.0.113.1:80"}
    curl.reset()
    curl.setopt(curl.URL, "http://b.invalid/")
    with pytest.raises(pycurl.error):
        curl.perform()
    assert len(opened) == 1
    assert missed(shut) == {"203.0.113.1:80", "b.invalid:80"}


def test_connections_of_uvloop(shut):
    """Its loop refuses what asyncio's would, and reaches loopback."""

    async def main():
        loop = asyncio.get_running_loop()
        with socket.socket() as opened:
            opened.setblocking(False)
            for act in (
                lambda: asyncio.open_connection("203.0.113.1", 1),
                lambda: asyncio.open_connection("a.invalid", 2),
                lambda: loop.create_connection(asyncio.Protocol, host="b.invalid", port=3),
                lambda: loop.getaddrinfo("c.invalid", 4),
                lambda: loop.getnameinfo(("203.0.113.5", 5)),
                lambda: loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, remote_addr=("203.0.113.6", 6)
                ),
                lambda: loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, None, ("203.0.113.7", 7)
                ),
                lambda: loop.sock_connect(opened, ("203.0.113.8", 8)),
            ):
                with pytest.raises(NetworkBlocked):
                    await act()
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "localhost", 0)
        host, port = server.sockets[0].getsockname()[:2]
        await loop.getaddrinfo(host, port)
        reader, writer = await asyncio.open_connection(host, port)
        assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert missed(shut) == {
        "203.0.113.1:1", "a.invalid:2", "b.invalid:3", "c.invalid:4", "203.0.113.5",
        "203.0.113.6:6", "203.0.113.7:7", "203.0.113.8:8",
    }  # fmt: skip
