"""Anthropic's messages. Source: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from ..parts import Part, ReadParts, id_of, name_of, text_of
from .protocol import Provider
from .results import result_parts


class Anthropic(Provider):
    """Messages, their content blocks and their events. Thoughts are read like OpenAI's."""

    name = "anthropic"
    system_fields = ("system",)
    message_fields = ("messages",)
    tool_fields = ("tools",)
    cache_marks = ("cache_control",)
    model_families = ("claude",)
    vendors = ("anthropic",)
    event_types = ("message_", "content_block_")
    usual_ends = ("end_turn", "tool_use", "stop_sequence", "pause_turn")
    usage = UsageFields(
        containers=("usage",),
        holders=("message",),
        input_uncached=("input_tokens",),
        output=("output_tokens",),
        cache_read=("cache_read_input_tokens",),
        cache_write=("cache_creation_input_tokens",),
    )

    def read_part(self, part: dict[str, Any], read_parts: ReadParts) -> list[Part] | None:
        """Return a call of a tool or its result."""
        kind = str(part.get("type") or "")
        if kind.endswith("tool_use"):
            return [Part("call", text_of(part.get("input")), name_of(part), id_of(part))]
        if kind.endswith("tool_result"):
            call = str(part.get("tool_use_id") or "")
            return list(result_parts(part.get("content"), call, call, read_parts))
        return [] if kind in self.cache_marks else None

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add a message."""
        if document.get("role") == "assistant" or document.get("type") == "message":
            output.add_content(document.get("content"))
        output.set_end(document.get("stop_reason"))
        # Completions of old.
        output.add_text(document.get("completion"))

    def read_event(self, output: ModelOutput, event: dict[str, Any]) -> None:
        """Add an event."""
        key = ("block", event.get("index"))
        match event["type"]:
            case "content_block_start":
                block = event["content_block"]
                if str(block.get("type")).endswith("tool_use"):
                    output.add_call(key, block.get("name"), block.get("input") or None)
                else:
                    output.add_content(block)
            case "content_block_delta":
                delta = event["delta"]
                output.add_text(delta.get("text"))
                output.add_thought(delta.get("thinking"))
                if "partial_json" in delta:
                    output.add_call(key, None, delta["partial_json"])
            case "message_delta":
                output.set_end((event.get("delta") or {}).get("stop_reason"))
