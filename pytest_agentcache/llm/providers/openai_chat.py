"""OpenAI's chat completions and completions, and the many APIs that are compatible with them.

Source: https://platform.openai.com/docs/api-reference/chat. Mistral writes thoughts as parts,
DeepSeek and OpenRouter as `reasoning_content` and `reasoning`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from ..parts import (
    Part,
    ReadParts,
    Turn,
    id_of,
    linked_media_part,
    name_of,
    text_of,
    thought_text,
)
from .protocol import Provider
from .results import result_parts

_THOUGHTS = ("thinking", "reasoning", "reasoning_text", "summary_text")


class OpenAIChat(Provider):
    """Chat completions, their chunks, and completions."""

    name = "openai_chat"
    message_fields = ("messages", "prompt")
    tool_fields = ("tools",)
    roles = {"developer": "system"}  # noqa: RUF012 - a constant
    model_families = ("gpt", "chatgpt", "o1", "o3", "o4")
    vendors = ("openai",)
    response_fields = ("choices", "usage")
    response_objects = ("chat.completion", "chat.completion.chunk")
    usual_ends = ("stop", "tool_calls", "function_call", "eos", "eos_token")
    usage = UsageFields(
        containers=("usage",),
        holders=("x_groq",),
        input=("prompt_tokens",),
        output=("completion_tokens",),
        details=("prompt_tokens_details",),
        details_read=("cached_tokens",),
        # Requesty.
        details_write=("caching_tokens",),
        cost=("cost", "total_cost"),
    )

    def read_part(self, part: dict[str, Any], read_parts: ReadParts) -> list[Part] | None:
        """Return a refusal, a thought or an image."""
        kind = part.get("type")
        if kind == "refusal":
            return [Part("refusal", text_of(part.get("refusal") or part.get("text")))]
        if kind in _THOUGHTS:
            thought = thought_text(part.get("thinking") or part.get("text"))
            return [Part("thought", thought)] if thought else []
        if url := part.get("image_url"):
            return [linked_media_part(url.get("url") if isinstance(url, dict) else url)]
        # The text of OpenAI's assistants is one level deeper.
        if isinstance(text := part.get("text"), dict):
            return [Part("text", text_of(text.get("value")))]
        return None

    def read_message(self, message: dict[str, Any], read_parts: ReadParts) -> Turn | None:
        """Return any message that has a role, or is from the user."""
        role = str(message.get("role") or "user").lower()
        if role in ("tool", "function"):
            call = str(message.get("tool_call_id") or "")
            name = str(message.get("name") or call)
            return Turn("tool", tuple(result_parts(message.get("content"), name, call, read_parts)))
        thought = message.get("reasoning_content") or message.get("reasoning")
        parts = [Part("thought", thought)] if isinstance(thought, str) and thought else []
        parts += read_parts(message.get("content"))
        parts += call_parts(message.get("tool_calls"))
        if isinstance(old := message.get("function_call"), dict):
            parts.append(Part("call", text_of(old.get("arguments")), name_of(old)))
        return Turn(role, tuple(parts))

    def tool_names(self, tool: dict[str, Any]) -> list[str] | None:
        """Return the name of a function."""
        function = tool.get("function")
        name = name_of(function) if isinstance(function, dict) else ""
        return [name] if name else None

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add the choices, whole or a piece of each."""
        for choice in document.get("choices") or []:
            key = choice.get("index", 0)
            message = choice.get("delta") or choice.get("message") or {}
            read_chat_message(output, message, key)
            output.add_text(choice.get("text"), key)
            output.set_end(choice.get("finish_reason"))
            output.set_error(choice.get("error"))


def call_parts(calls: Any) -> Iterator[Part]:
    """Yield the calls of a whole message. Cohere's have no `function` around them."""
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") or call
        text = text_of(function.get("arguments", function.get("parameters")))
        yield Part("call", text, name_of(function), id_of(call))


def read_chat_message(output: ModelOutput, message: dict[str, Any], key: Any = 0) -> None:
    """Add a message of a chat, whole or a piece of it.

    Args:
        output: The output to add to.
        message: The `message` or `delta`.
        key: The index of the choice that it belongs to.
    """
    output.add_content(message.get("content"), key)
    output.add_refusal(message.get("refusal"))
    output.add_thought(message.get("reasoning_content") or message.get("reasoning"))
    output.add_thought(message.get("thinking"))
    calls = message.get("tool_calls") or []
    for at, call in enumerate(calls if isinstance(calls, list) else [calls]):
        function = call.get("function") or {}
        index = call.get("index", len(output.calls) if call.get("id") else at)
        output.add_call(("call", key, index), function.get("name"), function.get("arguments"))
    if call := message.get("function_call"):
        output.add_call(("call", key, 0), call.get("name"), call.get("arguments"))
    if audio := message.get("audio"):
        output.add_text(audio.get("transcript"), key)
        output.add_item("audio")
    output.add_content(message.get("images") or [], key)
