"""The registry of body kinds: what else needs to know about a body asks here.

A new kind is a module beside this one and an entry in `KINDS`.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ...canonical_yaml import DEEPEST
from .aws_events import AwsEvents
from .binary import Binary
from .compression import Packed
from .form import Form
from .json_text import Json, first_byte
from .lines import LineStream
from .multipart import Multipart
from .protocol import (
    BodyError,
    BodyKind,
    Editor,
    Fields,
    Leaf,
    LineError,
    Load,
    Part,
    Plain,
    Reading,
    Store,
    Writing,
)
from .sse import EventStream
from .text import Text
from .xml import Xml

EVENT_STREAM = EventStream()
AWS_EVENTS = AwsEvents()
MULTIPART = Multipart()
PACKED = Packed()
BINARY = Binary()
FORM = Form()
LINE_STREAM = LineStream()
XML = Xml()
JSON = Json()
TEXT = Text()

# The first that detects a body has it; what it declines goes to the next one that detects it.
KINDS: tuple[BodyKind, ...] = (
    EVENT_STREAM,
    AWS_EVENTS,
    MULTIPART,
    PACKED,
    BINARY,
    FORM,
    LINE_STREAM,
    XML,
    JSON,
    TEXT,
)
STREAMS = tuple(kind for kind in KINDS if kind.is_stream)
KEYS = tuple(key for kind in KINDS for key in kind.keys)
STYLES = tuple(style for kind in KINDS for style in kind.styles)
_BY_KEY = {key: kind for kind in KINDS for key in kind.keys}
# Beyond this many bytes a text goes into a file of its own.
LARGE_TEXT = 512 * 1024
# Levels that a cassette, or a file of the cache, needs around a body.
_AROUND_BODY = 10


def kind_of(raw: bytes, content_type: str) -> BodyKind:
    """Return the kind of a body."""
    return next(_candidates(raw, content_type))


@lru_cache(maxsize=256)
def stream_of(content_type: str) -> BodyKind | None:
    """Return the kind of stream that a content type says; None if it says none."""
    return next((kind for kind in STREAMS if kind.has_type(content_type)), None)


def text_over_events(raw: bytes, content_type: str) -> BodyKind | None:
    """Return the kind of a body whose events may spread one text; None for any other body."""
    return JSON if JSON.is_list_of_events(raw) else stream_of(content_type)


def is_json(content_type: str) -> bool:
    """Return whether a media type is JSON, by name or by its `+json` suffix (RFC 6839)."""
    return JSON.has_type(content_type)


def looks_like_json(raw: bytes, content_type: str = "") -> bool:
    """Return whether a body is probably JSON, by its media type or by its first byte."""
    return JSON.detect(raw, content_type)


def looks_like_object(raw: bytes) -> bool:
    """Return whether a body is probably a JSON object, by its first byte."""
    return first_byte(raw) == b"{"


def _candidates(raw: bytes, content_type: str) -> Iterator[BodyKind]:
    return (kind for kind in KINDS if kind.detect(raw, content_type))


def to_fields(
    raw: bytes,
    content_type: str,
    store: Store | None = None,
    *,
    exact: bool = True,
    room: int = DEEPEST - _AROUND_BODY,
) -> Fields:
    """Return the fields of a cassette for `raw`, from which `from_fields` makes the same bytes.

    Args:
        raw: The decoded body.
        content_type: Its media type with parameters, as far as it is known.
        store: Keeps bytes under a file name made from their media type, and returns that name.
            Without it everything is written in place.
        exact: Whether JSON must come back to the byte. Otherwise its whitespace and escapes may
            change, because a comparison as JSON does not see them.
        room: Levels of nesting that may be used.

    Returns:
        Nothing for an empty body, otherwise one of `KEYS` and, where needed, its style.
    """
    if not raw:
        return {}
    if store and (len(raw) > LARGE_TEXT or BINARY.has_type(content_type)):
        return BINARY.stored(raw, content_type, store)

    def nested(inner: bytes, inner_type: str, levels: int) -> Fields:
        return to_fields(inner, inner_type, store, exact=exact, room=levels)

    writing = Writing(exact, room, store, nested)
    for kind in _candidates(raw, content_type):
        if (fields := kind.write(raw, content_type, writing)) is not None:
            return fields
    return BINARY.write(raw, content_type, writing)


def from_fields(
    fields: Mapping[str, Any], load: Load | None = None, content_type: str = ""
) -> bytes:
    """Return the body that `fields` describe.

    Args:
        fields: Fields from `to_fields`, perhaps edited by a person; other keys are ignored.
        load: Returns the bytes of a file by its name.
        content_type: The media type, which names the boundary of a multipart body.

    Raises:
        BodyError: If there is more than one body, a value of the wrong type or an unknown style.
    """
    keys = [key for key in KEYS if key in fields]
    if not keys:
        return b""
    key = keys[0]
    if len(keys) > 1:
        raise BodyError(keys[1], f"two bodies, {key} and {keys[1]}")

    def nested(inner: Mapping[str, Any], inner_type: str) -> bytes:
        return from_fields(inner, load, inner_type)

    try:
        return _BY_KEY[key].read(key, fields, Reading(content_type, load, nested))
    except BodyError:
        raise
    except LineError as error:
        raise BodyError(key, str(error), error.row) from None
    except (ValueError, TypeError, LookupError, AttributeError, binascii.Error) as error:
        raise BodyError(key, f"{key} makes no body: {error}") from None


def unstructured(raw: bytes, content_type: str) -> Fields:
    """Return the fields of `raw` as text, or as base64 if it is not text."""
    writing = Writing(exact=True, room=0, store=None, nested=lambda *_: {})
    fields = TEXT.write(raw, content_type, writing)
    return BINARY.write(raw, "", writing) if fields is None else fields


def settled(raw: bytes, content_type: str) -> bytes:
    """Return `raw` as a cassette gives it back that does not keep it to the byte."""
    files: dict[str, bytes] = {}

    def store(content: bytes, _: str) -> str:
        files[name := str(len(files))] = content
        return name

    fields = to_fields(raw, content_type, store, exact=False)
    return from_fields(fields, files.__getitem__, content_type)


def plain(raw: bytes, content_type: str) -> Plain | None:
    """Return a body as plain values, for comparison and for display; None for an empty one."""
    if not raw:
        return None
    for kind in _candidates(raw, content_type):
        if (found := kind.plain(raw, content_type, _plain_part)) is not None:
            return found
    return TEXT.plain(raw, content_type, _plain_part)


def _plain_part(part: Part) -> Plain | None:
    return plain(part.content, part.content_type)


def leaves(raw: bytes, content_type: str, place: str = "") -> Iterator[Leaf]:
    """Yield the texts of a body with the names that hold them.

    Args:
        raw: The decoded body.
        content_type: Its media type.
        place: The place of the body, put before those of its leaves.
    """

    def nested(part: Part, inner: str) -> Iterator[Leaf]:
        return leaves(part.content, part.content_type, f"{place}{inner}.")

    for leaf in kind_of(raw, content_type).leaves(raw, content_type, nested):
        yield Leaf(f"{place}{leaf.place}", leaf.name, leaf.text) if place else leaf


def replaced_texts(raw: bytes, content_type: str, editor: Editor) -> bytes:
    """Return a body with its texts edited and everything else as it was."""
    return kind_of(raw, content_type).replace(raw, content_type, editor) if raw else raw


def render(raw: bytes, content_type: str) -> str:
    """Return a body as text for people; empty if it cannot be read."""
    return kind_of(raw, content_type).render(raw, content_type) if raw else ""
