"""The commands that install a project in CI, found from its files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_REQUIREMENTS = (
    "requirements-dev.txt",
    "requirements-test.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "dev-requirements.txt",
    "test-requirements.txt",
    "requirements.txt",
)
_EXTRAS = ("dev", "test", "tests", "testing")
_ON_PATH = 'echo "$PWD/.venv/bin" >> "$GITHUB_PATH"'


def commands(root: Path) -> list[str]:
    """Return the shell commands that install the project, pytest and this plugin.

    Args:
        root: The top folder of the project.
    """
    if (root / "uv.lock").is_file():
        add = "uv pip install pytest-agentcache"
        return ["pip install uv", "uv sync --all-extras --all-groups", add, _ON_PATH]
    if (root / "poetry.lock").is_file():
        sync = "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --all-extras --all-groups"
        add = "poetry run pip install pytest-agentcache"
        return ["pip install poetry", sync, add, _ON_PATH]
    found = [f"pip install -r {name}" for name in _REQUIREMENTS if (root / name).is_file()][:1]
    described = _described(root / "pyproject.toml")
    if "project" in described:
        extras = described["project"].get("optional-dependencies", {})
        extra = next((name for name in _EXTRAS if name in extras), "")
        found.append(f"pip install -e '.[{extra}]'" if extra else "pip install -e .")
    groups = described.get("dependency-groups", {})
    found += [f"pip install --group {name}" for name in _EXTRAS if name in groups][:1]
    return [*found, "pip install pytest pytest-agentcache"]


def _described(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
