"""`multipart/*` bodies (RFC 2046, section 5.1; RFC 7578) as parts, without their boundary.

A boundary is drawn anew for each request and means nothing, so cassettes have fixed words instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

BOUNDARY = "agentcache-boundary"
_DEEPEST = 4
_PARAMETER = re.compile(r'boundary=(?:"([^"]+)"|([^\s;,"]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its header lines as they stand, and its bytes."""

    headers: tuple[tuple[str, str], ...]
    content: bytes

    def header(self, name: str) -> str:
        """The value of the header called `name` (lower case), or the empty string."""
        return next((value for known, value in self.headers if known.lower() == name), "")

    @property
    def name(self) -> str:
        """The form field that this part is, or the empty string."""
        match = re.search(r'\bname="([^"]*)"', self.header("content-disposition"))
        return match[1] if match else ""


def boundary_of(content_type: str) -> str:
    """The boundary that a media type names, or the empty string if it is not multipart."""
    if not content_type.lower().startswith("multipart/"):
        return ""
    match = _PARAMETER.search(content_type)
    return (match[1] or match[2]) if match else ""


def neutral_type(content_type: str) -> str:
    """`content_type` with the fixed boundary."""
    if not boundary_of(content_type):
        return content_type
    return _PARAMETER.sub(f"boundary={BOUNDARY}", content_type)


def neutral(raw: bytes, boundary: str, depth: int = 1) -> bytes:
    """`raw` with fixed boundaries in place of its own and of those of multipart bodies inside."""
    fixed = BOUNDARY if depth == 1 else f"agentcache-{depth}-boundary"
    parts = split(raw, boundary)
    if parts is None:
        return raw.replace(_delimiter(boundary), _delimiter(fixed))
    return join([_neutral_part(part, depth + 1) for part in parts], fixed)


def _neutral_part(part: Part, depth: int) -> Part:
    inner = boundary_of(part.header("content-type"))
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
    return Part(headers, neutral(part.content, inner, depth))


def split(raw: bytes, boundary: str) -> list[Part] | None:
    """The parts of a body, or None if joining them would not give back its bytes."""
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
        found.append(Part(headers, content))
    return found if found and join(found, boundary) == raw else None


def join(parts: Iterable[Part], boundary: str) -> bytes:
    """The body that `parts` make."""
    delimiter = _delimiter(boundary)
    done = []
    for part in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in part.headers)
        done += [delimiter, b"\r\n", head.encode("utf-8"), b"\r\n", part.content, b"\r\n"]
    return b"".join([*done, delimiter, b"--\r\n"])


def usual(name: str) -> str:
    """The usual case of a header's name, `Content-Type`."""
    return name.title()


def _delimiter(boundary: str) -> bytes:
    return b"--" + boundary.encode("latin-1", "replace")
