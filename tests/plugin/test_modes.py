"""The table of modes: what each does with a request, a miss, the file and the rest of it."""

from __future__ import annotations

import os

import pytest

ONE = """
    import requests

    def test_one(agentcache):
        assert requests.get(URL + "/one").json()["path"] == "/one"
"""
TWO = """
    import requests

    def test_one(agentcache):
        assert requests.get(URL + "/one").ok
        assert requests.get(URL + "/two").ok
"""
READ_ONLY = ["", "--agentcache-offline", "--agentcache-live"]


def flags(flag):
    return [flag] if flag else []


def test_record_asks_and_keeps_what_is_missing(suite, upstream):
    """Recording asks upstream for what is not on the cassette, and keeps the answer."""
    suite.write(ONE)
    suite.record()

    assert upstream.hits == ["GET /one"]
    assert b"/one" in suite.cassette("test_one").read_bytes()


def test_record_plays_what_is_there(suite, upstream):
    """Recording asks only for what is missing, and keeps what was there."""
    suite.write(ONE)
    suite.record()
    suite.write(TWO)
    suite.record()

    assert upstream.hits == ["GET /one", "GET /two"]
    assert suite.cassette("test_one").read_text().count("- request:") == 2


def test_record_drops_what_was_not_used(suite, upstream):
    """Recording drops interactions that the test no longer asks for."""
    suite.write(TWO)
    suite.record()
    suite.write(ONE)
    suite.record()

    assert upstream.hits == ["GET /one", "GET /two"]
    assert b"/two" not in suite.cassette("test_one").read_bytes()


def test_record_with_nothing_new_leaves_the_file_alone(suite, upstream):
    """Recording what is all there writes nothing, not even a file that a person laid out."""
    suite.write(ONE)
    suite.record()
    path = suite.cassette("test_one")
    path.write_bytes(path.read_bytes() + b"# by hand\n")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    before = suite.files()
    outcome = suite.run("--agentcache-record")

    assert suite.files() == before
    assert path.stat().st_mtime == 1_000_000_000
    outcome.stdout.fnmatch_lines(["agentcache: 1 replayed, 0 recorded, *, 0 cassettes written"])


def test_record_removes_the_cassette_of_a_test_that_asks_no_more(suite):
    """A test that stopped asking has no cassette after it was recorded."""
    suite.write(ONE)
    suite.record()
    suite.write("def test_one(agentcache): pass")
    suite.record()

    assert suite.files() == {}


def test_rerecord_asks_for_everything_anew(suite, upstream):
    """Rerecording asks upstream for what is on the cassette too, and keeps the new answer."""
    suite.write(ONE)
    suite.record()
    assert b"hit: 1" in suite.cassette("test_one").read_bytes()
    suite.run("--agentcache-rerecord").assert_outcomes(passed=1)

    assert upstream.hits == ["GET /one"] * 2
    assert b"hit: 2" in suite.cassette("test_one").read_bytes()
    assert suite.cassette("test_one").read_text().count("- request:") == 1


@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_what_is_on_the_cassette_plays_without_upstream(suite, upstream, flag):
    """Replay and offline answer from the cassette; nothing is asked and nothing written."""
    suite.write(ONE)
    suite.record()
    upstream.stop()
    before = suite.files()
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(passed=1)
    outcome.stdout.fnmatch_lines(["agentcache: 1 replayed, 0 recorded, 0 missed, 0 unused, *"])
    assert suite.files() == before


@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_what_is_not_on_it_is_a_miss(suite, upstream, flag):
    """Replay and offline give 504 `Not Cached` for the rest, and fail the test that took it."""
    suite.write(ONE)
    suite.record()
    suite.write("""
        import requests

        def test_one(agentcache):
            assert requests.get(URL + "/one").ok
            answer = requests.get(URL + "/two")
            assert (answer.status_code, answer.reason) == (504, "Not Cached")
            assert answer.headers["x-should-retry"] == "false"
            assert answer.json()["error"]["code"] == "agentcache_missing"
    """)
    before = suite.files()
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*is not on the cassette of this test"])
    assert upstream.hits == ["GET /one"]
    assert suite.files() == before


def test_live_uses_no_cassette(suite, upstream):
    """Live asks upstream for everything and writes nothing."""
    suite.write(ONE)
    suite.record()
    before = suite.files()
    suite.run("--agentcache-live").assert_outcomes(passed=1)

    assert upstream.hits == ["GET /one"] * 2
    assert suite.files() == before


@pytest.mark.parametrize("flag", READ_ONLY)
def test_modes_that_do_not_record_never_touch_the_file(suite, flag):
    """Replay, offline and live leave bytes and times as they are, unused interactions too."""
    suite.write(TWO)
    suite.record()
    suite.write(ONE)
    path = suite.cassette("test_one")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    before = suite.files()
    suite.run(*flags(flag)).assert_outcomes(passed=1)

    assert suite.files() == before
    assert path.stat().st_mtime == 1_000_000_000


@pytest.mark.parametrize("flag", READ_ONLY)
def test_modes_that_do_not_record_never_make_a_file(suite, flag):
    """Without a cassette there is none after the run either, not even its folder."""
    suite.write(ONE)
    suite.run(*flags(flag))

    assert not (suite.root / "cassettes").exists()


@pytest.mark.parametrize("flag", ["--agentcache-record", "--agentcache-rerecord"])
@pytest.mark.parametrize(
    "ending",
    [
        "assert False",
        "raise RuntimeError",
        "agentcache.session.get('http://127.0.0.1:1')",
    ],
)
def test_a_failing_test_does_not_write(suite, flag, ending):
    """A test that fails leaves the cassette as it was."""
    suite.write(ONE)
    suite.record()
    before = suite.files()
    suite.write(f"""
        import pytest, requests

        def test_one(agentcache):
            requests.get(URL + "/two")
            {ending}
    """)
    suite.run(flag)

    assert suite.files() == before


@pytest.mark.parametrize("where", ["request.addfinalizer(fail)", "raise RuntimeError"])
def test_a_test_that_fails_outside_its_body_writes_nothing(suite, where):
    """An error in setup or teardown keeps the cassette from being written."""
    suite.write(f"""
        import pytest, requests

        @pytest.fixture
        def broken(request):
            def fail():
                raise RuntimeError
            requests.get(URL + "/one")
            {where}

        def test_one(agentcache, broken):
            pass
    """)
    suite.run("--agentcache-record")

    assert suite.files() == {}


ENDS = {
    "skips": ("", "pytest.skip('not offered')", {"skipped": 1}),
    "imports what is not there": ("", "pytest.importorskip('nowhere_to_be_found')", {"skipped": 1}),
    "xfails": ("", "pytest.xfail('not yet')", {"xfailed": 1}),
    "fails as expected": ("xfail", "assert 0", {"xfailed": 1}),
    "fails as expected, strictly": ("xfail(strict=True)", "assert 0", {"xfailed": 1}),
    "fails with the expected error": ("xfail(raises=KeyError)", "{}['a']", {"xfailed": 1}),
    "passes unexpectedly": ("xfail", "pass", {"xpassed": 1}),
    "must not pass": ("xfail(strict=True)", "pass", {"failed": 1}),
}


@pytest.mark.parametrize(("mark", "ending", "outcome"), ENDS.values(), ids=ENDS)
def test_a_test_ends_on_replay_as_while_recording(suite, upstream, mark, ending, outcome):
    """A test that skips or xfails after a request is recorded, and ends in the same way."""
    suite.write(f"""
        import pytest, requests

        @pytest.mark.{mark or "agentcache"}
        def test_one(agentcache):
            requests.get(URL + "/one").raise_for_status()
            {ending}
    """)
    suite.run("--agentcache-record").assert_outcomes(**outcome)
    before = suite.files()
    for flag in ["", "--agentcache-offline", "--agentcache-record"]:
        suite.run(*flags(flag)).assert_outcomes(**outcome)

    assert upstream.hits == ["GET /one"]
    assert list(before) == ["cassettes/test_suite/test_one.yaml"]
    assert suite.files() == before


def test_a_fixture_that_skips_after_a_request_is_recorded(suite, upstream):
    """The setup of a test may send the request that decides."""
    suite.write("""
        import pytest, requests

        @pytest.fixture
        def offered():
            if requests.get(URL + "/one").ok:
                pytest.skip("not offered")

        def test_one(agentcache, offered):
            pass
    """)
    for flag in ["--agentcache-record", "", "--agentcache-offline"]:
        suite.run(*flags(flag)).assert_outcomes(skipped=1)

    assert upstream.hits == ["GET /one"]


@pytest.mark.parametrize("ending", ["pytest.skip('today')", "pytest.xfail('today')"])
def test_a_test_that_stops_early_loses_no_interaction(suite, ending):
    """It may have stopped before the requests that it no longer sends."""
    suite.write(TWO)
    suite.record()
    suite.write(f"""
        import pytest, requests

        def test_one(agentcache):
            requests.get(URL + "/three")
            {ending}
    """)
    suite.run("--agentcache-record")

    text = suite.cassette("test_one").read_text()
    assert [path in text for path in ("/one", "/two", "/three")] == [True] * 3


def test_a_test_that_skips_because_upstream_is_down_writes_nothing(suite, upstream):
    """There is nothing to replay, and no reason to fail."""
    suite.write("""
        import pytest, requests

        def test_one(agentcache):
            try:
                requests.get(URL + "/one")
            except requests.ConnectionError:
                pytest.skip("down")
    """)
    upstream.stop()
    suite.run("--agentcache-record").assert_outcomes(skipped=1)

    assert suite.files() == {}


def test_a_failed_subtest_keeps_the_cassette_from_being_written(suite):
    """One failed subtest is enough, even if the last one passes."""
    suite.write("""
        import requests

        def test_one(agentcache, subtests):
            for wanted in ("/two", "/one"):
                with subtests.test(wanted):
                    assert requests.get(URL + "/one").json()["path"] == wanted
    """)
    suite.run("--agentcache-record")

    assert suite.files() == {}


@pytest.mark.parametrize("flag", ["--agentcache-record", *READ_ONLY])
def test_a_test_that_asks_for_nothing_has_no_cassette(suite, flag):
    """Being on a cassette makes no file where nothing is asked."""
    suite.write("def test_one(agentcache): pass")
    suite.run(*flags(flag)).assert_outcomes(passed=1)

    assert suite.files() == {}


def test_unused_interactions_are_listed_in_replay(suite):
    """Replay names the interactions that the test never asked for."""
    suite.write(TWO)
    suite.record()
    suite.write(ONE)
    outcome = suite.run()

    outcome.assert_outcomes(passed=1)
    outcome.stdout.fnmatch_lines(
        ["cassettes/test_suite/test_one.yaml: unused: interaction 2", "agentcache: *, 1 unused, *"]
    )


def test_unused_interactions_fail_offline_where_asked_for(suite):
    """Under `agentcache_unused = fail` offline fails the test, and says how to drop them."""
    suite.write(TWO)
    suite.record()
    suite.write(ONE)
    suite.write("[pytest]\nagentcache_unused = fail\n", "pytest.ini")
    outcome = suite.run("--agentcache-offline")

    assert outcome.ret == 1
    outcome.stdout.fnmatch_lines(
        [
            "*interaction 2 of cassettes/test_suite/test_one.yaml is unused by *test_one",
            '*remove what is unused: pytest --agentcache-record "test_suite.py::test_one"',
        ]
    )
    suite.run().assert_outcomes(passed=1)


def test_offline_counts_a_missing_cassette_as_empty(suite):
    """Without a cassette offline misses, and the report says that there is none."""
    suite.write(ONE)
    outcome = suite.run("--agentcache-offline")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*there is no cassette yet: cassettes/test_suite/test_one.yaml"])


def test_the_same_request_several_times_plays_in_order(suite, upstream):
    """A request that was sent twice has two responses, and each replays once."""
    suite.write("""
        import requests

        def test_one(agentcache):
            asked = [requests.get(URL + "/poll").json()["hit"] for _ in range(3)]
            assert asked == [1, 2, 3]
    """)
    suite.record()
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_a_test_on_a_cassette_reaches_no_address(suite, flag):
    """Sockets and DNS are shut in tests on a cassette, for code past every client too."""
    suite.write("""
        import socket
        import pytest

        def test_connects(agentcache):
            with pytest.raises(OSError, match="the network is shut"), socket.socket() as raw:
                raw.connect(("192.0.2.1", 80))

        def test_looks_up(agentcache):
            with pytest.raises(OSError, match="the network is shut"):
                socket.getaddrinfo("upstream.example", 443)
    """)
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=2)
    outcome.stdout.fnmatch_lines(
        ["*CONNECT 192.0.2.1:80 *", "*CONNECT upstream.example:443 *", "*agentcache_allowed_hosts*"]
    )


def test_replay_leaves_tests_on_no_cassette_alone(suite, upstream):
    """In replay a test on no cassette asks as it likes."""
    suite.write("""
        import requests

        def test_one():
            assert requests.get(URL + "/one").ok
    """)
    suite.run().assert_outcomes(passed=1)

    assert upstream.hits == ["GET /one"]


@pytest.mark.parametrize("flag", ["--agentcache-record", "--agentcache-rerecord"])
def test_upstream_that_does_not_answer_costs_no_cassette(suite, upstream, flag):
    """An agent that swallows the failure would pass, and its cassette would be gone."""
    source = """
        import requests

        def test_one(agentcache):
            try:
                requests.get(URL + "/one")
            except requests.RequestException:
                pass
    """
    suite.write(source)
    suite.record()
    before = suite.files()
    suite.write(source.replace("/one", "/two"))
    upstream.stop()
    outcome = suite.run(flag)

    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(
        ["*test_one.yaml: was not written, for upstream gave no answer to GET http*/two."]
    )
    assert suite.files() == before


def test_a_retry_that_is_answered_counts(suite, upstream):
    """A request that failed at first and succeeded on retry is on the cassette once."""
    suite.write("""
        import requests

        def test_one(agentcache):
            from pytest_agentcache.clients import DISPATCHER
            from pytest_agentcache.http.messages import Request

            # Upstream is asked, and the connection breaks before it answers.
            DISPATCHER.route(URL).decide(Request("GET", URL + "/one"))
            requests.get(URL + "/one")
    """)

    suite.run("--agentcache-record").assert_outcomes(passed=1)

    assert suite.cassette("test_one").read_bytes().count(b"- request:") == 1
