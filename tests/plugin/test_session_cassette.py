"""Requests that are made once per process are on a cassette for every test."""

from __future__ import annotations

import pytest

SUITE = """
    import functools
    import pytest, requests

    @functools.lru_cache
    def token():
        return requests.get(URL + "/token").json()["path"]

    @pytest.mark.agentcache
    @pytest.mark.parametrize("city", ["Paris", "Rome", "Oslo"])
    def test_city(city):
        assert token() == "/token"
        assert requests.get(URL + "/" + city).json()["path"] == "/" + city
"""
CITIES = ["Paris", "Rome", "Oslo"]


@pytest.fixture
def recorded(suite):
    suite.write("[pytest]\nagentcache_session_cassette = 127.0.0.1:*/token\n", "pytest.ini")
    suite.write(SUITE)
    suite.spawn("--agentcache-record").assert_outcomes(passed=3)
    return suite


@pytest.mark.slow
def test_each_test_alone_and_any_order_pass_offline(recorded, upstream):
    """Whichever test comes first finds the token, and nothing is unused."""
    assert upstream.hits.count("GET /token") == 1
    assert (recorded.root / "cassettes" / "session.yaml").read_text().count("/token") >= 1
    upstream.stop()
    for arguments in [("-k", city) for city in CITIES] + [(), ("-n", "2")]:
        outcome = recorded.spawn("--agentcache-offline", "-o", "agentcache_unused=fail", *arguments)
        outcome.assert_outcomes(passed=1 if arguments[:1] == ("-k",) else 3)


@pytest.mark.parametrize("mode", ["record", "rerecord"])
def test_recording_one_test_alone_keeps_the_others(recorded, upstream, mode):
    """Each test has the token after any of them was recorded again."""
    recorded.spawn(f"--agentcache-{mode}", "-k", "Rome").assert_outcomes(passed=1)

    assert upstream.hits.count("GET /token") == (1 if mode == "record" else 2)
    upstream.stop()
    recorded.spawn("--agentcache-offline", "-k", "Oslo").assert_outcomes(passed=1)
    recorded.spawn("--agentcache-offline").assert_outcomes(passed=3)


@pytest.mark.slow
def test_the_remedy_of_the_report_works(suite, upstream):
    """Without the setting, one test has the token; the report names the setting to use."""
    suite.write(SUITE)
    suite.spawn("--agentcache-record").assert_outcomes(passed=3)
    outcome = suite.spawn("--agentcache-offline", "-k", "Rome")
    outcome.assert_outcomes(failed=1)
    [remedy] = [line for line in outcome.outlines if "agentcache_session_cassette =" in line]

    suite.write(f"[pytest]\n{remedy.strip()}\n", "pytest.ini")
    suite.spawn("--agentcache-record").assert_outcomes(passed=3)
    upstream.stop()
    for arguments in [("-k", city) for city in CITIES] + [()]:
        outcome = suite.spawn("--agentcache-offline", "-o", "agentcache_unused=fail", *arguments)
        outcome.assert_outcomes(passed=1 if arguments else 3)


@pytest.mark.slow
def test_a_token_that_is_not_recorded_is_a_miss(recorded, upstream):
    """Without its recording the request misses, and recording any test cures it."""
    (recorded.root / "cassettes" / "session.yaml").unlink()
    outcome = recorded.spawn("--agentcache-offline", "-k", "Rome")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*/token is not on the cassette of this test*"])

    recorded.spawn("--agentcache-record", "-k", "Rome").assert_outcomes(passed=1)
    recorded.spawn("--agentcache-offline").assert_outcomes(passed=3)
