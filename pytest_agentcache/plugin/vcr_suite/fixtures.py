"""The fixtures of pytest-recording and pytest-vcr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ...clients import DISPATCHER, install
from ...suite.collection import SETTINGS
from ..test_state import Failed, state_of
from . import options
from .network import BlockingGuard
from .played import PlayedCassette

# The characters that pytest-recording removes from names.
_FORBIDDEN = re.compile(r"[<>?%*:|\"'/\\]")


@pytest.fixture(scope="session")
def record_mode(request: pytest.FixtureRequest) -> str:
    """Return the record mode of the command line."""
    return options.record_mode(request.config) or "none"


@pytest.fixture(scope="session")
def disable_recording(request: pytest.FixtureRequest) -> bool:
    """Return whether tests run without cassettes."""
    return options.is_disabled(request.config)


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    """Return the arguments of VCR.py for all tests below: override it, at any scope."""
    return {}


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    """Return the folder of the module's cassettes."""
    return str(request.path.parent / "cassettes" / request.path.stem)


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    """Return the name of the test's cassette."""
    marker = request.node.get_closest_marker("default_cassette")
    if marker is not None:
        if not marker.args:
            raise Failed(f"{request.node.nodeid}: @pytest.mark.default_cassette takes a name")
        return str(marker.args[0])
    own = f"{request.cls.__name__}.{request.node.name}" if request.cls else request.node.name
    return _FORBIDDEN.sub("-", own)


@pytest.fixture
def vcr_cassette_name(default_cassette_name: str) -> str:
    """Return the same, under the name that pytest-vcr has for it."""
    return default_cassette_name


@pytest.fixture
def vcr_markers(request: pytest.FixtureRequest) -> list[pytest.Mark]:
    """Return the `vcr` markers of the test, the nearest first."""
    return list(request.node.iter_markers("vcr"))


@pytest.fixture
def vcr(request: pytest.FixtureRequest, disable_recording: bool) -> PlayedCassette | None:
    """Return the cassette of a test that is marked with `vcr`."""
    if disable_recording or request.node.get_closest_marker("vcr") is None:
        return None
    harness = request.getfixturevalue("agentcache")
    return PlayedCassette(harness, state_of(request.node).record_mode)


@pytest.fixture
def vcr_cassette(vcr: PlayedCassette | None) -> PlayedCassette | None:
    """Return the same, under the name that pytest-vcr has for it."""
    return vcr


@pytest.fixture
def allowed_hosts(request: pytest.FixtureRequest, vcr_config: dict[str, Any]) -> list[str]:
    """Return regular expressions for the hosts that are not blocked."""
    marker = request.node.get_closest_marker("block_network")
    found = (
        (marker.kwargs.get("allowed_hosts") if marker else None)
        or request.config.getoption("allowed_hosts")
        or vcr_config.get("allowed_hosts")
        or ()
    )
    return found.split(",") if isinstance(found, str) else list(found)


@pytest.fixture(autouse=True)
def block_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Block the network in a test that says so, unless it records."""
    item = request.node
    marker = item.get_closest_marker("block_network")
    if marker is not None and (marker.args or set(marker.kwargs) - {"allowed_hosts"}):
        raise Failed(f"{item.nodeid}: @pytest.mark.block_network takes only allowed_hosts=")
    harness = state_of(item).harness
    settings = item.config.stash[SETTINGS] if harness is None else harness.settings
    is_blocked = marker is not None or request.config.getoption("block_network")
    records = harness is not None and settings.mode not in ("replay", "offline")
    patterns = request.getfixturevalue("allowed_hosts") if is_blocked or harness else []
    if records or not (is_blocked or patterns):
        yield
        return
    install()
    allowed = (*settings.allowed_hosts, *settings.passthrough)
    before, DISPATCHER.guard = DISPATCHER.guard, BlockingGuard(patterns, allowed, settings.mode)
    try:
        yield
    finally:
        DISPATCHER.guard = before
