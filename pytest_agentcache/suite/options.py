"""Flags, environment, ini keys, marker and fixture, merged into `Settings` in one place."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from ..errors import SettingsError
from ..settings.settings import ENVIRONMENT, Settings, check_value

_FLAGS = {
    "record": "play what the cassette holds, record what it does not, drop what was not used",
    "rerecord": "record everything anew",
    "offline": "no network at all: a request that is on no cassette fails its test",
    "live": "ask the network for everything, use and write no cassette",
}


def add_options(parser: pytest.Parser) -> None:
    """Declares the flags and the ini keys."""
    group = parser.getgroup("agentcache", "record and replay of HTTP requests (pytest-agentcache)")
    for mode, text in _FLAGS.items():
        group.addoption(
            f"--agentcache-{mode}",
            action="store_true",
            dest=f"agentcache_{mode}",
            default=False,
            help=text,
        )
    group.addoption(
        "--agentcache-report",
        metavar="FILE",
        default=None,
        help="write a page (HTML) of the tests that asked: conversations, misses, what is unused",
    )
    for setting in fields(Settings):
        text = setting.metadata["help"]
        if choices := setting.metadata["choices"]:
            text += f" ({', '.join(choices)})"
        kind = _ini_type(setting.default)
        parser.addini(f"agentcache_{setting.name}", text, type=kind, default=None)


def _ini_type(default: Any) -> Any:
    if isinstance(default, bool):
        return "bool"
    return "string" if default is None or isinstance(default, str) else "linelist"


def settings_of_run(config: pytest.Config) -> Settings:
    """What command line, environment and ini file say, in this order of precedence.

    Raises:
        SettingsError: For two modes at once, or a name or value that is not allowed.
    """
    known = {f"agentcache_{setting.name}" for setting in fields(Settings)}
    # pytest 9 deprecates `inicfg` and shows keys that nobody declared nowhere else.
    written: Iterable[str] = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    ini = config.inipath or "-o"
    for name in written:
        if name.startswith("agentcache_") and name not in known:
            raise SettingsError(f"{ini}: unknown key {name}; known are {_listed(known)}")
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        source = f"{ini}: agentcache_{setting.name}"
        try:
            value = config.getini(f"agentcache_{setting.name}")
        except (ValueError, TypeError, pytest.UsageError) as error:
            raise SettingsError(f"{source}: {error}") from None
        if value not in (None, ""):
            value = from_ini(setting.name, value, source)
            values[setting.name] = check_value(setting.name, value, source)
    if from_environment := os.environ.get(ENVIRONMENT):
        source = f"environment variable {ENVIRONMENT}"
        values["mode"] = check_value("mode", from_environment, source)
    flags = [mode for mode in _FLAGS if config.getoption(f"agentcache_{mode}")]
    if len(flags) > 1:
        chosen = " and ".join(f"--agentcache-{mode}" for mode in flags)
        raise SettingsError(f"{chosen} exclude each other; give one of them, or none to replay")
    if flags:
        values["mode"] = flags[0]
    return replace(Settings(), **values)


def from_ini(name: str, value: Any, source: str) -> Any:
    """The value of a setting as an ini file has it, a list of its lines where it takes several.

    Raises:
        SettingsError: For a keyword of the session without its value.
    """
    if name == "session":
        for line in value:
            if "=" not in line:
                raise SettingsError(f"{source} has {line!r}; write KEYWORD = VALUE")
        pairs = (line.partition("=") for line in value)
        return {key.strip(): _literal(text.strip()) for key, _, text in pairs}
    if isinstance(value, list) and name not in ("replace", "redact_shapes", "stable_ids"):
        return [word for line in value for word in line.split()]
    return value


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def location_of(item: pytest.Item) -> str:
    """File and line of a test, for an error."""
    return f"{item.location[0]}:{(item.location[1] or 0) + 1}"


def settings_of_test(
    settings: Settings, config: Mapping[str, Any] | None, item: pytest.Item
) -> Settings:
    """`settings` with what `agentcache_config` and the test's markers say laid over them.

    Raises:
        SettingsError: For a name or a value that is not allowed; it says where it stands.
    """
    place = location_of(item)
    if config is not None and not isinstance(config, Mapping):
        raise SettingsError(
            f"{place}: the fixture agentcache_config gave {config!r}; it must be a dict"
        )
    merged = _laid_over(settings, config or {}, f"{place}: fixture agentcache_config")
    # The nearest marker comes first; laid over last, it wins argument by argument.
    for mark in reversed(list(item.iter_markers("agentcache"))):
        source = f"{place}: @pytest.mark.agentcache"
        if mark.args:
            raise SettingsError(f"{source} takes keywords only, not {mark.args[0]!r}")
        merged = _laid_over(merged, mark.kwargs, source)
    return merged


def _laid_over(settings: Settings, values: Mapping[str, Any], source: str) -> Settings:
    merged = settings.with_values(values, source)
    if "session" in values:
        merged = replace(merged, session={**settings.session, **merged.session})
    return merged


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
