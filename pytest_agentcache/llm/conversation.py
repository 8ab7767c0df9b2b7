"""A request to a language model as a conversation, and the response as its next message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from ..http.body import looks_like_object
from ..http.messages import Interaction, Response
from .parts import Part, Turn, name_of
from .providers import PROVIDERS
from .reading import UNKNOWN_FORMAT, event_data, read_input_parts, read_output

_MODEL = re.compile(r"/(?:models?|deployments)/([^/:]+)")


def _fields(attribute: str) -> tuple[str, ...]:
    """Return the fields of a request that the providers name in one attribute."""
    names = (name for provider in PROVIDERS for name in getattr(provider, attribute))
    return tuple(dict.fromkeys(names))


_SYSTEM = _fields("system_fields")
_MESSAGES = _fields("message_fields")
_TEXTS = _fields("text_fields")
_TOOLS = _fields("tool_fields")
_CONVERSATION = {*_SYSTEM, *_MESSAGES, *_TEXTS, *_TOOLS}
_ROLES = {name: role for provider in PROVIDERS for name, role in provider.roles.items()}


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request to a language model.

    Attributes:
        turns: Its messages in order, instructions first.
        tools: The names of the tools that it offers.
        settings: All other fields of the request.
    """

    turns: tuple[Turn, ...]
    tools: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


def conversation_of(interaction: Interaction) -> Conversation | None:
    """Return the conversation of a request; None if the request has none."""
    body = interaction.request.body
    document = next(documents(body), None) if looks_like_object(body) else None
    if document is None or not all(each.is_conversation(document) for each in PROVIDERS):
        return None
    try:
        turns = tuple(turn for turn in _turns(document) if turn.parts)
    except UNKNOWN_FORMAT:
        return None
    if not any(turn.role != "system" for turn in turns):
        return None
    settings = {name: each for name, each in document.items() if name not in _CONVERSATION}
    return Conversation(_with_names(document, turns), tuple(_tools(document)), settings)


def response_turn(response: Response) -> Turn:
    """Return the output of a model as a message of the assistant."""
    output = read_output(response)
    parts: list[Part] = []
    if output.error:
        parts.append(Part("error", output.error))
    if output.thoughts.strip():
        parts.append(Part("thought", output.thoughts))
    parts += [Part("text", text) for text in output.texts.values() if text.strip()]
    if output.refusal:
        parts.append(Part("refusal", output.refusal))
    parts += [Part("call", arguments, name) for name, arguments in output.calls.values() if name]
    parts += [Part("media", item) for item in output.items]
    return Turn("assistant", tuple(parts))


def model_of(interaction: Interaction) -> str:
    """Return the model of a request; empty if unknown."""
    for document in documents(interaction.request.body):
        for name in ("model", "modelId", "model_id"):
            if isinstance(found := document.get(name), str):
                return found
    match = _MODEL.search(urlsplit(interaction.request.url).path)
    return unquote(match[1]) if match else ""


def _turns(document: dict[str, Any]) -> Iterator[Turn]:
    for name in _SYSTEM:
        if document.get(name):
            yield Turn("system", tuple(read_input_parts(document[name])))
    for name in _MESSAGES:
        found = document.get(name)
        if isinstance(found, str):
            yield Turn("user", tuple(read_input_parts(found)))
        elif isinstance(found, list):
            yield from (_turn(each) for each in found if isinstance(each, dict))
    for name in _TEXTS:
        if isinstance(document.get(name), str):
            yield Turn("user", tuple(read_input_parts(document[name])))


def _turn(message: dict[str, Any]) -> Turn:
    """Return a message as the first provider of the table reads it that knows its format."""
    read = (provider.read_message(message, read_input_parts) for provider in PROVIDERS)
    turn = next(turn for turn in read if turn is not None)
    is_result = (
        part.kind == "result" or (part.kind == "media" and part.call) for part in turn.parts
    )
    role = "tool" if turn.parts and all(is_result) else _ROLES.get(turn.role, turn.role)
    return replace(turn, role=role)


def _with_names(document: dict[str, Any], turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return turns whose results have the names of their tools in place of the ids of the calls."""
    names = dict(_call_names(document))

    def named(part: Part) -> Part:
        name = names.get(part.name, part.name) if part.kind == "result" else part.name
        return replace(part, name=name)

    return tuple(replace(turn, parts=tuple(map(named, turn.parts))) for turn in turns)


def _call_names(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the id of each call and the name of its tool, wherever they are."""
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
    """Yield the names of the tools that a request offers."""
    for name in _TOOLS:
        found = document.get(name)
        tools = found.get("tools") if isinstance(found, dict) else found
        for tool in tools if isinstance(tools, list) else []:
            if isinstance(tool, dict):
                yield from _tool_names(tool)


def _tool_names(tool: dict[str, Any]) -> list[str]:
    for provider in PROVIDERS:
        names = provider.tool_names(tool)
        if names is not None:
            return names
    return [name_of(tool) or str(tool.get("type") or next(iter(tool), "tool"))]


def documents(raw: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a body: the body itself, or the data of its events."""
    for text in [raw] if looks_like_object(raw) else event_data(raw):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found
