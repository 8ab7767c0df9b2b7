"""The address of the examples' upstream, and the clients that use it.

The address is part of every recorded request. Set EXAMPLES_UPSTREAM to record from another one. The
clients take their keys from the environment. They may be real keys, because they are never written
to a cassette.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from agent import Weather
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI
from requests_cache import CachedSession

UPSTREAM = os.environ.get("EXAMPLES_UPSTREAM", "http://127.0.0.1:8765")
DUMMIES = {
    "OPENAI_API_KEY": "sk-none-needed-offline",
    "ANTHROPIC_API_KEY": "sk-ant-none-needed-offline",
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dummy keys, if there are none, in the variables that the cassettes name in place of keys."""
    for name, dummy in DUMMIES.items():
        if not os.environ.get(name):
            monkeypatch.setenv(name, dummy)


@pytest.fixture
def weather_url() -> str:
    return UPSTREAM


@pytest.fixture
def weather(agentcache_session: CachedSession, weather_url: str) -> Weather:
    return Weather(agentcache_session, weather_url)


@pytest.fixture
def openai() -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{UPSTREAM}/v1") as client:
        yield client


@pytest_asyncio.fixture
async def async_openai() -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{UPSTREAM}/v1") as client:
        yield client


@pytest.fixture
def anthropic() -> Iterator[Anthropic]:
    with Anthropic(base_url=UPSTREAM) as client:
        yield client


@pytest_asyncio.fixture
async def async_anthropic() -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=UPSTREAM) as client:
        yield client
