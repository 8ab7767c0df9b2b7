"""What the answer of a language model says, whoever answered and however it came."""

from __future__ import annotations

import contextlib
import json
import zlib

from ..http.body import aws_events, is_json, sse
from ..http.messages import Response
from .assembled import Said
from .content_parts import size_of
from .documents import say_document
from .stream_events import say_aws, say_lines, say_sse

__all__ = ["Said", "is_stream", "said_by", "size_of"]

_LARGEST = 2**24
# What comes of JSON that is built unlike that of any provider.
_UNLIKE = (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError, zlib.error)
_COMPLAINTS = (
    *("message", "Message", "error_message", "error_description"),
    *("detail", "errors", "title"),
)
_MEDIA = ("image/", "audio/", "video/")


def is_stream(response: Response) -> bool:
    """Whether an answer comes event by event."""
    media = response.content_type.partition(";")[0].strip().lower()
    return (
        sse.is_stream(media)
        or aws_events.is_stream(media)
        or media.endswith(("ndjson", "jsonl", "json-seq", "jsonlines", "stream+json"))
    )


def said_by(response: Response) -> Said:
    """What is understood of an answer; nothing at all of what is built unlike any provider's."""
    said = Said()
    # What was understood until there is worth its place all the same.
    with contextlib.suppress(*_UNLIKE):
        _say(said, response)
    return said


def _say(said: Said, response: Response) -> None:
    media = response.content_type.partition(";")[0].strip().lower()
    body = response.body
    if media.startswith(_MEDIA):
        said.name(f"{media} {size_of(len(body))}")
        return
    if body[:2] == b"\x1f\x8b":
        body = zlib.decompressobj(31).decompress(body, _LARGEST)
    if sse.is_stream(media):
        say_sse(said, body)
    elif aws_events.is_stream(media):
        say_aws(said, body)
    elif is_stream(response):
        say_lines(said, body)
    elif body.lstrip()[:1] in (b"{", b"["):
        value = json.loads(body)
        say_document(said, value)
        if response.status >= 400 and not said.error:
            said.fails(_complaint(value))
    elif response.status >= 400 and media in ("text/plain", "") and not is_json(media):
        said.fails(body[:1000].decode("utf-8", "replace").strip())


def _complaint(value: object) -> object:
    """What an error without an `error` says."""
    if isinstance(value, list):
        return _complaint(value[0]) if value else None
    if not isinstance(value, dict):
        return None
    return next((value[name] for name in _COMPLAINTS if value.get(name)), None)
