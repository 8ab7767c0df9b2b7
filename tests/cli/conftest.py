"""Folders with cassettes, and functions that run the command in them."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import pytest_agentcache
from pytest_agentcache import cassette
from pytest_agentcache.cli import main
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

RECORDED = datetime(2026, 11, 21, 18, 29, 15, tzinfo=UTC)
JSON = Headers((("content-type", "application/json"),))
CHAT = "https://api.openai.example/v1/chat/completions"


def chat(
    *messages: tuple[str, str],
    answer: str = "It is dry.",
    status: int = 200,
    url: str = CHAT,
    usage: dict[str, Any] | None = None,
    headers: Headers = JSON,
    ident: str = "chatcmpl-000001",
) -> Interaction:
    """A request to OpenAI's chat API and its response."""
    asked = {
        "model": "gpt-5-mini",
        "messages": [{"role": role, "content": text} for role, text in messages],
    }
    said: dict[str, Any] = {
        "id": ident,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}],
    }
    if status >= 400:
        said = {"error": {"message": answer}}
    elif usage is not None:
        said["usage"] = usage
    return Interaction(
        Request("POST", url, headers, json.dumps(asked).encode()),
        Response(status, JSON, json.dumps(said).encode()),
    )


def get(path: str = "/now", answer: Any = None, status: int = 200) -> Interaction:
    """A request without a body and its JSON response."""
    body = json.dumps(answer if answer is not None else {"sky": "rain"}).encode()
    return Interaction(
        Request("GET", f"https://api.weather.example{path}"), Response(status, JSON, body)
    )


def at_terminal(answers: str, *words: str) -> tuple[int, str]:
    """Run a command at a terminal, type `answers`, and return its exit code and output."""
    mine, theirs = pty.openpty()
    os.write(mine, answers.encode())
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_agentcache", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(),
        close_fds=True,
    ) as process:
        os.close(theirs)
        output = b""
        # Reading a closed terminal raises an error.
        with contextlib.suppress(OSError):
            while piece := os.read(mine, 4096):
                output += piece
    os.close(mine)
    return process.returncode, output.decode()


def write(path: Path, *interactions: Interaction, recorded: datetime = RECORDED) -> Path:
    """Write a cassette."""
    cassette.write(cassette.Cassette(path, recorded, interactions))
    return path


@dataclass(frozen=True)
class Done:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def folder(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working directory: empty, and without settings or results from elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    for name in ("NO_COLOR", "FORCE_COLOR", "AGENTCACHE_MODE", "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    # pytest, which `--suite` and `prune` start, loads this plugin and no other: it starts faster.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_agentcache.plugin")
    monkeypatch.setenv("PYTHONPATH", str(Path(pytest_agentcache.__file__).parents[1]))
    # git does not search parent folders, and reads no configuration of this machine.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def do(*words: object) -> Done:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return do


@pytest.fixture
def spawn(folder: Path) -> Run:
    """Run the command in a process of its own."""

    def do(*words: object, **options: Any) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_agentcache", *map(str, words)],
            capture_output=True,
            encoding="utf-8",
            env=environment() | options.pop("env", {}),
            check=False,
            **options,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return do


def environment() -> dict[str, str]:
    """The environment of a process that finds this package."""
    return {
        **os.environ,
        "PYTHONPATH": str(Path(pytest_agentcache.__file__).parents[1]),
        "PYTHONUTF8": "1",
    }


class Repository:
    """A git repository in the working directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Somebody")
        self.git("config", "user.email", "somebody@example.org")

    def git(self, *words: str, **variables: str) -> str:
        """Run git with more variables of the environment, and return its output."""
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            capture_output=True,
            encoding="utf-8",
            env=environment() | variables,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self) -> None:
        """Commit all changes."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "A commit")


@pytest.fixture
def repository(folder: Path) -> Repository:
    return Repository(folder)


def without_reader(*command: str) -> tuple[str, int]:
    """Run a command without a reader of its output; return its errors and exit code."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True
    ) as process:
        process.stdout.close()
        errors = process.stderr.read()
    return errors, process.returncode


def make_huge(path: Path) -> None:
    """Write a sparse file of 2 GiB that starts like a cassette."""
    with path.open("wb") as file:
        file.write(b"agentcache: 1\n")
        file.truncate(2**31)


def snapshot(root: Path) -> dict[str, bytes]:
    """Return all files below a folder, except those of git and Python."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".git", "__pycache__"} & set(path.parts)
    }
