"""`agentcache report`: a page of cassettes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from pytest_agentcache import cassette
from pytest_agentcache.reports.html import document

from .conftest import chat, get, make_huge, write


def index(path: Path):
    """The list of tests on the page."""
    page = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="index">(.*?)</script>', page, re.DOTALL)[1])


def test_writes_a_page(folder, run):
    """The page has all cassettes, and the output has their number."""
    write(folder / "tests/cassettes/test_trip/test_a.yaml", chat(("user", "Hi")), get())
    write(folder / "tests/cassettes/test_trip/test_b.yaml", get())

    done = run("report", "-o", "report.html")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("report.html: 2 cassettes, 3 calls, ")
    found = index(folder / "report.html")
    assert [each["test"] for each in found["tests"]] == [
        "tests/test_trip.py::test_a",
        "tests/test_trip.py::test_b",
    ]
    assert found["title"] == f"{folder.name}: cassettes"


def test_large_suite_has_the_beginnings_of_its_texts(folder, run, monkeypatch):
    """Beyond a limit, a cassette has room by its size: for responses, messages and bodies."""
    long = chat(("user", "Rain? " + "q" * 3000), answer="Yes. " + "a" * 3000)
    write(folder / "a.yaml", long, long)
    write(folder / "b.yaml", long, long)
    run("report", "-o", "all.html")
    monkeypatch.setattr(document, "_LARGEST", 800)
    run("report", "-o", "cut.html")

    texts = [(folder / name).read_text(encoding="utf-8") for name in ("all.html", "cut.html")]
    whole, cut = (re.search(r'id="calls-1">(.*)\n', each)[1] for each in texts)

    assert "a" * 3000 in whole
    assert "q" * 3000 in whole
    call = json.loads(cut)
    (said,) = call["answer"]["parts"]
    (sent,) = call["turns"][0]["parts"]
    assert said["text"] == f"Yes. {'a' * 95}… (2,905 more characters)"
    assert sent["text"] == f"Rain? {'q' * 94}… (2,906 more characters)"
    assert (call["response"]["body"], call["response"]["cut"]) == ("", True)


def test_page_is_written_while_cassettes_are_read(folder):
    """Only one cassette is in memory: each is on the page before the next one is read."""
    write(folder / "a.yaml", chat(("user", "Hi")))
    read = []

    def entries():
        for name in "ab":
            read.append(name)
            yield document.PageEntry(name, cassette=cassette.read(folder / "a.yaml"))

    page = document.render(entries())
    seen = [(each.count('id="calls-'), "".join(read)) for each in page]

    assert seen == [(0, ""), (1, "a"), (1, "ab"), (0, "ab")]


def test_paths_and_title_are_chosen(folder, run):
    """Only the given cassettes are on the page, under the given title."""
    write(folder / "a.yaml", get())
    write(folder / "b.yaml", get())

    run("report", "-o", "report.html", "--title", "Ours", "b.yaml")

    found = index(folder / "report.html")
    assert (found["title"], [each["path"] for each in found["tests"]]) == ("Ours", ["b.yaml"])


def test_json_has_counts_and_unreadable_files(folder, run):
    """`--json` has the size of the page, the counts, and the unreadable files."""
    write(folder / "a.yaml", get())
    (folder / "b.yaml").write_text("agentcache: 1\nwhat: 2\n")

    done = run("report", "--json", "-o", "report.html")

    assert done.code == 2
    found = done.json
    assert (found["path"], found["cassettes"], found["interactions"]) == ("report.html", 1, 1)
    assert found["size"] == (folder / "report.html").stat().st_size
    assert [each["path"] for each in found["unreadable"]] == ["b.yaml"]


def make_pipe(path):
    os.mkfifo(path)


def make_half(path):
    path.write_text("agentcache: 1\ninteractions:\n- request: {method: GET")


def make_link(path):
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize("make", [make_pipe, make_huge, make_half, make_link])
def test_invalid_cassette_is_listed(folder, run, make):
    """An invalid cassette is listed on the page and on standard error, and the code is 2."""
    write(folder / "good.yaml", get())
    make(folder / "bad.yaml")

    done = run("report", "-o", "report.html", "good.yaml", "bad.yaml")

    assert done.code == 2
    assert "bad.yaml" in done.err
    good, bad = index(folder / "report.html")["tests"]
    assert len(good["calls"]) == 1
    assert (bad["path"], "calls" in bad) == ("bad.yaml", False)
    assert bad["error"]["problem"]


@pytest.mark.parametrize(
    ("out", "problem"),
    [
        ("no/report.html", "there is no folder no; make it first"),
        (".", "this is a folder; name a file"),
        ("x" * 300, "File name too long"),
        ("report.html\0", "null"),
    ],
)
def test_page_that_cannot_be_written(folder, run, out, problem):
    """An impossible path for the page is an error, and nothing is written."""
    write(folder / "a.yaml", get())

    done = run("report", "-o", out)

    assert (done.code, done.out) == (2, "")
    assert "the report cannot be written: " in done.err
    assert problem in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["a.yaml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk(folder, run):
    """On a full disk, the error of the system is shown."""
    write(folder / "a.yaml", get())

    done = run("report", "-o", "/dev/full")

    assert (done.code, done.out) == (2, "")
    assert "No space left on device" in done.err


def test_existing_page_is_replaced(folder, run):
    """An existing page is replaced, and no temporary file stays."""
    write(folder / "a.yaml", get())
    (folder / "report.html").write_text("old")

    run("report", "-o", "report.html")

    assert "old" not in (folder / "report.html").read_text()[:10]
    assert sorted(path.name for path in folder.iterdir()) == ["a.yaml", "report.html"]
