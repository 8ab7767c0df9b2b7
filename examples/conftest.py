"""Where the examples find their upstream, and the clients that ask it.

The address is part of every recorded request. EXAMPLES_UPSTREAM changes it, for recording anew
from somewhere else; the keys may be real ones, they never reach a cassette.
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
OPENAI_KEY = os.environ.get("OPENAI_API_KEY", "sk-none-needed-offline")
ANTHROPIC_KEY = os.environ.get("ANTHROPIC_API_KEY", "sk-ant-none-needed-offline")


@pytest.fixture
def weather_url() -> str:
    return UPSTREAM


@pytest.fixture
def weather(agentcache_session: CachedSession, weather_url: str) -> Weather:
    return Weather(agentcache_session, weather_url)


@pytest.fixture
def openai() -> Iterator[OpenAI]:
    with OpenAI(api_key=OPENAI_KEY, base_url=f"{UPSTREAM}/v1") as client:
        yield client


@pytest_asyncio.fixture
async def async_openai() -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=OPENAI_KEY, base_url=f"{UPSTREAM}/v1") as client:
        yield client


@pytest.fixture
def anthropic() -> Iterator[Anthropic]:
    with Anthropic(api_key=ANTHROPIC_KEY, base_url=UPSTREAM) as client:
        yield client


@pytest_asyncio.fixture
async def async_anthropic() -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(api_key=ANTHROPIC_KEY, base_url=UPSTREAM) as client:
        yield client
