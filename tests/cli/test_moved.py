"""Orphans of tests that were moved: `agentcache check --suite` and `agentcache prune`."""

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
    """A test that has another module now, a plain one of the same name, and a true orphan."""
    (folder / "test_new.py").write_text("def test_x(agentcache): pass\n")
    (folder / "test_plain.py").write_text("def test_x(): pass\n")
    write(folder / "cassettes/test_old/test_x.yaml", get())
    write(folder / "cassettes/test_old/test_gone.yaml", get())
    return folder


def test_check_says_how_to_move_it(moved, spawn):
    """It is an orphan all the same, but its remedy is another."""
    done = spawn("check", "--suite", "--json")

    findings = {each["path"]: each for each in done.json["findings"]}
    assert {each["rule"] for each in findings.values()} == {"orphan"}
    found = findings["cassettes/test_old/test_x.yaml"]
    assert found["problem"] == SENTENCE
    assert found["remedy"] == f"If that is test_new.py::test_x now: {COMMAND}"
    assert findings["cassettes/test_old/test_gone.yaml"]["remedy"] == "Remove it: agentcache prune"


def test_prune_keeps_it(moved, spawn):
    """`--yes` removes what is left over, and says what it kept and why."""
    done = spawn("prune", "--yes")

    assert f"{SENTENCE}; if that is test_new.py::test_x now:" in " ".join(done.out.split())
    assert sorted(snapshot(moved)) == [
        "cassettes/test_old/test_x.yaml",
        "test_new.py",
        "test_plain.py",
    ]
    assert done.code == 1
    (left,) = spawn("prune", "--yes", "--json").json["moved"]
    assert left["path"] == "cassettes/test_old/test_x.yaml"
    command = left["why"].partition("now: ")[2]
    subprocess.run(["sh", "-ec", command], cwd=moved, check=True)
    assert spawn("prune").out == "nothing is left over\n"
    assert spawn("check", "--suite").code == 0


@pytest.mark.parametrize(("answers", "kept"), [("y\ny\n", False), ("y\nn\n", True)])
def test_prune_asks_for_it_by_itself(moved, answers, kept):
    """A yes to the rest is none to what may be in use tomorrow."""
    code, told = at_terminal(answers, "prune")

    assert told.count("[y/N]") == 2
    assert not (moved / "cassettes/test_old/test_gone.yaml").exists()
    assert (moved / "cassettes/test_old/test_x.yaml").exists() is kept
    assert code == (1 if kept else 0)


def test_module_that_moved_as_a_whole(folder, spawn):
    """One command for all of it."""
    (folder / "new").mkdir()
    source = "import pytest\npytestmark = pytest.mark.agentcache\n"
    (folder / "new/test_trip.py").write_text(f"{source}def test_a(): pass\ndef test_b(): pass\n")
    for name in ("test_a", "test_b"):
        write(folder / f"old/cassettes/test_trip/{name}.yaml", get())

    findings = spawn("check", "--suite", "--json").json["findings"]

    command = "mkdir -p new/cassettes && mv old/cassettes/test_trip new/cassettes/test_trip"
    assert [each["remedy"] for each in findings] == [
        f"If that is new/test_trip.py now: {command}"
    ] * 2


def test_two_that_may_be_it(folder, spawn):
    """Of two new tests of one name nobody can tell which it was."""
    for module in ("test_a", "test_b"):
        (folder / f"{module}.py").write_text("def test_x(agentcache): pass\n")
    write(folder / "cassettes/test_old/test_x.yaml", get())

    (finding,) = spawn("check", "--suite", "--json").json["findings"]

    assert finding["remedy"] == "Remove it: agentcache prune"


def test_check_takes_the_age_of_the_suite(folder, run):
    """What pytest's configuration says is the default of `--max-age`."""
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


def test_wrong_age_of_the_suite(folder, run):
    """The error names the file and the key."""
    (folder / "pytest.ini").write_text("[pytest]\nagentcache_max_age = soon\n")

    done = run("check")

    assert done.code == 2
    assert "pytest.ini: agentcache_max_age" in done.err


def test_the_test_that_a_cassette_names(folder, run):
    """Where the path does not say it, the commands read it in the file, and keep it there."""
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
    assert "`test` is no text" in run("check").out
