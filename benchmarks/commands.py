"""The time of commands beside many cassettes: 70 cassettes, 2,800 interactions, about 14 MB.

python benchmarks/commands.py help|list|check|report|misses    # seconds of CPU
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from upstream import chat

from pytest_agentcache import cassette
from pytest_agentcache.cassette import Cassette
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

URL = "http://127.0.0.1:9/v1/chat"
JSON = Headers((("content-type", "application/json"),))
COMMAND = ["-m", "pytest_agentcache"]
COMMANDS = {
    "help": [*COMMAND, "--help"],
    "list": [*COMMAND, "list"],
    "check": [*COMMAND, "check", "."],
    "report": [*COMMAND, "report", ".", "-o", "report.html"],
    "misses": ["-m", "pytest", "-q", "-p", "agentcache", "test_misses.py"],
}
MISSES = f"""
import pytest, requests

@pytest.mark.agentcache
def test_misses():
    for number in range(20):
        requests.post({URL!r}, json={{"number": number, "words": ["x" * number]}})
"""


def write(folder: Path, cassettes: int = 70, interactions: int = 40) -> None:
    """Write cassettes, and a test that misses."""
    for name in range(cassettes):
        made = []
        for number in range(interactions):
            message = {"role": "user", "content": f"Question {name}.{number} " + "word " * 200}
            sent = json.dumps({"model": "gpt-4o", "messages": [message]}).encode()
            request = Request("POST", URL, JSON, sent)
            made.append(Interaction(request, Response(200, JSON, chat(600))))
        path = folder / "cassettes" / "test_many" / f"test_{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        cassette.write(Cassette(path, datetime(2026, 1, 1, tzinfo=UTC), tuple(made)))
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    folder.joinpath("test_misses.py").write_text(MISSES)


def main(command: str) -> None:
    """Print the seconds."""
    folder = Path(tempfile.mkdtemp())
    if command != "help":
        write(folder)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *COMMANDS[command]],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=command != "misses",
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main(*sys.argv[1:])
