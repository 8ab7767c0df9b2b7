"""Orphans of moved tests in `agentcache check --suite` and `agentcache prune`."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from .conftest import at_terminal, get, snapshot, write

SENTENCE = "cassettes/test_old/test_x.yaml is of test_old.py::test_x, which is gone"
OLD, NEW = "cassettes/test_old/test_x.yaml", "cassettes/test_new/test_x.yaml"
COMMAND = f"mkdir -p cassettes/test_new && mv {OLD} {NEW}"


@pytest.fixture
def moved(folder):
    """A test that moved to another module, a test of the same name, and a real orphan."""
    (folder / "test_new.py").write_text("def test_x(agentcache): pass\n")
    (folder / "test_plain.py").write_text("def test_x(): pass\n")
    write(folder / "cassettes/test_old/test_x.yaml", get())
    write(folder / "cassettes/test_old/test_gone.yaml", get())
    return folder


def test_check_shows_the_command_that_moves_it(moved, run):
    """The cassette of a moved test is an orphan whose remedy is to move it."""
    done = run("check", "--suite", "--json")

    findings = {each["path"]: each for each in done.json["findings"]}
    assert {each["rule"] for each in findings.values()} == {"orphan"}
    found = findings["cassettes/test_old/test_x.yaml"]
    assert found["problem"] == SENTENCE
    assert found["remedy"] == f"If that is test_new.py::test_x now: {COMMAND}"
    assert findings["cassettes/test_old/test_gone.yaml"]["remedy"] == "Remove it: agentcache prune"


@pytest.mark.slow
def test_prune_keeps_it(moved, run):
    """`prune --yes` keeps the cassette of a moved test, and its command moves it."""
    done = run("prune", "--yes", "--json")

    assert sorted(snapshot(moved)) == [
        "cassettes/test_old/test_x.yaml",
        "test_new.py",
        "test_plain.py",
    ]
    assert done.code == 1
    (left,) = done.json["moved"]
    assert left["path"] == "cassettes/test_old/test_x.yaml"
    assert left["why"].startswith(f"{SENTENCE}; if that is test_new.py::test_x now: ")
    command = left["why"].partition("now: ")[2]
    subprocess.run(["sh", "-ec", command], cwd=moved, check=True)
    assert run("prune").out == "nothing to remove\n"


@pytest.mark.parametrize(("answers", "kept"), [("y\ny\n", False), ("y\nn\n", True)])
def test_prune_asks_separately_for_moved_tests(moved, answers, kept):
    """A yes for the other files does not remove the cassette of a moved test."""
    code, output = at_terminal(answers, "prune")

    assert output.count("[y/N]") == 2
    assert f"{SENTENCE}; if that is test_new.py::test_x now:" in " ".join(output.split())
    assert not (moved / "cassettes/test_old/test_gone.yaml").exists()
    assert (moved / "cassettes/test_old/test_x.yaml").exists() is kept
    assert code == (1 if kept else 0)


def test_moved_module_needs_one_command(folder, run):
    """If a whole module moved, one command moves all of its cassettes."""
    (folder / "new").mkdir()
    source = "import pytest\npytestmark = pytest.mark.agentcache\n"
    (folder / "new/test_trip.py").write_text(f"{source}def test_a(): pass\ndef test_b(): pass\n")
    for name in ("test_a", "test_b"):
        write(folder / f"old/cassettes/test_trip/{name}.yaml", get())

    findings = run("check", "--suite", "--json").json["findings"]

    command = "mkdir -p new/cassettes && mv old/cassettes/test_trip new/cassettes/test_trip"
    assert [each["remedy"] for each in findings] == [
        f"If that is new/test_trip.py now: {command}"
    ] * 2


def test_no_guess_between_two_tests(folder, run):
    """If two new tests have the same name, no move is suggested."""
    for module in ("test_a", "test_b"):
        (folder / f"{module}.py").write_text("def test_x(agentcache): pass\n")
    write(folder / "cassettes/test_old/test_x.yaml", get())

    (finding,) = run("check", "--suite", "--json").json["findings"]

    assert finding["remedy"] == "Remove it: agentcache prune"


def test_check_uses_the_maximum_age_of_the_suite(folder, run):
    """The default of `--max-age` is `agentcache_max_age` in pytest's configuration."""
    then = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)
    write(folder / "cassettes/test_t/test_a.yaml", get(), recorded=then)
    assert run("check").code == 0

    for name, text in (
        ("pytest.ini", "[pytest]\n# a month\nagentcache_max_age = 30d\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nagentcache_max_age = "30d"\n'),
        ("tox.ini", "[pytest]\nagentcache_max_age: 30d\n"),
        ("setup.cfg", "[tool:pytest]\nagentcache_max_age = 30d\n"),
    ):
        (folder / name).write_text(text)
        (finding,) = run("check", "--json").json["findings"]
        assert finding["rule"] == "age"
        assert run("check", "--max-age", "50d").code == 0
        (folder / name).unlink()
    assert run("check", "--max-age", "0d").code == 1


def test_invalid_maximum_age_of_the_suite(folder, run):
    """The error names the configuration file and the key."""
    (folder / "pytest.ini").write_text("[pytest]\nagentcache_max_age = soon\n")

    done = run("check")

    assert done.code == 2
    assert "pytest.ini: agentcache_max_age" in done.err


def test_cassette_names_its_test(folder, run):
    """If the path does not name the test, it is read from the file, and kept there."""
    path = write(folder / "cassettes/test_t/test_a-b-~01234567.yaml", get())
    text = path.read_text().replace(
        "interactions:", "test: 'test_t.py::test_a[b, c]'\ninteractions:"
    )
    path.write_text(text)

    assert run("check").code == 1
    assert run("check", "--fix").code == 0
    assert "\ntest: test_t.py::test_a[b, c]\n" in path.read_text()
    (row,) = run("list", "--json").json["cassettes"]
    assert row["test"] == run("show", path, "--json").json["test"] == "test_t.py::test_a[b, c]"
    assert "test_t.py::test_a[b, c]" in run("show", path).out
    path.write_text(text.replace("'test_t.py::test_a[b, c]'", "[1]"))
    assert "`test` must be text" in run("check").out
