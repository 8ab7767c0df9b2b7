"""A request to a language model as the conversation that it carries, whoever provides it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from ..http.body import sse
from ..http.messages import Interaction, Response
from .answer import is_stream, said_by
from .message_parts import Part, id_of, name_of, parts_of, results_of, text_of

__all__ = [
    "Conversation",
    "Part",
    "Turn",
    "answer_of",
    "conversation_of",
    "documents",
    "model_of",
    "streamed",
]

_MODEL = re.compile(r"/(?:models?|deployments)/([^/:]+)")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: who speaks, and what."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a request to a language model carries.

    Attributes:
        turns: Its messages in order, instructions first.
        tools: The names of the tools that it offers.
        settings: What else it asks for, by name.
    """

    turns: tuple[Turn, ...]
    tools: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


_MESSAGES = (
    *("messages", "contents", "input", "prompt", "system", "instructions", "systemInstruction"),
    *("system_instruction", "tools", "toolConfig", "preamble", "chat_history", "message"),
)


def conversation_of(interaction: Interaction) -> Conversation | None:
    """The conversation that a request carries; None if it carries none."""
    body = interaction.request.body
    if body.lstrip()[:1] != b"{":
        return None
    document = next(documents(body), None)
    if document is None:
        return None
    try:
        turns = tuple(turn for turn in _turns(document) if turn.parts)
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
        # Built unlike any provider's.
        return None
    if not any(turn.role != "system" for turn in turns):
        return None
    settings = {name: each for name, each in document.items() if name not in _MESSAGES}
    return Conversation(_with_names(document, turns), tuple(_tools(document)), settings)


def answer_of(response: Response) -> Turn:
    """What an answer says, streams assembled."""
    said = said_by(response)
    parts: list[Part] = []
    if said.error:
        parts.append(Part("error", said.error))
    if said.thoughts.strip():
        parts.append(Part("thought", said.thoughts))
    parts += [Part("text", words) for words in said.words.values() if words.strip()]
    if said.refusal:
        parts.append(Part("refusal", said.refusal))
    parts += [Part("call", raw, name) for name, raw in said.calls.values() if name]
    parts += [Part("media", what) for what in said.named]
    return Turn("assistant", tuple(parts))


def model_of(interaction: Interaction) -> str:
    """The model that a request asks; empty if nothing tells."""
    for document in documents(interaction.request.body):
        for name in ("model", "modelId", "model_id"):
            if isinstance(found := document.get(name), str):
                return found
    match = _MODEL.search(urlsplit(interaction.request.url).path)
    return unquote(match[1]) if match else ""


def streamed(response: Response) -> bool:
    """Whether an answer came event by event."""
    return is_stream(response)


def _turns(document: dict[str, Any]) -> Iterator[Turn]:
    for name in ("system", "instructions", "systemInstruction", "system_instruction", "preamble"):
        if document.get(name):
            yield Turn("system", tuple(parts_of(document[name])))
    for name in ("messages", "chat_history", "contents", "input"):
        found = document.get(name)
        if isinstance(found, str):
            if name == "input" and _embeds(document):
                return
            yield Turn("user", tuple(parts_of(found)))
        elif isinstance(found, list):
            for each in found:
                if isinstance(each, dict):
                    yield from _message(each)
    for name in ("prompt", "message", "inputText"):
        if isinstance(document.get(name), str):
            yield Turn("user", tuple(parts_of(document[name])))


def _embeds(document: dict[str, Any]) -> bool:
    """Whether an `input` is no prompt but a text to embed, to speak or to judge."""
    model = str(document.get("model", ""))
    return "voice" in document or any(word in model for word in ("embed", "moderation", "tts"))


def _message(message: dict[str, Any]) -> Iterator[Turn]:
    kind = message.get("type")
    if kind in ("function_call", "custom_tool_call", "mcp_call"):
        text = message.get("arguments") or message.get("input")
        yield Turn("assistant", (Part("call", text_of(text), name_of(message), id_of(message)),))
    elif isinstance(kind, str) and kind.endswith("_output"):
        call = id_of(message)
        yield Turn("tool", tuple(results_of(message.get("output"), call, call)))
    elif kind == "reasoning":
        summary = parts_of(message.get("summary") or [])
        yield Turn("assistant", tuple(Part("thought", part.text) for part in summary))
    elif isinstance(kind, str) and kind.endswith("_call"):
        yield Turn("assistant", (Part("call", "", kind.removesuffix("_call")),))
    else:
        role = str(message.get("role") or "user").lower()
        role = {"model": "assistant", "chatbot": "assistant", "developer": "system"}.get(role, role)
        if role in ("tool", "function"):
            call = str(message.get("tool_call_id") or "")
            name = str(message.get("name") or call)
            yield Turn("tool", tuple(results_of(message.get("content"), name, call)))
            return
        content = message.get("content", message.get("parts", message.get("message")))
        thought = message.get("reasoning_content") or message.get("reasoning")
        parts = [Part("thought", thought)] if isinstance(thought, str) and thought else []
        parts += parts_of(content)
        parts += _calls(message.get("tool_calls"))
        if isinstance(old := message.get("function_call"), dict):
            parts.append(Part("call", text_of(old.get("arguments")), name_of(old)))
        given = (part.kind == "result" or (part.kind == "media" and part.call) for part in parts)
        if parts and all(given):
            role = "tool"
        yield Turn(role, tuple(parts))


def _calls(calls: Any) -> Iterator[Part]:
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") or call
        text = text_of(function.get("arguments", function.get("parameters")))
        yield Part("call", text, name_of(function), id_of(call))


def _with_names(document: dict[str, Any], turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Turns whose results bear the names of their tools in place of the ids of the calls."""
    names = dict(_call_names(document))
    return tuple(
        Turn(
            turn.role,
            tuple(
                replace(part, name=names.get(part.name, part.name))
                if part.kind == "result"
                else part
                for part in turn.parts
            ),
        )
        for turn in turns
    )


def _call_names(value: Any) -> Iterator[tuple[str, str]]:
    """Ids of calls and the names of their tools, wherever they stand."""
    if isinstance(value, dict):
        call = value.get("call_id") or value.get("toolUseId") or value.get("id")
        function = value.get("function")
        name = value.get("name") or (function.get("name") if isinstance(function, dict) else "")
        if isinstance(call, str) and isinstance(name, str) and name:
            yield call, name
        for each in value.values():
            if isinstance(each, (dict, list)):
                yield from _call_names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _call_names(each)


def _tools(document: dict[str, Any]) -> Iterator[str]:
    """The names of the tools that a request offers."""
    tools = document.get("tools")
    if isinstance(config := document.get("toolConfig"), dict):
        tools = config.get("tools", tools)
    for tool in tools if isinstance(tools, list) else []:
        if not isinstance(tool, dict):
            continue
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        if isinstance(declared, list):
            yield from (name_of(each) for each in declared if isinstance(each, dict))
            continue
        holder = tool.get("function") or tool.get("toolSpec") or tool
        name = name_of(holder) if isinstance(holder, dict) else ""
        if name or tool.get("type"):
            yield name or str(tool["type"])
        else:
            yield next(iter(tool), "tool")


def documents(raw: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects in a body: itself, or the data of its events."""
    if raw.lstrip()[:1] == b"{":
        texts = [raw]
    else:
        texts = [
            line[5:]
            for event in sse.split(raw.replace(b"\r\n", b"\n"))
            for line in event.split(b"\n")
            if line.startswith(b"data:")
        ]
    for text in texts:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found
