"""A request to a language model as the conversation that it carries, whoever provides it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .answer import is_stream, said_by, size_of
from .body import sse
from .interaction import Interaction, Response

Kind = Literal["text", "thought", "refusal", "call", "result", "media", "error"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message.

    Attributes:
        kind: What it is.
        text: Its words; of a call its arguments, of a result what came back.
        name: Of a call or a result the tool, where it is told.
        call: The id that ties a result to its call, where it is told.
        media: Of media that is held in place its type, such as `image/png`.
        data: And its bytes, as base64.
    """

    kind: Kind
    text: str
    name: str = ""
    call: str = ""
    media: str = ""
    data: str = ""


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


def streamed(response: Response) -> bool:
    """Whether an answer came event by event."""
    return is_stream(response)


def _turns(document: dict[str, Any]) -> Iterator[Turn]:
    for name in ("system", "instructions", "systemInstruction", "system_instruction", "preamble"):
        if document.get(name):
            yield Turn("system", tuple(_parts(document[name])))
    for name in ("messages", "chat_history", "contents", "input"):
        found = document.get(name)
        if isinstance(found, str):
            if name == "input" and _embeds(document):
                return
            yield Turn("user", tuple(_parts(found)))
        elif isinstance(found, list):
            for each in found:
                if isinstance(each, dict):
                    yield from _message(each)
    for name in ("prompt", "message", "inputText"):
        if isinstance(document.get(name), str):
            yield Turn("user", tuple(_parts(document[name])))


def _embeds(document: dict[str, Any]) -> bool:
    """Whether an `input` is no prompt but a text to embed, to speak or to judge."""
    model = str(document.get("model", ""))
    return "voice" in document or any(word in model for word in ("embed", "moderation", "tts"))


def _message(message: dict[str, Any]) -> Iterator[Turn]:
    kind = message.get("type")
    if kind in ("function_call", "custom_tool_call", "mcp_call"):
        text = message.get("arguments") or message.get("input")
        yield Turn("assistant", (Part("call", _text(text), _name(message), _id(message)),))
    elif isinstance(kind, str) and kind.endswith("_output"):
        call = _id(message)
        yield Turn("tool", tuple(_results(message.get("output"), call, call)))
    elif kind == "reasoning":
        summary = _parts(message.get("summary") or [])
        yield Turn("assistant", tuple(Part("thought", part.text) for part in summary))
    elif isinstance(kind, str) and kind.endswith("_call"):
        yield Turn("assistant", (Part("call", "", kind.removesuffix("_call")),))
    else:
        role = str(message.get("role") or "user").lower()
        role = {"model": "assistant", "chatbot": "assistant", "developer": "system"}.get(role, role)
        if role in ("tool", "function"):
            call = str(message.get("tool_call_id") or "")
            name = str(message.get("name") or call)
            yield Turn("tool", tuple(_results(message.get("content"), name, call)))
            return
        content = message.get("content", message.get("parts", message.get("message")))
        thought = message.get("reasoning_content") or message.get("reasoning")
        parts = [Part("thought", thought)] if isinstance(thought, str) and thought else []
        parts += _parts(content)
        parts += _calls(message.get("tool_calls"))
        if isinstance(old := message.get("function_call"), dict):
            parts.append(Part("call", _text(old.get("arguments")), _name(old)))
        given = (part.kind == "result" or (part.kind == "media" and part.call) for part in parts)
        if parts and all(given):
            role = "tool"
        yield Turn(role, tuple(parts))


def _calls(calls: Any) -> Iterator[Part]:
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") or call
        text = _text(function.get("arguments", function.get("parameters")))
        yield Part("call", text, _name(function), _id(call))


def _parts(content: Any) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield Part("text", content)
    elif isinstance(content, dict):
        if "parts" in content:
            yield from _parts(content["parts"])
        else:
            yield from _part(content)
    elif isinstance(content, list):
        for each in content:
            yield from _parts(each)


def _part(part: dict[str, Any]) -> Iterator[Part]:
    """One part of a message of OpenAI, Anthropic, Gemini, Bedrock, Mistral or Cohere."""
    kind = str(part.get("type") or "")
    if part.get("thought") is True or kind in ("thinking", "reasoning"):
        text = part.get("thinking") or part.get("text")
        if isinstance(text, list):
            text = "".join(_text(each.get("text")) for each in text)
        if text:
            yield Part("thought", _text(text))
    elif "reasoningContent" in part:
        found = part["reasoningContent"].get("reasoningText") or {}
        yield Part("thought", _text(found.get("text")))
    elif isinstance(text := part.get("text"), str) and "file" not in part:
        if text:
            yield Part("refusal" if kind == "refusal" else "text", text)
    elif kind == "refusal":
        yield Part("refusal", _text(part.get("refusal")))
    elif kind.endswith("tool_use"):
        yield Part("call", _text(part.get("input")), _name(part), _id(part))
    elif call := part.get("functionCall") or part.get("toolUse"):
        yield Part("call", _text(call.get("args", call.get("input"))), _name(call), _id(call))
    elif kind.endswith("tool_result"):
        call = str(part.get("tool_use_id") or "")
        yield from _results(part.get("content"), call, call)
    elif came := part.get("functionResponse"):
        yield Part("result", _text(came.get("response")), _name(came), _id(came))
    elif came := part.get("toolResult"):
        yield from _results(came.get("content"), _id(came), _id(came))
    elif kind == "cache_control" or "cachePoint" in part:
        return
    else:
        yield _media(kind, part)


def _media(kind: str, part: dict[str, Any]) -> Part:
    """`image/png 24 kB` with its bytes, or the address or name of a file."""
    for holder in _mappings(part):
        for name in ("data", "bytes", "file_data", "image_url", "url", "fileUri", "file_id", "uri"):
            found = holder.get(name)
            if not isinstance(found, str):
                continue
            media = holder.get("media_type") or holder.get("mimeType") or holder.get("mime_type")
            if found.startswith("data:"):
                media, _, found = found[5:].partition(",")
                media = media.partition(";")[0]
            elif name not in ("data", "bytes", "file_data"):
                return Part("media", f"{kind or 'file'} {found}")
            form = holder.get("format")
            what = str(media or form or next(iter(part), "data"))
            size = size_of(len(found) * 3 // 4)
            return Part("media", f"{what} {size}", media=_type(media, form, kind, part), data=found)
    return Part("media", kind or ", ".join(part))


def _type(media: Any, form: Any, kind: str, part: dict[str, Any]) -> str:
    """A media type, also where only `png` is told."""
    if isinstance(media, str) and "/" in media:
        return media
    what = "audio" if "audio" in kind or "input_audio" in part else "image"
    return f"{what}/{form}" if isinstance(form, str) and form else ""


def _mappings(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    for each in part.values():
        if isinstance(each, dict):
            yield from _mappings(each)


def _results(content: Any, name: str, call: str) -> Iterator[Part]:
    """What a tool gave back: its text, and the images in it."""
    media: list[Part] = []
    if isinstance(content, list) and all(isinstance(each, dict) for each in content):
        texts = []
        for each in content:
            parts = [Part("text", _text(each["json"]))] if "json" in each else list(_part(each))
            texts += [part.text for part in parts if not part.data]
            media += [part for part in parts if part.data]
        text = "\n".join(texts)
    else:
        text = _text(content)
    if text or not media:
        yield Part("result", text, name, call)
    for part in media:
        yield replace(part, name=name, call=call)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(holder: dict[str, Any]) -> str:
    return str(holder.get("name") or "")


def _id(holder: dict[str, Any]) -> str:
    """The id of a call, or of the call that a result answers."""
    return str(holder.get("call_id") or holder.get("toolUseId") or holder.get("id") or "")


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
            yield from (_name(each) for each in declared if isinstance(each, dict))
            continue
        holder = tool.get("function") or tool.get("toolSpec") or tool
        name = _name(holder) if isinstance(holder, dict) else ""
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
