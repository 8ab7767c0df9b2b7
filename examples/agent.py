"""A small agent: it asks a model, looks up the weather where the model wants it, and answers.

It knows nothing of pytest or cassettes: the model's client and the cached session are handed to
it, as they would be in production.
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
MOST_TURNS = 4


@dataclass
class Turn:
    """What the model said in one turn, put together from the stream."""

    on_text: Callable[[str], None]
    text: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)

    def add(self, chunk: Any) -> None:
        """Adds one chunk of the stream."""
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
        """The turn as a message, for the next one."""
        said = {"role": "assistant", "content": self.text or None}
        return said | ({"tool_calls": self.calls} if self.calls else {})


@dataclass
class Weather:
    """The tool: a weather API behind a cache."""

    session: CachedSession
    url: str

    def call(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answers a call of the model; what goes wrong is told to it, not raised."""
        city = json.loads(call["function"]["arguments"])["city"]
        try:
            answer = self.session.get(f"{self.url}/now", params={"city": city}, timeout=10)
            answer.raise_for_status()
            content = answer.text
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
    """The agent's answer to `question`; `on_text` is given its words as they arrive."""
    messages = _conversation(question)
    for _ in range(MOST_TURNS):
        turn = Turn(on_text)
        for chunk in llm.chat.completions.create(
            model=MODEL, messages=messages, tools=[GET_WEATHER], stream=True
        ):
            turn.add(chunk)
        if not turn.calls:
            return turn.text
        messages.append(turn.message())
        messages += [weather.call(call) for call in turn.calls]
    raise RuntimeError(f"no answer after {MOST_TURNS} turns")


async def ask_async(question: str, llm: AsyncOpenAI, weather: Weather) -> str:
    """The same with an asynchronous client; the tool runs in a thread meanwhile."""
    messages = _conversation(question)
    for _ in range(MOST_TURNS):
        turn = Turn(lambda text: None)
        async for chunk in await llm.chat.completions.create(
            model=MODEL, messages=messages, tools=[GET_WEATHER], stream=True
        ):
            turn.add(chunk)
        if not turn.calls:
            return turn.text
        messages.append(turn.message())
        messages += [await asyncio.to_thread(weather.call, call) for call in turn.calls]
    raise RuntimeError(f"no answer after {MOST_TURNS} turns")
