"""`agentcache offline` runs a command in a network of its own."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

import pytest

from pytest_agentcache.cli.commands import offline

from .conftest import environment

COMMAND = [sys.executable, "-m", "pytest_agentcache", "offline", "--"]
PROGRAM = """
import os, socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
try:
    socket.create_connection(("203.0.113.1", 9), timeout=1)
except OSError as error:
    print(os.getuid(), error)
raise SystemExit(7)
"""


def allows(*before):
    """Return whether this machine allows a network of its own, after some preparation."""
    done = subprocess.run([*before, *COMMAND, "true"], env=environment(), check=False)
    return done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
@pytest.mark.parametrize("before", [[], ["setpriv", "--bounding-set", "-sys_admin"]])
def test_only_loopback_is_there(before):
    """The command is the same user, and its exit code is kept; with privileges and without."""
    if before and not shutil.which(before[0]):
        pytest.skip("needs setpriv")
    if not allows(*before):
        pytest.skip("this kernel allows no namespace")
    done = subprocess.run(
        [*before, *COMMAND, sys.executable, "-c", PROGRAM],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    unreachable = f"[Errno {errno.ENETUNREACH}] Network is unreachable"
    assert done.stdout == f"{os.getuid()} {unreachable}\n"
    assert done.returncode == 7


def test_a_program_that_cannot_be_run(spawn, monkeypatch, run):
    """Without a program, or without a namespace, nothing runs."""
    done = run("offline")
    assert done.code == 2
    assert "agentcache offline -- pytest" in done.err
    if sys.platform == "linux" and allows():
        done = spawn("offline", "no-such-program")
        assert (done.code, done.err) == (
            2,
            "agentcache: no-such-program: No such file or directory\n",
        )

    def refuse(flags):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(offline, "_unshare", refuse)
    done = run("offline", "--", "true")
    assert done.code == 2
    assert "no network of its own" in done.err
    assert "docker run --network none" in done.err
    monkeypatch.setattr(sys, "platform", "darwin")
    done = run("offline", "--", "true")
    assert done.code == 2
    assert "on Linux only" in done.err
