"""Offline cannot leak: not through stale answers, `Vary`, threads, or sessions made elsewhere."""

from __future__ import annotations

import pytest
import requests

from pytest_agentcache.clients import DISPATCHER
from pytest_agentcache.replay.run_state import SURROUNDINGS

FLAGS = ["", "--agentcache-offline"]


def flags(flag):
    return [flag] if flag else []


# Each of these has an answer in the cache that requests-cache by itself would go upstream for.
STALE = """
    import time
    from datetime import timedelta
    import pytest

    @pytest.mark.agentcache(
        session={{"expire_after": timedelta(milliseconds=1), {keyword}: {value}}}
    )
    def test_stale(agentcache_session):
        first = agentcache_session.get(URL + "/price")
        time.sleep(0.05)
        second = agentcache_session.get(URL + "/price")
        {check}
"""


def write_stale(suite, check, **more):
    filled = {"keyword": "'stale_if_error'", "value": True, **more}
    suite.write(STALE.format(check=check, **filled))


def forget_the_second(suite):
    """Records both requests, and leaves but the first on the cassette."""
    suite.record()
    path = suite.cassette("test_stale")
    first, mark, _ = path.read_text().partition("# 2 ")
    assert mark
    path.write_text(first)


@pytest.mark.parametrize("flag", FLAGS)
def test_stale_if_error_serves_the_stale_answer(suite, upstream, flag):
    """A stale response of the cache is used if the cassette has none; it is not a miss."""
    write_stale(suite, "assert agentcache_session.cache.contains(request=first.request)")
    forget_the_second(suite)
    hits = len(upstream.hits)
    write_stale(suite, "assert second.is_expired and second.json() == first.json()")
    suite.run(*flags(flag)).assert_outcomes(passed=1)

    assert len(upstream.hits) == hits


@pytest.mark.parametrize("flag", FLAGS)
def test_without_stale_if_error_an_expired_answer_is_a_miss(suite, upstream, flag):
    """An expired answer that nothing can renew is a miss of its own."""
    write_stale(suite, "pass", value=False)
    forget_the_second(suite)
    hits = len(upstream.hits)
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*recorded once (interaction 1), and already replayed"])
    assert len(upstream.hits) == hits


@pytest.mark.parametrize("flag", FLAGS)
def test_stale_while_revalidate_does_not_reach_upstream(suite, upstream, flag):
    """The stale answer is served, and its refresh asks nobody, but is missed."""
    write_stale(suite, "assert second.from_cache", keyword="'stale_while_revalidate'")
    forget_the_second(suite)
    hits = len(upstream.hits)
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*recorded once (interaction 1), and already replayed"])
    assert len(upstream.hits) == hits


@pytest.mark.parametrize("flag", FLAGS)
def test_a_vary_mismatch_does_not_reach_upstream(suite, upstream, flag):
    """Another value of a header that the answer varies by is a miss, and asks nobody."""
    source = """
        def test_vary(agentcache_session):
            url = URL + "/page?h=Vary:Accept-Language"
            for language in WHAT:
                agentcache_session.get(url, headers={"Accept-Language": language})
    """
    suite.write(source.replace("WHAT", '["en"]'))
    suite.record()
    suite.write(source.replace("WHAT", '["en", "de"]'))
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=1)
    assert upstream.hits == ["GET /page?h=Vary:Accept-Language"]


SESSIONS = {
    "CachedSession": "requests_cache.CachedSession('mine', backend='memory')",
    "sqlite": "requests_cache.CachedSession('mine')",
    "mixin": "type('Mine', (requests_cache.CacheMixin, requests.Session), {})('mine')",
    "made before the test": "EARLY",
}


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize("flag", FLAGS)
def test_every_cached_session_is_held(suite, upstream, flag, session):
    """A request that is not on the cassette is a miss, in every kind of session."""
    suite.write(f"""
        import requests, requests_cache

        EARLY = requests_cache.CachedSession("early", backend="memory")

        def test_one(agentcache):
            with {SESSIONS[session]} as session:
                assert session.get(URL + "/one").status_code == 504
    """)
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        ["*GET 127.0.0.1:*/one *", "*sent at test_suite.py:8 in test_one()"]
    )
    assert upstream.hits == []


def test_a_cached_session_of_a_test_on_no_cassette_is_held(suite):
    """Offline it is held to what it has, for any host but loopback."""
    suite.write("""
        import requests_cache

        def test_one():
            with requests_cache.CachedSession(backend="memory") as session:
                assert session.get(URL + "/one").ok
                assert session.get("http://upstream.example/").status_code == 504
    """)
    outcome = suite.run("--agentcache-offline")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*GET upstream.example/ *"])


def test_loopback_sockets_of_tests_stay_open(suite):
    """Servers that a test starts itself, and looks up by name, work offline."""
    suite.write("""
        import socket

        def echo():
            with socket.create_server(("127.0.0.1", 0)) as server:
                with socket.create_connection(("localhost", server.getsockname()[1])) as client:
                    side, _ = server.accept()
                    with side:
                        client.sendall(b"hello")
                        assert side.recv(5) == b"hello"

        def test_plain():
            echo()

        def test_on_cassette(agentcache):
            echo()

        def test_unix():
            left, right = socket.socketpair()
            left.close(), right.close()
    """)

    suite.run("--agentcache-offline").assert_outcomes(passed=3)


def test_allowed_hosts_reach_tests_on_no_cassette(suite):
    """agentcache_allowed_hosts opens the guard for the named host in every test."""
    suite.write("""
        import pytest, socket

        @pytest.mark.parametrize("host", ["192.0.2.1", "192.0.2.2"])
        def test_one(host):
            with socket.socket() as raw:
                raw.setblocking(False)
                raw.connect_ex((host, 9))
    """)
    outcome = suite.run("--agentcache-offline", "-o", "agentcache_allowed_hosts=192.0.2.1:9")

    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["*CONNECT 192.0.2.2:9 *"])


def test_threads_cannot_leak(suite, upstream):
    """Sixteen threads on an empty cassette: sixty misses, and the live origin has no hit."""
    suite.write("""
        import httpx, requests, urllib3
        import pytest
        from concurrent.futures import ThreadPoolExecutor

        ASK = [
            lambda url: requests.get(url).status_code,
            lambda url: urllib3.request("GET", url).status,
            lambda url: httpx.get(url).status_code,
        ]

        @pytest.mark.agentcache(on_miss="respond")
        def test_threads(agentcache):
            with ThreadPoolExecutor(16) as pool:
                asked = [pool.submit(ASK[n % 3], f"{URL}/{n}") for n in range(60)]
            assert {each.result() for each in asked} == {504}
            assert sum(miss.count for miss in agentcache.misses) == 60
    """)
    suite.run("--agentcache-offline").assert_outcomes(passed=1)

    assert upstream.hits == []


def test_the_guard_ends_with_the_run(suite, upstream):
    """After the run this process reaches its servers as before."""
    suite.write("def test_one(agentcache): pass")
    before = DISPATCHER.current, DISPATCHER.guard, SURROUNDINGS.settings
    suite.run("--agentcache-offline").assert_outcomes(passed=1)

    assert (DISPATCHER.current, DISPATCHER.guard, SURROUNDINGS.settings) == before
    assert requests.get(upstream.url + "/after").ok
    assert upstream.hits == ["GET /after"]


def test_an_interrupted_run_leaves_no_guard(suite):
    """Interrupted in a test that shuts the network, a run leaves it open for what comes after."""
    from pytest_agentcache.clients import DISPATCHER

    before = DISPATCHER.guard
    suite.write("""
        def test_interrupted(agentcache):
            raise KeyboardInterrupt
    """)
    with pytest.raises(KeyboardInterrupt):
        suite.run()

    assert DISPATCHER.guard is before
