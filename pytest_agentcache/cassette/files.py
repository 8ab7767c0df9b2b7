"""Files that are replaced in one step, and written by one process at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
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
        "Nothing was changed; see to the rights of the folder and the room on the disk",
    )


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Puts `content` in place of `path`'s in one step: no reader sees half of it.

    Args:
        path: The file, which need not exist; its folder must.
        content: All that it shall hold.
        durable: Whether it must also survive a power cut.

    Raises:
        OSError: If it cannot be written; then `path` is as it was and nothing lies beside it.
    """
    if path.is_symlink():
        path = path.resolve()
    # Not `tempfile`, whose files are nobody else's: a new file gets the rights that are usual here.
    temporary = path.with_name(f".{path.name[:32]}.{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds `path` for this process, so that two that write one cassette do it one by one.

    The lock is the kernel's and ends with the process; its file lies in the folder for temporary
    files, not beside the cassette.
    """
    name = hashlib.sha256(os.fspath(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"pytest-agentcache-{_user()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / f"{name[:32]}.lock").open("ab") as file:
        if os.name == "nt":  # pragma: no cover - shown by hand on Windows only
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _user() -> int | str:
    return os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
