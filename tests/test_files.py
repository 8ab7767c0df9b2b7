"""Files are replaced in one step, and a killed process leaves nothing that git shows."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from pytest_agentcache.files import replace_file

# Dies at the given call of the functions that change the file system.
KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from pytest_agentcache import files

    left, path = int(sys.argv[1]), Path(sys.argv[2])

    def dying(function):
        def call(*args, **kwargs):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return call

    for name in ("mkdir", "open", "write_bytes", "chmod", "replace", "unlink", "rmdir"):
        setattr(Path, name, dying(getattr(Path, name)))
    os.fsync = dying(os.fsync)
    files.replace_file(path, b"new")
    sys.exit(7)
""")


def test_a_killed_process_leaves_the_old_file_or_the_new_one(tmp_path):
    """At each step: whole, with nothing beside it that git would add."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    path = tmp_path / "cassettes" / "test_a.yaml"
    path.parent.mkdir()
    contents, killed = set(), 0
    while True:
        path.write_bytes(b"old")
        done = subprocess.run([sys.executable, "-c", KILLED, str(killed), str(path)], check=False)
        contents.add(path.read_bytes())
        shown = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=all"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        # The folder itself is empty for a moment, which git does not show either.
        assert shown == "?? cassettes/test_a.yaml\n", killed
        if done.returncode == 7:
            break
        killed += 1

    assert contents == {b"old", b"new"}
    assert killed >= 8


def test_nothing_is_left_beside_a_file_that_cannot_be_written(tmp_path):
    """The old content stays."""
    path = tmp_path / "a.yaml"
    path.mkdir()

    with pytest.raises(OSError, match=r"a\.yaml"):
        replace_file(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["a.yaml"]


def test_permissions_stay(tmp_path):
    """A file that others may read stays so."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"old")
    path.chmod(0o640)

    replace_file(path, b"new")

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
    assert [each.name for each in tmp_path.iterdir()] == ["a.yaml"]
