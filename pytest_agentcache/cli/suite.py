"""What a suite says: its settings, and the cassettes that its tests use."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..naming import FOLDER
from ..settings import Settings, check_value
from .problem import CommandError
from .selection import Loaded

# Names the file into which `collected` writes what pytest collected.
COLLECTED = "AGENTCACHE_COLLECTED"
_SECTIONS = {
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
_LINES_OF_OUTPUT = 12


def settings_here(start: Path | None = None) -> Settings:
    """The settings in pytest's configuration file of `start` (the working directory) or above.

    What fixtures, markers and hooks of the suite say is not known here.

    Raises:
        SettingsError: For a value that is not allowed; it names the file.
    """
    folder = (start or Path.cwd()).absolute()
    for each in (folder, *folder.parents):
        found = _configuration(each)
        if found is not None:
            path, keys = found
            return _settings(path, keys)
    return Settings()


def _configuration(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    for name in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            if name == "pyproject.toml":
                tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
                keys = tool.get("pytest", {})
                keys = keys.get("ini_options", keys)
                if keys:
                    return path, keys
                continue
            parsed = configparser.ConfigParser(interpolation=None, strict=False)
            parsed.read_string(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error) as error:
            raise CommandError(f"{path}: cannot be read: {error}") from None
        section = _SECTIONS[name]
        if parsed.has_section(section):
            return path, dict(parsed[section])
    return None


def _settings(path: Path, keys: dict[str, Any]) -> Settings:
    values = {}
    for setting in fields(Settings):
        name = f"agentcache_{setting.name}"
        value = keys.get(name)
        if value in (None, "") or setting.name in ("mode", "session", "cassette"):
            continue
        if isinstance(value, str) and isinstance(setting.default, tuple):
            value = value if setting.name == "replace" else value.split()
        try:
            values[setting.name] = check_value(setting.name, value, f"{path}: {name}")
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{path}: {name}: {error}") from None
    return replace(Settings(), **values)


@dataclass(frozen=True, slots=True)
class Collected:
    """What pytest collected.

    Attributes:
        cassettes: Where the cassettes of all tests lie, whether there is one or not.
        modules: The files that tests were collected from.
        sources: The text of all Python files beside them, in which cassettes may be named.
    """

    cassettes: frozenset[Path]
    modules: frozenset[Path]
    sources: str

    def is_orphan(self, loaded: Loaded) -> bool:
        """Whether no test uses a cassette, as far as it lies where cassettes of tests do."""
        path = loaded.path.absolute()
        if loaded.foreign or path in self.cassettes or path.parent.parent.name != FOLDER:
            return False
        module = path.parent.parent.parent / f"{path.parent.name}.py"
        if module.exists() and module not in self.modules:
            # Left out of this collection, so nobody knows.
            return False
        # `use_cassette("…/name.yaml")` names it in words.
        return path.name not in self.sources and f"/{path.stem}" not in self.sources


def collected(arguments: Sequence[str] = ()) -> Collected:
    """What `pytest --collect-only` finds here, tests that are deselected included.

    Args:
        arguments: More words for pytest.

    Raises:
        CommandError: If pytest cannot collect the suite.
    """
    with tempfile.TemporaryDirectory(prefix="agentcache-") as folder:
        target = Path(folder) / "collected.json"
        words = ["--collect-only", "-q", "-p", "pytest_agentcache.cli.collected", *arguments]
        # Whoever only looks leaves nothing behind, not even pytest's own cache.
        words += ["-o", f"cache_dir={folder}"]
        done = subprocess.run(  # noqa: S603 - no shell; the words are the user's own
            [sys.executable, "-m", "pytest", *words],
            env={**os.environ, COLLECTED: str(target), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        # 5 is an empty suite, whose cassettes are all orphans.
        if done.returncode not in (0, 5) or not target.exists():
            tail = "\n  ".join(done.stdout.strip().splitlines()[-_LINES_OF_OUTPUT:])
            raise CommandError("pytest cannot collect the suite", tail)
        found = json.loads(target.read_text(encoding="utf-8"))
    modules = frozenset(Path(path) for path in found["modules"])
    return Collected(frozenset(map(Path, found["cassettes"])), modules, _sources(modules))


def _sources(modules: frozenset[Path]) -> str:
    folders = {module.parent for module in modules} | {Path.cwd()}
    files = {path for folder in folders for path in folder.glob("*.py")} | modules
    texts = []
    for path in sorted(files):
        try:
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return "\n".join(texts)
