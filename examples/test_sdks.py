"""The OpenAI and Anthropic SDKs on cassettes: sync and async, streamed or not, with tools."""

from __future__ import annotations

import json

import pytest
from agent import GET_WEATHER

# A suite that uses only SDKs needs no fixture: the marker puts its tests on cassettes.
pytestmark = pytest.mark.agentcache

GPT = "gpt-5-mini"
CLAUDE = "claude-opus-5"
ASKED = [{"role": "user", "content": "Is it cold in Oslo?"}]
FUNCTION = GET_WEATHER["function"]
CLAUDE_TOOL = {
    "name": FUNCTION["name"],
    "description": FUNCTION["description"],
    "input_schema": FUNCTION["parameters"],
}


def _arguments(chunks):
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    return json.loads("".join(call.function.arguments for call in calls))


def test_openai_calls_a_tool(openai):
    """A complete response, with its usage."""
    completion = openai.chat.completions.create(model=GPT, messages=ASKED, tools=[GET_WEATHER])

    call = completion.choices[0].message.tool_calls[0].function
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Oslo"})
    assert completion.usage.total_tokens > 0


def test_openai_streams_a_tool_call(openai):
    """The arguments of a call arrive in pieces."""
    stream = openai.chat.completions.create(
        model=GPT, messages=ASKED, tools=[GET_WEATHER], stream=True
    )

    assert _arguments(list(stream)) == {"city": "Oslo"}


@pytest.mark.asyncio
async def test_async_openai_calls_a_tool(async_openai):
    """The same with the asynchronous client."""
    completion = await async_openai.chat.completions.create(
        model=GPT, messages=ASKED, tools=[GET_WEATHER]
    )

    assert completion.choices[0].finish_reason == "tool_calls"


@pytest.mark.asyncio
async def test_async_openai_streams_a_tool_call(async_openai):
    """The same with the asynchronous client."""
    stream = await async_openai.chat.completions.create(
        model=GPT, messages=ASKED, tools=[GET_WEATHER], stream=True
    )

    assert _arguments([chunk async for chunk in stream]) == {"city": "Oslo"}


def test_anthropic_calls_a_tool_and_reads_its_result(anthropic):
    """Two turns: the tool call, and the reply to its result."""
    first = anthropic.messages.create(
        model=CLAUDE, max_tokens=200, messages=ASKED, tools=[CLAUDE_TOOL]
    )
    call = first.content[0]
    result = {
        "type": "tool_result",
        "tool_use_id": call.id,
        "content": json.dumps({"city": "Oslo", "sky": "snow", "celsius": -4}),
    }
    call_turn = {
        "role": "assistant",
        "content": [call.model_dump(include={"type", "id", "name", "input"})],
    }
    second = anthropic.messages.create(
        model=CLAUDE,
        max_tokens=200,
        messages=[*ASKED, call_turn, {"role": "user", "content": [result]}],
        tools=[CLAUDE_TOOL],
    )

    assert (call.type, call.input) == ("tool_use", {"city": "Oslo"})
    assert second.content[0].text == "Yes, take an umbrella: snow in Oslo, -4 °C."


def test_anthropic_streams_a_tool_call(anthropic):
    """The SDK assembles the pieces of the input."""
    with anthropic.messages.stream(
        model=CLAUDE, max_tokens=200, messages=ASKED, tools=[CLAUDE_TOOL]
    ) as stream:
        message = stream.get_final_message()

    assert (message.stop_reason, message.content[0].input) == ("tool_use", {"city": "Oslo"})


@pytest.mark.asyncio
async def test_async_anthropic_replies(async_anthropic):
    """A complete response in plain text."""
    message = await async_anthropic.messages.create(
        model=CLAUDE, max_tokens=200, messages=[{"role": "user", "content": "Say hello."}]
    )

    assert message.content[0].text == "You asked: Say hello."


@pytest.mark.asyncio
async def test_async_anthropic_streams_text(async_anthropic):
    """Text arrives in the recorded pieces."""
    async with async_anthropic.messages.stream(
        model=CLAUDE,
        max_tokens=200,
        messages=[{"role": "user", "content": "Tell me a story about a cassette."}],
    ) as stream:
        pieces = [text async for text in stream.text_stream]

    assert len(pieces) > 1
    assert "".join(pieces) == "You asked: Tell me a story about a cassette."
