"""The contents of the page: cassettes, and the results of their tests in a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import cassette
from ...cassette import Cassette
from ...cassette import foreign as vcr
from ...errors import CassetteError


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A test with its cassette, or a cassette alone.

    Attributes:
        path: The cassette as it is shown to people; empty for a test without one.
        test: The node id of the test, as far as it is known.
        cassette: What the file holds; None where there is none or it cannot be read.
        error: Why it cannot be read.
        size: Bytes of the file and those beside it.
        foreign: Whether it is another tool's.
        outcome: What became of the test in the run: `passed`, `failed`, `skipped`; empty if the
            page is not about a run.
        unused: Numbers of the interactions that the test never asked for, counted from 1.
        misses: What it asked for in vain, as `missed.describe` returns it.
        replayed: How many responses came from the cassette.
        recorded: How many were recorded.
    """

    path: str = ""
    test: str = ""
    cassette: Cassette | None = None
    error: CassetteError | None = None
    size: int = 0
    foreign: bool = False
    outcome: str = ""
    unused: tuple[int, ...] = ()
    misses: tuple[dict[str, Any], ...] = ()
    replayed: int = 0
    recorded: int = 0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts about a whole run.

    Attributes:
        mode: Its mode.
        late: What was asked after the end of its test, in sentences.
    """

    mode: str
    late: tuple[str, ...] = field(default=())


def entry_of(path: Path, shown: str, **facts: Any) -> PageEntry:
    """The entry of the cassette at `path`; one that cannot be read is listed with its error.

    Args:
        path: The file.
        shown: How the page names it.
        facts: The other fields, by the names of `PageEntry`.
    """
    try:
        if vcr.is_foreign(path):
            held, facts["foreign"] = vcr.converted(vcr.read_foreign(path)), True
        else:
            held = cassette.read(path)
    except CassetteError as error:
        return PageEntry(shown, error=error, size=size_of(path), **facts)
    if held.recorded_at is None and not held.interactions:
        return PageEntry(shown, **facts)
    return PageEntry(shown, cassette=held, size=size_of(path), **facts)


def size_of(path: Path) -> int:
    """Return the bytes of a file and of those beside it that are its own."""
    folder = cassette.sidecar_folder(path)
    try:
        beside = [each for each in folder.iterdir() if each.is_file()] if folder.is_dir() else []
        return sum(each.stat().st_size for each in [path, *beside])
    except OSError:
        return 0
