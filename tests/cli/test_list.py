"""`agentcache list`."""

from __future__ import annotations

import pytest

from pytest_agentcache.cli.commands import list as commands

from .conftest import chat, get, write

USAGE = {"prompt_tokens": 1200, "completion_tokens": 85, "cost": 0.0125}


def test_lists_calls_hosts_size_and_tokens(folder, run):
    """Each cassette has a line with its contents, and the last line has the totals."""
    write(folder / "cassettes/test_trip/test_a.yaml", chat(("user", "Hi"), usage=USAGE), get())
    write(folder / "cassettes/test_trip/test_b.yaml", get())

    done = run("list")

    first, second, third, total = done.out.splitlines()
    assert first == "cassettes/test_trip/"
    assert first
    assert "test_a.yaml" in second
    assert "2 calls" in second
    assert "1.2k→85 tok" in second
    assert "api.openai.example +1" in second
    assert "test_b.yaml" in third
    assert "1 call" in third
    assert total.startswith("2 cassettes · 3 calls · 2 hosts")
    assert "$0.0125" in total
    assert done.code == 0


def test_json_has_the_same_content(folder, run):
    """`--json` has the same content and the test of each cassette."""
    write(
        folder / "tests/cassettes/test_trip/TestA.test_b[x].yaml", chat(("user", "Hi"), usage=USAGE)
    )

    (row,) = run("list", "--json").json["cassettes"]

    assert row["test"] == "tests/test_trip.py::TestA::test_b[x]"
    assert (row["interactions"], row["tokens_in"], row["tokens_out"]) == (1, 1200, 85)
    assert row["hosts"] == ["api.openai.example"]
    assert row["recorded_at"] == "2026-11-21T18:29:15+00:00"
    assert row["cost"] == 0.0125


def test_sorts_by_size(folder, run):
    """`--sort size` puts the largest first."""
    write(folder / "cassettes/a/small.yaml", get())
    write(folder / "cassettes/a/large.yaml", get(), get(), get())

    rows = run("list", "--sort", "size", "--json").json["cassettes"]

    assert [row["path"] for row in rows] == ["cassettes/a/large.yaml", "cassettes/a/small.yaml"]


def test_each_folder_is_written_once(folder, run, monkeypatch):
    """The folder of several cassettes is written once, above them."""
    for name in ("a/cassettes/t/1.yaml", "a/cassettes/t/2.yaml", "b/cassettes/t/3.yaml"):
        write(folder / name, get())

    wide = [line.split()[0] for line in run("list").out.splitlines()]
    monkeypatch.setenv("COLUMNS", "40")
    narrow = run("list").out.splitlines()

    assert wide == ["a/cassettes/t/", "1.yaml", "2.yaml", "b/cassettes/t/", "3.yaml", "3"]
    assert narrow[:2] == ["a/cassettes/t/", "1.yaml"]
    assert narrow[2].startswith("  1 call · ")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(folder, run, monkeypatch, width):
    """Long names are cut to the width of the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    name = "test_with_a_name_" + "that_does_not_end_" * 6
    write(folder / f"cassettes/test_trip/{name}.yaml", chat(("user", "Hi"), usage=USAGE))
    write(folder / "cassettes/test_trip/test_b.yaml", get())

    lines = run("list").out.splitlines()

    assert max(map(len, lines)) <= width


def test_broken_one_does_not_hide_the_others(folder, run):
    """An unreadable cassette is reported on standard error, and the exit code is 2."""
    write(folder / "cassettes/a/good.yaml", get())
    (folder / "cassettes/a/bad.yaml").write_text("agentcache: 1\n")

    done = run("list")

    assert "good.yaml" in done.out
    assert "cassettes/a/bad.yaml:1: " in done.err
    assert done.code == 2


def test_virtual_environments_are_skipped(folder, run):
    """Cassettes of installed packages are not listed."""
    write(folder / ".venv/cassettes/a/x.yaml", get())
    write(folder / "cassettes/a/y.yaml", get())

    assert [row["path"] for row in run("list", "--json").json["cassettes"]] == [
        "cassettes/a/y.yaml"
    ]


def test_unchanged_cassettes_are_listed_without_being_read(folder, run, monkeypatch):
    """The second list is the first one, from the results that were kept."""
    write(folder / "cassettes/test_trip/test_a.yaml", chat(("user", "Hi"), usage=USAGE), get())
    path = write(folder / "cassettes/test_trip/test_b.yaml", get())
    first = run("list").out
    monkeypatch.setattr(commands, "load_inside", pytest.fail)

    assert run("list").out == first

    monkeypatch.undo()
    write(path, get(), get("/b"))
    assert "1 call" in first
    assert "1 call" not in run("list", path).out
