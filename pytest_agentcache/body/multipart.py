"""`multipart/*` bodies (RFC 2046, section 5.1; RFC 7578) as parts, without their boundary.

The boundary is drawn anew for each request and means nothing, so it is written as one fixed word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

BOUNDARY = "agentcache-boundary"
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


def neutral(raw: bytes, boundary: str) -> bytes:
    """`raw` with the fixed boundary in place of its own."""
    return raw.replace(b"--" + boundary.encode("latin-1"), b"--" + BOUNDARY.encode())


def split(raw: bytes) -> list[Part] | None:
    """The parts of a body under the fixed boundary, or None if joining would change it."""
    delimiter = b"--" + BOUNDARY.encode()
    pieces = raw.split(delimiter)
    if len(pieces) < 2 or pieces[0]:
        return None
    found = []
    for piece in pieces[1:-1]:
        head, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            return None
        lines = [line.partition(": ") for line in head.decode("utf-8", "replace").split("\r\n")]
        headers = tuple((name, value) for name, _, value in lines)
        found.append(Part(headers, content.removesuffix(b"\r\n")))
    return found if join(found) == raw else None


def join(parts: Iterable[Part]) -> bytes:
    """The body that `parts` make under the fixed boundary."""
    delimiter = b"--" + BOUNDARY.encode()
    done = b""
    for part in parts:
        head = "\r\n".join(f"{name}: {value}" for name, value in part.headers)
        done += delimiter + b"\r\n" + head.encode("utf-8") + b"\r\n\r\n" + part.content + b"\r\n"
    return done + delimiter + b"--\r\n"
