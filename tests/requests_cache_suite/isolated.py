"""A plugin for pytest, for requests-cache's own tests: puts them on the isolated session."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import requests_cache
from left_out import LEFT_OUT, LEFT_OUT_FROZEN, LEFT_OUT_PLAYED
from requests_cache.backends import FileCache, FileDict, LRUFileDict

from pytest_agentcache.cache.files import LimitedResponseFiles, ResponseFiles, YamlCache
from pytest_agentcache.cache.serializer import yaml_serializer


@pytest.fixture
def agentcache_config():
    return {"session": {"allowable_methods": requests_cache.ALL_METHODS}}


@pytest.fixture
def tempfile_session(agentcache_session):
    """In place of a session on SQLite in a temporary folder."""
    return agentcache_session


@pytest.hookimpl(tryfirst=True)
def pytest_plugin_registered(plugin):
    # Ahead of pytest, which takes the fixtures from there.
    if getattr(plugin, "__name__", None) == "tests.conftest":
        plugin.agentcache_config = agentcache_config
        plugin.tempfile_session = tempfile_session


class Files(ResponseFiles):
    """The files of the isolated session; in another format where a test wants one."""

    def __init__(self, *args, serializer=yaml_serializer, **keywords):
        ours = serializer is yaml_serializer
        super().__init__(*args, serializer=serializer, ours=ours, **keywords)


class LimitedFiles(LimitedResponseFiles, Files):
    """The same, of a limited size."""


OURS = {FileDict: Files, LRUFileDict: LimitedFiles, FileCache: YamlCache}


def pytest_collection_modifyitems(config, items):
    left_out = dict(LEFT_OUT)
    if config.getini("agentcache_freeze") != "false":
        left_out |= LEFT_OUT_FROZEN
    if config.getoption("agentcache_offline"):
        left_out |= LEFT_OUT_PLAYED
    absent = set(left_out)
    for item in items:
        for kind in ("storage_class", "backend_class"):
            if (theirs := getattr(item.cls, kind, None)) in OURS:
                setattr(item.cls, kind, OURS[theirs])
        plain, _, parameters = item.nodeid.removeprefix("tests/").partition("[")
        names = {plain, f"{plain}[{parameters.rpartition('-')[2]}"} & left_out.keys()
        absent -= names
        if names:
            reason = left_out[min(names)]
            runs = not names & LEFT_OUT_PLAYED.keys()
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True, run=runs))
    if absent:
        raise pytest.UsageError(f"left out, but not there: {', '.join(sorted(absent))}")


def pytest_terminal_summary(terminalreporter):
    passed, left_out = (len(terminalreporter.getreports(name)) for name in ("passed", "xfailed"))
    terminalreporter.write_line(
        f"requests-cache {version('requests-cache')}: {passed} passed, {left_out} left out, "
        "each with a reason"
    )
