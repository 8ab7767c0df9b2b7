"""The library `responses` in front of faults and cassette, ours and the user's own."""

from __future__ import annotations

import sys

import httpx
import pytest
import requests
import responses
from requests.adapters import HTTPAdapter
from responses import matchers
from responses.registries import OrderedRegistry
from urllib3 import Retry

from pytest_agentcache import use_cassette
from pytest_agentcache.errors import FaultError

from .upstream import Answer

MOCKED = "http://api.invalid/mocked"


@pytest.fixture
def taped(upstream, cassette):
    """The URL of what is on the cassette."""
    url = upstream.serve("/taped", Answer(b"taped"))
    with use_cassette(cassette, mode="record"):
        requests.get(url)
        requests.get(url)
    upstream.stop()
    return url


@pytest.fixture
def send():
    """Send with the adapter's original method, as if there were no mock."""
    return HTTPAdapter.send


def test_what_it_does_not_know_goes_on(taped, cassette):
    """It answers what it knows; the rest meets faults and the cassette."""
    with use_cassette(cassette, mode="offline") as harness:
        mock = harness.upstream.responses
        mock.get(MOCKED, json={"mocked": True}, status=201)
        harness.upstream.fail(taped, 500, times=1)
        found = [requests.get(url) for url in (MOCKED, taped, taped, MOCKED)]
        requests.get(taped)

    assert [each.status_code for each in found] == [201, 500, 200, 201]
    assert found[2].content == b"taped"
    assert mock.assert_call_count(MOCKED, 2)
    assert [(each.outcome, each.status) for each in harness.upstream.calls] == [
        ("fault", 201),
        ("fault", 500),
        ("replayed", 200),
        ("fault", 201),
        ("replayed", 200),
    ]


@pytest.mark.parametrize("mode", ["record", "live", "replay", "offline"])
def test_in_every_mode(mode, upstream, cassette):
    """Its responses do not use the network and are not written."""
    url = upstream.serve("/it", Answer(b"live"))
    with use_cassette(cassette, mode=mode) as harness:
        harness.upstream.responses.get(url, body="mocked")
        assert requests.get(url).text == "mocked"

    assert upstream.hits == 0
    assert not cassette.exists()


def test_matchers_and_callbacks(cassette):
    """Matchers choose, callbacks answer; a body that does not match goes on, which is a miss."""
    with use_cassette(cassette, mode="offline", on_miss="respond") as harness:
        mock = harness.upstream.responses
        mock.post(MOCKED, match=[matchers.json_params_matcher({"a": 1})], json={"chosen": 1})
        mock.add_callback("GET", MOCKED, lambda request: (202, {"X-By": "callback"}, "made"))
        chosen = requests.post(MOCKED, json={"a": 1})
        missed = requests.post(MOCKED, json={"a": 2})
        made = requests.get(MOCKED)

    assert chosen.json() == {"chosen": 1}
    assert missed.status_code == 504
    assert (made.status_code, made.text, made.headers["X-By"]) == (202, "made", "callback")
    assert [each.outcome for each in harness.upstream.calls] == ["fault", "miss", "fault"]


def test_errors_of_its_own(cassette):
    """A body that is an exception is raised, and is listed."""
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.responses.get(MOCKED, body=requests.ConnectTimeout("slow"))
        with pytest.raises(requests.ConnectTimeout, match="slow"):
            requests.get(MOCKED)

    assert [(each.outcome, each.status) for each in harness.upstream.calls] == [("fault", None)]


def test_registry_in_order(taped, cassette):
    """Another registry keeps its order, and is not upset by what goes on."""
    with use_cassette(cassette, mode="offline") as harness:
        mock = harness.upstream.responses
        mock.set_registry(OrderedRegistry)
        mock.get(MOCKED, body="one")
        mock.get(MOCKED, body="two")
        mock.get(f"{MOCKED}/last", body="three")
        found = [requests.get(url).text for url in (MOCKED, taped, MOCKED)]
        found.append(requests.get(f"{MOCKED}/last").text)
        requests.get(taped)

    assert found == ["one", "taped", "two", "three"]


def test_order_that_is_not_kept(cassette):
    """A known request out of order is the error of the library."""
    with use_cassette(cassette, mode="offline") as harness:
        mock = harness.upstream.responses
        mock.assert_all_requests_are_fired = False
        mock.set_registry(OrderedRegistry)
        mock.get(MOCKED)
        mock.get(f"{MOCKED}/next")
        with pytest.raises(requests.ConnectionError, match="Next 'Response' in the order"):
            requests.get(f"{MOCKED}/next")


def test_answers_that_let_through(taped, cassette):
    """A passthrough of the library reaches the cassette, and is listed once."""
    with use_cassette(cassette, mode="offline") as harness:
        mock = harness.upstream.responses
        mock.add(responses.PassthroughResponse("GET", taped))
        assert requests.get(taped).content == requests.get(taped).content == b"taped"

    assert [each.outcome for each in harness.upstream.calls] == ["replayed", "replayed"]
    assert mock.assert_call_count(taped, 2)


def test_retries_see_its_answers(cassette):
    """A session that retries gets one answer after the other."""
    with use_cassette(cassette, mode="offline") as harness, requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(2, status_forcelist=[503])))
        mock = harness.upstream.responses
        mock.get(MOCKED, status=503)
        mock.get(MOCKED, body="there")
        assert session.get(MOCKED).text == "there"

    assert [each.status for each in harness.upstream.calls] == [503, 200]


def test_cached_session_is_not_held_from_it(cassette):
    """A session offline may go upstream for what the mock knows, and caches it."""
    with use_cassette(cassette, mode="offline", on_miss="respond") as harness:
        harness.upstream.responses.get(MOCKED, json={"mocked": True})
        found = [harness.session.get(MOCKED) for _ in range(2)]
        unknown = harness.session.get(f"{MOCKED}/no")

    assert [each.json() for each in found] == [{"mocked": True}] * 2
    assert [each.from_cache for each in found] == [False, True]
    assert unknown.status_code == 504


def test_cached_session_is_held_from_what_it_does_not_know(taped, cassette):
    """A stale answer is given where neither the mock nor the cassette has another: no miss."""
    session = {"expire_after": 60, "stale_if_error": True}
    frozen = {"freeze": "2026-11-21T10:00:00Z", "session": session}
    with use_cassette(cassette, mode="offline", **frozen) as harness:
        harness.upstream.responses.get(MOCKED, body="mocked")
        harness.session.get(MOCKED)
        for _ in range(3):
            found = harness.session.get(taped)
            harness.clock.tick(61)

    assert (found.from_cache, found.is_expired, found.text) == (True, True, "taped")
    assert harness.misses == []


def unasked(cassette):
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.responses.get(MOCKED)
        harness.upstream.responses.post(MOCKED)


def test_what_was_never_asked_for_fails_the_block(cassette):
    """Unrequested responses are asserted as in the library, unless switched off."""
    with pytest.raises(FaultError, match=f"did not request .*\n\n  GET {MOCKED}\n  POST {MOCKED}"):
        unasked(cassette)

    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.responses.get(MOCKED)
        harness.upstream.responses.assert_all_requests_are_fired = False


def test_it_ends_with_the_block(cassette, send):
    """Afterwards adapters send as they did, and a mock that was kept does nothing."""
    with use_cassette(cassette, mode="offline") as harness:
        mock = harness.upstream.responses
        mock.get(MOCKED)
        assert HTTPAdapter.send is not send
        requests.get(MOCKED)
    assert HTTPAdapter.send is send
    mock.start()
    assert HTTPAdapter.send is send


def test_its_own_context_ends_it_early(cassette, send):
    """`with` starts it, asserts and resets at its end; asked for again, it is active again."""
    with use_cassette(cassette, mode="offline") as harness:
        with (
            pytest.raises(AssertionError, match="Not all requests"),
            harness.upstream.responses as mock,
        ):
            mock.get(MOCKED)
        assert HTTPAdapter.send is send
        harness.upstream.responses.get(MOCKED, body="again")
        assert requests.get(MOCKED).text == "again"


def test_other_clients_do_not_see_it(cassette):
    """It is in front of requests only."""
    with use_cassette(cassette, mode="offline", on_miss="respond") as harness:
        harness.upstream.responses.get(MOCKED, body="mocked")
        assert httpx.get(MOCKED).status_code == 504
        assert requests.get(MOCKED).text == "mocked"


@responses.activate
def test_the_users_own_mock(taped, cassette):
    """A test with a mock of its own lets through to the cassette what it lets through."""
    responses.get(MOCKED, body="own")
    responses.add_passthru(taped)
    with use_cassette(cassette, mode="offline") as harness:
        assert requests.get(MOCKED).text == "own"
        assert requests.get(taped).text == "taped"
        assert harness.session.get(taped).text == "taped"
        assert harness.session.get(MOCKED).text == "own"

    assert [each.outcome for each in harness.upstream.calls] == ["replayed", "replayed"]


def test_ours_before_the_users_own(taped, cassette, send):
    """Both at once: ours goes first; whichever ends first leaves the other in order."""
    own = responses.RequestsMock()
    own.start()
    own.get(MOCKED, body="own")
    own.add_passthru(taped)
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.responses.get(f"{MOCKED}/ours", body="ours")
        urls = (MOCKED, f"{MOCKED}/ours", taped)
        assert [requests.get(url).text for url in urls] == ["own", "ours", "taped"]
        own.stop()
        assert requests.get(taped).text == "taped"
    assert HTTPAdapter.send is send


def test_users_own_before_ours(cassette, send):
    """A mock that began later and ends later does not bring ours back to life."""
    with use_cassette(cassette, mode="offline") as harness:
        harness.upstream.responses.get(MOCKED, body="ours")
        assert requests.get(MOCKED).text == "ours"
        own = responses.RequestsMock(assert_all_requests_are_fired=False)
        own.start()
    own.stop()
    try:
        with use_cassette(cassette, mode="offline", on_miss="respond"):
            assert requests.get(MOCKED).status_code == 504
    finally:
        HTTPAdapter.send = send


def test_without_the_library(cassette, monkeypatch):
    """If it is not installed, the error says how to install it."""
    monkeypatch.setitem(sys.modules, "responses", None)
    monkeypatch.delitem(sys.modules, "pytest_agentcache.faults.mocks", raising=False)
    fails = pytest.raises(FaultError, match=r"pip install 'pytest-agentcache\[responses\]'")
    with use_cassette(cassette, mode="offline") as harness, fails:
        _ = harness.upstream.responses
