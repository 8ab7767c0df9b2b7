"""OpenAI's responses and conversations.

Source: https://platform.openai.com/docs/api-reference/responses.
"""

from __future__ import annotations

from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from ..parts import Part, ReadParts, Turn, id_of, media_part, name_of, text_of
from .protocol import Provider
from .results import result_parts

_CALLS = ("function_call", "custom_tool_call", "mcp_call")
# Tools that OpenAI runs itself, and the field that holds their input.
_OWN_TOOLS = {
    "web_search_call": ("web_search", "action"),
    "file_search_call": ("file_search", "queries"),
    "code_interpreter_call": ("code_interpreter", "code"),
    "computer_call": ("computer", "action"),
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
    "tool_search_call": ("tool_search", "arguments"),
}


class OpenAIResponses(Provider):
    """Responses, their items and their events."""

    name = "openai_responses"
    system_fields = ("instructions",)
    message_fields = ("input",)
    tool_fields = ("tools",)
    vendors = ("openai",)
    event_types = ("response.",)
    response_objects = ("response",)
    usual_ends = ("completed",)
    usage = UsageFields(
        containers=("usage",),
        holders=("response",),
        input_uncached=("input_tokens",),
        output=("output_tokens",),
        details=("input_tokens_details",),
        details_read=("cached_tokens",),
        details_write=("cache_write_tokens",),
    )

    def read_message(self, message: dict[str, Any], read_parts: ReadParts) -> Turn | None:
        """Return an item that is not a message with a role."""
        kind = message.get("type")
        if not isinstance(kind, str):
            return None
        if kind.endswith("_output"):
            call = id_of(message)
            output = message.get("output")
            return Turn("tool", tuple(result_parts(output, call, call, read_parts)))
        parts = _item_parts(kind, message)
        return None if parts is None else Turn("assistant", tuple(parts))

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add the items of the output."""
        items = document.get("output")
        for at, item in enumerate(items if isinstance(items, list) else []):
            _read_item(output, item, ("item", at))
        if document.get("status") == "incomplete":
            output.set_end((document.get("incomplete_details") or {}).get("reason"))

    def read_event(self, output: ModelOutput, event: dict[str, Any]) -> None:
        """Add an event."""
        key = ("item", event.get("output_index"))
        delta = event.get("delta")
        match event["type"]:
            case "response.output_text.delta" | "response.audio_transcript.delta":
                output.add_text(delta, key)
            case "response.refusal.delta":
                output.add_refusal(delta)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                output.add_thought(delta)
            case "response.output_item.added":
                if event["item"].get("type") in _CALLS:
                    output.add_call(key, event["item"].get("name"), None)
            case (
                "response.function_call_arguments.delta"
                | "response.custom_tool_call_input.delta"
                | "response.mcp_call_arguments.delta"
            ):
                output.add_call(key, None, delta)
            case "response.output_item.done":
                if event["item"].get("type") not in ("message", "reasoning"):
                    _read_item(output, event["item"], key)
            case "response.completed" | "response.incomplete" | "response.failed":
                response = event["response"]
                output.set_error(response.get("error"))
                output.set_end((response.get("incomplete_details") or {}).get("reason"))


def _read_item(output: ModelOutput, item: dict[str, Any], key: Any) -> None:
    parts = _item_parts(item.get("type") or "", item)
    if parts is None:
        output.add_content(item.get("content"), key)
        return
    for part in parts:
        if part.kind == "call":
            output.set_call(key, part.name, part.text)
        else:
            output.add_part(part, key)


def _item_parts(kind: str, item: dict[str, Any]) -> list[Part] | None:
    """Return the parts of an item; None for a message."""
    if kind in _CALLS:
        text = text_of(item.get("arguments") or item.get("input"))
        return [Part("call", text or "{}", name_of(item), id_of(item))]
    if kind == "image_generation_call":
        return [media_part(f"image/{item.get('output_format') or 'png'}", item.get("result"))]
    if kind == "reasoning":
        texts = [*(item.get("summary") or []), *(item.get("content") or [])]
        return [Part("thought", text_of(each.get("text"))) for each in texts]
    if kind in _OWN_TOOLS:
        name, field = _OWN_TOOLS[kind]
        value = item.get(field)
        arguments = value if isinstance(value, dict) else {field: value}
        return [Part("call", text_of(arguments), name)]
    if kind.endswith("_call"):
        return [Part("call", "{}", kind.removesuffix("_call"))]
    return None
