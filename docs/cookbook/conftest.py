"""Runs the pages of the cookbook as tests, and starts the server that they ask.

`pytest docs/cookbook` plays the committed cassettes; with `--agentcache-record` it asks the server
for what is not on them.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from origin import PORT, Origin
from pages import Page, source_of

from pytest_agentcache.suite.collection import SETTINGS

HERE = Path(__file__).parent
# The address is part of every recorded request.
ADDRESS = os.environ.get("COOKBOOK_ORIGIN", f"http://127.0.0.1:{PORT}")
ORIGIN: pytest.StashKey[Origin] = pytest.StashKey()
# How long another run that records may hold the port, in seconds.
_PATIENCE = 120


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    # From Node.from_parent, as pytest wants its nodes made.
    if file_path.suffix == ".md" and file_path.parent == HERE and source_of(file_path).strip():
        return Page.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    asks = config.stash[SETTINGS].mode in ("record", "rerecord", "live")
    # The workers of xdist ask the one of their controller.
    if asks and not hasattr(config, "workerinput"):
        config.stash[ORIGIN] = _alone(urlsplit(ADDRESS).port or PORT).start()


def _alone(port: int) -> Origin:
    """The server, which counts from 1 for every run; a run beside this one is waited for."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return Origin(port)
        except OSError as error:
            if time.monotonic() > until:
                raise pytest.UsageError(f"127.0.0.1:{port} is taken: {error}") from None
            time.sleep(0.2)


def pytest_unconfigure(config: pytest.Config) -> None:
    if ORIGIN in config.stash:
        config.stash[ORIGIN].stop()


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """A resource of the test's own. Its answers are numbered: {"asked": 1}, {"asked": 2}, …"""
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    return f"{ADDRESS}/{name}"
