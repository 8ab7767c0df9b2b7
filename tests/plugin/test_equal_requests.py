"""Threads that send equal requests through one `CachedSession` replay as they were recorded."""

from __future__ import annotations

import re

import pytest

HEAD = """
    import threading
    from concurrent.futures import ThreadPoolExecutor
    import pytest, requests

    def at_once(work, count=8):
        start = threading.Barrier(count)
        def run(number):
            start.wait()
            return work(number)
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))
"""
SUITES = {
    "cached": """
    def test_threads(agentcache):
        session = agentcache.session
        found = at_once(lambda _: session.get(URL + "/it?slow=0.05").json()["hit"])
        assert len(set(found)) == 1
        assert len(agentcache.cassette.interactions) == 1
    """,
    "own requests too": """
    def test_threads(agentcache):
        session = agentcache.session
        def work(number):
            session.get(URL + "/it")
            return session.get(f"{URL}/own/{number}").json()["path"]
        assert at_once(work) == [f"/own/{number}" for number in range(8)]
    """,
    "own requests first": """
    def test_threads(agentcache):
        session = agentcache.session
        def work(number):
            session.get(f"{URL}/own/{number}")
            return session.get(URL + "/it").json()["path"]
        assert at_once(work) == ["/it"] * 8
    """,
    "never stored": """
    def test_threads(agentcache):
        session = agentcache.session
        at_once(lambda _: session.get(URL + "/it", expire_after=0))
    """,
    "stale while revalidate": """
    def test_threads(agentcache):
        session = agentcache.session
        session.settings.stale_while_revalidate = True
        session.get(URL + "/it", expire_after=60)
        agentcache.clock.tick(61)
        at_once(lambda _: session.get(URL + "/it", expire_after=60))
    """,
    "two sessions": """
    import requests_cache
    @pytest.mark.agentcache
    def test_threads():
        def work(number):
            with requests_cache.CachedSession("answers") as session:
                return session.get(URL + "/it").json()["hit"]
        assert len(set(at_once(work))) == 1
    """,
    "a router": """
    @pytest.mark.agentcache(router=True)
    def test_threads(agentcache):
        def work(number):
            requests.get(f"{URL}/own/{number}")
            return requests.get(URL + "/it").json()["hit"]
        assert len(set(at_once(work))) == 1
    """,
    "hooks that send the same": """
    def test_threads(agentcache):
        session = agentcache.session
        def again(response, *args, **kwargs):
            if not threading.current_thread().name.startswith("inner"):
                inner = threading.Thread(target=session.get, args=(response.url,), name="inner")
                inner.start()
                inner.join()
        at_once(lambda _: session.get(URL + "/it", hooks={"response": again}))
    """,
    "redirects across": """
    def test_threads(agentcache):
        session = agentcache.session
        ways = ["/a?status=302&h=Location:/b?status=200", "/b?status=200"]
        at_once(lambda number: session.get(URL + ways[number % 2], timeout=20))
    """,
}


def recorded(suite):
    """The cassette without what changes upstream: the time, and the number of the request."""
    [cassette] = suite.root.rglob("cassettes/**/*.yaml")
    return re.sub(r"recorded_at: .*|hit: \d+", "", cassette.read_text())


@pytest.mark.parametrize("name", SUITES)
def test_equal_requests_of_threads(suite, upstream, name):
    """They replay each time, and recording again changes nothing but the time."""
    suite.write(HEAD + SUITES[name])
    suite.run("--agentcache-record").assert_outcomes(passed=1)
    before = recorded(suite)
    for _ in range(2):
        suite.run("--agentcache-record").assert_outcomes(passed=1)
        assert recorded(suite) == before
        suite.run("--agentcache-offline", "-o", "agentcache_unused=fail").assert_outcomes(passed=1)
    suite.run("--agentcache-rerecord").assert_outcomes(passed=1)
    assert recorded(suite) == before
