"""The tests of the suite in the working directory, and the cassettes that they use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import cassette
from ..suite.orphans import Collected, module_of, named_in
from ..suite.renames import moves
from .exit_codes import CommandError
from .selection import local_path, test_of

# The environment variable that names the file to which `collect_plugin` writes.
COLLECTED = "AGENTCACHE_COLLECTED"
_LINES_OF_OUTPUT = 12


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of a suite and the cassettes that they use.

    Attributes:
        collected: The cassettes and modules that pytest collected.
        targets: The path of each test's own cassette, and the test.
        sources: The text of the Python files, which may contain names of cassettes.
        tests: The number of all tests.
        on_cassette: The number of tests on a cassette.
    """

    collected: Collected
    targets: tuple[tuple[Path, str], ...]
    sources: str
    tests: int
    on_cassette: int

    def is_orphan(self, path: Path) -> bool:
        """Return whether a cassette in a place for cassettes of tests is used by no test."""
        path = path.absolute()
        lost = self.collected.lost(path) and cassette.is_ours(path)
        return lost and not named_in(self.sources, path)

    def moved(self, paths: Iterable[Path]) -> dict[Path, tuple[str, str]]:
        """Return the problem and the remedy of each orphan whose test seems to have moved."""
        left = [path.absolute() for path in paths if self.is_orphan(path)]
        found = {}
        for move in moves(self.targets, left, self.collected):
            sentence, command = move.sentence(Path.cwd()), move.command(Path.cwd())
            now = local_path(module_of(move.new)) if move.whole else test_of(move.new, "")
            for path in left:
                if path == move.old or (move.whole and path.parent == move.old.parent):
                    found[path] = sentence, f"if that is {now} now: {command}"
        return found


def collect() -> Suite:
    """Collect the tests here, including deselected ones, as `pytest --collect-only` does.

    Raises:
        CommandError: If pytest cannot collect the suite.
    """
    with tempfile.TemporaryDirectory(prefix="agentcache-") as folder:
        target = Path(folder) / "collected.json"
        words = ["--collect-only", "-q", "-p", "pytest_agentcache.cli.collect_plugin"]
        # Collecting leaves no file behind, not even pytest's own cache.
        words += ["-o", f"cache_dir={folder}"]
        done = subprocess.run(  # noqa: S603 - no shell, and all words are ours
            [sys.executable, "-m", "pytest", *words],
            env={**os.environ, COLLECTED: str(target), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        # 5 is an empty suite, whose cassettes are all orphans.
        if done.returncode not in (0, 5) or not target.exists():
            tail = "\n  ".join(done.stdout.strip().splitlines()[-_LINES_OF_OUTPUT:])
            raise CommandError("pytest cannot collect the suite", tail)
        found = json.loads(target.read_text(encoding="utf-8"))
    cassettes, modules = (frozenset(map(Path, found[name])) for name in ("cassettes", "modules"))
    known = Collected(cassettes, modules)
    targets = tuple((Path(path), test) for path, test in found["targets"])
    return Suite(known, targets, known.sources(), found["tests"], found["on_cassette"])
