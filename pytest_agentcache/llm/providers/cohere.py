"""Cohere's chat, versions 1 and 2. Source: https://docs.cohere.com/reference/chat."""

from __future__ import annotations

from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from ..parts import ReadParts, Turn
from .openai_chat import call_parts, read_chat_message
from .protocol import Provider


class Cohere(Provider):
    """Chats, their events, and generations."""

    name = "cohere"
    system_fields = ("preamble",)
    message_fields = ("chat_history",)
    text_fields = ("message",)
    tool_fields = ("tools",)
    caches_prompts = False
    roles = {"chatbot": "assistant"}  # noqa: RUF012 - a constant
    event_types = ("content-", "tool-", "message-")
    usual_ends = ("complete", "tool_call")
    # What it counted, in place of what it bills.
    usage = UsageFields(
        containers=("usage",),
        holders=("delta",),
        input_uncached=("input_tokens",),
        output=("output_tokens",),
        nested=("tokens",),
    )

    def read_message(self, message: dict[str, Any], read_parts: ReadParts) -> Turn | None:
        """Return a message of version 1, whose text is called `message`."""
        if "message" not in message or "content" in message:
            return None
        parts = [*read_parts(message["message"]), *call_parts(message.get("tool_calls"))]
        return Turn(str(message.get("role") or "user").lower(), tuple(parts))

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add a message. Ollama's are built alike."""
        if isinstance(message := document.get("message"), dict):
            read_chat_message(output, message)
        output.set_end(document.get("finish_reason"))
        for each in document.get("generations") or []:
            if isinstance(each, dict):
                output.add_text(each.get("text"))

    def read_event(self, output: ModelOutput, event: dict[str, Any]) -> None:
        """Add an event of version 2."""
        delta = event.get("delta") or {}
        message = delta.get("message") or {}
        calls = message.get("tool_calls")
        if isinstance(calls, dict):
            message = {**message, "tool_calls": [{"index": event.get("index", 0), **calls}]}
        read_chat_message(output, message)
        content = message.get("content")
        if isinstance(content, dict):
            output.add_thought(content.get("thinking"))
        output.set_end(delta.get("finish_reason"))
