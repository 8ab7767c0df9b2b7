"""`--agentcache-report=FILE`: a page of the run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

TESTS = """
    import pytest, requests

    def test_one(agentcache):
        requests.get(f"{URL}/one?city=Paris")

    def test_two(agentcache):
        requests.get(f"{URL}/one")
        requests.get(f"{URL}/two")

    def test_three():
        pass
"""


def index(path: Path) -> dict[str, Any]:
    """Return the index of the page."""
    page = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="index">(.*?)</script>', page, re.DOTALL)[1])


def changed(suite) -> None:
    """Records, and then asks for another city and one thing less."""
    suite.write(TESTS)
    suite.record()
    other = TESTS.replace("Paris", "London").replace('requests.get(f"{URL}/two")', "pass")
    suite.write(other)


def test_the_page_tells_of_the_run(suite):
    """Tests that asked, what they missed with its closest match, and what they left unused."""
    changed(suite)

    outcome = suite.run("--agentcache-report=report.html")

    assert outcome.ret == 1
    outcome.stdout.fnmatch_lines(["agentcache: report of 2 tests: report.html"])
    found = index(suite.root / "report.html")
    one, two = found["tests"]
    assert found["run"]["mode"] == "replay"
    assert (one["test"], one["outcome"]) == ("test_suite.py::test_one", "failed")
    assert (two["test"], two["outcome"], two["unused"]) == (
        "test_suite.py::test_two",
        "passed",
        [2],
    )
    [miss] = one["misses"]
    assert miss["url"].endswith("/one?city=London")
    assert miss["caller"].startswith("test_suite.py:") or "test_suite.py:" in miss["caller"]
    assert miss["closest"]["places"] == [["query.city", "'Paris'", "'London'"]]
    assert miss["record"] == 'pytest --agentcache-record "test_suite.py::test_one"'
    assert [call["path"] for call in two["calls"]] == ["/one", "/two"]


@pytest.mark.slow
def test_workers_tell_the_controller(suite):
    """Under xdist there is one page of all workers' tests."""
    changed(suite)

    suite.spawn("--agentcache-report=report.html", "-n2", "-p", "xdist")

    found = index(suite.root / "report.html")
    assert [each["test"].rpartition("::")[2] for each in found["tests"]] == ["test_one", "test_two"]
    assert found["tests"][0]["misses"][0]["closest"]["n"] == 1


def test_what_is_recorded_is_on_the_page(suite):
    """A run that records shows what it wrote."""
    suite.write(TESTS)

    assert suite.run("--agentcache-record", "--agentcache-report=report.html").ret == 0

    found = index(suite.root / "report.html")
    assert [(each["recorded"], len(each["calls"])) for each in found["tests"]] == [(1, 1), (2, 2)]


def test_a_cassette_that_is_none_is_listed(suite):
    """Its test fails, and the page says why."""
    suite.write(TESTS)
    suite.record()
    suite.cassette("test_one").write_text("agentcache: 1\nwhat: is this\n")

    suite.run("--agentcache-report=report.html", "-k", "test_two")
    page = suite.root / "report.html"
    assert len(index(page)["tests"]) == 1

    from pytest_agentcache.reports.html import entry_of, render, write

    write(page, render([entry_of(suite.cassette("test_one"), "test_one.yaml")]))
    assert "what" in index(page)["tests"][0]["error"]["problem"]


def test_without_the_option_nothing_is_written(suite):
    """And nothing is said of it."""
    suite.write(TESTS)
    suite.record()

    outcome = suite.run()

    assert not list(suite.root.glob("*.html"))
    outcome.stdout.no_fnmatch_line("*report of*")


def test_a_folder_that_is_missing_is_told_at_once(suite):
    """Before any test runs."""
    suite.write(TESTS)

    outcome = suite.run("--agentcache-report=no/such/report.html")

    assert outcome.ret == 4
    outcome.stderr.fnmatch_lines(
        ["*--agentcache-report=no/such/report.html: there is no folder *no/such; make it first"]
    )


def test_a_folder_is_no_file(suite):
    """A name that belongs to a folder is an error at once."""
    suite.write(TESTS)
    (suite.root / "out").mkdir()

    outcome = suite.run("--agentcache-report=out")

    assert outcome.ret == 4
    outcome.stderr.fnmatch_lines(["*--agentcache-report=out: this is a folder; name a file"])


def test_a_name_that_no_file_can_have(suite):
    """It is an error at once, too."""
    suite.write(TESTS)

    outcome = suite.run(f"--agentcache-report={'x' * 300}.html")

    assert outcome.ret == 4
    outcome.stderr.fnmatch_lines(["*x.html: File name too long"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is full")
def test_a_page_that_cannot_be_written_fails_the_run(suite):
    """The tests passed, and yet there is no report."""
    suite.write(TESTS)
    suite.record()

    outcome = suite.run("--agentcache-report=/dev/full")

    assert outcome.ret == 1
    outcome.stdout.fnmatch_lines(
        ["/dev/full: the report cannot be written: No space left on device"]
    )
    assert "Traceback" not in outcome.stdout.str()


def test_no_secret_of_a_miss_is_on_the_page(suite):
    """A missed request is redacted like a recorded one."""
    suite.write("""
        import requests

        def test_one(agentcache):
            headers = {"authorization": "Bearer planted-in-header", "x-api-key": "planted-in-key"}
            body = {"password": "planted-in-body", "city": "Paris"}
            requests.post(f"{URL}/one?api_key=planted-in-url", json=body, headers=headers)
    """)

    assert suite.run("--agentcache-report=report.html").ret == 1

    page = (suite.root / "report.html").read_text(encoding="utf-8")
    assert "Paris" in page
    assert "planted" not in page
