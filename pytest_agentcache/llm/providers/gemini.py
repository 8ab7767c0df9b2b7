"""Gemini's generateContent. Source: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from ..parts import Part, ReadParts, Turn, id_of, media_part, name_of, text_of
from .protocol import Provider


class Gemini(Provider):
    """Contents, candidates and their parts."""

    name = "gemini"
    system_fields = ("systemInstruction", "system_instruction")
    message_fields = ("contents",)
    tool_fields = ("tools", "toolConfig")
    roles = {"model": "assistant"}  # noqa: RUF012 - a constant
    model_families = ("gemini",)
    vendors = ("google", "gemini")
    response_fields = ("candidates", "usageMetadata", "usage_metadata", "promptFeedback")
    usual_ends = ("stop", "finish_reason_unspecified")
    usage = UsageFields(
        containers=("usageMetadata", "usage_metadata"),
        input=("promptTokenCount", "prompt_token_count"),
        input_plus=("toolUsePromptTokenCount", "tool_use_prompt_token_count"),
        output_parts=(
            ("candidatesTokenCount", "candidates_token_count"),
            ("thoughtsTokenCount", "thoughts_token_count"),
        ),
        total=("totalTokens",),
        cache_read=("cachedContentTokenCount", "cached_content_token_count"),
    )

    def read_message(self, message: dict[str, Any], read_parts: ReadParts) -> Turn | None:
        """Return a content that has parts."""
        if "parts" not in message or "content" in message:
            return None
        return Turn(str(message.get("role") or "user"), tuple(read_parts(message["parts"])))

    def read_part(self, part: dict[str, Any], read_parts: ReadParts) -> list[Part] | None:
        """Return a thought, a call, a result, embedded media, or code that Gemini runs."""
        if call := part.get("functionCall"):
            return [Part("call", text_of(call.get("args") or {}), name_of(call), id_of(call))]
        if part.get("thought"):
            text = text_of(part.get("text"))
            return [Part("thought", text)] if text else []
        if came := part.get("functionResponse"):
            return [Part("result", text_of(came.get("response")), name_of(came), id_of(came))]
        if data := part.get("inlineData") or part.get("inline_data"):
            media = data.get("mimeType") or data.get("mime_type") or "data"
            return [media_part(str(media), data.get("data"))]
        if code := part.get("executableCode"):
            return [Part("call", text_of({"code": code.get("code")}), "code")]
        return None

    def tool_names(self, tool: dict[str, Any]) -> list[str] | None:
        """Return the names of declared functions."""
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        if not isinstance(declared, list):
            return None
        return [name_of(each) for each in declared if isinstance(each, dict)]

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add the candidates."""
        for candidate in document.get("candidates") or []:
            content = candidate.get("content") or {}
            output.add_content(content.get("parts"), candidate.get("index", 0))
            output.set_end(candidate.get("finishReason"))
        if reason := (document.get("promptFeedback") or {}).get("blockReason"):
            output.set_end(f"blocked: {reason}")
