"""The state of one run of pytest over all its processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..state import on_reset

if TYPE_CHECKING:
    from ..settings.settings import Settings
    from .hooks import Hooks


@dataclass(slots=True)
class Surroundings:
    """The test that runs, for a `use_cassette` in it.

    The dispatcher's light half: it is there in suites that never load the other.

    Attributes:
        settings: Those of the run; None outside of pytest.
        hooks: Gives those that apply to the test.
        run: The run.
    """

    settings: Settings | None = None
    hooks: Callable[[], Hooks] | None = None
    run: Run | None = None


SURROUNDINGS = Surroundings()


@on_reset("replay.run_state.SURROUNDINGS")
def _reset() -> None:
    SURROUNDINGS.settings = SURROUNDINGS.hooks = SURROUNDINGS.run = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run, on one process or on several workers of xdist.

    Args:
        name: The same in all its processes, and in no other run.
        environment: Variables as this process found them.

    Attributes:
        opened: The cassettes that this process opened, for tests and by `use_cassette`.
        asked: Of those that several may be on, what of them was asked for: numbers, from 1.
    """

    name: str
    environment: Mapping[str, str] = field(
        default_factory=lambda: dict(os.environ), compare=False, repr=False
    )
    opened: set[Path] = field(default_factory=set, init=False, compare=False, repr=False)
    asked: dict[Path, set[int]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def renewed(self, path: Path) -> frozenset[str]:
        """Return digests of the interactions recorded again on the shared cassette at `path`."""
        return self.all_renewed().get(path.resolve(), frozenset())

    def renews(self, path: Path, digests: Iterable[str]) -> None:
        """Adds to what `renewed` gives. The caller holds the cassette's lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
        entries = [json.dumps([str(path.resolve()), digest]) + "\n" for digest in digests]
        with (self._folder / name).open("a", encoding="ascii") as file:
            file.writelines(entries)

    def all_renewed(self) -> dict[Path, frozenset[str]]:
        """Return the result of `renewed` for every shared cassette of this run."""
        found: dict[Path, set[str]] = {}
        for file in self._folder.glob("*"):
            if "." in file.name:
                continue
            for line in file.read_text("ascii").splitlines():
                path, digest = json.loads(line)
                found.setdefault(Path(path), set()).add(digest)
        return {path: frozenset(digests) for path, digests in found.items()}

    def began(self, path: Path, now: datetime) -> datetime:
        """When this run began to record the shared cassette at `path`: `now`, if it is the first.

        Tests that share a cassette start their clocks there, for it is what the cassette will say.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
        mark, own = self._folder / f"{name}.began", self._folder / f"{name}.{os.getpid()}"
        own.write_text(now.isoformat(), "ascii")
        try:
            # A link appears whole, or not at all where another process was first.
            os.link(own, mark)
        except FileExistsError:
            return datetime.fromisoformat(mark.read_text("ascii"))
        finally:
            own.unlink()
        return now

    def forget(self) -> None:
        """Removes what was kept."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return Path(tempfile.gettempdir()) / f"pytest-agentcache-run-{self.name}"
