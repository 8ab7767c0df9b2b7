"""Images and audio that stand in bodies, as addresses that a browser shows by itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from ...llm.parts import size_text

# Bytes of base64; what is larger is named only, or one video would make the page unusable.
LARGEST = 6_000_000
_MOST = 12
# What a browser shows as an image, or plays; anything else is named only.
_SHOWN = re.compile(r"(?:image/(?:png|jpe?g|gif|webp|avif|bmp|svg\+xml)|audio/[\w.+-]+)\Z")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+(?:={1,2}\s*)?\Z")
_SIGNS = (
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("SUQz", "audio/mpeg"),
    ("//uQ", "audio/mpeg"),
)
_DATA = ("data", "b64_json", "bytes", "bytesBase64Encoded", "result", "partial_image_b64")
_URLS = ("url", "image_url")


def shown_as(media: str, data: str) -> dict[str, str] | None:
    """Return the media type and content to show `data`, base64; None if it cannot be shown."""
    media = media.partition(";")[0].strip().lower()
    if not data or len(data) > LARGEST or not _BASE64.match(data):
        return None
    sign = next((found for start, found in _SIGNS if data.startswith(start)), "")
    # Some tell `image/png` of what is a JPEG, and some tell nothing.
    if sign and (not media or media.partition("/")[0] == sign.partition("/")[0]):
        media = sign
    if not _SHOWN.match(media):
        return None
    name = f"{media} {size_text(len(data) * 3 // 4)}"
    return {"type": media, "name": name, "url": f"data:{media};base64,{data}"}


def of_body(raw: bytes, content_type: str) -> list[dict[str, str]]:
    """A body that is an image or audio itself."""
    media = content_type.partition(";")[0].strip().lower()
    if not media.startswith(("image/", "audio/")):
        return []
    found = shown_as(media, base64.b64encode(raw).decode("ascii"))
    return [found] if found else []


def within(value: Any) -> list[dict[str, str]]:
    """The images and the audio that stand in JSON, each once."""
    found: dict[str, dict[str, str]] = {}
    for media, data in _pairs(value, 0):
        if len(found) < _MOST and (each := shown_as(media, data)):
            found[each["url"]] = each
    return list(found.values())


def _pairs(value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > 40:
        return
    if isinstance(value, list):
        for each in value:
            if isinstance(each, (dict, list)):
                yield from _pairs(each, depth + 1)
    elif isinstance(value, dict):
        yield from _own(value)
        for each in value.values():
            if isinstance(each, (dict, list)):
                yield from _pairs(each, depth + 1)


def _own(holder: dict[str, Any]) -> Iterator[tuple[str, str]]:
    form = holder.get("output_format") or holder.get("format")
    found = holder.get("mimeType") or holder.get("mime_type") or holder.get("media_type")
    media = found if isinstance(found, str) else ""
    for name in _DATA:
        data = holder.get(name)
        if isinstance(data, str) and len(data) > 60:
            guess = media or (f"image/{form}" if isinstance(form, str) and name != "data" else "")
            yield guess or ("audio/wav" if "transcript" in holder else ""), data
    for name in _URLS:
        url = holder.get(name)
        if isinstance(url, str) and url.startswith("data:"):
            head, _, data = url[5:].partition(",")
            if head.endswith(";base64"):
                yield head, data
