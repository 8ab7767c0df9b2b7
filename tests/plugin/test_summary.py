"""The summary: totals, a line a cassette with -v, what came too late."""

from __future__ import annotations

import pytest

SUITE = """
    import pytest, requests

    def test_one(agentcache):
        requests.get(URL + "/one")

    def test_two(agentcache):
        requests.get(URL + "/two")
        requests.get(URL + "/three")

    def test_plain():
        pass
"""


def test_totals_of_a_recording(suite):
    """One line sums up the recorded interactions and written cassettes."""
    suite.write(SUITE)

    suite.run("--agentcache-record").stdout.fnmatch_lines(
        ["agentcache: 0 replayed, 3 recorded, 0 missed, 0 unused, 2 cassettes written"]
    )


def test_totals_of_a_replay(suite):
    """One line sums up replayed, missed and unused interactions."""
    suite.write(SUITE)
    suite.record()
    suite.write(SUITE.replace('"/three"', '"/four"'))

    suite.run().stdout.fnmatch_lines(
        ["agentcache: 2 replayed, 0 recorded, 1 missed, 0 unused, 0 cassettes written"]
    )


def test_verbose_has_a_line_a_cassette(suite):
    """With -v each cassette tells what was done with it."""
    suite.write(SUITE)
    suite.run("--agentcache-record", "-v").stdout.fnmatch_lines(
        [
            "cassettes/test_suite/test_one.yaml: 1 recorded, written",
            "cassettes/test_suite/test_two.yaml: 2 recorded, written",
        ]
    )
    suite.write(SUITE.replace('requests.get(URL + "/three")', ""))
    outcome = suite.run("-v")

    outcome.stdout.fnmatch_lines(
        [
            "cassettes/test_suite/test_one.yaml: 1 replayed",
            "cassettes/test_suite/test_two.yaml: 1 replayed, unused: interaction 2",
            "agentcache: 2 replayed, 0 recorded, 0 missed, 1 unused, 0 cassettes written",
        ]
    )


def test_discarded_recording_says_why(suite):
    """A test that fails while recording writes nothing, and the summary says why."""
    suite.write(SUITE.replace('"/one")', '"/one")\n        assert False'))
    outcome = suite.run("--agentcache-record")

    outcome.stdout.fnmatch_lines(
        [
            "cassettes/test_suite/test_one.yaml: 1 recording discarded: the test failed",
            "agentcache: 0 replayed, 3 recorded, 0 missed, 0 unused, 1 cassette written",
        ]
    )


def test_recording_that_cannot_be_written_says_why(suite):
    """A secret that is not recognised keeps the cassette from being written."""
    suite.write("""
        import requests

        def test_one(agentcache):
            requests.post(URL, json={"note": "token ghp_" + "Zx9" * 12, "more": "q8W" * 20})
            requests.get(URL.replace("127", "126"))
    """)
    outcome = suite.run("--agentcache-record")

    line = next(each for each in outcome.outlines if "discarded" in each)
    assert line.startswith("cassettes/test_suite/test_one.yaml: 1 recording discarded: ")


def test_recording_before_a_skip_says_why(suite):
    """A test that skips itself because upstream is down keeps nothing."""
    suite.write("""
        import pytest, requests

        def test_one(agentcache):
            requests.get(URL)
            try:
                requests.get("http://127.0.0.1:9/", timeout=5)
            except requests.ConnectionError:
                pytest.skip("upstream is down")
    """)
    outcome = suite.run("--agentcache-record")

    outcome.stdout.fnmatch_lines(
        ["*: 1 recording discarded: the test ended early, and upstream gave no response"]
    )


def test_recorded_errors_are_listed(suite):
    """An error of upstream may be what the test is about, or a wrong key: a person decides."""
    suite.write("""
        import requests

        def test_one(agentcache):
            for status in (200, 401, 503):
                requests.post(URL + f"/now?status={status}", json={})
    """)
    host = suite.upstream.url.removeprefix("http://")
    outcome = suite.run("--agentcache-record")

    outcome.stdout.fnmatch_lines(
        [
            f"cassettes/test_suite/test_one.yaml: recorded an error: POST {host}/now → 401",
            f"cassettes/test_suite/test_one.yaml: recorded an error: POST {host}/now → 503",
            "agentcache: 0 replayed, 3 recorded, *",
        ]
    )
    assert "recorded an error" not in suite.run().stdout.str()


NOTHING = "agentcache: no test was on a cassette: add a marker, a fixture or agentcache_auto = true"


@pytest.mark.parametrize("mode", ["record", "rerecord"])
def test_recording_without_any_test_on_a_cassette_says_so(suite, mode):
    """Someone who records has forgotten the marker; each remedy that the line names works."""
    suite.write("import requests\n\ndef test_one(): requests.get(URL)")
    suite.run(f"--agentcache-{mode}").stdout.fnmatch_lines([NOTHING])
    assert NOTHING not in suite.run().stdout.str()

    for source, ini in (
        ("@pytest.mark.agentcache\ndef test_one(): requests.get(URL)", ""),
        ("def test_one(agentcache): requests.get(URL)", ""),
        ("def test_one(): requests.get(URL)", "agentcache_auto = true"),
    ):
        suite.write(f"import pytest, requests\n\n{source}")
        suite.write(f"[pytest]\n{ini}\n", "pytest.ini")
        outcome = suite.run(f"--agentcache-{mode}")
        assert NOTHING not in outcome.stdout.str()
        suite.cassette("test_one").unlink()


def test_worker_that_records_nothing_says_so(suite):
    """The controller of xdist says it for its workers."""
    suite.write("import requests\n\ndef test_one(): requests.get(URL)")

    assert NOTHING in suite.spawn("--agentcache-record", "-n1").outlines


def test_recording_in_blocks_is_recording(suite):
    """`use_cassette` is a cassette too."""
    suite.write("""
        import requests
        from pytest_agentcache import use_cassette

        def test_one(tmp_path):
            with use_cassette(tmp_path / "a.yaml"):
                requests.get(URL)
    """)

    assert NOTHING not in suite.run("--agentcache-record").stdout.str()


def test_a_shared_cassette_has_one_line(suite):
    """Tests that share a cassette are summed up in its line, and count it once."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(cassette="shared")
        class TestShared:
            def test_one(self):
                requests.get(URL + "/one")

            def test_two(self):
                requests.get(URL + "/two")
    """)
    outcome = suite.run("--agentcache-record", "-v")

    outcome.stdout.fnmatch_lines(
        [
            "cassettes/shared.yaml: 2 recorded, written",
            "agentcache: 0 replayed, 2 recorded, 0 missed, 0 unused, 1 cassette written",
        ]
    )
    assert outcome.stdout.str().count("cassettes/shared.yaml") == 1


@pytest.mark.parametrize("flag", [[], ["--agentcache-record"], ["--agentcache-offline"]])
def test_a_suite_without_cassettes_has_no_summary(suite, flag):
    """If the plugin had nothing to do, the end of the run does not mention it."""
    suite.write("def test_plain(): pass")
    outcome = suite.run(*flag)

    outcome.assert_outcomes(passed=1)
    outcome.stdout.no_fnmatch_line("agentcache: * replayed*")


def test_many_unused_interactions_are_listed_by_number(suite):
    """The list names each interaction that nobody asked for."""
    suite.write(SUITE)
    suite.record()
    suite.write("def test_two(agentcache): pass")

    suite.run().stdout.fnmatch_lines(
        ["cassettes/test_suite/test_two.yaml: unused: interactions 1, 2", "agentcache: *2 unused*"]
    )


LATE = """
    import requests, threading

    go, done = threading.Event(), threading.Event()

    def ask():
        go.wait()
        try:
            assert requests.get(URL + "/late").status_code == 504
        finally:
            done.set()

    def test_one(agentcache):
        threading.Thread(target=ask).start()

    def test_two():
        go.set()
        done.wait()
"""


@pytest.mark.parametrize("flag", [[], ["--agentcache-record"], ["--agentcache-offline"]])
def test_a_request_after_the_end_of_its_test_is_refused_and_told(suite, upstream, flag):
    """A thread that outlives its test reaches nothing, and the summary says who asked."""
    suite.write(LATE)
    outcome = suite.run(*flag)

    outcome.assert_outcomes(passed=2)
    outcome.stdout.fnmatch_lines(
        ["late: GET */late was asked after the end of its test, at test_suite.py:* in ask()"]
    )
    assert upstream.hits == []
    assert suite.files() == {}


def test_late_requests_of_xdist_workers_are_told(suite):
    """A request that came too late on a worker is reported by the controller."""
    suite.write(LATE)
    outcome = suite.spawn("-n", "1")

    outcome.assert_outcomes(passed=2)
    outcome.stdout.fnmatch_lines(["late: GET */late was asked after the end of its test, at *"])
