"""Amazon Bedrock: converse for all models, and what its own models take and return.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from ..parts import Part, ReadParts, id_of, name_of, text_of
from .protocol import Provider
from .results import result_parts


class Bedrock(Provider):
    """Converse, its events, and invoked models of Amazon, Meta and Mistral."""

    name = "bedrock"
    system_fields = ("system",)
    message_fields = ("messages",)
    text_fields = ("inputText",)
    tool_fields = ("toolConfig",)
    cache_marks = ("cachePoint",)
    event_types = ("converse.",)
    usual_ends = ("end_turn", "tool_use", "stop_sequence")
    usage = UsageFields(
        containers=("usage", "amazon-bedrock-invocationMetrics"),
        input=("inputTextTokenCount", "inputTokenCount"),
        input_uncached=("inputTokens",),
        output=("outputTokens", "tokenCount", "generation_token_count", "outputTokenCount"),
        cache_read=("cacheReadInputTokens",),
        cache_write=("cacheWriteInputTokens",),
    )

    def read_part(self, part: dict[str, Any], read_parts: ReadParts) -> list[Part] | None:
        """Return a thought, a call of a tool or its result."""
        if reasoning := part.get("reasoningContent"):
            return [
                Part("thought", text_of((reasoning.get("reasoningText") or reasoning).get("text")))
            ]
        if call := part.get("toolUse"):
            return [Part("call", text_of(call.get("input") or {}), name_of(call), id_of(call))]
        if came := part.get("toolResult"):
            return list(result_parts(came.get("content"), id_of(came), id_of(came), read_parts))
        return [] if any(mark in part for mark in self.cache_marks) else None

    def tool_names(self, tool: dict[str, Any]) -> list[str] | None:
        """Return the name of a specified tool."""
        spec = tool.get("toolSpec")
        name = name_of(spec) if isinstance(spec, dict) else ""
        return [name] if name else None

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add the message of converse, or the text of an invoked model."""
        message = document.get("output")
        if isinstance(message, dict):
            output.add_content((message.get("message") or {}).get("content"))
        output.set_end(document.get("stopReason"))
        output.set_end(document.get("completionReason"))
        for name in ("generation", "outputText"):
            output.add_text(document.get(name))
        for each in _objects(document.get("outputs")):
            output.add_text(each.get("text"))
        for each in _objects(document.get("results")):
            output.add_text(each.get("outputText"))
            output.add_usage(each)

    def read_event(self, output: ModelOutput, event: dict[str, Any]) -> None:
        """Add an event of converse; its `type` is `converse.` and the event's kind."""
        key = ("block", event.get("contentBlockIndex"))
        if call := (event.get("start") or {}).get("toolUse"):
            output.add_call(key, call.get("name"), None)
        delta = event.get("delta") or {}
        if call := delta.get("toolUse"):
            output.add_call(key, None, call.get("input"))
        else:
            output.add_content(delta)
        output.set_end(event.get("stopReason"))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
