"""`agentcache doctor`: each problem, and the remedy that makes it go away."""

from __future__ import annotations

import re

import pytest

from pytest_agentcache.cli.commands import doctor

from .conftest import get, write

GOOD = "def test_now(agentcache): pass\n"


@pytest.fixture
def project(folder):
    """A project that is set up."""
    (folder / "test_now.py").write_text(GOOD)
    return folder


def test_healthy_project(project, run):
    """Nothing is wrong."""
    done = run("doctor")

    assert (done.code, done.out) == (0, "nothing is wrong\n")


def test_no_test_on_a_cassette(project, run):
    """The first thing that goes wrong, and each of the three remedies."""
    (project / "test_now.py").write_text("def test_now(): pass\n")
    done = run("doctor")

    assert done.code == 1
    assert "no test is on a cassette, of 1 test\n" in done.out
    assert "@pytest.mark.agentcache" in done.out
    (project / "pytest.ini").write_text("[pytest]\nagentcache_auto = true\n")
    assert run("doctor").code == 0


def test_suite_that_cannot_be_collected(project, run):
    """The end of pytest's output is the remedy."""
    (project / "test_now.py").write_text("import nowhere\n")
    out = run("doctor").out

    assert "pytest cannot collect the suite" in out
    assert "No module named 'nowhere'" in out


@pytest.mark.parametrize("autoload", [True, False])
def test_plugin_that_is_not_loaded(project, run, monkeypatch, autoload):
    """A suite that switches the plugin off, or all of them."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "")
    if autoload:
        monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        (project / "pytest.ini").write_text("[pytest]\naddopts = -p no:agentcache\n")
    out = run("doctor").out

    assert "pytest does not load the plugin\n" in out
    (project / "pytest.ini").write_text("[pytest]\naddopts = -p agentcache\n")
    assert run("doctor").out == "nothing is wrong\n"


def test_unknown_setting(project, run):
    """A misspelled key is named with the one that was meant."""
    (project / "pytest.ini").write_text("[pytest]\nagentcache_mod = offline\n")
    done = run("doctor")

    assert done.code == 1
    assert "there is no setting agentcache_mod; did you mean agentcache_mode?" in done.out


def test_wrong_value(project, run):
    """A value that is not allowed is shown."""
    (project / "pytest.ini").write_text("[pytest]\nagentcache_unused = maybe\n")

    assert "unused is 'maybe'; allowed are list, ignore, fail" in run("doctor").out


def test_pytest_recording_beside_the_plugin(project, run, monkeypatch):
    """Both patch the same clients."""
    known = doctor.metadata.version
    monkeypatch.setattr(
        doctor.metadata,
        "version",
        lambda name: "0.13" if name == "pytest-recording" else known(name),
    )
    done = run("doctor")

    assert "pytest-recording is installed, and patches the same clients" in done.out
    assert "pip uninstall pytest-recording, and set agentcache_vcr = true" in done.out


def test_clock_engine_that_is_missing(project, run, monkeypatch):
    """The engine of the settings is looked for."""
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    out = run("doctor").out

    assert "time-machine is not installed" in out
    assert "set agentcache_clock_engine = freezegun" in out


def test_line_ends_of_windows(project, run):
    """A cassette with CR LF is found, and `check --fix` rewrites it."""
    path = write(project / "cassettes/test_now/test_now.yaml", get())
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    out = run("doctor").out

    assert "cassettes/test_now/test_now.yaml: lines end with CR LF" in out
    assert run("check", "--fix").code == 0
    assert run("doctor").code == 0


@pytest.mark.parametrize(
    ("pattern", "recorded"),
    [("*.yaml", True), ("*.yaml", False), ("cassettes", True), ("/cassettes/", False)],
)
def test_cassettes_that_git_ignores(project, repository, run, recorded, pattern):
    """The line of .gitignore is named, and the lines that undo it."""
    if recorded:
        write(project / "cassettes/test_now/test_now.yaml", get())
    ignored = project / ".gitignore"
    ignored.write_text(f"*.pyc\n{pattern}\n")
    out = run("doctor").out

    assert "git ignores cassettes/" in out
    head, *added = re.search(r"  Remove (.*):\n  (.*)\n  (.*)\n", out).groups()
    assert head == f"{pattern} from line 2 of .gitignore, or add below it"
    ignored.write_text(ignored.read_text() + "\n".join(added) + "\n")
    assert run("doctor").code == 0


def test_driver_that_this_clone_lacks(project, repository, run):
    """A fresh clone has the attributes, but not the driver."""
    (project / ".gitattributes").write_text("**/cassettes/**/*.yaml diff=agentcache\n")

    assert "Run agentcache git-setup" in run("doctor").out
    run("git-setup")
    assert run("doctor").code == 0


def test_driver_that_is_gone(project, repository, run):
    """The virtual environment of the driver was removed."""
    run("git-setup")
    repository.git(
        "config", "diff.agentcache.command", "/gone/bin/python -m pytest_agentcache git-diff"
    )
    out = run("doctor").out

    assert "git calls /gone/bin/python for each cassette, which is gone" in out
    run("git-setup")
    assert run("doctor").code == 0


def test_json(project, run):
    """The document has each problem with its remedy."""
    (project / "test_now.py").write_text("def test_now(): pass\n")
    (problem,) = run("doctor", "--json").json["problems"]

    assert set(problem) == {"problem", "remedy"}
