"""`agentcache prune`."""

from __future__ import annotations

import pytest

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from .conftest import at_terminal, get, snapshot, write


@pytest.fixture
def suite(folder):
    """A test with its cassette, an orphan with a sidecar file, and unrelated files."""
    (folder / "test_trip.py").write_text("def test_a(): pass\n")
    picture = Interaction(
        Request("GET", "https://h.example/p.png"),
        Response(200, Headers((("content-type", "image/png"),)), b"\x89PNG\r\n" + b"\0" * 2000),
    )
    write(folder / "cassettes/test_trip/test_a.yaml", get(), picture)
    write(folder / "cassettes/test_trip/test_gone.yaml", get(), picture)
    stray = folder / "cassettes/test_trip/test_a/json-0123456789.json"
    stray.write_bytes(b"{}")
    stray.with_name("json-0123456789.json.gz").write_bytes(b"")
    (folder / "cassettes/test_trip/notes").mkdir()
    (folder / "cassettes/test_trip/notes/mine.txt").write_text("keep")
    return folder


def test_removes_nothing_without_confirmation(suite, run):
    """Without a terminal, nothing is removed."""
    before = snapshot(suite)

    done = run("prune")

    assert "cassettes/test_trip/test_gone.yaml  no test uses it" in done.out
    assert "json-0123456789.json  test_a.yaml does not refer to it" in done.out
    assert "nothing was removed" in done.out
    assert snapshot(suite) == before
    assert done.code == 1


def test_yes_removes_only_unneeded_files(suite, run):
    """The cassette in use, its sidecar file and files of the user stay."""
    before = snapshot(suite)

    done = run("prune", "--yes")

    gone = before.keys() - snapshot(suite).keys()
    assert {name.rpartition("/")[2][:10] for name in gone} == {
        "test_gone.",
        "image-" + next(name for name in gone if "image" in name).rpartition("image-")[2][:4],
        "json-01234",
    }
    assert not list((suite / "cassettes/test_trip/test_a").glob("json-*"))
    assert not (suite / "cassettes/test_trip/test_gone").exists()
    assert (suite / "cassettes/test_trip/notes/mine.txt").exists()
    assert done.code == 0
    assert run("prune", "--no-suite").out == "nothing to remove\n"


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "removed"), [("y\n", True), ("\n", False), ("n\n", False)])
def test_asks_at_a_terminal(suite, answer, removed):
    """Files are removed only if the user answers yes."""
    code, output = at_terminal(answer, "prune", "--no-suite")

    assert "Remove them? [y/N]" in output
    assert (suite / "cassettes/test_trip/test_a/json-0123456789.json").exists() is not removed
    assert code == (0 if removed else 1)


def test_suite_with_a_syntax_error_has_no_orphans(suite, run):
    """If pytest cannot collect the suite, nothing is removed."""
    (suite / "test_trip.py").write_text("def test_a(:\n")
    before = snapshot(suite)

    done = run("prune", "--yes")

    assert done.code == 2
    assert snapshot(suite) == before


def test_no_suite_finds_deleted_modules_and_sidecars(suite, run):
    """With `--no-suite`, a cassette stays as long as its test module exists."""
    write(suite / "cassettes/test_old/test_x.yaml", get())

    paths = {each["path"] for each in run("prune", "--no-suite", "--json").json["files"]}

    assert paths == {
        "cassettes/test_old/test_x.yaml",
        "cassettes/test_trip/test_a/json-0123456789.json",
        "cassettes/test_trip/test_a/json-0123456789.json.gz",
    }


def test_unreadable_cassette_and_its_files_stay(suite, run):
    """The sidecar files of an unreadable cassette are unknown, so none is removed."""
    path = suite / "cassettes/test_trip/test_a.yaml"
    path.write_text("<<<<<<< ours\n" + path.read_text())
    before = snapshot(suite)

    done = run("prune", "--no-suite", "--yes", "--json")

    assert "test_a.yaml" in done.err
    assert snapshot(suite) == before


def test_what_a_killed_recording_left_is_removed(folder, run):
    """Its temporary folder is listed, and goes with `--yes`."""
    left = folder / "cassettes" / "test_a" / ".0123456789abcdef.tmp"
    left.mkdir(parents=True)
    (left / ".gitignore").write_text("*\n")
    (left / "new").write_text("half")

    assert ".0123456789abcdef.tmp/new" in run("prune", "--no-suite").out
    run("prune", "--no-suite", "--yes")
    assert not left.exists()
