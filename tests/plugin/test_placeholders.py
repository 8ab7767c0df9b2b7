"""Placeholders on the cassette, in both directions, and recordings that are replayed again."""

from __future__ import annotations


def test_placeholders_go_both_ways(suite, upstream):
    """The cassette has the placeholder; the client sends and receives the text."""
    suite.write("""
        import pytest
        import requests

        @pytest.mark.agentcache(placeholders={"<WHO>": "Jane Doe", "<SIZE>": "17 m"})
        def test_one(agentcache):
            sent = {"name": "Jane Doe", "n": "17 m"}
            said = requests.post(URL + "/Jane%20Doe", json=sent, headers={"x-who": "Jane Doe"})
            assert "Jane Doe" in said.json()["asked"]
            assert "17 m" in said.text
    """)
    suite.record()
    text = suite.cassette("test_one").read_text()
    upstream.stop()

    assert "Jane Doe" not in text
    assert text.count("<WHO>") >= 2
    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_placeholder_needs_both_sides(suite):
    """An empty text would be found everywhere."""
    suite.write("[pytest]\nagentcache_placeholders = <A> =>\n", "pytest.ini")
    suite.write("def test_one(): pass")
    outcome = suite.run()

    outcome.stderr.fnmatch_lines(["*placeholders has an empty side; write PLACEHOLDER => TEXT*"])


def test_last_recording_repeats(suite, upstream):
    """After all recordings of a request, the last is replayed again if the setting says so."""
    suite.write("""
        import requests

        def test_one(agentcache):
            times = 2 if agentcache.mode == "record" else 4
            hits = [requests.get(URL).json()["hit"] for _ in range(times)]
            assert hits == [1, 2, 2, 2][:times]
    """)
    suite.record()
    upstream.stop()

    suite.run().assert_outcomes(failed=1)
    suite.run("-o", "agentcache_repeat=true").assert_outcomes(passed=1)
