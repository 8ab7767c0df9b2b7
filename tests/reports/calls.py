"""Calls that agents make, as cassettes have them."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_agentcache.cassette import Cassette
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.reports.html import PageEntry

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
JSON = Headers((("content-type", "application/json"),))
EVENTS = Headers((("content-type", "text/event-stream"),))
CHAT = "https://api.openai.com/v1/chat/completions"
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}


def called(
    url: str = CHAT, asked: Any = None, answer: Any = None, status: int = 200
) -> Interaction:
    """One call whose bodies are JSON."""
    request = Request("POST", url, JSON, json.dumps(asked).encode())
    return Interaction(request, Response(status, JSON, json.dumps(answer).encode()))


def chat(
    *messages: dict[str, Any], says: Any = "Fine.", calls: Any = None, url: str = CHAT
) -> Interaction:
    """A chat in the words of OpenAI."""
    message = {"role": "assistant", "content": says} | ({"tool_calls": calls} if calls else {})
    usage = {"prompt_tokens": 71, "completion_tokens": 46}
    answer = {"choices": [{"index": 0, "message": message}], "usage": usage}
    return called(url, {"model": "gpt-5", "messages": list(messages), "tools": [TOOL]}, answer)


def streamed(*words: str) -> Interaction:
    """A chat whose answer comes word by word."""
    events = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in words]
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    request = {"model": "gpt-5", "stream": True, "messages": [user("Count.")]}
    return Interaction(
        Request("POST", CHAT, JSON, json.dumps(request).encode()),
        Response(200, EVENTS, lines.encode()),
    )


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def weather_call(city: str = "Paris", id_: str = "call_1") -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": json.dumps({"city": city})}
    return {"id": id_, "type": "function", "function": function}


def trip() -> tuple[Interaction, ...]:
    """An agent asks, calls a tool, and answers with what that gave back."""
    start = [{"role": "system", "content": "You are a weather agent."}, user("Is it dry in Paris?")]
    call = {"role": "assistant", "content": None, "tool_calls": [weather_call()]}
    result = {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": '{"rain":0,"id":12345678901234567890}',
    }
    return (
        chat(*start, says=None, calls=[weather_call()]),
        chat(*start, call, result, says="Yes, it is dry."),
    )


def png(red: int = 200) -> bytes:
    """A picture of one dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    head = bytes((0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes((0, red, 30, 30))))
        + chunk(b"IEND", b"")
    )


def picture() -> str:
    return base64.b64encode(png()).decode()


def entry(
    name: str, *interactions: Interaction, module: str = "tests/test_trip.py", **facts: Any
) -> PageEntry:
    """A test of that name with its cassette."""
    path = f"tests/cassettes/{name}.yaml"
    cassette = Cassette(Path(path), NOW, interactions)
    return PageEntry(path, f"{module}::{name}", cassette, size=1200, **facts)


def missed(**facts: Any) -> dict[str, Any]:
    """A miss as a report carries it."""
    diff = [["-", '"content": "dry in Paris?"'], ["+", '"content": "dry in London?"']]
    closest = {"n": 1, "replayed": False, "diff": diff}
    closest["places"] = [["json.messages[1].content", "'…in Paris?'", "'…in London?'"]]
    known = {"kind": "missing", "method": "POST", "url": CHAT, "body": "{}", "headers": []}
    known |= {"caller": "agent.py:8 in ask()", "count": 2, "closest": closest}
    return known | {"record": 'pytest --agentcache-record "test_trip.py::test_a"'} | facts
