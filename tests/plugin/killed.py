"""Runs of a suite that records, each killed at a random moment, and what they leave.

    python killed.py FOLDER TIMES SEED

Prints one line of JSON for each that left anything but old or new files, and a last one: how many
runs were killed, how many left a body that no cassette refers to yet, and what a whole run left.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_agentcache import CassetteError, cassette
from pytest_agentcache.cassette import sidecars


def main(folder: str, times: str, seed: str) -> None:
    """Kill `times` runs in `folder`."""
    os.chdir(folder)
    chance, killed, early = random.Random(seed), 0, 0
    started = time.monotonic()
    start_run("first")
    os.wait()
    span = time.monotonic() - started
    subprocess.run(["git", "init", "-q"], check=True)
    for number in range(int(times)):
        child = start_run(str(number))
        time.sleep(chance.uniform(0, span * 1.1))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        left = [*problems()]
        # A body is there before the cassette that refers to it; the next run removes it.
        bodies = [each for each in left if sidecars.is_sidecar(Path(each).name)]
        early += bool(bodies)
        if left != bodies:
            print(json.dumps({"run": number, "left": left}))
    start_run("last")
    os.wait()
    print(json.dumps({"killed": killed, "early": early, "at the end": [*problems()]}))


def start_run(name: str) -> int:
    """Fork a run of pytest that records everything again, and return its process id."""
    if child := os.fork():
        return child
    os.environ["RUN"] = name
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    options = ["-q", "-p", "agentcache", "-p", "no:cacheprovider", "--agentcache-rerecord"]
    os._exit(pytest.main(options))


def problems():
    """Yield what is neither a whole cassette nor a file that one refers to."""
    shown = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout
    found = {line[3:] for line in shown.splitlines()} - {"test_suite.py"}
    found = {each for each in found if not each.startswith("__pycache__/")}
    known = set()
    for path in Path("cassettes").rglob("*.yaml"):
        known.add(path.as_posix())
        try:
            read = cassette.read(path)
        except CassetteError as error:
            yield str(error)
            continue
        runs = {each.request.body.split()[0] for each in read.interactions}
        # Tests that share a cassette replace their own interactions.
        if len(runs) != 1 and path.name != "shared.yaml":
            yield f"{path} is of the runs {sorted(runs)}"
        names = sidecars.sidecars_named_in(path.read_bytes())
        known |= {(sidecars.sidecar_folder(path) / name).as_posix() for name in names}
    yield from sorted(found - known)


if __name__ == "__main__":
    main(*sys.argv[1:])
