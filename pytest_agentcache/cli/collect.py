"""What a suite says: its settings, and the cassettes that its tests use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from _pytest.config.findpaths import load_config_dict_from_file

from .. import cassette
from ..errors import SettingsError
from ..settings.settings import Settings, check_value
from ..suite.options import from_ini
from ..suite.orphans import Collected, module_of, named_in
from ..suite.renames import moves
from .exit_codes import CommandError
from .selection import shown, test_of

# Names the file into which `collected` writes what pytest collected.
COLLECTED = "AGENTCACHE_COLLECTED"
_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
_LINES_OF_OUTPUT = 12


def settings_here() -> Settings:
    """The settings in pytest's configuration file of the working directory or above.

    What fixtures, markers and hooks of the suite say is not known here.

    Raises:
        SettingsError: For a value that is not allowed; it names the file.
    """
    folder = Path.cwd()
    for each in (folder, *folder.parents):
        found = _configuration(each)
        if found is not None:
            path, keys = found
            return _settings(path, keys)
    return Settings()


def _configuration(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    for name in _FILES:
        path = folder / name
        try:
            if not path.is_file():
                continue
        except OSError:
            # In a folder above that is closed to this user.
            continue
        try:
            # As pytest reads it: comments, lists and sections are its own.
            found = load_config_dict_from_file(path)
        except (OSError, ValueError, pytest.UsageError, pytest.fail.Exception) as error:
            raise CommandError(f"{path}: cannot be read: {error}") from None
        if found is not None:
            return path, {key: getattr(value, "value", value) for key, value in found.items()}
    return None


def _settings(path: Path, keys: dict[str, Any]) -> Settings:
    values = {}
    for setting in fields(Settings):
        name = f"agentcache_{setting.name}"
        value = keys.get(name)
        if value in (None, "") or setting.name in ("mode", "session", "cassette"):
            continue
        if isinstance(value, str) and isinstance(setting.default, tuple):
            lines = [line.strip() for line in value.splitlines() if line.strip()]
            value = from_ini(setting.name, lines, f"{path}: {name}")
        try:
            values[setting.name] = check_value(setting.name, value, f"{path}: {name}")
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{path}: {name}: {error}") from None
    return replace(Settings(), **values)


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of a suite, and what of its cassettes they use.

    Attributes:
        collected: What pytest collected.
        targets: Where tests on a cassette of their own have it, and the tests.
        sources: The text of the Python files, in which cassettes may be named.
    """

    collected: Collected
    targets: tuple[tuple[Path, str], ...]
    sources: str

    def is_orphan(self, path: Path) -> bool:
        """Whether no test uses a cassette, as far as it lies where cassettes of tests do."""
        path = path.absolute()
        lost = self.collected.lost(path) and cassette.is_ours(path)
        return lost and not named_in(self.sources, path)

    def moved(self, paths: Iterable[Path]) -> dict[Path, tuple[str, str]]:
        """Which orphans seem to be of tests that were moved: what is wrong, and what to do."""
        left = [path.absolute() for path in paths if self.is_orphan(path)]
        found = {}
        for move in moves(self.targets, left, self.collected):
            sentence, command = move.sentence(Path.cwd()), move.command(Path.cwd())
            now = shown(module_of(move.new)) if move.whole else test_of(move.new, "")
            for path in left:
                if path == move.old or (move.whole and path.parent == move.old.parent):
                    found[path] = sentence, f"if that is {now} now: {command}"
        return found


def collected() -> Suite:
    """What `pytest --collect-only` finds here, tests that are deselected included.

    Raises:
        CommandError: If pytest cannot collect the suite.
    """
    with tempfile.TemporaryDirectory(prefix="agentcache-") as folder:
        target = Path(folder) / "collected.json"
        words = ["--collect-only", "-q", "-p", "pytest_agentcache.cli.collect_plugin"]
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
    cassettes, modules = (frozenset(map(Path, found[name])) for name in ("cassettes", "modules"))
    known = Collected(cassettes, modules)
    targets = tuple((Path(path), test) for path, test in found["targets"])
    return Suite(known, targets, known.sources())
