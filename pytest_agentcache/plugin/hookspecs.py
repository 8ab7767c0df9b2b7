"""Hooks for conftest files and plugins. All are optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from requests_cache import CachedSession

    from ..http.messages import Interaction, Request, Response
    from ..replay.misses import Miss


@pytest.hookspec()
def pytest_agentcache_configure_session(session: CachedSession, item: pytest.Item) -> Any:
    """Configure the test's `CachedSession` when it is made: mount adapters, set headers."""


@pytest.hookspec(firstresult=True)
def pytest_agentcache_before_record_request(
    request: Request, item: pytest.Item
) -> Request | Literal[False] | None:
    """Return the request to match and write instead, or False to leave it to the network.

    Runs on each request that is sent, before it is redacted. Nothing is changed in what the client
    sends. The first hook that returns something other than None wins.
    """


@pytest.hookspec(firstresult=True)
def pytest_agentcache_before_record_response(
    response: Response, request: Request, item: pytest.Item
) -> Response | Literal[False] | None:
    """Return the response to write instead, or False to leave the interaction off the cassette.

    Runs on each new response before it is redacted. The first hook that returns something other
    than None wins.
    """


@pytest.hookspec(firstresult=True)
def pytest_agentcache_redact(interaction: Interaction, item: pytest.Item) -> Interaction | None:
    """Return an interaction without its secrets; called with each before it is written.

    Runs before the built-in redaction. The request has been redacted already. The first
    hook that returns something other than None wins.
    """


@pytest.hookspec(firstresult=True)
def pytest_agentcache_normalize_request(request: Request, item: pytest.Item) -> Request | None:
    """Return the request to match and write instead; called with each before it is matched.

    Runs on redacted requests, both sent and recorded, so its result must not change if it runs
    again. The first hook that returns something other than None wins.
    """


@pytest.hookspec(firstresult=True)
def pytest_agentcache_cassette_name(item: pytest.Item) -> str | None:
    """Return the name of a test's cassette; the marker's `cassette=` takes precedence."""


@pytest.hookspec()
def pytest_agentcache_miss(miss: Miss, item: pytest.Item) -> Any:
    """React to a missed request, on the thread that sent it; called for each."""
