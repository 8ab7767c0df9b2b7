"""The agent end to end, on cassettes."""

from __future__ import annotations

import agent
import pytest

UMBRELLA = "Do I need an umbrella in Paris?"


def test_agent_looks_up_the_weather(openai, weather, agentcache):
    """Two turns of the model, and the weather between them."""
    answer = agent.ask(UMBRELLA, openai, weather)

    assert answer == "Yes, take an umbrella: rain in Paris, 12 °C."
    asked = [interaction.request.method for interaction in agentcache.cassette.interactions]
    assert asked == ["POST", "GET", "POST"]


def test_answer_streams_in(openai, weather):
    """The words arrive piece by piece, from a cassette too."""
    pieces: list[str] = []

    answer = agent.ask("Is it warm in Lisbon?", openai, weather, on_text=pieces.append)

    assert len(pieces) > 1
    assert "".join(pieces) == answer


def test_second_question_finds_the_weather_cached(openai, weather, agentcache):
    """Asking twice asks the model four times, and the weather service once."""
    first = agent.ask(UMBRELLA, openai, weather)
    second = agent.ask(UMBRELLA, openai, weather)

    assert first == second
    asked = [interaction.request.method for interaction in agentcache.cassette.interactions]
    assert (asked.count("POST"), asked.count("GET")) == (4, 1)


@pytest.mark.asyncio
async def test_agent_runs_asynchronously(async_openai, weather):
    """The asynchronous client and the tool's thread are on the same cassette."""
    answer = await agent.ask_async("Will I get wet in London?", async_openai, weather)

    assert answer == "No, leave the umbrella at home: clouds in London, 9 °C."


@pytest.mark.agentcache(on_miss="respond")
def test_agent_copes_without_the_weather(openai, weather):
    """The offline path itself: the weather is on no cassette, and the agent says so.

    Upstream hangs up on Atlantis, so there is nothing to record; from the cassette the agent
    gets a 504, which under `on_miss="respond"` does not fail the test.
    """
    answer = agent.ask("Is it raining in Atlantis?", openai, weather)

    assert answer == "Sorry, I cannot see the weather at the moment."
