"""What one run of pytest remembers over all its processes."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """A run, on one process or on several workers of xdist.

    Args:
        name: The same in all its processes, and in no other run.
    """

    name: str

    def rewrote(self, path: Path) -> bool:
        """Whether a test of this run has begun the cassette at `path` anew."""
        return self._mark(path).exists()

    def rewrites(self, path: Path) -> None:
        """Keeps that a test of this run begins the cassette at `path` anew."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._mark(path).touch()

    def forget(self) -> None:
        """Removes what was kept."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return Path(tempfile.gettempdir()) / f"pytest-agentcache-run-{self.name}"

    def _mark(self, path: Path) -> Path:
        return self._folder / hashlib.sha256(str(path.resolve()).encode()).hexdigest()
