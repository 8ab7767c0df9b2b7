"""`--agentcache-verify`: the responses of today beside those on the cassettes."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pytest_agentcache.suite.sample import is_in_sample
from tests.clients.upstream import Answer, Upstream

SUITE = """
    import requests

    def test_path(agentcache):
        assert requests.get(URL + "/one?h=x:y").json()["path"].startswith("/one")

    def test_plain(agentcache):
        assert requests.get(URL + "/two").ok
"""


COSTLY = """
    import os
    import pytest, requests

    @pytest.mark.parametrize("number", range(5))
    def test_cost(agentcache, number):
        assert requests.post(os.environ["PRICY"], json={"model": "m", "n": number}).ok
"""
JSON = [("content-type", "application/json")]


@pytest.fixture
def recorded(suite):
    """A suite of two tests with their cassettes, and what is on these."""
    suite.write(SUITE)
    suite.record()
    return suite


def test_same_shapes_are_fine_and_nothing_is_written(recorded, upstream):
    """Other values change nothing: the run is green, and the cassettes are as they were."""
    before = recorded.files()
    result = recorded.run("--agentcache-verify")

    assert result.ret == 0
    assert len(upstream.hits) == 4
    result.stdout.fnmatch_lines(["verify: endpoints: 2, errors: 0, warnings: 0, new: 0"])
    assert {name: recorded.files()[name] for name in before} == before


def test_changes_are_listed_and_a_changed_type_fails_the_run(recorded):
    """A type is an error, what has gone a warning, what is new neither."""
    path = recorded.cassette("test_path")
    path.write_text(path.read_text().replace("hit: 1", "hit: one, old: 1"))
    result = recorded.run("--agentcache-verify")

    result.assert_outcomes(passed=2)
    assert result.ret == 1
    where = "verify: GET 127.0.0.1:*/one: "
    result.stdout.fnmatch_lines(
        [
            f"{where}error: $.hit was string, is number",
            f"{where}warning: $.old is gone",
            "verify: endpoints: 2, errors: 1, warnings: 1, new: 0",
        ]
    )


def test_budget_stops_the_run(suite, monkeypatch):
    """When the responses have cost what they may, the rest of the suite is not run."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.2}
    body = json.dumps({"object": "chat.completion", "choices": [], "usage": usage}).encode()
    suite.write(COSTLY)
    suite.write("[pytest]\nagentcache_budget = 0.50\n", "pytest.ini")
    server = Upstream()
    monkeypatch.setenv("PRICY", server.serve("/chat", Answer(body, headers=JSON)))
    try:
        result = suite.run("--agentcache-record")
    finally:
        server.stop()

    result.stdout.fnmatch_lines(["agentcache_budget: $0.60 of $0.50 spent"])


def test_sample_takes_turns():
    """Each test is in the sample of one day in ten, and about a tenth of them each day."""
    tests = [f"tests/test_a.py::test_{number}" for number in range(300)]
    days = [date(2026, 11, day) for day in range(1, 11)]
    chosen = [{test for test in tests if is_in_sample(test, 0.1, day)} for day in days]

    assert sum(map(len, chosen)) == len(tests) == len(set().union(*chosen))
    assert all(10 < len(each) < 60 for each in chosen)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--agentcache-sample=10%"], "takes a part of a run with --agentcache-verify"),
        (["--agentcache-verify", "--agentcache-sample=ten"], "'ten' is no percentage above 0%"),
        (["-o", "agentcache_budget=much"], "budget is 'much'; it takes US dollars above 0: 0.50"),
    ],
)
def test_bad_input(suite, flags, said):
    """Wrong values are errors of usage with what is allowed."""
    suite.write("def test_it(): pass\n")
    result = suite.run(*flags)

    assert result.ret == 4
    assert said in result.stderr.str() + result.stdout.str()
