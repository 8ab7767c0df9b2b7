"""The hook of pytest-recording, for conftest files that implement it where that is absent."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookspec()
def pytest_recording_configure(config: pytest.Config, vcr: Any) -> None:
    """Configure the `vcr.VCR` of each test, or what takes its place under `agentcache_vcr`."""
