"""The pieces of a message, and what the readers of all providers need to make them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "thought", "refusal", "call", "result", "media", "error"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message.

    Attributes:
        kind: The kind of the piece.
        text: Its text; for a call its arguments, for a result what the tool returned.
        name: The name of the tool of a call or a result, if known.
        call: The id that connects a result to its call, if known.
        media: The type of embedded media, such as `image/png`.
        data: The bytes of embedded media, as base64.
    """

    kind: Kind
    text: str
    name: str = ""
    call: str = ""
    media: str = ""
    data: str = ""


ReadParts = Callable[[Any], Iterator[Part]]
"""Reads the content of a message (a text, a part, or a list of them) in any provider's format."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: its role and its parts."""

    role: str
    parts: tuple[Part, ...]


def text_of(value: Any) -> str:
    """Return a text as it is, an empty text for None, and anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def name_of(holder: dict[str, Any]) -> str:
    """Return the name of a tool."""
    return str(holder.get("name") or "")


def id_of(holder: dict[str, Any]) -> str:
    """Return the id of a call, or of the call that a result belongs to."""
    return str(holder.get("call_id") or holder.get("toolUseId") or holder.get("id") or "")


def thought_text(content: Any) -> str:
    """Return the text of a thought, which Mistral writes as a list of parts."""
    if isinstance(content, list):
        return "".join(text_of(each.get("text")) for each in content)
    return content if isinstance(content, str) else ""


def media_part(media: str, data: Any) -> Part:
    """Return embedded media by type and size: `image/png 24 kB`.

    Args:
        media: A media type, with or without parameters.
        data: Its bytes as base64, if known.
    """
    size = len(data) * 3 // 4 if isinstance(data, str) else 0
    if not size:
        return Part("media", media, media=media)
    kind = media.partition(";")[0]
    return Part("media", f"{kind} {size_text(size)}", media=kind, data=data)


def linked_media_part(url: Any) -> Part:
    """Return an image by its URL, which may be a `data:` URL that holds all of it."""
    if isinstance(url, str) and url.startswith("data:"):
        media, _, data = url[5:].partition(",")
        return media_part(media, data)
    return Part("media", f"image_url {url}")


def size_text(size: int) -> str:
    """Return a size in bytes for people: `700 B`, `24 kB`, `1.5 MB`."""
    if size < 1000:
        return f"{size} B"
    if size < 999_500:
        return f"{size / 1000:.0f} kB"
    return f"{size / 1_000_000:.1f} MB"


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun: `1 model`, `2 models`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
