"""The files beside a cassette that hold its large bodies, and how cassettes are detected."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ..errors import CassetteError

_HEAD = 4096
_OURS = re.compile(rb"^(?:agentcache|recorded_at)\s*:", re.MULTILINE)
# The writer names a body `json-0123456789.json`, or `….json.gz` if it is compressed.
_SIDECAR = r"[\w-]+-[0-9a-f]{10}(?:\.\w+)+"
_DIGEST = re.compile(r"-([0-9a-f]{10})\.")
_NAMED = re.compile(rf"\bfile: ({_SIDECAR})".encode())


def is_ours(path: Path) -> bool:
    """Return whether a file is a cassette of pytest-agentcache, by its first lines."""
    return bool(_OURS.search(head(path)))


def head(path: Path) -> bytes:
    """Return the first bytes of a file, enough for everything above its interactions."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def sidecar_folder(path: Path) -> Path:
    """Return the folder of a cassette's bodies that have their own files; it is named like it."""
    # With another suffix the folder has another name: two cassettes must not share one.
    return path.with_suffix("") if path.suffix == ".yaml" else path.with_name(path.name + ".files")


def sidecars_named_in(raw: bytes) -> list[str]:
    """Return the names of the files beside a cassette that its text refers to."""
    return [name.decode() for name in _NAMED.findall(raw)]


def is_sidecar(name: str) -> bool:
    """Return whether a file beside a cassette has a name that the writer makes."""
    return re.fullmatch(_SIDECAR, name, re.ASCII) is not None


def digest(content: bytes) -> str:
    """Return the digest of a body, which is part of the name of its file."""
    return hashlib.sha256(content).hexdigest()[:10]


def change_of(name: str, content: bytes) -> str | None:
    """Return how a file beside a cassette differs from what was recorded.

    Args:
        name: The name of the file, with the digest of the recorded body.
        content: The content of the file.

    Returns:
        A phrase for an error message; None if the content is as recorded.
    """
    named = _DIGEST.search(name) if is_sidecar(name) else None
    if named is None or digest(content) == named[1]:
        return None
    unix = content.replace(b"\r\n", b"\n")
    if named[1] in (digest(unix), digest(unix.replace(b"\n", b"\r\n"))):
        return "has other line ends than were recorded"
    return "is not what was recorded: its digest differs from its name"


def unwritable(path: Path, error: OSError) -> CassetteError:
    """Return the error of a cassette that could not be written."""
    return CassetteError(
        path,
        f"cannot be written: {error.strerror or error}",
        "Nothing was changed; check the permissions of the folder and the free space",
    )
