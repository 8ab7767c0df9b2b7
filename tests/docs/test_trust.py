"""The figures of the trust page are those of the tests that it names."""

from __future__ import annotations

import guide

from tests.clients.clients import CLIENTS
from tests.clients.test_secrets import everything
from tests.plugin.test_nothing_gets_out import module_of_ways
from tests.redaction.test_false_alarms import VALUES

PAGE = (guide.ROOT / "docs" / "trust.md").read_text(encoding="utf-8")


def figure(promise):
    """Return the figure in the row of a promise."""
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith(f"| {promise}")]

    assert len(rows) == 1
    return rows[0][2]


def test_figures_are_current():
    """Each figure is what its test runs through today."""
    secrets, requests, responses = everything("https://api.example", 1, 1)
    few, _, _ = everything("https://api.example", 1, 8)
    ways = module_of_ways()
    formats = list((guide.ROOT / "fixtures" / "formats").iterdir())

    assert figure("No secret is written") == (
        f"{len(secrets)} secrets in {len(requests) + len(responses)} places, "
        f"{len(few)} of them again with {len(CLIENTS) - 1} more clients, 0 found"
    )
    assert figure("Redaction does not get") == f"{len(CLIENTS)} clients, 0 misses"
    assert figure("Ids, hashes").startswith(f"{len(VALUES)} kinds, ")
    assert figure("Offline is closed").startswith(
        f"{len(ways.MOMENTS)} moments, {len(ways.IN_PROCESS)} ways in the process, "
        f"{len(ways.CHILDREN)} in children: 0 arrived, all reported; {len(ways.OPEN)} ways that "
    )
    assert figure("Released formats") == f"{len(formats)} format{'s' * (len(formats) > 1)}"


def test_named_tests_exist():
    """The page and the security policy name files that exist."""
    named = guide.ROOT / "tests"
    for path in (
        "clients/test_secrets.py",
        "redaction",
        "plugin/test_nothing_gets_out.py",
        "test_files.py",
        "cassette/test_formats.py",
    ):
        assert f"tests/{path}" in PAGE
        assert (named / path).exists()
