"""The files beside a cassette that hold its large bodies, and what a file says it is."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import CassetteError

_HEAD = 4096
_OURS = re.compile(rb"^(?:agentcache|recorded_at)\s*:", re.MULTILINE)
# What the writer makes of a body: `json-0123456789.json`, or `….json.gz` if it came packed.
_SIDECAR = r"[\w-]+-[0-9a-f]{10}(?:\.\w+)+"
_NAMED = re.compile(rf"\bfile: ({_SIDECAR})".encode())


def is_ours(path: Path) -> bool:
    """Whether a file says of itself that it is a cassette of pytest-agentcache."""
    return bool(_OURS.search(head(path)))


def head(path: Path) -> bytes:
    """The first bytes of a file, enough for what stands above its interactions."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def sidecar_folder(path: Path) -> Path:
    """Where the bodies lie that have files of their own: a folder named like the cassette."""
    # Another suffix has a folder of another name, or two cassettes would share one.
    return path.with_suffix("") if path.suffix == ".yaml" else path.with_name(path.name + ".files")


def sidecars_named_in(raw: bytes) -> list[str]:
    """The files beside a cassette that its text names."""
    return [name.decode() for name in _NAMED.findall(raw)]


def is_sidecar(name: str) -> bool:
    """Whether a file beside a cassette is called like one that the writer made."""
    return re.fullmatch(_SIDECAR, name, re.ASCII) is not None


def unwritable(path: Path, error: OSError) -> CassetteError:
    """What is told of a cassette at `path` that could not be written."""
    return CassetteError(
        path,
        f"cannot be written: {error.strerror or error}",
        "Nothing was changed; check the permissions of the folder and the free space",
    )
