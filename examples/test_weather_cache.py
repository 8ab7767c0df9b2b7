"""The agent's cache at work, step by step and without waiting."""

from __future__ import annotations

import pytest
from requests_cache import EXPIRE_IMMEDIATELY


@pytest.fixture
def paris(weather_url):
    return f"{weather_url}/now?city=Paris"


@pytest.mark.agentcache(session={"expire_after": 3600})
def test_fresh_response_comes_from_the_cache(agentcache, paris):
    """Within its lifetime a response is not requested again."""
    first = agentcache.session.get(paris)
    second = agentcache.session.get(paris)

    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.json() == {"city": "Paris", "sky": "rain", "celsius": 12}
    assert len(agentcache.cassette.interactions) == 1


@pytest.mark.agentcache(session={"expire_after": EXPIRE_IMMEDIATELY})
def test_stale_response_is_revalidated(agentcache, paris):
    """A stale response is revalidated by its ETag, and a 304 makes it fresh again."""
    agentcache.session.get(paris)
    again = agentcache.session.get(paris)

    statuses = [each.response.status for each in agentcache.cassette.interactions]
    assert statuses == [200, 304]
    assert again.revalidated
    assert again.json()["sky"] == "rain"


@pytest.mark.agentcache(session={"expire_after": 3600, "always_revalidate": True})
def test_fresh_response_is_revalidated_on_demand(agentcache, paris):
    """With `always_revalidate`, even a fresh response is revalidated."""
    agentcache.session.get(paris)
    agentcache.session.get(paris)

    first, second = agentcache.cassette.interactions
    assert second.request.headers.get("if-none-match") == first.response.headers.get("etag")


def test_only_if_cached_never_goes_upstream(agentcache, paris):
    """A 504 that the test requested is not a miss, and is not recorded."""
    before = agentcache.session.get(paris, only_if_cached=True)
    agentcache.session.get(paris)
    after = agentcache.session.get(paris, only_if_cached=True)

    assert (before.status_code, after.status_code) == (504, 200)
    assert agentcache.misses == []
    assert len(agentcache.cassette.interactions) == 1
