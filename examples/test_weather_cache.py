"""What the agent's cache does with the weather, step by step and without waiting."""

from __future__ import annotations

import pytest
from requests_cache import EXPIRE_IMMEDIATELY


@pytest.fixture
def paris(weather_url):
    return f"{weather_url}/now?city=Paris"


@pytest.mark.agentcache(session={"expire_after": 3600})
def test_fresh_answer_comes_from_the_cache(agentcache, paris):
    """Within its lifetime an answer is not asked for again."""
    first = agentcache.session.get(paris)
    second = agentcache.session.get(paris)

    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.json() == {"city": "Paris", "sky": "rain", "celsius": 12}
    assert len(agentcache.cassette.interactions) == 1


@pytest.mark.agentcache(session={"expire_after": EXPIRE_IMMEDIATELY})
def test_stale_answer_is_revalidated(agentcache, paris):
    """A stale answer goes upstream with its ETag, and a 304 makes it good again."""
    agentcache.session.get(paris)
    again = agentcache.session.get(paris)

    statuses = [each.response.status for each in agentcache.cassette.interactions]
    assert statuses == [200, 304]
    assert again.revalidated
    assert again.json()["sky"] == "rain"


@pytest.mark.agentcache(session={"expire_after": 3600, "always_revalidate": True})
def test_fresh_answer_is_revalidated_on_demand(agentcache, paris):
    """With `always_revalidate` even a fresh answer is checked against upstream."""
    agentcache.session.get(paris)
    agentcache.session.get(paris)

    first, second = agentcache.cassette.interactions
    assert second.request.headers.get("if-none-match") == first.response.headers.get("etag")


def test_only_if_cached_never_asks_upstream(agentcache, paris):
    """A 504 that the test itself asked for is no miss, and leaves nothing on the cassette."""
    before = agentcache.session.get(paris, only_if_cached=True)
    agentcache.session.get(paris)
    after = agentcache.session.get(paris, only_if_cached=True)

    assert (before.status_code, after.status_code) == (504, 200)
    assert agentcache.misses == []
    assert len(agentcache.cassette.interactions) == 1
