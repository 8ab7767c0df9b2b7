"""Answers that come as a stream, event by event."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from ..http.body import aws_events, sse
from .assembled import Said
from .content_parts import say_content, say_item, say_message, say_part
from .documents import say_document


def say_sse(said: Said, raw: bytes) -> None:
    """Adds the events of a stream of server-sent events."""
    for data in _data(raw):
        value = json.loads(data)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                _say_event(said, each)


def _data(raw: bytes) -> Iterator[bytes]:
    for event in sse.split(raw.replace(b"\r\n", b"\n")):
        data = b"\n".join(
            line[5:].lstrip() for line in event.split(b"\n") if line.startswith(b"data:")
        )
        if data and data != b"[DONE]":
            yield data


def say_lines(said: Said, raw: bytes) -> None:
    """Adds the documents of a stream of JSON lines."""
    for line in raw.split(b"\n"):
        if line.strip():
            say_document(said, json.loads(line))


def say_aws(said: Said, raw: bytes) -> None:
    """Adds the events of a stream of Bedrock, converse or invoke."""
    for kind, payload in aws_events.events(raw):
        value = json.loads(payload)
        if kind.startswith("!"):
            said.fails({"message": f"{kind[1:]}: {value.get('message', '')}"})
        elif "bytes" in value:
            _say_event(said, json.loads(base64.b64decode(value["bytes"])))
        else:
            _say_converse(said, value)


def _say_converse(said: Said, value: dict[str, Any]) -> None:
    key = ("block", value.get("contentBlockIndex"))
    if call := (value.get("start") or {}).get("toolUse"):
        said.call(key, call.get("name"), None)
    delta = value.get("delta") or {}
    if call := delta.get("toolUse"):
        said.call(key, None, call.get("input"))
    else:
        say_part(said, delta)
    said.ends(value.get("stopReason"))
    said.used(value)


def _say_event(said: Said, value: dict[str, Any]) -> None:
    kind = value.get("type")
    kind = kind if isinstance(kind, str) else ""
    if kind.startswith("response."):
        _say_response_event(said, kind, value)
    elif kind.startswith(("message_", "content_block_")):
        _say_anthropic_event(said, kind, value)
    elif kind.startswith(("content-", "tool-", "message-")):
        _say_cohere_event(said, value)
    elif kind.startswith("transcript.text."):
        said.say(value.get("delta"))
    elif kind == "error":
        said.fails(value.get("error") or value)
    elif value.get("object") == "thread.message.delta":
        say_content(said, value["delta"].get("content"))
    else:
        say_document(said, value)


def _say_response_event(said: Said, kind: str, value: dict[str, Any]) -> None:
    """One event of OpenAI's responses."""
    key = ("item", value.get("output_index"))
    match kind:
        case "response.output_text.delta" | "response.audio_transcript.delta":
            said.say(value.get("delta"), key)
        case "response.refusal.delta":
            said.refuse(value.get("delta"))
        case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
            said.think(value.get("delta"))
        case "response.output_item.added":
            if value["item"].get("type") in ("function_call", "custom_tool_call", "mcp_call"):
                said.call(key, value["item"].get("name"), None)
        case (
            "response.function_call_arguments.delta"
            | "response.custom_tool_call_input.delta"
            | "response.mcp_call_arguments.delta"
        ):
            said.call(key, None, value.get("delta"))
        case "response.output_item.done":
            if value["item"].get("type") not in ("message", "reasoning"):
                say_item(said, value["item"], key)
        case "response.completed" | "response.incomplete" | "response.failed":
            whole = value["response"]
            said.used(value)
            said.fails(whole.get("error"))
            said.ends((whole.get("incomplete_details") or {}).get("reason"))


def _say_anthropic_event(said: Said, kind: str, value: dict[str, Any]) -> None:
    """One event of Anthropic's messages."""
    key = ("block", value.get("index"))
    match kind:
        case "message_start":
            said.used(value)
        case "content_block_start":
            block = value["content_block"]
            if str(block.get("type")).endswith("tool_use"):
                said.call(key, block.get("name"), block.get("input") or None)
            else:
                say_part(said, block)
        case "content_block_delta":
            delta = value["delta"]
            said.say(delta.get("text"))
            said.think(delta.get("thinking"))
            if "partial_json" in delta:
                said.call(key, None, delta["partial_json"])
        case "message_delta":
            said.ends((value.get("delta") or {}).get("stop_reason"))
            said.used(value)


def _say_cohere_event(said: Said, value: dict[str, Any]) -> None:
    """One event of Cohere's chat."""
    delta = value.get("delta") or {}
    message = delta.get("message") or {}
    calls = message.get("tool_calls")
    if isinstance(calls, dict):
        message = {**message, "tool_calls": [{"index": value.get("index", 0), **calls}]}
    say_message(said, message)
    content = message.get("content")
    if isinstance(content, dict):
        said.think(content.get("thinking"))
    said.ends(delta.get("finish_reason"))
    said.used(value)
