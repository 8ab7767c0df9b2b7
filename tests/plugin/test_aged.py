"""Cassettes that are older than `agentcache_max_age`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

SUITE = """
    import pytest, requests

    def test_old(agentcache):
        assert requests.get(URL + "/old").ok

    def test_new(agentcache):
        assert requests.get(URL + "/new").ok
"""
OLD = (
    "cassettes/test_suite/test_old.yaml: recorded 100 days ago, 90 days at most: "
    'pytest --agentcache-rerecord "test_suite.py::test_old"'
)


def make_old(path, days=100):
    """As if it had been recorded that long ago."""
    then = datetime.now(UTC) - timedelta(days=days, minutes=1)
    text = re.sub(
        r"(?m)^recorded_at: .*", f"recorded_at: '{then:%Y-%m-%dT%H:%M:%SZ}'", path.read_text()
    )
    path.write_text(text)


@pytest.fixture
def aged(suite):
    """One cassette of a hundred days, one of today."""
    suite.write(SUITE)
    suite.record()
    make_old(suite.cassette("test_old"))
    suite.write("[pytest]\nagentcache_max_age = 90d\n", "pytest.ini")
    return suite


def aged_lines(outcome):
    return [line for line in outcome.outlines if line.startswith("cassettes/") and " ago" in line]


@pytest.mark.parametrize("mode", ["", "--agentcache-offline", "--agentcache-record"])
def test_aged_cassette_is_listed(aged, mode):
    """The age counts up to the real time, although the clock of the test is frozen."""
    before = aged.files()
    outcome = aged.run(*mode.split())

    outcome.assert_outcomes(passed=2)
    assert aged_lines(outcome) == [OLD]
    assert aged.files() == before


def test_recording_again_makes_it_new(aged):
    """The suggested command does it."""
    command = aged_lines(aged.run())[0].partition(": pytest ")[2].replace('"', "").split()

    assert aged_lines(aged.run(*command)) == []
    assert aged_lines(aged.run()) == []


@pytest.mark.parametrize("mode", ["", "--agentcache-offline"])
def test_aged_cassette_may_fail_its_test(aged, mode):
    """Under `agentcache_aged = fail` the test that plays it fails, and says what to do."""
    outcome = aged.run("-o", "agentcache_aged=fail", *mode.split())

    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(
        [
            "the cassette of test_suite.py::test_old is too old",
            "  cassettes/test_suite/test_old.yaml: recorded 100 days ago, 90 days at most",
            '  record it again: pytest --agentcache-rerecord "test_suite.py::test_old"',
        ]
    )
    assert aged.run("--agentcache-record", "-o", "agentcache_aged=fail").ret == 0


@pytest.mark.parametrize(
    ("value", "listed"),
    [("2400h", True), ("99D", True), ("15w", False), ("14w", True), ("", False)],
)
def test_units(aged, value, listed):
    """Hours, days and weeks; without a limit nothing is too old."""
    outcome = aged.run("-o", f"agentcache_max_age={value}")

    assert outcome.ret == 0
    assert bool(aged_lines(outcome)) is listed


def test_marker_and_fixture_set_it(suite):
    """As any setting: the nearest marker over the fixture over the ini file."""
    suite.write("""
        import datetime, pytest, requests

        @pytest.fixture
        def agentcache_config():
            return {"max_age": "12w", "aged": "fail"}

        def test_fixture(agentcache):
            requests.get(URL)

        @pytest.mark.agentcache(max_age="15w")
        def test_marker():
            requests.get(URL)

        @pytest.mark.agentcache(aged="list", max_age=datetime.timedelta(days=99))
        def test_list():
            requests.get(URL)

        @pytest.mark.agentcache(max_age=None)
        def test_none():
            requests.get(URL)
    """)
    suite.record()
    for name in ("fixture", "marker", "list", "none"):
        make_old(suite.cassette(f"test_{name}"))
    outcome = suite.run()

    outcome.assert_outcomes(passed=4, errors=1)
    outcome.stdout.fnmatch_lines(["*ERROR at teardown of test_fixture*"])
    assert [line.partition(":")[0].rpartition("_")[2] for line in aged_lines(outcome)] == [
        "fixture.yaml",
        "list.yaml",
    ]


def test_shared_cassette_is_listed_once(suite):
    """With the tests that are on it, as far as they are few."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(cassette="shared", max_age="90d")
        @pytest.mark.parametrize("n", range(4))
        def test_shared(n):
            requests.get(f"{URL}/{n}")
    """)
    suite.record()
    make_old(suite.root / "cassettes" / "shared.yaml")

    (all_of_them,) = aged_lines(suite.run())
    assert all_of_them.endswith("90 days at most: pytest --agentcache-rerecord")
    (two,) = aged_lines(suite.run("-k", "1 or 2"))
    assert two.endswith('rerecord "test_suite.py::test_shared[1]" "test_suite.py::test_shared[2]"')
    assert aged_lines(suite.run("--agentcache-rerecord")) == []
    assert aged_lines(suite.run()) == []


def test_on_two_workers(aged):
    """Workers find it, the controller tells it."""
    assert aged_lines(aged.spawn("-n", "2")) == [OLD]


def test_block_fails_too(tmp_path, upstream):
    """`use_cassette` has nobody to list it, and raises under `aged="fail"`."""
    import requests

    from pytest_agentcache import use_cassette
    from pytest_agentcache.errors import CassetteError

    path = tmp_path / "block.yaml"
    with use_cassette(path, mode="record"):
        requests.get(upstream.url, timeout=10)
    make_old(path)

    # A frozen clock does not matter.
    then = datetime.now(UTC) - timedelta(days=100)
    too_old = pytest.raises(CassetteError, match="recorded 100 days ago, 90 days at most")
    strict = use_cassette(path, max_age="90d", aged="fail")
    with too_old, use_cassette(path, freeze=then), strict:
        requests.get(upstream.url, timeout=10)
    for settings in ({"max_age": "90d"}, {"max_age": "101d", "aged": "fail"}):
        with use_cassette(path, **settings):
            requests.get(upstream.url, timeout=10)
