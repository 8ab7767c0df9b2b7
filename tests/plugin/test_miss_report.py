"""The report of a miss: what happened, what comes close, what to do."""

from __future__ import annotations

import pytest

REPORT = """
    import requests

    def chat(city, **more):
        body = {"messages": [{"content": "a"}, {"content": "b"}, {"content": city}], **more}
        return requests.post(URL + "/chat", json=body)

    def test_one(agentcache):
"""


def test_the_report_names_the_differing_json_path(suite):
    """The report has the nearest interaction and both values at the path where they differ."""
    suite.write(REPORT + '        chat("Paris")')
    suite.record()
    suite.write(REPORT + '        chat("London")')
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        [
            "*POST 127.0.0.1:*/chat *",
            "*sent at test_suite.py:6 in chat()",
            "*closest: interaction 1, not replayed yet",
            "*json.messages[[]2].content   recorded 'Paris'   sent 'London'",
            '*record it: pytest --agentcache-record "test_suite.py::test_one"',
        ]
    )


def test_the_report_says_if_the_nearest_was_played(suite):
    """A request that drifted from one that was played already says so."""
    suite.write(REPORT + '        chat("Paris")')
    suite.record()
    suite.write(REPORT + '        chat("Paris")\n        chat("London")')
    outcome = suite.run()

    outcome.stdout.fnmatch_lines(["*closest: interaction 1, already replayed once"])


def test_asking_once_more_than_recorded_is_exhausted(suite):
    """A request that was recorded twice and is sent a third time is its own kind of miss."""
    suite.write(REPORT + '        chat("Paris")\n        chat("Paris")')
    suite.record()
    suite.write(REPORT + '        [chat("Paris") for _ in range(3)]\n')
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        ["*recorded 2 times (interactions 1, 2), and already replayed", "*1 missed*"]
    )


def test_the_report_names_another_cassette_that_holds_it(suite):
    """A test that was renamed, or a request that moved, is found in the other file."""
    suite.write(REPORT + '        chat("Paris")')
    suite.record()
    suite.write(REPORT.replace("test_one", "test_two") + '        chat("Paris")')
    outcome = suite.run()

    outcome.stdout.fnmatch_lines(["*it is on another cassette: cassettes/test_suite/test_one.yaml"])


def test_each_miss_is_listed_with_its_count(suite):
    """One line per place and request, with how often it asked."""
    suite.write("""
        import requests

        def test_one(agentcache):
            for _ in range(3):
                requests.get(URL + "/one?q=1")
            requests.put(URL + "/two")
    """)
    outcome = suite.run()

    outcome.stdout.fnmatch_lines(
        [
            "*GET 127.0.0.1:*/one[?]q=1 *",
            "*sent at test_suite.py:6 in test_one(), 3 times",
            "*PUT 127.0.0.1:*/two *",
            "*sent at test_suite.py:7 in test_one()",
            "agentcache: 0 replayed, 0 recorded, 4 missed, 0 unused, 0 cassettes written",
        ]
    )


def test_secrets_are_not_in_the_report(suite):
    """A report shows requests as a cassette would hold them."""
    suite.write("""
        import requests

        def test_one(agentcache):
            requests.get(URL + "/one", params={"api_key": "hush"})
    """)
    outcome = suite.run("--tb=no")

    outcome.assert_outcomes(failed=1)
    outcome = suite.run()
    outcome.stdout.fnmatch_lines(["*GET 127.0.0.1:*/one[?]api_key=<API_KEY> *"])
    outcome.stdout.no_fnmatch_line("*api_key=hush*")


@pytest.mark.parametrize("source", ["own", "block"])
def test_a_report_is_printed_once_in_ci(suite, monkeypatch, tmp_path, source):
    """With `CI` set, pytest does not cut the lines of its short summary."""
    monkeypatch.setenv("CI", "true")
    block = f"with use_cassette({str(tmp_path / 'x.yaml')!r}):" if source == "block" else "if True:"
    suite.write(f"""
        import pytest, requests
        from pytest_agentcache import use_cassette

        @pytest.mark.agentcache
        def test_asks():
            {block}
                requests.get(URL + "/one")
    """)
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    text = outcome.stdout.str()
    assert text.count("record it: ") == 1
    summary = text.partition("short test summary info")[2]
    assert "/one is not on the cassette of " in summary.splitlines()[1]
