"""Results that are kept between runs, and when they are not believed."""

from __future__ import annotations

import os

import pytest

from pytest_agentcache import stored_results
from pytest_agentcache.stored_results import StoredResults, digest_of


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of the results; the working directory has one file to have results about."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").touch()
    return tmp_path / "cache" / "pytest-agentcache"


def keep(result, *context, command="check"):
    stored = StoredResults(command, *context)
    stored.put("a.yaml", "digest", result)
    stored.save()


def kept(*context, digest="digest", command="check"):
    return StoredResults(command, *context).get("a.yaml", digest)


def test_results_are_those_of_the_same_file_command_and_settings(home, monkeypatch):
    """A result is returned for the same digest, context, command, folder and version only."""
    keep(["one"], "settings")

    assert kept("settings") == ["one"]
    assert kept("settings", digest="other") is None
    assert kept("others") is None
    assert kept("settings", command="list") is None
    with monkeypatch.context() as other:
        other.setattr(stored_results, "_version", lambda: "0.0")
        assert kept("settings") is None
        other.undo()
        other.chdir(home)
        assert kept("settings") is None
    assert kept("settings") == ["one"]
    assert digest_of(b"ab", b"c") != digest_of(b"a", b"bc")


def test_damaged_results_are_not_believed(home):
    """A file that was cut off, changed, or that others can write to is as good as none."""
    keep(["one"])
    (path,) = home.iterdir()
    whole = path.read_bytes()

    for damaged in (b"", whole[:-1], whole.replace(b"one", b"two"), b"\xff" + whole):
        path.write_bytes(damaged)
        assert kept() is None
    path.write_bytes(whole)
    assert kept() == ["one"]
    path.chmod(0o666)
    assert kept() is None
    path.chmod(0o600)
    home.chmod(0o777)
    assert kept() is None
    keep(["three"])
    assert path.read_bytes() == whole


def test_results_that_cannot_be_kept_are_no_error(home, monkeypatch, tmp_path):
    """Without a folder for them, or with a file in its place, a command just works again."""
    home.parent.mkdir()
    home.write_text("a file")
    keep(["one"])
    assert kept() is None
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    keep(["one"])
    assert kept() is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "cache"]


def test_unused_results_go(home, tmp_path):
    """Results of files that are gone are dropped, and files that were not used for a month."""
    keep(["one"])
    (old,) = home.iterdir()
    os.utime(old, (0, 0))
    assert kept() == ["one"]
    StoredResults("check").save()
    assert old.stat().st_mtime > 0
    os.utime(old, (0, 0))

    keep(["two"], command="list")
    assert [path.name[:5] for path in home.iterdir()] == ["list-"]

    (tmp_path / "a.yaml").unlink()
    stored = StoredResults("list")
    stored.put("gone.yaml", "digest", ["three"])
    stored.save()
    assert kept(command="list") is None


def test_two_processes_write_at_once(home):
    """The last one wins; no result is mixed."""
    one, two = StoredResults("check"), StoredResults("check")
    one.put("a.yaml", "digest", ["one"])
    two.put("a.yaml", "digest", ["two"])
    one.save()
    two.save()

    assert kept() == ["two"]
    assert len([*home.iterdir()]) == 1
