"""Hugging Face's text generation: one list with the text for each prompt.

Source: https://huggingface.co/docs/inference-providers/tasks/text-generation.
"""

from __future__ import annotations

from typing import Any

from ..output import ModelOutput
from .protocol import Provider


class HuggingFace(Provider):
    """Generated texts."""

    name = "hugging_face"

    def read_list(self, output: ModelOutput, documents: list[dict[str, Any]]) -> None:
        """Add the generated texts."""
        for each in documents:
            output.add_text(each.get("generated_text"))
