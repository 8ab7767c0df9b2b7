"""The CPU time of a suite of 300 tests, each with three recorded requests.

python benchmarks/suites.py TOOL COUNT URL    # seconds; TOOL `none` sends nothing
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = {
    "agentcache": ("agentcache", "agentcache", "--agentcache-record"),
    "cassetter": ("cassetter.pytest_plugin", "vcr", "--record-mode=once"),
    "pytest-recording": ("pytest_recording.plugin", "vcr", "--record-mode=once"),
}
SUITE = """
import pytest
import requests

{mark}
@pytest.mark.parametrize("test", range({count}))
def test_it(test):
    for number in range(3):
        message = {{"role": "user", "content": f"{{test}} {{number}} " + "hello " * 40}}
        response = requests.post({url!r}, json={{"messages": [message]}})
        assert response.json()["id"]
"""
PLAIN = """
import pytest

@pytest.mark.parametrize("test", range({count}))
def test_it(test):
    pass
"""


def seconds(folder: Path, *arguments: str) -> float:
    """Run pytest in a folder, and return its CPU time."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(tool: str, count: str, url: str) -> None:
    """Print the seconds."""
    folder = Path(tempfile.mkdtemp())
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    module = folder / "test_suite.py"
    if tool in ("none", "unused"):
        module.write_text(PLAIN.format(count=count))
        print(seconds(folder, *(["-p", "agentcache"] if tool == "unused" else [])))
        return
    plugin, mark, record = TOOLS[tool]
    module.write_text(SUITE.format(mark=f"@pytest.mark.{mark}", count=count, url=url))
    seconds(folder, "-p", plugin, record)
    print(seconds(folder, "-p", plugin))


if __name__ == "__main__":
    main(*sys.argv[1:])
