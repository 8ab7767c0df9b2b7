"""The agent end to end, on cassettes."""

from __future__ import annotations

import agent
import pytest

UMBRELLA = "Do I need an umbrella in Paris?"


def test_agent_looks_up_the_weather(openai, weather, agentcache):
    """Two turns of the model, with a weather request between them."""
    answer = agent.ask(UMBRELLA, openai, weather)

    assert answer == "Yes, take an umbrella: rain in Paris, 12 °C."
    methods = [interaction.request.method for interaction in agentcache.cassette.interactions]
    assert methods == ["POST", "GET", "POST"]


def test_answer_streams_in(openai, weather):
    """The text arrives in pieces, from a cassette too."""
    pieces: list[str] = []

    answer = agent.ask("Is it warm in Lisbon?", openai, weather, on_text=pieces.append)

    assert len(pieces) > 1
    assert "".join(pieces) == answer


def test_second_question_finds_the_weather_cached(openai, weather, agentcache):
    """Two questions send four requests to the model, and one to the weather service."""
    first = agent.ask(UMBRELLA, openai, weather)
    second = agent.ask(UMBRELLA, openai, weather)

    assert first == second
    methods = [interaction.request.method for interaction in agentcache.cassette.interactions]
    assert (methods.count("POST"), methods.count("GET")) == (4, 1)


@pytest.mark.asyncio
async def test_agent_runs_asynchronously(async_openai, weather):
    """The asynchronous client and the tool's thread are on the same cassette."""
    answer = await agent.ask_async("Will I get wet in London?", async_openai, weather)

    assert answer == "No, leave the umbrella at home: clouds in London, 9 °C."


@pytest.mark.agentcache(on_miss="respond")
def test_agent_copes_without_the_weather(openai, weather):
    """A test of the offline path: the weather is not on the cassette, and the agent says so.

    Upstream closes the connection for Atlantis, so there is nothing to record. On replay the agent
    gets a 504, which does not fail the test under `on_miss="respond"`.
    """
    answer = agent.ask("Is it raining in Atlantis?", openai, weather)

    assert answer == "Sorry, I cannot see the weather at the moment."
