"""Two workers: totals merge on the controller, and recording loses nothing."""

from __future__ import annotations

import pytest

# Each run starts three processes.
pytestmark = pytest.mark.slow

WORKERS = ("-n", "2")
# Each test waits until the other is on its cassette too, so two workers do hold it at once.
SHARED = """
    import pathlib, time
    import pytest, requests

    HERE = pathlib.Path(__file__).parent

    def meet(me, other):
        (HERE / me).touch()
        end = time.monotonic() + 20
        while not (HERE / other).exists():
            assert time.monotonic() < end, "the other worker never came"
            time.sleep(0.01)

    # Polling for another process takes real time.
    @pytest.mark.agentcache(cassette="shared", freeze=False)
    class TestShared:
        def test_one(self, agentcache):
            meet("one", "two")
            assert requests.get(URL + "/one").json()["path"] == "/one"
            assert requests.get(URL + "/both").ok

        def test_two(self, agentcache):
            meet("two", "one")
            assert requests.get(URL + "/two").json()["path"] == "/two"
            assert requests.get(URL + "/both").ok
"""


def forget_meeting(suite):
    for name in ("one", "two"):
        (suite.root / name).unlink()


def test_totals_merge_on_the_controller(suite, upstream):
    """Recorded, played and missed of all workers are one sum, as without them."""
    suite.write("""
        import pytest, requests

        @pytest.mark.parametrize("number", range(8))
        def test_many(agentcache, number):
            requests.get(f"{URL}/{number}")
    """)
    recorded = suite.spawn(*WORKERS, "--agentcache-record")
    recorded.assert_outcomes(passed=8)
    recorded.stdout.fnmatch_lines(
        ["agentcache: 0 replayed, 8 recorded, 0 missed, 0 unused, 8 cassettes written"]
    )
    assert len(suite.files()) == 8
    assert sorted(upstream.hits) == [f"GET /{number}" for number in range(8)]
    upstream.stop()
    suite.cassette("test_many[3]").unlink()
    played = suite.spawn(*WORKERS, "--agentcache-offline", "-v")

    played.assert_outcomes(passed=7, failed=1)
    played.stdout.fnmatch_lines(
        [
            "cassettes/test_suite/test_many[[]0].yaml: 1 replayed",
            "cassettes/test_suite/test_many[[]3].yaml: 1 missed",
            "agentcache: 7 replayed, 0 recorded, 1 missed, 0 unused, 0 cassettes written",
        ]
    )


def test_two_workers_that_share_a_cassette_lose_nothing(suite, upstream, monkeypatch, tmp_path):
    """Both tests of a class record into one named cassette at the same time.

    Recording all of it again drops interactions that no test requests any more; those that both
    tests request are there once. The files that workers exchange are gone afterwards.
    """
    exchanged = tmp_path / "exchanged"
    exchanged.mkdir()
    monkeypatch.setenv("TMPDIR", str(exchanged))
    suite.write(SHARED)
    path = suite.root / "cassettes" / "shared.yaml"
    for flag in ("--agentcache-record", "--agentcache-rerecord"):
        upstream.hits.clear()
        suite.spawn(*WORKERS, flag).assert_outcomes(passed=2)
        text = path.read_text()
        assert text.count("path: /one") == text.count("path: /two") == 1
        assert text.count("- request:") == len(upstream.hits) == 4
        assert "/gone" not in text
        forget_meeting(suite)
        path.write_text(text.replace("/both", "/gone"))
    path.write_text(text)
    upstream.stop()

    suite.spawn(*WORKERS, "--agentcache-offline").assert_outcomes(passed=2)
    assert list(suite.files()) == ["cassettes/shared.yaml"]
    assert list(exchanged.glob("pytest-agentcache-run-*")) == []


def test_rerecording_a_shared_cassette_in_one_process_replaces_it(suite, upstream):
    """The first test starts it from scratch, the next ones add to it; the order does not matter."""
    source = """
        import pytest, requests

        @pytest.mark.agentcache(cassette="shared")
        class TestShared:
            def test_nothing(self):
                pass

            def test_one(self):
                requests.get(URL + "/one")

            def test_two(self):
                requests.get(URL + "/two")
    """
    suite.write(source)
    suite.record()
    suite.write(source.replace("/one", "/new"))
    suite.run("--agentcache-rerecord").assert_outcomes(passed=3)
    text = suite.files()["cassettes/shared.yaml"]

    assert upstream.hits == ["GET /one", "GET /two", "GET /new", "GET /two"]
    assert b"/one" not in text
    assert text.count(b"- request:") == 2


def test_a_failing_test_on_a_shared_cassette_loses_nothing_of_the_others(suite):
    """While recording, what other tests have on it stays, whether this one passes or not."""
    source = """
        import pytest, requests

        @pytest.mark.agentcache(cassette="shared")
        class TestShared:
            def test_one(self):
                requests.get(URL + "/one")

            def test_two(self):
                requests.get(URL + "/two")
    """
    suite.write(source)
    suite.record()
    before = suite.files()
    suite.write(source.replace('"/two")', '"/three")\n                assert False'))
    suite.run("--agentcache-record").assert_outcomes(passed=1, failed=1)

    assert suite.files() == before


def test_a_miss_on_a_worker_is_reported_in_full(suite):
    """The report of a worker reaches the terminal as without xdist."""
    suite.write("""
        import requests

        def test_one(agentcache):
            requests.get(URL + "/one")
    """)
    outcome = suite.spawn(*WORKERS, "--agentcache-offline")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        ["*GET */one *", "*sent at test_suite.py:5 in test_one()", "*--agentcache-record*"]
    )


def test_a_wrong_setting_is_told_once_before_any_worker_starts(suite):
    """A usage error ends the run at once with xdist too."""
    suite.write("def test_one(): pass")
    outcome = suite.spawn(*WORKERS, "-o", "agentcache_mode=nothing")

    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    assert outcome.stderr.str().count("mode is 'nothing'") == 1
