"""What messages are made of, in the words of every provider: texts, calls, results, images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from .answer import size_of

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


def parts_of(content: Any) -> Iterator[Part]:
    """The parts of what a message holds: a text, a part, or a list of them."""
    if isinstance(content, str):
        if content:
            yield Part("text", content)
    elif isinstance(content, dict):
        if "parts" in content:
            yield from parts_of(content["parts"])
        else:
            yield from _part(content)
    elif isinstance(content, list):
        for each in content:
            yield from parts_of(each)


def _part(part: dict[str, Any]) -> Iterator[Part]:
    """One part of a message of OpenAI, Anthropic, Gemini, Bedrock, Mistral or Cohere."""
    kind = str(part.get("type") or "")
    if part.get("thought") is True or kind in ("thinking", "reasoning"):
        text = part.get("thinking") or part.get("text")
        if isinstance(text, list):
            text = "".join(text_of(each.get("text")) for each in text)
        if text:
            yield Part("thought", text_of(text))
    elif "reasoningContent" in part:
        found = part["reasoningContent"].get("reasoningText") or {}
        yield Part("thought", text_of(found.get("text")))
    elif isinstance(text := part.get("text"), str) and "file" not in part:
        if text:
            yield Part("refusal" if kind == "refusal" else "text", text)
    elif kind == "refusal":
        yield Part("refusal", text_of(part.get("refusal")))
    elif found := list(_tool(kind, part)):
        yield from found
    elif kind != "cache_control" and "cachePoint" not in part:
        yield _media(kind, part)


def _tool(kind: str, part: dict[str, Any]) -> Iterator[Part]:
    """A call of a tool, or what one gave back."""
    if kind.endswith("tool_use"):
        yield Part("call", text_of(part.get("input")), name_of(part), id_of(part))
    elif call := part.get("functionCall") or part.get("toolUse"):
        yield Part("call", text_of(call.get("args", call.get("input"))), name_of(call), id_of(call))
    elif kind.endswith("tool_result"):
        call = str(part.get("tool_use_id") or "")
        yield from results_of(part.get("content"), call, call)
    elif came := part.get("functionResponse"):
        yield Part("result", text_of(came.get("response")), name_of(came), id_of(came))
    elif came := part.get("toolResult"):
        yield from results_of(came.get("content"), id_of(came), id_of(came))


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


def results_of(content: Any, name: str, call: str) -> Iterator[Part]:
    """What a tool gave back: its text, and the images in it."""
    media: list[Part] = []
    if isinstance(content, list) and all(isinstance(each, dict) for each in content):
        texts = []
        for each in content:
            parts = [Part("text", text_of(each["json"]))] if "json" in each else list(_part(each))
            texts += [part.text for part in parts if not part.data]
            media += [part for part in parts if part.data]
        text = "\n".join(texts)
    else:
        text = text_of(content)
    if text or not media:
        yield Part("result", text, name, call)
    for part in media:
        yield replace(part, name=name, call=call)


def text_of(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def name_of(holder: dict[str, Any]) -> str:
    """The name of a tool."""
    return str(holder.get("name") or "")


def id_of(holder: dict[str, Any]) -> str:
    """The id of a call, or of the call that a result answers."""
    return str(holder.get("call_id") or holder.get("toolUseId") or holder.get("id") or "")
