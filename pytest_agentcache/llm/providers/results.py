"""The results of tools, which hold text, JSON and media in every provider's format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..parts import Part, ReadParts, text_of


def result_parts(content: Any, name: str, call: str, read_parts: ReadParts) -> Iterator[Part]:
    """Yield the result of a tool: its text, then its media.

    Args:
        content: The content of the result.
        name: The name of the tool, or the id of its call.
        call: The id of the call.
        read_parts: Reads message content.
    """
    media: list[Part] = []
    if isinstance(content, list) and all(isinstance(each, dict) for each in content):
        texts = []
        for each in content:
            is_json = "json" in each
            parts = [Part("text", text_of(each["json"]))] if is_json else list(read_parts(each))
            texts += [part.text for part in parts if not part.data]
            media += [part for part in parts if part.data]
        text = "\n".join(texts)
    else:
        text = text_of(content)
    if text or not media:
        yield Part("result", text, name, call)
    for part in media:
        yield replace(part, name=name, call=call)
