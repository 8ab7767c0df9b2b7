"""Hooks for conftest files and plugins. All are optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from requests_cache import CachedSession

    from ..http.messages import Interaction, Request
    from ..replay.misses import Miss


@pytest.hookspec()
def pytest_agentcache_configure_session(session: CachedSession, item: pytest.Item) -> Any:
    """Called with the test's `CachedSession` when it is made: mount adapters, set headers."""


@pytest.hookspec(firstresult=True)
def pytest_agentcache_redact(interaction: Interaction, item: pytest.Item) -> Interaction | None:
    """Called with each interaction before it is written; returns it without its secrets.

    Runs before the built-in redaction. The request has been redacted already. The first
    hook that returns something other than None wins.
    """


@pytest.hookspec(firstresult=True)
def pytest_agentcache_normalize_request(request: Request, item: pytest.Item) -> Request | None:
    """Called with each request before it is matched; returns what to match and write instead.

    Runs on redacted requests, both asked and recorded, so what it returns must not change if it
    runs once more. The first hook that returns something other than None wins.
    """


@pytest.hookspec(firstresult=True)
def pytest_agentcache_cassette_name(item: pytest.Item) -> str | None:
    """Names the cassette of a test, as the marker's `cassette=` would; that one comes first."""


@pytest.hookspec()
def pytest_agentcache_miss(miss: Miss, item: pytest.Item) -> Any:
    """Called each time that a request is missed, on the thread that asked."""
