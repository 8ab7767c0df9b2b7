"""Ollama's chat and generate; the message of a chat is read like Cohere's.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md.
"""

from __future__ import annotations

from typing import Any

from ..counters import UsageFields
from ..output import ModelOutput
from .protocol import Provider


class Ollama(Provider):
    """Documents, whole or one a line."""

    name = "ollama"
    system_fields = ("system",)
    message_fields = ("messages", "prompt")
    tool_fields = ("tools",)
    usual_ends = ("stop",)
    usage = UsageFields(input=("prompt_eval_count",), output=("eval_count",))

    def read_document(self, output: ModelOutput, document: dict[str, Any]) -> None:
        """Add the text that was generated."""
        output.add_text(document.get("response"))
        output.set_end(document.get("done_reason"))
