"""Requests to the hosts of `ignore_hosts`: telemetry, which no test is about."""

from __future__ import annotations

import threading

import pytest
import requests

from pytest_agentcache import MissError, use_cassette
from pytest_agentcache.clients import DISPATCHER
from pytest_agentcache.errors import NetworkBlocked

from .clients import Call
from .upstream import Answer

SENTRY = "http://o1.ingest.us.sentry.io/api/2/envelope/"


@pytest.mark.parametrize("mode", ["record", "rerecord", "replay", "offline"])
def test_ignored_request_gets_an_empty_response(client, upstream, cassette, mode):
    """It is neither sent nor recorded nor missed; JSON gets an empty object."""
    url = upstream.serve("/it", Answer(b"live"))
    call = Call(url, "POST", {"content-type": "application/json"}, b'{"spans": []}')

    with use_cassette(cassette, mode=mode, ignore_hosts="127.0.0.1") as harness:
        plain, json = client.send(Call(url), call)

    assert (plain.status, plain.body) == (200, b"")
    assert (json.status, json.body, json.all("content-type")) == (200, b"{}", ["application/json"])
    assert (upstream.hits, harness.misses, harness.cassette.interactions) == (0, [], ())
    assert not cassette.exists()


def test_telemetry_is_ignored_by_default(client, cassette):
    """The default list needs no setting."""
    with use_cassette(cassette, mode="record") as harness:
        [got] = client.send(Call(SENTRY, "POST", {}, b"{}"))

    assert (got.status, got.body, harness.misses) == (200, b"", [])
    assert not cassette.exists()


def test_excluded_host_is_not_ignored(client, cassette):
    """`!GLOB` takes hosts out of the default."""
    with pytest.raises(MissError), use_cassette(cassette, ignore_hosts="!*.ingest.us.sentry.io"):
        client.send(Call(SENTRY))


def test_live_mode_sends_it(client, upstream, cassette):
    """In live mode, everything is as it is without the plugin."""
    url = upstream.serve("/it", Answer(b"live"))
    with use_cassette(cassette, mode="live", ignore_hosts="127.0.0.1"):
        assert client.send(Call(url))[0].body == b"live"


def test_passthrough_beats_ignored_hosts(client, upstream, cassette):
    """A host that is also in `passthrough` is reached."""
    url = upstream.serve("/it", Answer(b"live"))
    with use_cassette(cassette, ignore_hosts="127.0.0.1", passthrough="127.0.0.1"):
        assert client.send(Call(url))[0].body == b"live"


def test_fault_beats_ignored_hosts(client, cassette):
    """A test of telemetry itself plans what it responds."""
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.fail(SENTRY, status=429)
        [got] = client.send(Call(SENTRY))

    assert got.status == 429


def test_router_is_skipped(client, cassette):
    """The test's cache does not see it."""
    with use_cassette(cassette, mode="record", router=True) as harness:
        client.send(Call(SENTRY))

        assert list(harness.session.cache.urls()) == []


def test_thread_that_outlives_its_test_is_ignored(cassette):
    """A batch that is sent after the end of the test is not a late miss."""
    go, got = threading.Event(), []

    def send():
        go.wait(20)
        got.append(requests.post(SENTRY, timeout=5).status_code)

    with use_cassette(cassette, mode="offline"):
        thread = threading.Thread(target=send)
        thread.start()
    go.set()
    thread.join()

    assert got == [200]
    assert DISPATCHER.take_late_misses() == []


def test_socket_to_an_ignored_host_is_refused_without_a_miss(cassette):
    """A connection that bypasses every client is refused as ever."""
    import socket

    with (
        use_cassette(cassette, mode="offline") as harness,
        pytest.raises(NetworkBlocked),
    ):
        socket.create_connection(("o1.ingest.sentry.io", 443))

    assert harness.misses == []


@pytest.mark.parametrize("url", ["https://metrics.invalid/v2/spans", "https://a.invalid/telemetry"])
def test_report_suggests_to_ignore_telemetry(cassette, url):
    """A miss that looks like telemetry names the setting that makes it go away."""
    host = url.split("/")[2]
    with pytest.raises(MissError) as caught, use_cassette(cassette, mode="offline"):
        requests.post(url, timeout=5)

    remedy = f"  if it is telemetry, ignore it: agentcache_ignore_hosts = {host}"
    assert remedy in str(caught.value).splitlines()
    with use_cassette(cassette, mode="offline", ignore_hosts=host):
        requests.post(url, timeout=5)


def test_report_of_another_miss_does_not(cassette):
    """Other misses have no such line."""
    with pytest.raises(MissError) as caught, use_cassette(cassette, mode="offline"):
        requests.get("https://api.invalid/ingested", timeout=5)

    assert "telemetry" not in str(caught.value)
