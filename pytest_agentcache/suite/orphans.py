"""Cassettes that no test uses."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from .. import cassette
from ..cassette.paths import FOLDER


@dataclass(frozen=True, slots=True)
class Collected:
    """The tests that pytest collected.

    Args:
        cassettes: Where the cassettes of all tests lie, whether there is one or not.
        modules: The files that all tests were collected from.
    """

    cassettes: frozenset[Path]
    modules: frozenset[Path]

    def lost(self, path: Path) -> bool:
        """Return true if a cassette has the path of a test's own, and there is no such test."""
        if path in self.cassettes or path.parent.parent.name != FOLDER:
            return False
        module = module_of(path)
        # What was left out of the collection may well be in use.
        return module in self.modules or not module.exists()

    def sources(self, beside: Iterable[Path] = ()) -> str:
        """The text of all Python files beside the modules, in which cassettes may be named.

        Args:
            beside: More folders to look into.
        """
        folders = {module.parent for module in self.modules} | {Path.cwd(), *beside}
        files = {path for folder in folders for path in folder.glob("*.py")} | self.modules
        texts = []
        for path in sorted(files):
            try:
                texts.append(path.read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue
        return "\n".join(texts)


def module_of(path: Path) -> Path:
    """Return the module whose tests have their cassettes beside `path`."""
    return path.parent.parent.parent / f"{path.parent.name}.py"


def named_in(sources: str, path: Path) -> bool:
    """Return true if Python code names a cassette literally: `use_cassette("…/name.yaml")`."""
    if path.name in sources or f"/{path.stem}" in sources:
        return True
    # By its name alone it may be a marker's, in a module that was left out.
    own = path.parent.parent.name == FOLDER
    return not own and bool(re.search(rf"[\"']{re.escape(path.stem)}[\"']", sources))


def listed(
    roots: Iterable[Path], passed_over: Iterable[str] = (), seconds: float | None = None
) -> Iterator[Path]:
    """The files below folders of cassettes that may be cassettes; none of them is opened.

    Args:
        roots: Folders to search; links to folders are not followed.
        passed_over: Globs of names of folders to leave out, above those of cassettes.
        seconds: How long to search at most.
    """
    until = None if seconds is None else time.perf_counter() + seconds
    for root in roots:
        for folder, folders, files in os.walk(root):
            if until and time.perf_counter() > until:
                return
            if FOLDER in Path(folder).relative_to(root).parts:
                names = (name for name in sorted(files) if name.endswith((".yaml", ".yml")))
                yield from (Path(folder, name) for name in names if not name.startswith("."))
                continue
            folders[:] = sorted(
                name
                for name in folders
                if not any(fnmatch(name, glob) for glob in passed_over)
                and not Path(folder, name, "pyvenv.cfg").exists()
            )


def orphans(
    files: Iterable[Path],
    collected: Collected,
    opened: frozenset[Path],
    unsure: Iterable[Path],
) -> list[Path]:
    """The cassettes among `files` that nothing of a whole run used.

    Args:
        files: What may be cassettes.
        collected: All tests.
        opened: The cassettes that were opened, under any name.
        unsure: Folders with tests that did not open their cassette, which might be any there.
    """
    known = collected.cassettes | opened
    left = [path for path in files if path not in known]
    if not left:
        return []
    # A folder has many names where there are links.
    resolved = {path.resolve() for path in known}
    folders = {folder / FOLDER for folder in unsure}
    found = [
        path
        for path in left
        if path.resolve() not in resolved
        and (collected.lost(path) or path.parent.parent.name != FOLDER)
        and (module_of(path) in collected.modules or folders.isdisjoint(path.parents))
        and cassette.is_ours(path)
    ]
    if not found:
        return []
    sources = collected.sources(_around(path) for path in found)
    return [path for path in found if not named_in(sources, path)]


def _around(path: Path) -> Path:
    """Return the folder of the modules whose cassettes include `path`."""
    return next((folder.parent for folder in path.parents if folder.name == FOLDER), path.parent)
