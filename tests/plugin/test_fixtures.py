"""The fixtures, and what of a test is on its cassette: fixtures, setup, body and teardown."""

from __future__ import annotations

import pytest


def test_the_harness_has_its_parts(suite):
    """`agentcache` gives session, cassette, misses and mode; the other fixtures are its parts."""
    suite.write("""
        import requests, requests_cache

        def test_parts(agentcache, agentcache_session, agentcache_cassette, tmp_path):
            assert agentcache.session is agentcache_session
            assert isinstance(agentcache_session, requests_cache.CachedSession)
            assert agentcache_session.cache.cache_dir.is_relative_to(tmp_path)
            assert agentcache.mode == "record"
            assert agentcache.misses == []
            assert agentcache_cassette.interactions == ()
            agentcache_session.get(URL + "/one")
            assert [each.request.url for each in agentcache.cassette.interactions] == [URL + "/one"]
            assert agentcache.cassette.path.name == "test_parts.yaml"
    """)

    suite.record()


def test_misses_can_be_looked_at(suite):
    """`agentcache.misses` tells what was missed, how often and by whom."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(on_miss="respond")
        def test_misses(agentcache):
            for _ in range(2):
                assert requests.get(URL + "/one").status_code == 504
            (miss,) = agentcache.misses
            assert (miss.request.url, miss.kind, miss.count) == (URL + "/one", "missing", 2)
            assert miss.caller.function == "test_misses"
    """)

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_the_session_caches(suite, upstream):
    """The second request of the session is a hit, and asks nothing below it."""
    suite.write("""
        def test_one(agentcache_session):
            assert not agentcache_session.get(URL + "/one").from_cache
            assert agentcache_session.get(URL + "/one").from_cache
    """)
    suite.record()
    assert upstream.hits == ["GET /one"]
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["agentcache", "agentcache_session", "agentcache_cassette"])
def test_each_fixture_puts_a_test_on_a_cassette(suite, upstream, fixture):
    """One of the fixtures is enough, for every client."""
    suite.write(f"""
        import httpx

        def test_one({fixture}):
            assert httpx.get(URL + "/one").status_code == 200
    """)
    suite.record()
    upstream.stop()
    suite.run("--agentcache-offline").assert_outcomes(passed=1)

    assert list(suite.files()) == ["cassettes/test_suite/test_one.yaml"]


def test_a_fixture_of_the_users_own_may_ask_for_it(suite, upstream):
    """A test is on a cassette if any fixture that it uses is on one."""
    suite.write("""
        import pytest

        @pytest.fixture
        def agent(agentcache_session):
            return agentcache_session

        def test_one(agent):
            assert agent.get(URL + "/one").ok
    """)
    suite.record()
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_the_fixture_may_be_asked_for_at_run_time(suite, upstream, flag):
    """From `request.getfixturevalue("agentcache")` on, a test is on its cassette."""
    suite.write("""
        import requests

        def test_one(request):
            harness = request.getfixturevalue("agentcache")
            assert requests.get(URL + "/one").ok
            assert harness.misses == []
    """)
    suite.record()
    upstream.stop()

    suite.run(*[flag] if flag else []).assert_outcomes(passed=1)


def test_a_fixture_asked_for_at_run_time_keeps_earlier_and_later_tests_apart(suite):
    """Offline, what was missed before it counts, and the next test starts afresh."""
    suite.write("""
        import requests

        def test_one(request):
            assert requests.get("http://one.example/").status_code == 504
            harness = request.getfixturevalue("agentcache")
            assert harness.misses == []
            assert requests.get("http://two.example/").status_code == 504

        def test_next():
            from pytest_agentcache.clients import DISPATCHER
            assert len(DISPATCHER._opened) == 1
            assert DISPATCHER.current.misses == []
    """)
    outcome = suite.run("--agentcache-offline")

    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["*GET one.example/ *", "*GET two.example/ *"])


def test_a_fixture_asked_for_at_run_time_shuts_the_network_from_then_on(suite):
    """In replay the sockets are open before it, shut after it, and open in the next test."""
    suite.write("""
        import pytest, socket

        def reach():
            with socket.socket() as raw:
                raw.setblocking(False)
                raw.connect_ex(("192.0.2.1", 9))

        @pytest.mark.agentcache
        def test_loads_the_edges():
            pass

        def test_one(request):
            reach()
            request.getfixturevalue("agentcache")
            with pytest.raises(OSError, match="the network is shut in replay mode"):
                reach()

        def test_two():
            reach()
    """)

    outcome = suite.run()

    outcome.assert_outcomes(passed=2, failed=1)
    outcome.stdout.fnmatch_lines(["*CONNECT 192.0.2.1:9 *", "*sent at test_suite.py:7 in reach()"])
    assert "DID NOT RAISE" not in outcome.stdout.str()


PHASES = {
    "autouse fixture": """
        import pytest, requests

        @pytest.fixture(autouse=True)
        def early():
            assert requests.get(URL + "/early").ok

        def test_one(agentcache):
            pass
    """,
    "fixture named before it": """
        import pytest, requests

        @pytest.fixture
        def early():
            assert requests.get(URL + "/early").ok

        def test_one(early, agentcache):
            pass
    """,
    "fixture teardown": """
        import pytest, requests

        @pytest.fixture(autouse=True)
        def late():
            yield
            assert requests.get(URL + "/late").ok

        def test_one(agentcache):
            pass
    """,
    "setup_method": """
        import pytest, requests

        @pytest.mark.agentcache
        class TestOne:
            def setup_method(self):
                assert requests.get(URL + "/early").ok

            def teardown_method(self):
                assert requests.get(URL + "/late").ok

            def test_one(self):
                pass
    """,
    "setup_function": """
        import pytest, requests

        def setup_function():
            assert requests.get(URL + "/early").ok

        def teardown_function():
            assert requests.get(URL + "/late").ok

        def test_one(agentcache):
            pass
    """,
    "setUp": """
        import pytest, requests, unittest

        @pytest.mark.agentcache
        class TestOne(unittest.TestCase):
            def setUp(self):
                assert requests.get(URL + "/early").ok
                self.addCleanup(lambda: requests.get(URL + "/cleanup").raise_for_status())

            def tearDown(self):
                assert requests.get(URL + "/late").ok

            def test_one(self):
                pass
    """,
}


@pytest.mark.parametrize("phase", PHASES)
def test_requests_around_the_body_are_on_the_cassette(suite, upstream, phase):
    """Requests of the test's fixtures, setup and teardown are recorded and replayed too."""
    suite.write(PHASES[phase])
    suite.record()
    (text,) = suite.files().values()
    assert text.count(b"- request:") == len(upstream.hits) > 0
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_misses_around_the_body_are_red(suite, phase, flag):
    """The same requests without a cassette are red, even if their answers are not looked at."""
    source = PHASES[phase].replace("assert requests", "requests").replace(".raise_for_status()", "")
    suite.write(source)
    outcome = suite.run(*[flag] if flag else [])

    assert outcome.ret == 1
    outcome.stdout.fnmatch_lines(["*is not on the cassette of this test"])


def test_what_a_fixture_of_wider_scope_asks_is_explained(suite):
    """A module's fixture is on no test's cassette; replay refuses it and says what to do."""
    suite.write("""
        import pytest, requests

        @pytest.fixture(scope="module")
        def client():
            try:
                requests.get("http://upstream.example/")
            except requests.ConnectionError:
                pass

        @pytest.mark.agentcache
        def test_one(client):
            pass
    """)
    outcome = suite.run()

    assert outcome.ret == 1
    outcome.stdout.fnmatch_lines(
        [
            "*CONNECT upstream.example:80 was sent while the cassette was not open",
            "*sent at test_suite.py:7 in client()",
            "*a fixture of a wider scope than the test's own is not on a cassette*",
        ]
    )


def test_caches_of_the_code_under_test_are_isolated(suite):
    """`CachedSession` and `install_cache` of the code leave no file, and are undone."""
    suite.write("""
        import requests, requests_cache
        plain = requests.Session

        def test_one(agentcache, tmp_path):
            with requests_cache.CachedSession("mine") as mine:
                mine.get(URL + "/one")
            requests_cache.install_cache("global")
            requests.get(URL + "/two")
            assert requests.Session is not plain
            assert sorted(each.name for each in (tmp_path / "caches").iterdir())

        def test_two(agentcache):
            assert requests.Session is plain
    """)
    suite.record()

    assert list(suite.root.rglob("*.sqlite")) == []


def test_offline_leaves_caches_of_tests_on_no_cassette_where_they_are(suite, upstream):
    """A test on no cassette that has caches of its own is kept offline, and no more."""
    suite.write("""
        import requests_cache

        def test_one(tmp_path, monkeypatch):
            monkeypatch.chdir(tmp_path)
            with requests_cache.CachedSession("mine", use_cache_dir=False) as mine:
                assert mine.get(URL + "/one").ok
            assert (tmp_path / "mine.sqlite").exists()
    """)

    suite.run("--agentcache-offline").assert_outcomes(passed=1)
