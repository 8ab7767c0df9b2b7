"""The suite: its markers, the tests that are on a cassette, and what its summary says."""

from __future__ import annotations

from typing import Any

import pytest

from . import fixtures, options
from .test import VcrTest, vcr_test

_MARKERS = (
    "vcr(*cassettes, **config): put a test on a cassette (pytest-recording, pytest-vcr)",
    "default_cassette(name): the name of the test's cassette (pytest-recording)",
    "block_network(allowed_hosts): block the network in a test (pytest-recording)",
    "allowed_hosts(hosts): accepted, as by pytest-recording",
)
_OUTPUT = "agentcache_vcr"


class VcrSuite:
    """A plugin for one run with `agentcache_vcr = true`.

    Args:
        config: That of the run.
        explicit: The names of settings in pytest's ini file.
    """

    def __init__(self, config: pytest.Config, explicit: frozenset[str]) -> None:
        self._config, self._explicit = config, explicit
        self._without_effect: set[str] = set()

    def test(self, request: pytest.FixtureRequest) -> VcrTest | None:
        """Return the configuration of the test that requests a fixture; None without a marker."""
        if self.disabled or request.node.get_closest_marker("vcr") is None:
            return None
        found = vcr_test(request, self._explicit, options.record_mode(self._config))
        self._without_effect.update(found.without_effect)
        return found

    @property
    def disabled(self) -> bool:
        """True if tests run without cassettes."""
        return options.is_disabled(self._config)

    def mark(self, items: list[pytest.Item]) -> None:
        """Put the tests on a cassette that are marked with `vcr`."""
        for item in items:
            if not self.disabled and item.get_closest_marker("vcr") is not None:
                item.add_marker(pytest.mark.agentcache)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        # A worker of xdist passes it to the controller.
        if (output := getattr(self._config, "workeroutput", None)) is not None:
            output[_OUTPUT] = sorted(self._without_effect)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._without_effect.update(getattr(node, "workeroutput", {}).get(_OUTPUT, ()))

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._without_effect:
            names = ", ".join(sorted(self._without_effect))
            terminalreporter.write_line(f"agentcache: no effect on a cassette here: {names}")


def register(config: pytest.Config, explicit: frozenset[str]) -> VcrSuite:
    """Add the markers and fixtures of pytest-recording and pytest-vcr to a run."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    suite = VcrSuite(config, explicit)
    config.pluginmanager.register(suite, "agentcache-vcr")
    config.pluginmanager.register(fixtures, "agentcache-vcr-fixtures")
    return suite
