"""`multipart/*` bodies (RFC 2046, section 5.1; RFC 7578) as parts, without their boundary.

A boundary is random and means nothing, so cassettes have a fixed one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...canonical_yaml import writable
from .form import by_name
from .protocol import (
    BodyError,
    BodyKind,
    Editor,
    Fields,
    Leaf,
    Part,
    Plain,
    Reading,
    Writing,
)
from .text import decoded

BOUNDARY = "agentcache-boundary"
_DEEPEST = 4
# Levels that a part needs around its own body.
_AROUND_PART = 3
_PARAMETER = re.compile(r'boundary=(?:"([^"]+)"|([^\s;,"]+))', re.IGNORECASE)
_NAME = re.compile(r'\bname="([^"]*)"')


class Multipart(BodyKind):
    """Several bodies in one, each with headers of its own."""

    name = "multipart"
    keys = ("multipart",)
    styles = ("multipart_style",)
    is_rebuilt = True

    def has_type(self, content_type: str) -> bool:
        return bool(boundary_of(content_type))

    def detect(self, raw: bytes, content_type: str) -> bool:
        return self.has_type(content_type)

    def write(self, raw: bytes, content_type: str, writing: Writing) -> Fields | None:
        room = writing.room - _AROUND_PART
        parts = split(raw, boundary_of(content_type)) if room >= 0 else None
        if not parts:
            return None
        names = [[name for name, _ in part.headers] for part in parts]
        usual = all(_usual(name.lower()) == name for each in names for name in each)
        found = []
        for part, own in zip(parts, names, strict=True):
            headers = {name.lower() if usual else name: value for name, value in part.headers}
            if len(headers) < len(own) or not writable(headers):
                return None
            content = writing.nested(part.content, part.content_type, room)
            found.append({"headers": headers, **content})
        return {"multipart": found, **({} if usual else {"multipart_style": "verbatim"})}

    def read(self, key: str, fields: Mapping[str, Any], reading: Reading) -> bytes:
        style = fields.get("multipart_style", "")
        if style not in ("", "verbatim"):
            raise BodyError(
                "multipart_style", f"unknown multipart style {style!r}; known is verbatim"
            )
        parts = []
        for each in fields[key]:
            # A header's name is lower-case on the cassette and in its usual case on the wire.
            headers = tuple(
                (name if style else _usual(name), text)
                for name, text in each.get("headers", {}).items()
            )
            part = Part(headers, b"")
            parts.append(replace(part, content=reading.nested(each, part.content_type)))
        return join(parts, boundary_of(reading.content_type) or BOUNDARY)

    def plain(self, raw: bytes, content_type: str, nested: Callable[[Part], Plain | None]) -> Plain:
        raw = neutral(raw, boundary_of(content_type))
        parts = split(raw, BOUNDARY)
        if parts is None:
            return Plain("text", raw.decode("utf-8", "surrogateescape"))
        return Plain(
            "multipart",
            [
                {
                    "name": part.name,
                    "headers": by_name(
                        sorted((name.lower(), value) for name, value in part.headers)
                    ),
                    "content": nested(part),
                }
                for part in parts
            ],
        )

    def leaves(
        self, raw: bytes, content_type: str, nested: Callable[[Part, str], Iterator[Leaf]]
    ) -> Iterator[Leaf]:
        for index, part in enumerate(split(raw, boundary_of(content_type)) or ()):
            here = f"multipart[{index}]"
            if part.name:
                yield Leaf(here, part.name, part.content.decode("utf-8", "replace"))
            yield from nested(part, here)

    def replace(self, raw: bytes, content_type: str, editor: Editor) -> bytes:
        boundary = boundary_of(content_type)
        parts = split(raw, boundary)
        if parts is None:
            return editor.text(raw, "text/plain")
        return join([editor.part(part) for part in parts], boundary)

    def render(self, raw: bytes, content_type: str) -> str:
        return decoded(raw, content_type)


def boundary_of(content_type: str) -> str:
    """Return the boundary of a content type, or the empty string if it is not multipart."""
    if not content_type.lower().startswith("multipart/"):
        return ""
    match = _PARAMETER.search(content_type)
    return (match[1] or match[2]) if match else ""


def neutral_type(content_type: str) -> str:
    """Return `content_type` with the fixed boundary."""
    if not boundary_of(content_type):
        return content_type
    return _PARAMETER.sub(f"boundary={BOUNDARY}", content_type)


def neutral(raw: bytes, boundary: str, depth: int = 1) -> bytes:
    """Return `raw` with fixed boundaries, those of multipart bodies inside it included."""
    fixed = BOUNDARY if depth == 1 else f"agentcache-{depth}-boundary"
    parts = split(raw, boundary)
    if parts is None:
        return raw.replace(_delimiter(boundary), _delimiter(fixed))
    return join([_neutral_part(part, depth + 1) for part in parts], fixed)


def _neutral_part(part: Part, depth: int) -> Part:
    inner = boundary_of(part.content_type)
    if not inner or depth > _DEEPEST:
        return part
    headers = tuple(
        (
            name,
            _PARAMETER.sub(f"boundary=agentcache-{depth}-boundary", value)
            if name.lower() == "content-type"
            else value,
        )
        for name, value in part.headers
    )
    return Part(headers, neutral(part.content, inner, depth), part.name)


def split(raw: bytes, boundary: str) -> list[Part] | None:
    """Return the parts of a body, or None if joining them would not give back its bytes."""
    delimiter = _delimiter(boundary)
    if not raw.startswith(delimiter):
        return None
    found = []
    for piece in raw[len(delimiter) :].split(b"\r\n" + delimiter)[:-1]:
        if piece.startswith(b"\r\n\r\n"):
            found.append(Part((), piece[4:]))
            continue
        head, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            return None
        lines = [line.partition(": ") for line in head.decode("utf-8", "replace").split("\r\n")]
        headers = tuple((name, value) for name, _, value in lines)
        found.append(Part(headers, content, _form_name(headers)))
    return found if found and join(found, boundary) == raw else None


def join(parts: Iterable[Part], boundary: str) -> bytes:
    """Return the body that `parts` make."""
    delimiter = _delimiter(boundary)
    done = []
    for part in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in part.headers)
        done += [delimiter, b"\r\n", head.encode("utf-8"), b"\r\n", part.content, b"\r\n"]
    return b"".join([*done, delimiter, b"--\r\n"])


def _form_name(headers: Iterable[tuple[str, str]]) -> str:
    for name, value in headers:
        if name.lower() == "content-disposition":
            match = _NAME.search(value)
            return match[1] if match else ""
    return ""


def _usual(name: str) -> str:
    return name.title()


def _delimiter(boundary: str) -> bytes:
    return b"--" + boundary.encode("latin-1", "replace")
