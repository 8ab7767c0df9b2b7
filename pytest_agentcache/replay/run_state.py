"""The state of one run of pytest over all its processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissError
from ..state import on_reset

if TYPE_CHECKING:
    from ..settings.settings import Settings
    from .hooks import Hooks
    from .misses import Miss


@dataclass(frozen=True, slots=True)
class Block:
    """An open `use_cassette`.

    Attributes:
        find_misses: Returns the misses of its harness.
        responds: Whether a miss there is no error (`on_miss="respond"`).
        report: Returns the report of some of its misses.
    """

    find_misses: Callable[[], list[Miss]]
    responds: bool
    report: Callable[[list[Miss]], str]

    def unreported(self) -> list[Miss]:
        """Return the misses that are not in a report yet."""
        return [] if self.responds else [miss for miss in self.find_misses() if not miss.reported]

    @property
    def missed(self) -> int:
        """The number of requests that were missed, for the summary."""
        return 0 if self.responds else sum(miss.count for miss in self.find_misses())

    def forget_reported(self) -> None:
        """Drop the misses of a test that is over, so that the next test can miss the same."""
        misses = self.find_misses()
        misses[:] = [miss for miss in misses if not miss.reported]


@dataclass(slots=True)
class Surroundings:
    """The running test, for a `use_cassette` inside it.

    It is separate from the dispatcher, so that suites without cassettes do not load that.

    Attributes:
        settings: The settings of the run; None outside pytest.
        hooks: Returns the hooks that apply to the test.
        run: The run.
        miss_error: Makes the error of a miss from its text. In a run of pytest it is one that
            pytest knows, or it would break the teardown of the test.
        skips: The errors by which code inside a block skips the test around it.
        blocks: Each `use_cassette` that is open, outermost first.
        missed: The number of misses in the blocks that have ended during the test.
    """

    settings: Settings | None = None
    hooks: Callable[[], Hooks] | None = None
    run: Run | None = None
    miss_error: Callable[[str], MissError] = MissError
    skips: tuple[type[BaseException], ...] = ()
    blocks: list[Block] = field(default_factory=list)
    missed: int = 0

    def take_missed(self) -> int:
        """Return the number of misses in blocks since the last call."""
        missed, self.missed = self.missed, 0
        return missed + sum(block.missed for block in self.blocks)


SURROUNDINGS = Surroundings()


@on_reset("replay.run_state.SURROUNDINGS")
def _reset() -> None:
    SURROUNDINGS.settings = SURROUNDINGS.hooks = SURROUNDINGS.run = None
    SURROUNDINGS.miss_error = MissError
    SURROUNDINGS.skips = ()
    SURROUNDINGS.blocks.clear()
    SURROUNDINGS.missed = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run of pytest, in one process or in several workers of xdist.

    Args:
        name: The same in all its processes, and in no other run.
        environment: The environment variables at the start of this process.
        root: The folder of the cassette of the process.

    Attributes:
        opened: The cassettes that this process opened, for tests and by `use_cassette`.
        asked: The numbers, from 1, of the interactions that were used of each shared cassette.
    """

    name: str
    environment: Mapping[str, str] = field(
        default_factory=lambda: dict(os.environ), compare=False, repr=False
    )
    root: Path = field(default_factory=Path.cwd, compare=False)
    opened: set[Path] = field(default_factory=set, init=False, compare=False, repr=False)
    asked: dict[Path, set[int]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def renewed(self, path: Path) -> frozenset[str]:
        """Return digests of the interactions recorded again on the shared cassette at `path`."""
        return self.all_renewed().get(path.resolve(), frozenset())

    def renews(self, path: Path, digests: Iterable[str]) -> None:
        """Add to the digests of `renewed`. The caller holds the cassette's lock."""
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
        """Return the time at which this run began to record a shared cassette, at first `now`.

        Tests that share a cassette start their clocks there, because the cassette gives that time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
        mark = self._folder / f"{name}.began"
        # Other processes and threads begin at the same time.
        own = self._folder / f"{name}.{os.getpid()}-{threading.get_native_id()}"
        own.write_text(now.isoformat(), "ascii")
        try:
            # A link appears atomically, and not at all if another process was first.
            os.link(own, mark)
        except FileExistsError:
            return datetime.fromisoformat(mark.read_text("ascii"))
        finally:
            own.unlink()
        return now

    def forget(self) -> None:
        """Remove the files of this run."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return Path(tempfile.gettempdir()) / f"pytest-agentcache-run-{self.name}"
