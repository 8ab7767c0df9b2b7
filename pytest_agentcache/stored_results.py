"""Results that a command keeps between runs, in the cache folder of the user.

A command that looks at a thousand files does the work only for those that changed. The results of
one command in one folder are one file, replaced as a whole: two processes may write it at once, and
the last one wins. It is a cache and nothing else: deleting it costs time only, and a file that is
damaged, from another version, or writable by others is not believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

from .files import replace_file

# In seconds: results that were not used for so long are removed.
_LONGEST = 30 * 86400


class StoredResults:
    """The results of one command, by the names of the files they are about.

    Args:
        command: The name of the command.
        context: Everything that a result depends on besides its file, such as settings.
    """

    def __init__(self, command: str, *context: object) -> None:
        facts = [command, os.getcwd(), _version(), *map(repr, context)]  # noqa: PTH109
        self._context = hashlib.sha256("\0".join(facts).encode("utf-8", "replace")).hexdigest()
        place = hashlib.sha256("\0".join(facts[:2]).encode("utf-8", "replace")).hexdigest()
        self._folder = _folder()
        self._path = self._folder and self._folder / f"{command}-{place[:32]}.json"
        self._known = self._read()
        self._has_new = False

    def get(self, name: str, digest: str) -> Any:
        """Return the result for a file with this digest of its content; None if it is not known."""
        found = self._known.get(name)
        return found[1] if found and found[0] == digest else None

    def put(self, name: str, digest: str, result: Any) -> None:
        """Keep a result, a value of JSON other than null."""
        self._known[name] = [digest, result]
        self._has_new = True

    def save(self) -> None:
        """Write new results for the next run, unless the folder is read-only."""
        if self._path is None or self._folder is None:
            return
        with contextlib.suppress(OSError):
            if not self._has_new:
                self._path.touch()
                return
            # The results of files that no longer exist are dropped.
            left = {name: each for name, each in self._known.items() if os.path.lexists(name)}
            body = json.dumps(left, separators=(",", ":")).encode()
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_private(self._folder):
                replace_file(self._path, self._seal(body) + b"\n" + body, durable=False)
                self._path.chmod(0o600)
                _remove_unused(self._folder)

    def _read(self) -> dict[str, list[Any]]:
        try:
            if self._path is None or not (
                _is_private(self._path.parent) and _is_private(self._path)
            ):
                return {}
            seal, _, body = self._path.read_bytes().partition(b"\n")
        except OSError:
            return {}
        return json.loads(body) if seal == self._seal(body) else {}

    def _seal(self, body: bytes) -> bytes:
        return hashlib.sha256(self._context.encode() + body).hexdigest().encode()


def digest_of(*contents: bytes) -> str:
    """Return the digest of the contents of a file and of those beside it."""
    whole = hashlib.sha256()
    for each in contents:
        whole.update(b"%d\0" % len(each))
        whole.update(each)
    return whole.hexdigest()


def _folder() -> Path | None:
    """Return the folder for the results of this user; None without a home."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        base = Path(given)
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", ""))
    else:
        base = Path(os.path.expanduser("~")) / (  # noqa: PTH111 - `Path` raises without a home
            "Library/Caches" if sys.platform == "darwin" else ".cache"
        )
    return base / "pytest-agentcache" if base.is_absolute() else None


def _is_private(path: Path) -> bool:
    """Return whether only this user can write to a file or folder."""
    found = path.stat()
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _remove_unused(folder: Path) -> None:
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LONGEST:
                path.unlink()


def _version() -> str:
    """Return a text that differs between versions of the package, edited ones included."""
    package = Path(__file__).parent
    files = sorted(
        (entry.path, entry.stat().st_mtime_ns, entry.stat().st_size)
        for folder, _, _ in os.walk(package)
        for entry in os.scandir(folder)
        if entry.name.endswith(".py")
    )
    return repr((sys.version, files))
