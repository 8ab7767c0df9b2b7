"""A run that is killed leaves old cassettes and new ones, each whole, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# `AGENTCACHE_KILLS=300 pytest tests/plugin/test_killed_runs.py` tries more moments.
TIMES = os.environ.get("AGENTCACHE_KILLS", "6")
SUITE = """
    import os
    import pytest, requests

    RUN = os.environ["RUN"]

    def send(body):
        requests.post(URL + "/x", data=body).raise_for_status()

    def test_small(agentcache):
        for number in range(20):
            send(f"{RUN} {number}")

    def test_with_files(agentcache):
        for number in range(3):
            send(f"{RUN} {number} " + "large " * 120_000)

    @pytest.mark.agentcache(cassette="shared")
    @pytest.mark.parametrize("number", range(3))
    def test_shared(number):
        send(f"{RUN} {number}")
"""


@pytest.mark.slow
def test_killed_runs_leave_whole_files(suite):
    """At random moments of a run that records everything again, in any test."""
    suite.write(SUITE)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed.py"), suite.root, TIMES, "1"],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    *left, last = map(json.loads, done.stdout.splitlines())
    print(last)

    assert (left, done.stderr) == ([], "")
    assert last["killed"] > 0
    assert last["at the end"] == []
