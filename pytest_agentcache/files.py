"""Atomic replacement of files, locks between processes, and paths as they are displayed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path


def replace_file(path: Path, content: bytes | Iterable[bytes], *, durable: bool = True) -> None:
    """Replace the content of `path` in one step, so that no reader sees half of it.

    Args:
        path: The file, which need not exist; its folder must.
        content: The new content, or its pieces.
        durable: Whether the new content must survive a power cut.

    Raises:
        OSError: If it cannot be written; then `path` is unchanged and nothing is left beside it.
    """
    if path.is_symlink():
        path = path.resolve()
    # In a folder that git ignores, for a process that is killed here leaves it behind.
    folder = path.with_name(f".{os.urandom(8).hex()}.tmp")
    temporary = folder / "new"
    try:
        folder.mkdir()
        (folder / ".gitignore").write_bytes(b"*\n")
        # Not `tempfile`, whose files are private: a new file gets the default permissions.
        with temporary.open("xb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    finally:
        for remove in (temporary.unlink, (folder / ".gitignore").unlink, folder.rmdir):
            with contextlib.suppress(OSError):
                remove()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock `path` for this process, so that two processes write a cassette one after the other.

    The kernel holds the lock until the process ends. The lock file is in the folder for temporary
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


def quoted(test: str) -> str:
    """Return a node id as it is typed in a shell."""
    # Double quotes are easier to read; others are needed if a shell would expand something.
    return shlex.quote(test) if re.search(r'["$`!\\]', test) else f'"{test}"'


def display_path(path: Path, root: Path) -> str:
    """Return `path` as it is displayed: relative to `root` if it is below it."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
