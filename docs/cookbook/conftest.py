"""Run the pages of the cookbook as tests, and start their server.

`pytest docs/cookbook` replays the committed cassettes. With `--agentcache-record`, requests that
are not on them go to the server.
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
# How long to wait for another recording run that uses the port, in seconds.
_TIMEOUT = 120


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    if file_path.suffix == ".md" and file_path.parent == HERE and source_of(file_path).strip():
        return Page.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    needs_server = config.stash[SETTINGS].mode in ("record", "rerecord", "live")
    # The workers of xdist use the server of their controller.
    if needs_server and not hasattr(config, "workerinput"):
        config.stash[ORIGIN] = _server(urlsplit(ADDRESS).port or PORT).start()


def _server(port: int) -> Origin:
    """Return a new server, which counts from 1; wait for a concurrent run to release the port."""
    until = time.monotonic() + _TIMEOUT
    while True:
        try:
            return Origin(port)
        except OSError as error:
            if time.monotonic() > until:
                raise pytest.UsageError(f"127.0.0.1:{port} is in use: {error}") from None
            time.sleep(0.2)


def pytest_unconfigure(config: pytest.Config) -> None:
    if ORIGIN in config.stash:
        config.stash[ORIGIN].stop()


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """A resource of the test with the responses {"response": 1}, {"response": 2}, …"""
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    return f"{ADDRESS}/{name}"
