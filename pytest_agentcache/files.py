"""Files replaced atomically, locks between processes, and names as they are shown."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path


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


def quoted(test: str) -> str:
    """A node id as it is typed."""
    # Quotes that people read, and others where a shell would take something for its own.
    return shlex.quote(test) if re.search(r'["$`!\\]', test) else f'"{test}"'


def display_path(path: Path, root: Path) -> str:
    """`path` as it is written for people: relative to `root` where it lies below."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
