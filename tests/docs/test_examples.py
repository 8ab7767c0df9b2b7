"""The examples pass as committed, recorded again, and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import guide
import pytest
from upstream import Upstream

from pytest_agentcache import cassette
from tests.fork_server import FORK_SERVER

# Each test runs the examples in a process of its own.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

EXAMPLES = guide.ROOT / "examples"
KEYS = {
    "OPENAI_API_KEY": "sk-this-must-not-be-written",
    "ANTHROPIC_API_KEY": "sk-ant-nor-must-this",
}
# Only the plugins of the examples: pytest starts in half the time. They are loaded before it.
PLUGINS = {
    "PYTEST_ADDOPTS": "-W ignore::pytest.PytestAssertRewriteWarning",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "pytest_agentcache.plugin,pytest_asyncio.plugin",
}
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the examples."""
    (tmp_path / "pytest.ini").write_text(INI, encoding="utf-8")
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=ignored))


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AGENTCACHE", "PYTEST_", "OPENAI_", "ANTHROPIC_", "EXAMPLES_"))
    }
    environment = inherited | {"NO_PROXY": "127.0.0.1", "PYTHONUTF8": "1"} | PLUGINS | settings
    return subprocess.CompletedProcess(arguments, *FORK_SERVER.run(arguments, folder, environment))


def test_committed_cassettes_replay(copy):
    """They replay without upstream; that the environment has keys changes nothing."""
    done = run(copy.parent, "-m", "pytest", "examples", "-q", "--agentcache-offline", **KEYS)

    assert done.returncode == 0, done.stdout
    assert " 0 recorded, 0 missed, 0 unused" in done.stdout


def test_recording_gives_the_committed_cassettes(copy):
    """Recording again gives the same cassettes, and they contain no key of the environment."""
    shutil.rmtree(copy / "cassettes")
    with Upstream(0) as upstream:
        done = run(
            copy.parent,
            *("-m", "pytest", "examples", "-q", "--agentcache-record"),
            EXAMPLES_UPSTREAM=upstream.url,
            **KEYS,
        )

    assert done.returncode == 0, done.stdout
    committed = {path.relative_to(EXAMPLES) for path in (EXAMPLES / "cassettes").rglob("*.yaml")}
    assert committed == {path.relative_to(copy) for path in (copy / "cassettes").rglob("*.yaml")}
    for path in committed:
        text = (copy / path).read_text(encoding="utf-8")
        assert not any(key in text for key in KEYS.values())
        (copy / path).write_text(text.replace(upstream.url, "http://127.0.0.1:8765"), "utf-8")
        now, then = cassette.read(copy / path), cassette.read(EXAMPLES / path)
        assert now.interactions == then.interactions, path


def test_committed_cassettes_are_canonical():
    """Writing what was read gives the same bytes."""
    for path in (EXAMPLES / "cassettes").rglob("*.yaml"):
        assert cassette.render(cassette.read(path), {}) == path.read_text(encoding="utf-8")


def test_demo_fails_if_a_step_does(copy):
    """A test that fails during recording fails the demo."""
    for path in copy.glob("test_*.py"):
        path.unlink()
    (copy / "test_broken.py").write_text("def test_broken(): assert False\n", encoding="utf-8")

    done = run(copy.parent, str(copy / "demo.py"))

    assert done.returncode == 1
    assert "FAILED: pytest ended with exit code 1" in done.stdout
