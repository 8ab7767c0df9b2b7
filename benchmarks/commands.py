"""The time of commands beside many cassettes: 70 cassettes, 2,800 interactions, about 14 MB.

python benchmarks/commands.py help|list|check|report|misses    # seconds of CPU
python benchmarks/commands.py list again                       # the second time
python benchmarks/commands.py git-diff                         # 21 changed ones, seconds
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
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
            answer = chat(600).replace(b"word ", f"answer {name}.{number} ".encode(), 1)
            made.append(Interaction(request, Response(200, JSON, answer)))
        path = folder / "cassettes" / "test_many" / f"test_{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        cassette.write(Cassette(path, datetime(2026, 1, 1, tzinfo=UTC), tuple(made)))
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    folder.joinpath("test_misses.py").write_text(MISSES)


def main(command: str, when: str = "") -> None:
    """Print the seconds."""
    folder = Path(tempfile.mkdtemp())
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    if command == "git-diff":
        print(diffed(folder, environment))
        return
    if command != "help":
        write(folder)

    def run() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *COMMANDS[command]],
            cwd=folder,
            env=environment,
            check=command != "misses",
            stdout=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    first = run()
    print(run() if when else first)


def diffed(folder: Path, environment: dict[str, str]) -> float:
    """Return the seconds of `git diff`, whose programs are no children of this process."""

    def run(*words: str) -> None:
        subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)

    run("git", "init", "-q")
    run(sys.executable, *COMMAND, "git-setup")
    write(folder, 21)
    run("git", "add", ".")
    run("git", "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "a")
    for path in folder.rglob("test_*.yaml"):
        path.write_text(path.read_text().replace("answer", "reply", 3))
    begun = time.perf_counter()
    run("git", "diff")
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(*sys.argv[1:])
