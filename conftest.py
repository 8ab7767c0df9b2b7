"""Tests run pytest inside pytest, as users run it."""

import os

# What is first imported by a run inside this process is forgotten after it, and imported once more
# later: two copies of one exception, of which httpx maps only the first, or two clocks, of which
# one takes the stopped time of the other for the real one.
import freezegun  # noqa: F401
import httpcore  # noqa: F401
import httpcore2  # noqa: F401
import pytest

import pytest_agentcache.standalone  # noqa: F401

pytest_plugins = ["pytester"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are processors, because some tests wait in real time."""
    return (os.cpu_count() or 1) + 1
