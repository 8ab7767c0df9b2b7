"""Bodies as readable fields and back, to the byte. Used for cassettes and for the cache's files."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from ...canonical_yaml import DEEPEST, writable
from . import aws_events, form, json_text, multipart, sse

KINDS = ("json", "text", "sse", "aws_events", "form", "multipart", "base64", "file")
STYLES = ("json_style", "sse_style", "form_style", "multipart_style", "text_style", "charset")
# Past these sizes in bytes a body goes into a file of its own.
LARGE_BINARY = 256
LARGE_TEXT = 512 * 1024
_MEDIA = ("image/", "audio/", "video/", "font/", "application/pdf", "application/zip")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_BASE64_COLUMNS = 76
# Levels that a cassette or a file of the cache takes for itself around a body, and a part of a
# multipart body around its own.
_AROUND_BODY = 10
_AROUND_PART = 3

Store = Callable[[bytes, str], str]
Load = Callable[[str], bytes]


class BodyError(ValueError):
    """Fields that make no body; `key` is the one at fault."""

    def __init__(self, key: str, problem: str) -> None:
        self.key, self.problem = key, problem
        super().__init__(problem)


def to_fields(
    raw: bytes,
    content_type: str,
    store: Store | None = None,
    *,
    exact: bool = True,
    room: int = DEEPEST - _AROUND_BODY,
) -> dict[str, Any]:
    """The fields that stand for `raw`, such that `from_fields` gives the same bytes.

    Args:
        raw: The decoded body.
        content_type: Its media type with parameters, as far as it is known.
        store: Keeps bytes under a file name made from their media type, and returns that name.
            Without it everything is written in place.
        exact: Whether JSON comes back to the byte. Else the blanks between its parts and the
            escapes in its text may change, as nobody asks for them who compares it as JSON.
        room: Levels of nesting that may be used.

    Returns:
        Nothing for an empty body, else one of `KINDS` and, where it is needed, its style.
    """
    if not raw:
        return {}
    media = content_type.partition(";")[0].strip().lower()
    if store and media.startswith(_MEDIA):
        return {"file": store(raw, media)}
    if store and len(raw) > LARGE_TEXT:
        return {"file": store(raw, media)}
    if sse.is_stream(content_type) and (found := sse.lines(raw)):
        return _styled("sse", *found)
    if aws_events.is_stream(content_type) and (written := aws_events.lines(raw)):
        return {"aws_events": written}
    if form.is_form(content_type) and (fields := form.fields(raw)) and writable(fields[0], room):
        return _styled("form", *fields)
    if parts := _parts(raw, content_type, store, exact, room - _AROUND_PART):
        return _styled("multipart", *parts)
    if (
        (is_json(content_type) or raw.lstrip()[:1] in (b"{", b"["))
        and (structured := json_text.structure(raw, exact=exact))
        and writable(structured[0], room)
    ):
        return _styled("json", *structured)
    return _text(raw, content_type) or _binary(raw, media, store)


def is_json(content_type: str) -> bool:
    """Whether a media type is JSON, by name or by its `+json` suffix (RFC 6839)."""
    media = content_type.partition(";")[0].strip().lower()
    return media in ("application/json", "text/json") or media.endswith("+json")


def charset_of(content_type: str) -> str:
    """The charset that a media type names; empty if it names none."""
    found = _CHARSET.search(content_type)
    return found[1] if found else ""


def is_binary(raw: bytes) -> bool:
    """Whether `raw` holds control characters that no text has."""
    return _BINARY.search(raw) is not None


def _styled(kind: str, value: Any, style: str) -> dict[str, Any]:
    return {kind: value, f"{kind}_style": style} if style else {kind: value}


def unstructured(raw: bytes, content_type: str) -> dict[str, Any]:
    """The fields of `raw` as text, or as base64 if it is none."""
    return _text(raw, content_type) or _binary(raw, "", None)


def _text(raw: bytes, content_type: str) -> dict[str, Any] | None:
    if is_binary(raw):
        return None
    fields: dict[str, Any] = {}
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        charset = charset_of(content_type)
        if not charset:
            return None
        try:
            text = raw.decode(charset)
            if text.encode(charset) != raw or not writable(text):
                return None
        except (LookupError, UnicodeError):
            return None
        fields["charset"] = charset.lower()
    if "\r" in text and text.count("\r") == text.count("\r\n") == text.count("\n"):
        return {"text": text.replace("\r\n", "\n"), "text_style": "crlf", **fields}
    return {"text": text, **fields}


def _binary(raw: bytes, media: str, store: Store | None) -> dict[str, Any]:
    if store and len(raw) > LARGE_BINARY:
        return {"file": store(raw, media)}
    text = base64.b64encode(raw).decode("ascii")
    if len(text) > _BASE64_COLUMNS:
        cuts = range(0, len(text), _BASE64_COLUMNS)
        text = "\n".join(text[cut : cut + _BASE64_COLUMNS] for cut in cuts) + "\n"
    return {"base64": text}


def _parts(
    raw: bytes, content_type: str, store: Store | None, exact: bool, room: int
) -> tuple[list[dict[str, Any]], str] | None:
    boundary = multipart.boundary_of(content_type)
    if not boundary or room < 0:
        return None
    parts = multipart.split(raw, boundary)
    if not parts:
        return None
    names = [[name for name, _ in part.headers] for part in parts]
    usual = all(multipart.usual(name.lower()) == name for each in names for name in each)
    found = []
    for part, own in zip(parts, names, strict=True):
        headers = {name.lower() if usual else name: value for name, value in part.headers}
        if len(headers) < len(own) or not writable(headers):
            return None
        content = to_fields(
            part.content, part.header("content-type"), store, exact=exact, room=room
        )
        found.append({"headers": headers, **content})
    return found, "" if usual else "verbatim"


def from_fields(
    fields: Mapping[str, Any], load: Load | None = None, content_type: str = ""
) -> bytes:
    """The bytes that `fields` stand for.

    Args:
        fields: What `to_fields` made or a person edited; other keys are left alone.
        load: Gives the bytes of a file by its name.
        content_type: The media type, which names the boundary of a multipart body.

    Raises:
        BodyError: If there is more than one body, a value of the wrong type or an unknown style.
    """
    kinds = [kind for kind in KINDS if kind in fields]
    if not kinds:
        return b""
    kind = kinds[0]
    if len(kinds) > 1:
        raise BodyError(kinds[1], f"two bodies, {kind} and {kinds[1]}")
    value = fields[kind]
    style = fields.get(f"{kind}_style", "")
    try:
        if kind == "json":
            return json_text.text(value, style)
        if kind == "form":
            return form.text(value, style)
        if kind == "multipart":
            return _joined(value, style, load, content_type)
        return _written(kind, value, style, fields.get("charset", "utf-8"), load)
    except BodyError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, binascii.Error) as error:
        raise BodyError(kind, f"{kind} makes no body: {error}") from None


def settled(raw: bytes, content_type: str) -> bytes:
    """`raw` as a cassette gives it back that was not told to keep it to the byte."""
    files: dict[str, bytes] = {}

    def store(content: bytes, _: str) -> str:
        files[name := str(len(files))] = content
        return name

    fields = to_fields(raw, content_type, store, exact=False)
    return from_fields(fields, files.__getitem__, content_type)


def _written(kind: str, value: Any, style: str, charset: str, load: Load | None) -> bytes:
    """The bytes of a kind that is written as one text."""
    if not isinstance(value, str):
        raise BodyError(kind, f"{kind} is {type(value).__name__}, not text; put it in quotes")
    if kind == "sse":
        return sse.text(value, style)
    if kind == "aws_events":
        return aws_events.text(value)
    if kind == "base64":
        return base64.b64decode("".join(value.split()), validate=True)
    if kind == "file":
        if load is None:
            raise BodyError(kind, "no files stand beside this one")
        return load(value)
    if style not in ("", "crlf"):
        raise BodyError("text_style", f"unknown text style {style!r}; known is crlf")
    return (value.replace("\n", "\r\n") if style else value).encode(charset)


def _joined(value: Any, style: str, load: Load | None, content_type: str) -> bytes:
    if style not in ("", "verbatim"):
        raise BodyError("multipart_style", f"unknown multipart style {style!r}; known is verbatim")
    parts = []
    for part in value:
        headers = part.get("headers", {})
        # A header's name is lower-case on the cassette and in its usual case on the wire.
        names = tuple(
            (name if style else multipart.usual(name), text) for name, text in headers.items()
        )
        own = next((text for name, text in names if name.lower() == "content-type"), "")
        parts.append(multipart.Part(names, from_fields(part, load, own)))
    return multipart.join(parts, multipart.boundary_of(content_type) or multipart.BOUNDARY)
