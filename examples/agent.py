"""A small agent: it calls a model, looks up the weather when the model asks for it, and replies.

It does not depend on pytest or cassettes: it receives the model's client and the cached session, as
it would in production.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from openai import AsyncOpenAI, OpenAI
from requests_cache import CachedSession

MODEL = "gpt-5-mini"
SYSTEM = "You help people to dress for the weather.\nLook it up before you answer; be brief."
GET_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city right now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
MAX_TURNS = 4


@dataclass
class Turn:
    """One turn of the model, assembled from the stream."""

    on_text: Callable[[str], None]
    text: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)

    def add(self, chunk: Any) -> None:
        """Add one chunk of the stream."""
        for choice in chunk.choices:
            if choice.delta.content:
                self.text += choice.delta.content
                self.on_text(choice.delta.content)
            for call in choice.delta.tool_calls or []:
                if call.id:
                    function = {"name": call.function.name, "arguments": ""}
                    self.calls.append({"id": call.id, "type": "function", "function": function})
                self.calls[-1]["function"]["arguments"] += call.function.arguments or ""

    def message(self) -> dict[str, Any]:
        """Return the turn as a message for the next one."""
        message = {"role": "assistant", "content": self.text or None}
        return message | ({"tool_calls": self.calls} if self.calls else {})


@dataclass
class Weather:
    """The tool: a weather API behind a cache."""

    session: CachedSession
    url: str

    def call(self, call: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a tool call; an error is reported to the model, not raised."""
        city = json.loads(call["function"]["arguments"])["city"]
        try:
            response = self.session.get(f"{self.url}/now", params={"city": city}, timeout=10)
            response.raise_for_status()
            content = response.text
        except requests.RequestException:
            content = json.dumps({"error": "the weather service does not answer"})
        return {"role": "tool", "tool_call_id": call["id"], "content": content}


def _conversation(question: str) -> list[Any]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def ask(
    question: str,
    llm: OpenAI,
    weather: Weather,
    on_text: Callable[[str], None] = lambda text: None,
) -> str:
    """Return the agent's answer to `question`; call `on_text` with its text as it arrives."""
    messages = _conversation(question)
    for _ in range(MAX_TURNS):
        turn = Turn(on_text)
        for chunk in llm.chat.completions.create(
            model=MODEL, messages=messages, tools=[GET_WEATHER], stream=True
        ):
            turn.add(chunk)
        if not turn.calls:
            return turn.text
        messages.append(turn.message())
        messages += [weather.call(call) for call in turn.calls]
    raise RuntimeError(f"no answer after {MAX_TURNS} turns")


async def ask_async(question: str, llm: AsyncOpenAI, weather: Weather) -> str:
    """Do the same with an asynchronous client; the tool runs in a thread."""
    messages = _conversation(question)
    for _ in range(MAX_TURNS):
        turn = Turn(lambda text: None)
        async for chunk in await llm.chat.completions.create(
            model=MODEL, messages=messages, tools=[GET_WEATHER], stream=True
        ):
            turn.add(chunk)
        if not turn.calls:
            return turn.text
        messages.append(turn.message())
        messages += [await asyncio.to_thread(weather.call, call) for call in turn.calls]
    raise RuntimeError(f"no answer after {MAX_TURNS} turns")
