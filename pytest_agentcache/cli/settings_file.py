"""The settings of the suite in the working directory, from pytest's configuration file."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import iniconfig

from ..errors import SettingsError
from ..settings.settings import Settings, from_ini
from .exit_codes import CommandError

_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)


def settings_here() -> Settings:
    """Return the settings in pytest's configuration file of the working directory or above.

    Settings in fixtures, markers and hooks of the suite are not known here.

    Raises:
        SettingsError: For a value that is not allowed; the text names the file.
    """
    path, keys = configuration_here()
    return _settings(path, keys) if path else Settings()


def configuration_here() -> tuple[Path | None, dict[str, Any]]:
    """Return pytest's configuration file of the working directory or above, and its keys."""
    folder = Path.cwd()
    for each in (folder, *folder.parents):
        found = configuration_of(each)
        if found is not None:
            return found
    return None, {}


def configuration_of(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the configuration file of pytest in a folder, and its keys; None if there is none.

    Raises:
        CommandError: If the file cannot be read.
    """
    for name in _FILES:
        path = folder / name
        try:
            if not path.is_file():
                continue
        except OSError:
            # A parent folder that this user may not read.
            continue
        try:
            found = _keys(path)
        except (OSError, ValueError, AttributeError, iniconfig.ParseError) as error:
            raise CommandError(f"{path}: cannot be read: {error}") from None
        if found is not None:
            return path, found
    return None


def _keys(path: Path) -> dict[str, Any] | None:
    """Return the keys of pytest's section of a file; None if pytest would pass it over.

    pytest has a function for this, but importing it takes longer than most commands run.
    """
    always = path.stem.removeprefix(".") == "pytest"
    if path.suffix != ".toml":
        sections = iniconfig.IniConfig(str(path)).sections
        found = sections.get("tool:pytest" if path.suffix == ".cfg" else "pytest")
        return dict(found) if found is not None else {} if always else None
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    if always:
        return dict(document.get("pytest", {}))
    table = dict(document.get("tool", {}).get("pytest", {}))
    ini = table.pop("ini_options", None)
    if table or ini is None:
        return table or None
    return {key: value if isinstance(value, list) else str(value) for key, value in ini.items()}


def _settings(path: Path, keys: dict[str, Any]) -> Settings:
    values = {}
    for setting in fields(Settings):
        name = f"agentcache_{setting.name}"
        value = keys.get(name)
        if value in (None, "") or setting.name in ("mode", "session", "cassette"):
            continue
        if isinstance(value, str) and isinstance(setting.default, tuple):
            value = [line.strip() for line in value.splitlines() if line.strip()]
        try:
            values[setting.name] = from_ini(setting.name, value, f"{path}: {name}")
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{path}: {name}: {error}") from None
    return replace(Settings(), **values)
