from datetime import UTC, datetime

import pytest
import requests
from requests_cache import CachedSession

from pytest_agentcache import use_cassette

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def recorded(upstream, tmp_path):
    """A cassette with one answer of `/x`, and an origin that goes on answering."""
    upstream.answers["/x"] = upstream.answers["/y"] = (200, {"Vary": "Accept"}, b"x")
    with use_cassette(tmp_path / "c.yaml", mode="record"):
        requests.get(f"{upstream.url}/x")
    upstream.hits.clear()
    return tmp_path / "c.yaml"


def played(harness, url):
    """The session of a block, with the answer of `url` in its cache, long stale."""
    assert harness.session.get(url).content == b"x"
    harness.session.cache.reset_expiration(LONG_AGO)
    return harness.session


def kinds(harness):
    """The misses of a block."""
    return [miss.kind for miss in harness.misses]


@pytest.mark.parametrize("mode", ["replay", "offline"])
def test_stale_answer_is_not_asked_for_again(upstream, recorded, mode):
    """A request that neither cache nor cassette can answer gets a 504 and is reported as a miss."""
    with use_cassette(recorded, mode=mode, on_miss="respond") as harness:
        session = played(harness, f"{upstream.url}/x")

        answer = session.get(f"{upstream.url}/x")

        assert (answer.status_code, answer.reason) == (504, "Not Cached")
        assert answer.json()["error"]["code"] == "agentcache_exhausted"
        assert answer.headers["x-should-retry"] == "false"
        assert b"".join(answer.iter_content(10)) == answer.content
        assert kinds(harness) == ["exhausted"]
    assert upstream.hits == []


def test_stale_if_error_serves_stale(upstream, recorded):
    """A cache that may serve stale does so, and nothing is missed."""
    with use_cassette(recorded, mode="offline", session={"stale_if_error": True}) as harness:
        session = played(harness, f"{upstream.url}/x")

        answer = session.get(f"{upstream.url}/x")

        assert (answer.from_cache, answer.content) == (True, b"x")
        assert kinds(harness) == []
    assert upstream.hits == []


def test_stale_while_revalidate_does_not_leak(upstream, recorded):
    """The stale answer is given, and its refresh, which no cassette holds, is a miss."""
    keywords = {"stale_while_revalidate": True}
    with use_cassette(
        recorded, mode="offline", session=keywords, on_miss="respond", freeze=True
    ) as harness:
        session = played(harness, f"{upstream.url}/x")

        assert session.get(f"{upstream.url}/x").from_cache
        assert kinds(harness) == []
        harness.settle()
        assert kinds(harness) == ["exhausted"]
        assert harness.misses[0].caller.file.endswith("test_offline.py")
        assert session.get(f"{upstream.url}/x").content == b"x"
    assert upstream.hits == []


def test_refresh_comes_in_order(upstream, recorded):
    """If the cassette has the next response, the refresh runs before the next request."""
    upstream.answers["/x"] = (200, {}, b"second")
    with use_cassette(recorded, mode="record"):
        for _ in range(2):
            requests.get(f"{upstream.url}/x")
    upstream.hits.clear()
    keywords = {"stale_while_revalidate": True}
    with use_cassette(recorded, mode="offline", session=keywords) as harness:
        session = played(harness, f"{upstream.url}/x")

        assert session.get(f"{upstream.url}/x").content == b"x"
        assert session.get(f"{upstream.url}/x").content == b"second"
        assert harness.unused == ()
    assert upstream.hits == []


def test_vary_does_not_leak(upstream, recorded):
    """A cached answer to another Accept does not send the request upstream."""
    with use_cassette(recorded, mode="offline", on_miss="respond") as harness:
        assert harness.session.get(f"{upstream.url}/x").status_code == 200

        answer = harness.session.get(f"{upstream.url}/x", headers={"Accept": "a/b"})

        assert answer.status_code == 504
        assert kinds(harness) == ["exhausted"]
    assert upstream.hits == []


@pytest.mark.parametrize("ask", ["keyword", "header", "setting"])
def test_504_that_was_asked_for_is_no_miss(upstream, recorded, ask):
    """A caller of `only_if_cached` expects a 504."""
    keywords = {"only_if_cached": True} if ask == "setting" else {}
    with use_cassette(recorded, mode="offline", session=keywords) as harness:
        options = {
            "keyword": {"only_if_cached": True},
            "header": {"headers": {"Cache-Control": "only-if-cached"}},
            "setting": {},
        }
        answer = harness.session.get(f"{upstream.url}/y", **options[ask])

        assert answer.status_code == 504
        assert kinds(harness) == []


def test_held_request_has_its_own_headers(upstream, recorded):
    """A cache whose keys are made of all headers finds what it has, also when it is held."""
    with use_cassette(recorded, mode="offline", session={"match_headers": True}) as harness:
        harness.session.get(f"{upstream.url}/x")

        answer = harness.session.get(f"{upstream.url}/x")

        assert answer.from_cache
        assert "Cache-Control" not in answer.request.headers


@pytest.mark.parametrize("make", [CachedSession, lambda: CachedSession("x", backend="memory")])
def test_sessions_of_code_are_held_too(upstream, recorded, make):
    """Sessions that code under test makes by itself miss like the test's own."""
    with use_cassette(recorded, mode="offline", on_miss="respond") as harness:
        session = make()
        assert session.get(f"{upstream.url}/x").content == b"x"
        assert session.get(f"{upstream.url}/x").from_cache
        assert session.get(f"{upstream.url}/y").status_code == 504
        session.close()

        [miss] = harness.misses
        assert (miss.kind, miss.caller.file.endswith("test_offline.py")) == ("missing", True)
    assert upstream.hits == []


@pytest.mark.parametrize("body", [lambda path: path.open("rb"), lambda path: iter([b"content"])])
def test_body_that_is_read_once_is_matched_and_sent(upstream, tmp_path, body):
    """A file or a generator is matched by what is in it, and sent again after a redirect."""
    upstream.answers["/x"] = (307, {"Location": "/y"}, b"")
    upstream.answers["/y"] = (200, {}, b"y")
    path = tmp_path / "f"
    path.write_bytes(b"content")

    def ask(mode):
        with use_cassette(tmp_path / "d.yaml", mode=mode) as harness:
            sent = body(path)
            answer = harness.session.post(f"{upstream.url}/x", data=sent)
            getattr(sent, "close", lambda: None)()
            return answer.content, harness.cassette.interactions

    assert ask("record")[0] == b"y"
    content, interactions = ask("offline")
    assert content == b"y"
    assert [each.request.body for each in interactions] == [b"content", b"content"]
