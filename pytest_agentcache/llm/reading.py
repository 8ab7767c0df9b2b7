"""Read the output of a language model from any response: whole, streamed, or packed."""

from __future__ import annotations

import base64
import contextlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

from ..http.body import BodyKind, is_json, looks_like_json, stream_of
from ..http.body.kinds import AWS_EVENTS, EVENT_STREAM
from ..http.messages import Response
from .output import ModelOutput
from .parts import Part, ReadParts, size_text
from .providers import PROVIDERS, USAGE

_LARGEST = 2**24
# Raised by JSON that is built unlike that of any provider.
UNKNOWN_FORMAT = (
    *(ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError),
    zlib.error,
)
_ERROR_FIELDS = (
    *("message", "Message", "error_message", "error_description"),
    *("detail", "errors", "title"),
)
_MEDIA = ("image/", "audio/", "video/")
_USUAL_ENDS = frozenset(end for provider in PROVIDERS for end in provider.usual_ends)


def is_stream(response: Response) -> bool:
    """Return whether a response is a stream of events."""
    return stream_of(response.content_type) is not None


def read_output(response: Response) -> ModelOutput:
    """Return the output of a model, as much of it as is in a known format."""
    output = ModelOutput(read_output_parts, USAGE, _USUAL_ENDS)
    # What was read before the unknown format is still worth showing.
    with contextlib.suppress(*UNKNOWN_FORMAT):
        _read_response(output, response)
    return output


def _read_response(output: ModelOutput, response: Response) -> None:
    media = response.content_type.partition(";")[0].strip().lower()
    body = response.body
    if media.startswith(_MEDIA):
        output.add_item(f"{media} {size_text(len(body))}")
        return
    if body[:2] == b"\x1f\x8b":
        body = zlib.decompressobj(31).decompress(body, _LARGEST)
    if stream := stream_of(media):
        _read_stream(output, stream, body)
    elif looks_like_json(body):
        value = json.loads(body)
        _read_document(output, value)
        if response.status >= 400 and not output.error:
            output.set_error(_error_of(value))
    elif response.status >= 400 and media in ("text/plain", "") and not is_json(media):
        output.set_error(body[:1000].decode("utf-8", "replace").strip())


def _read_stream(output: ModelOutput, stream: BodyKind, body: bytes) -> None:
    for name, data in stream.events(body):
        value = json.loads(data)
        if stream is AWS_EVENTS:
            _read_aws_event(output, name, value)
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                _read_event(output, each)


def _error_of(value: object) -> object:
    """Return the message of an error response that has no field `error`."""
    if isinstance(value, list):
        return _error_of(value[0]) if value else None
    if not isinstance(value, dict):
        return None
    return next((value[name] for name in _ERROR_FIELDS if value.get(name)), None)


def event_data(raw: bytes) -> Iterator[bytes]:
    """Yield the data of each server-sent event, except the mark at the end."""
    return (data for _, data in EVENT_STREAM.events(raw))


def _read_document(output: ModelOutput, value: Any) -> None:
    """Read a whole response, or a chunk that is built like one."""
    if isinstance(value, list):
        documents = [each for each in value if isinstance(each, dict)]
        for provider in PROVIDERS:
            provider.read_list(output, documents)
        # Gemini streams one list of documents.
        for each in documents:
            _read_document(output, each)
    elif isinstance(value, dict):
        if error := value.get("error"):
            output.set_error(error)
        for provider in PROVIDERS:
            provider.read_document(output, value)
        output.add_usage(value)


def _read_event(output: ModelOutput, event: dict[str, Any]) -> None:
    kind = event.get("type")
    if kind == "error":
        output.set_error(event.get("error") or event)
        return
    for provider in PROVIDERS:
        if isinstance(kind, str) and kind.startswith(provider.event_types or ("\0",)):
            provider.read_event(output, event)
            output.add_usage(event)
            return
    _read_document(output, event)


def _read_aws_event(output: ModelOutput, kind: str, value: dict[str, Any]) -> None:
    """Read an event of Bedrock, from converse or from an invoked model."""
    if kind.startswith("!"):
        output.set_error({"message": f"{kind[1:]}: {value.get('message', '')}"})
    elif "bytes" in value:
        _read_event(output, json.loads(base64.b64decode(value["bytes"])))
    else:
        _read_event(output, {**value, "type": f"converse.{kind}"})


def read_output_parts(content: Any) -> Iterator[Part]:
    """Yield the parts of a response's content that are in a known format."""
    return _parts(content, read_output_parts)


def read_input_parts(content: Any) -> Iterator[Part]:
    """Yield the parts of a request's content. What is not in a known format is media."""
    return _parts(content, read_input_parts)


def _parts(content: Any, read_parts: ReadParts) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield Part("text", content)
    elif isinstance(content, list):
        for each in content:
            yield from read_parts(each)
    elif isinstance(content, dict):
        if "parts" in content:
            yield from read_parts(content["parts"])
        else:
            yield from _read_part(content, read_parts)


def _read_part(part: dict[str, Any], read_parts: ReadParts) -> Iterator[Part]:
    for provider in PROVIDERS:
        found = provider.read_part(part, read_parts)
        if found is not None:
            yield from found
            return
    if isinstance(text := part.get("text"), str) and "file" not in part:
        if text:
            yield Part("text", text)
    elif read_parts is read_input_parts:
        yield _media(part)


def _media(part: dict[str, Any]) -> Part:
    """Return media by type and size, or by its URL or the name of its file."""
    kind = str(part.get("type") or "")
    for holder in _objects(part):
        for name in ("data", "bytes", "file_data", "image_url", "url", "fileUri", "file_id", "uri"):
            found = holder.get(name)
            if not isinstance(found, str):
                continue
            media = holder.get("media_type") or holder.get("mimeType") or holder.get("mime_type")
            if found.startswith("data:"):
                media, _, found = found[5:].partition(",")
                media = media.partition(";")[0]
            elif name not in ("data", "bytes", "file_data"):
                return Part("media", f"{kind or 'file'} {found}")
            extension = holder.get("format")
            shown = str(media or extension or next(iter(part), "data"))
            media_type = _media_type(media, extension, part)
            size = size_text(len(found) * 3 // 4)
            return Part("media", f"{shown} {size}", media=media_type, data=found)
    return Part("media", kind or ", ".join(part))


def _media_type(media: Any, extension: Any, part: dict[str, Any]) -> str:
    """Return a media type, also if the part only says `png`."""
    if isinstance(media, str) and "/" in media:
        return media
    is_audio = "audio" in str(part.get("type") or "") or "input_audio" in part
    family = "audio" if is_audio else "image"
    return f"{family}/{extension}" if isinstance(extension, str) and extension else ""


def _objects(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    for each in part.values():
        if isinstance(each, dict):
            yield from _objects(each)
