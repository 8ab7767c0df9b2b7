"""A planned fault is, to any client, what really happens; it never reaches the network."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import requests
import trio
import urllib3
from botocore.exceptions import HTTPClientError

from pytest_agentcache import use_cassette
from pytest_agentcache.errors import FaultError
from pytest_agentcache.replay.decisions import Truncate
from pytest_agentcache.replay.native_errors import decision_in

from . import failing
from .clients import CLIENTS, Call
from .upstream import Answer

TEXT = [("Content-Type", "text/plain")]
SSE = [("Content-Type", "text/event-stream")]
MODES = ("replay", "offline", "record", "rerecord", "live")
EVENTS = [b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"]


@contextlib.contextmanager
def unknown_host():
    """A host that no resolver knows; none is asked."""
    look_up = socket.getaddrinfo

    def find(host, *args, **kwargs):
        if host in ("nowhere.invalid", b"nowhere.invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", find)
        yield "http://nowhere.invalid/it"


# Real failures, and the plans that imitate them.
REAL = {
    "refuse": (failing.refusing, lambda plan, url: plan.refuse(url)),
    "down": (failing.refusing, lambda plan, url: plan.down().__enter__()),
    "dns": (unknown_host, lambda plan, url: plan.dns(url)),
    "tls": (failing.untrusted, lambda plan, url: plan.tls(url)),
    "connect": (failing.full, lambda plan, url: plan.timeout(url, "connect")),
    "read": (failing.silent, lambda plan, url: plan.timeout(url)),
    "reset": (failing.resetting, lambda plan, url: plan.reset(url)),
    "sized": (
        lambda: failing.breaking(b"Content-Length: 100", b"x" * 40),
        lambda plan, url: plan.truncate(url, after_bytes=40, content=b"x" * 100),
    ),
    "chunked": (
        lambda: failing.breaking(b"Transfer-Encoding: chunked", b"9\r\ndata: 1\n\n\r\n"),
        lambda plan, url: plan.truncate(url, after_events=1, sse=["1", "2"]),
    ),
}


def description(error):
    """An error as a row of types and the text of the first, without what differs each time."""
    row = []
    while error is not None:
        text = re.sub(r"0x[0-9a-f]+|:\d+\b|port=\d+| \(_ssl\.c.*?\)|localhost", "", str(error))
        row.append((type(error), text if not row else ""))
        error = error.__cause__ or error.__context__
    return row


def failure(client, url):
    """Return the client's error, and the decision that is found in it."""
    try:
        return client.send(Call(url)), None
    except Exception as error:
        return description(error), decision_in(error)


@pytest.mark.parametrize("kind", REAL)
def test_error_is_the_real_one(client, kind, cassette):
    """Type, text and causes of the error are those of the real thing; it leads to its fault."""
    if (client.name, kind) == ("http.client", "tls"):
        pytest.skip("this client speaks no TLS here; urllib.request is the same one")
    server, plan = REAL[kind]
    # Short only where it is to run out: a handshake may take its time.
    client.timeout = 0.1 if kind in ("connect", "read") else 60
    with server() as url:
        real, _ = failure(client, url)
    with use_cassette(cassette, mode="offline") as harness:
        plan(harness.upstream, url)
        planned, fault = failure(client, url)

    if (client.name, kind) == ("botocore", "sized"):
        # It leaves it to its callers to count.
        assert (planned[0].body, planned[0].status) == (real[0].body, real[0].status)
        return
    # From there on, the errors are those of the event loop.
    assert planned == real[: len(planned)]
    assert fault.request.url == url
    kinds = {"down": "refuse", "connect": "connect-timeout", "read": "read-timeout"}
    if kind in ("sized", "chunked"):
        assert isinstance(fault, Truncate)
    else:
        assert fault.kind == kinds.get(kind, kind)


@pytest.mark.parametrize("mode", MODES)
def test_fault_never_reaches_the_network(client, upstream, cassette, mode):
    """In every mode a fault comes first, and leaves nothing behind."""
    url = upstream.serve("/it", Answer(b"live", headers=TEXT))
    with use_cassette(cassette, mode=mode) as harness:
        harness.upstream.fail(url, 418, times=1, headers={"X-Why": "tea"}, json={"is": "tea"})
        harness.upstream.refuse(url)
        [got] = client.send(Call(url))
        with pytest.raises(client.refused):
            client.send(Call(url))

    assert (got.status, got.reason, got.json()) == (418, "I'm a Teapot", {"is": "tea"})
    assert (got.all("x-why"), got.all("content-type")) == (["tea"], ["application/json"])
    assert upstream.hits == 0
    assert not cassette.exists()
    assert [call.outcome for call in harness.upstream.calls] == ["fault", "fault"]


@pytest.mark.parametrize("again", ["record", "replay", "offline"])
def test_faults_leave_the_cassette_alone(client, upstream, cassette, again):
    """A recording is the same with faults as without; so is the replay."""
    url = upstream.serve("/it", *[Answer(f"n{n}".encode(), headers=TEXT) for n in range(2)])
    seen = []
    for mode in ("record", again):
        with use_cassette(cassette, mode=mode) as harness:
            harness.upstream.fail(url, times=1)
            seen.append([each.body for each in client.send(*[Call(url)] * 2)])
            harness.upstream.fail(url, times=1, text="down")
            seen[-1] += [each.body for each in client.send(*[Call(url)] * 2)]
        assert harness.unused == ()
        upstream.stop()

    assert seen[0] == seen[1] == [b"", b"n0", b"down", b"n1"]
    assert len(harness.cassette.interactions) == 2
    outcomes = [call.outcome for call in harness.upstream.calls]
    assert outcomes == ["fault", "replayed", "fault", "replayed"]


def test_scripted_answers_arrive(client, cassette):
    """A scripted answer is to any client what a recorded one is: whole, and event by event."""
    url = "http://api.invalid/it"
    if client.name == "urllib.request":
        pytest.skip("it gives what it has, not event by event")
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.reply(url, sse=["1", {"n": 2}, ("end", [3]), "two\nlines"], times=2)
        harness.upstream.reply(url, 201, content=b"\0\xff", headers=[("X-A", "1"), ("X-A", "2")])
        [chunks] = client.stream(url)
        [stream, plain] = client.send(Call(url), Call(url))

    events = [
        b"data: 1\n\n",
        b'data: {"n":2}\n\n',
        b"event: end\ndata: [3]\n\n",
        b"data: two\ndata: lines\n\n",
    ]
    assert chunks == events
    assert stream.body == b"".join(events)
    assert stream.all("content-type") == ["text/event-stream; charset=utf-8"]
    assert (plain.status, plain.body, plain.all("content-type")) == (201, b"\0\xff", [])
    assert ", ".join(plain.all("x-a")) == "1, 2"


def test_head_of_a_scripted_answer(client, cassette):
    """A HEAD request gets the headers of a scripted answer, and no body."""
    url = "http://api.invalid/it"
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.reply(url, text="some")
        [head, whole] = client.send(Call(url, "HEAD"), Call(url))

    assert (head.status, head.body, whole.body) == (200, b"", b"some")


@pytest.mark.parametrize(("after", "left"), [(0, []), (1, EVENTS[:1]), (3, EVENTS)])
def test_stream_breaks_off_after_events(client, upstream, cassette, after, left):
    """The events before the break arrive, from the recorded stream, which is not used up."""
    url = upstream.serve("/it", Answer(EVENTS, headers=SSE, framing="chunked"))
    with use_cassette(cassette, mode="record"):
        client.stream(url)
    upstream.stop()
    seen = []
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.truncate(url, after_events=after, times=1)
        with pytest.raises(client.broken):
            client.stream(url, take=seen.append)
        [again] = client.stream(url)

    assert b"".join(seen) == b"".join(left)
    assert b"".join(again) == b"".join(EVENTS)
    assert [call.outcome for call in harness.upstream.calls] == ["fault", "replayed"]


def part_seen(client, url):
    """The part of a truncated body that a client passes on."""
    seen = []
    with contextlib.suppress(client.broken):
        client.stream(url, take=seen.append)
    return b"".join(seen)


def test_body_breaks_off_after_bytes(client, upstream, cassette):
    """As much arrives as really would, while recording too: of the answer given last."""
    with failing.breaking(b"Content-Length: 10", b"0123") as broken:
        real = part_seen(client, broken)
    url = upstream.serve("/it", Answer(b"0123456789", headers=TEXT))
    for mode in ("record", "replay"):
        with use_cassette(cassette, mode=mode) as harness:
            [whole] = client.send(Call(url))
            harness.upstream.truncate(url, after_bytes=4)
            seen = part_seen(client, url)

        assert whole.body == b"0123456789"
        # Some hand on nothing of a body that they cannot read to its end.
        assert seen == real
        assert real in (b"", b"0123")
    assert upstream.hits == 1


def test_nothing_to_break_off(client, upstream, cassette):
    """If there is no response, a truncation is an error at once, and again at the end."""
    url = upstream.serve("/it", Answer(b"0123456789", headers=TEXT))
    block = use_cassette(cassette, mode="record")
    harness = block.__enter__()
    harness.upstream.truncate(url, after_bytes=4)
    with pytest.raises((FaultError, HTTPClientError), match="json=, text=, sse= or content="):
        client.send(Call(url))
    with pytest.raises(FaultError, match="nothing is recorded that could break off"):
        block.__exit__(None, None, None)
    assert upstream.hits == 0


def test_timeout_takes_as_long_as_the_client_waits(client, cassette):
    """On a frozen clock a timeout lasts what the client allows, or what the plan says."""
    client.timeout = 30
    url = "http://api.invalid/it"
    with use_cassette(cassette, mode="offline", freeze="2026-11-21T10:00:00Z") as harness:
        harness.upstream.timeout(url, "connect", times=1)
        harness.upstream.timeout(url, "read", times=1)
        harness.upstream.timeout(url, "read", times=1, seconds=7)
        passed = []
        for _ in range(3):
            began = harness.clock.now
            with pytest.raises(Exception) as caught:
                client.send(Call(url))
            assert "timeout" in decision_in(caught.value).kind
            passed.append((harness.clock.now - began).total_seconds())

    assert passed == [30, 30, 7]


def test_delay_moves_the_clock_and_goes_on(client, upstream, cassette):
    """Delays add up, then the next fault has its turn, or the cassette."""
    url = upstream.serve("/it", Answer(b"late", headers=TEXT))
    for mode in ("record", "offline"):
        with use_cassette(cassette, mode=mode, freeze="2026-11-21T10:00:00Z") as harness:
            harness.upstream.delay(url, 20)
            harness.upstream.delay("*/it", 22, times=1)
            harness.upstream.fail(url, times=1)
            got = client.send(Call(url), Call(url))
            passed = harness.clock.now - harness.clock.frozen_at

        assert [each.status for each in got] == [503, 200]
        assert passed.total_seconds() == 62
        upstream.stop()


def test_passing_requests_meet_faults(client, upstream, cassette):
    """Hosts that go straight through fail where a fault says so, and are listed."""
    url = upstream.serve("/it", Answer(b"live", headers=TEXT))
    with use_cassette(cassette, mode="offline", passthrough=["127.0.0.1"]) as harness:
        harness.upstream.fail(url, times=1)
        got = client.send(Call(url), Call(url))

    assert [(each.status, each.body) for each in got] == [(503, b""), (200, b"live")]
    assert [call.outcome for call in harness.upstream.calls] == ["fault", "passed"]


def test_down_lasts_as_long_as_its_block(client, upstream, cassette):
    """While upstream is down, every request fails despite other plans; afterwards it is back."""
    url = upstream.serve("/it", Answer(b"up", headers=TEXT))
    with use_cassette(cassette, mode="record") as harness:
        harness.upstream.fail("*/other", 500, optional=True)
        with harness.upstream.down() as down:
            for each in (url, f"{upstream.url}/other"):
                with pytest.raises(client.refused):
                    client.send(Call(each))
        [got] = client.send(Call(url))

    assert got.body == b"up"
    assert down.fired == len(down.requests) >= 2


def test_threads_share_the_times_of_a_fault(cassette):
    """Exactly `times` of many concurrent requests meet the fault."""
    url = "http://api.invalid/it"

    def ask(_):
        return CLIENTS["requests"]().send(Call(url))[0].status

    with use_cassette(cassette, mode="offline") as harness, ThreadPoolExecutor(8) as pool:
        fail = harness.upstream.fail(url, times=7)
        harness.upstream.reply(url)
        found = list(pool.map(ask, range(24)))

    assert sorted(found) == [200] * 17 + [503] * 7
    assert fail.fired == 7
    assert len(harness.upstream.calls) == 24


def test_delays_of_tasks_overlap(cassette):
    """Two requests that are delayed side by side take as long as the slower of them."""

    async def both():
        async with httpx.AsyncClient() as client:
            urls = ("http://api.invalid/a", "http://api.invalid/b")
            await asyncio.gather(*[client.get(url) for url in urls])

    with use_cassette(cassette, mode="offline", freeze="2026-11-21T10:00:00Z") as harness:
        harness.upstream.delay("*/a", 10)
        harness.upstream.delay("*/b", 30)
        harness.upstream.reply("*")
        asyncio.run(both())
        passed = harness.clock.now - harness.clock.frozen_at

    assert passed.total_seconds() == 30


def test_faults_on_trio(cassette):
    """Under trio a delay moves the clock too, and a fault is the client's error."""

    async def ask():
        async with httpx.AsyncClient() as client:
            await client.get("http://api.invalid/it")

    with use_cassette(cassette, mode="offline", freeze="2026-11-21T10:00:00Z") as harness:
        harness.upstream.delay("*", 10)
        harness.upstream.timeout("*", "read")
        with pytest.raises(httpx.ReadTimeout):
            trio.run(ask)
        passed = harness.clock.now - harness.clock.frozen_at

    assert passed.total_seconds() == 15


async def ask():
    async with httpx.AsyncClient() as client:
        await client.get("http://api.invalid/it")


WAITING = {
    "thread": lambda: requests.get("http://api.invalid/it", timeout=5),
    "asyncio": lambda: asyncio.run(ask()),
    "trio": lambda: trio.run(ask),
}


@pytest.mark.parametrize("where", WAITING)
def test_delay_in_real_time_waits(cassette, where):
    """In real time a delay is waited for, in a thread and on both event loops."""
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.delay("*", 0.02)
        harness.upstream.reply("*")
        began = time.monotonic()
        WAITING[where]()
        assert time.monotonic() - began >= 0.02


def test_retries_of_urllib3_count_each_fault(cassette):
    """Each fault is an attempt: of connecting, of reading, by its status."""
    retry = urllib3.Retry(4, connect=1, read=2, status=1, status_forcelist=[503], backoff_factor=0)
    with use_cassette(cassette, mode="offline") as harness, urllib3.PoolManager() as pool:
        harness.upstream.refuse("*", times=1)
        harness.upstream.reset("*", times=1)
        harness.upstream.timeout("*", times=1)
        harness.upstream.fail("*", times=1)
        harness.upstream.reply("*", text="there")
        answer = pool.request("GET", "http://api.invalid/it", retries=retry)

    assert answer.data == b"there"
    assert [type(each.error).__name__ for each in answer.retries.history] == [
        "NewConnectionError",
        "ProtocolError",
        "ReadTimeoutError",
        "NoneType",
    ]


def test_faults_behind_a_proxy_are_those_of_the_origin(cassette):
    """It is not the proxy that fails, and it is not asked."""
    proxies = {"http": "http://127.0.0.1:9", "https": "http://127.0.0.1:9"}
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.refuse("*")
        for scheme in proxies:
            with pytest.raises(requests.ConnectionError) as caught:
                requests.get(f"{scheme}://api.invalid/it", proxies=proxies, timeout=5)
            assert not isinstance(caught.value, requests.exceptions.ProxyError)
            assert decision_in(caught.value).kind == "refuse"


def test_nobody_sees_faults_after_the_block(client, upstream, cassette):
    """A fault ends with the block that planned it."""
    url = upstream.serve("/it", Answer(b"live", headers=TEXT))
    with use_cassette(cassette, mode="record") as harness:
        harness.upstream.fail(url)
        assert client.send(Call(url))[0].status == 503

    assert client.send(Call(url))[0].body == b"live"
