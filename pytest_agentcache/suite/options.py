"""Flags, environment, ini keys, marker and fixture, merged into `Settings` in one place."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from ..errors import SettingsError
from ..settings.settings import ENVIRONMENT, Settings, check_of, check_value, from_ini
from ..settings.suggestions import did_you_mean
from . import sample

_FLAGS = {
    "record": "replay what is on the cassette, record what is not, drop what was not used",
    "rerecord": "record everything again",
    "offline": "no network at all: a request that is not on its cassette fails the test",
    "verify": "send every request again and compare the responses with the cassettes; write none",
    "live": "send every request to the network, without using or writing a cassette",
}


def add_options(parser: pytest.Parser) -> None:
    """Declare the flags and the ini keys."""
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
        help="write an HTML page of the tests that sent requests: conversations, misses, unused",
    )
    group.addoption(
        sample.FLAG,
        metavar="PERCENT",
        default=None,
        help="with --agentcache-verify: a part of the tests, such as 10%%, another one each day",
    )
    for setting in fields(Settings):
        text, check = setting.metadata["help"], check_of(setting.name)
        if check.choices:
            text += f" ({', '.join(check.choices)})"
        parser.addini(f"agentcache_{setting.name}", text, type=check.ini, default=None)


def refuse_unknown(arguments: Iterable[str]) -> None:
    """Refuse flags that do not exist, with a suggestion, before pytest does without one.

    Raises:
        SettingsError: For an unknown flag that begins like those of this plugin.
    """
    known = [f"--agentcache-{name}" for name in (*_FLAGS, "report", "sample")]
    for argument in arguments:
        flag = argument.partition("=")[0]
        if flag.startswith("--agentcache") and flag not in known:
            raise SettingsError(f"unknown flag {flag}{did_you_mean(flag, known)}")


def settings_of_run(config: pytest.Config, options: Any = None) -> Settings:
    """Return the settings of the command line, the environment and the ini file, in this order.

    Args:
        config: The configuration of the run.
        options: The options on the command line, before `config` has them.

    Raises:
        SettingsError: For two modes at once, or a name or value that is not allowed.
    """
    known = {f"agentcache_{setting.name}" for setting in fields(Settings)}
    # pytest 9 deprecates `inicfg`, but offers no other way to see undeclared keys.
    written: Iterable[str] = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    ini = config.inipath or "-o"
    for name in written:
        if name.startswith("agentcache_") and name not in known:
            raise SettingsError(
                f"{ini}: unknown key {name}{did_you_mean(name, known)}; known are {_listed(known)}"
            )
    values = {each.name: _in_ini(config, each.name) for each in fields(Settings)}
    values["mode"] = _mode(values["mode"], config.option if options is None else options)
    return replace(Settings(), **{name: each for name, each in values.items() if each is not None})


def environment_of_run(config: pytest.Config) -> dict[str, str]:
    """Return the variables that `agentcache_env` sets in this run, before conftests are imported.

    Errors of settings are left to `settings_of_run`, which pytest reports better.
    """
    try:
        variables = dict(_in_ini(config, "env") or ())
        mode = _mode(_in_ini(config, "mode"), config.known_args_namespace) if variables else None
    except SettingsError:
        return {}
    return variables if mode in (None, "replay", "offline") else {}


def _in_ini(config: pytest.Config, name: str) -> Any:
    """Return the value of a setting in the ini file; None if it is not there."""
    source = f"{config.inipath or '-o'}: agentcache_{name}"
    try:
        value = config.getini(f"agentcache_{name}")
    except (ValueError, TypeError, pytest.UsageError) as error:
        raise SettingsError(f"{source}: {error}") from None
    return None if value in (None, "") else from_ini(name, value, source)


def _mode(in_ini: str | None, options: argparse.Namespace) -> str | None:
    """Return the mode of the flags, the environment and the ini file, in this order."""
    flags = [mode for mode in _FLAGS if getattr(options, f"agentcache_{mode}", False)]
    if len(flags) > 1:
        chosen = " and ".join(f"--agentcache-{mode}" for mode in flags)
        raise SettingsError(f"{chosen} exclude each other; give one of them, or none to replay")
    if from_environment := os.environ.get(ENVIRONMENT):
        source = f"environment variable {ENVIRONMENT}"
        in_ini = check_value("mode", from_environment, source)
    return flags[0] if flags else in_ini


def is_vcr_suite(config: Any) -> bool:
    """Return whether the ini file says `agentcache_vcr = true`; its value is checked later."""
    try:
        return bool(config.getini("agentcache_vcr"))
    except (ValueError, TypeError):
        return False


def named_in_ini(config: pytest.Config) -> frozenset[str]:
    """Return the names of the settings that the ini file sets."""
    names = (setting.name for setting in fields(Settings))
    return frozenset(
        name for name in names if config.getini(f"agentcache_{name}") not in (None, "")
    )


def location_of(item: pytest.Item) -> str:
    """Return file and line of a test, for an error message."""
    return f"{item.location[0]}:{(item.location[1] or 0) + 1}"


def settings_of_test(
    settings: Settings, config: Mapping[str, Any] | None, item: pytest.Item
) -> Settings:
    """Return `settings` overlaid with `agentcache_config` and the test's markers.

    Raises:
        SettingsError: For a name or a value that is not allowed; the error says where it was set.
    """
    place = location_of(item)
    if config is not None and not isinstance(config, Mapping):
        raise SettingsError(
            f"{place}: the fixture agentcache_config returned {config!r}; it must return a dict"
        )
    merged = _laid_over(settings, config or {}, f"{place}: fixture agentcache_config")
    # The nearest marker comes first. Laid over last, it wins argument by argument.
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
