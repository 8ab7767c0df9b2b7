"""Tests run pytest inside pytest, as users run it."""

# What is first imported by a run inside this process is forgotten after it, and imported once more
# later: two copies of one exception, of which httpx maps only the first, or two clocks, of which
# one takes the stopped time of the other for the real one.
import freezegun  # noqa: F401
import httpcore  # noqa: F401
import httpcore2  # noqa: F401

import pytest_agentcache.standalone  # noqa: F401

pytest_plugins = ["pytester"]
