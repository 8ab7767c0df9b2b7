"""Tests that were moved or renamed, and the cassettes that they left behind."""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from .. import cassette
from ..cassette.paths import FOLDER, likely_owner_of, owner_of
from ..files import display_path
from .orphans import Collected, module_of


@dataclass(frozen=True, slots=True)
class Move:
    """A cassette that seems to be that of a test that has another name today.

    Args:
        old: Its present path.
        new: Where it should.
        whole: Whether all cassettes of its module should go the same way.
    """

    old: Path
    new: Path
    whole: bool = False

    @property
    def place(self) -> Path:
        """The path to move: the cassette, or the folder of its module."""
        return self.old.parent if self.whole else self.old

    def sentence(self, root: Path) -> str:
        """Describe the cassette, and its test that is gone."""
        folder = display_path(module_of(self.old).parent, root)
        name = module_of(self.old).name if self.whole else test_of(self.old)
        test = name if folder == "." else f"{folder}/{name}"
        return f"{display_path(self.place, root)} is of {test}, which is gone"

    def command(self, start: Path) -> str:
        """Return the command that moves it, for use in the folder `start`."""
        pairs = [(self.old, self.new)]
        beside = cassette.sidecar_folder(self.old), cassette.sidecar_folder(self.new)
        if self.whole:
            pairs = [(self.old.parent, self.new.parent)]
        elif beside[0].is_dir():
            pairs.append(beside)
        known = all(_is_tracked(old) for old, _ in pairs)
        move, steps = "git mv" if known else "mv", []
        target = pairs[0][1].parent
        if not target.exists():
            steps.append(f"mkdir -p {_typed(target, start)}")
        if not self.whole and beside[1].is_dir():
            # Recorded again at its new path; a folder would be moved into it.
            steps.append(f"rm -r {_typed(beside[1], start)}")
        for old, new in pairs:
            force = " -f" if new.is_file() else ""
            steps.append(f"{move}{force} {_typed(old, start)} {_typed(new, start)}")
        return " && ".join(steps)


def _is_tracked(path: Path) -> bool:
    """Return true if git tracks a file, or one in a folder; git does not move untracked files."""
    if not any((folder / ".git").exists() for folder in path.parents):
        return False
    command = ["git", "ls-files", "--error-unmatch", "--", f":(literal){path.name}"]
    try:
        done = subprocess.run(command, cwd=path.parent, capture_output=True, check=False)  # noqa: S603 - no shell, and its first word is ours
    except OSError:
        return False
    return done.returncode == 0


def _typed(path: Path, start: Path) -> str:
    try:
        return shlex.quote(Path(os.path.relpath(path, start)).as_posix())
    except ValueError:
        # On another drive.
        return shlex.quote(str(path))


def test_of(path: Path) -> str:
    """The test that a cassette is of, from its module's file on, as exactly as is known."""
    return owner_of(path) or cassette.test_named_in(path) or likely_owner_of(path)


def gone(files: Iterable[Path], collected: Collected) -> list[Path]:
    """The cassettes among `files` that are of one test each, which is no more."""
    parsed: dict[Path, ast.Module | None] = {}
    return [
        path
        for path in files
        if path.parent.parent.name == FOLDER
        and path not in collected.cassettes
        and (collected.lost(path) or _is_missing(path, parsed))
        and cassette.is_ours(path)
    ]


def _is_missing(path: Path, parsed: dict[Path, ast.Module | None]) -> bool:
    """Return true if a module that was not collected cannot have the test of a cassette."""
    module = module_of(path)
    if module not in parsed:
        try:
            parsed[module] = ast.parse(module.read_bytes())
        except (OSError, SyntaxError, ValueError):
            parsed[module] = None
    tree = parsed[module]
    names = test_of(path).partition("[")[0].split("::")[1:]
    return tree is not None and bool(names) and not _may_have(tree, names)


def _may_have(tree: ast.AST, names: list[str]) -> bool:
    """Return true if a module or a class defines this name, as far as its source shows."""
    name, *inner = names
    for node in _statements(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                return True
            case ast.ClassDef() if node.name == name:
                # A class with bases may have their tests.
                return not inner or bool(node.bases) or _may_have(node, inner)
            case ast.Import() | ast.ImportFrom():
                if {name, "*"} & {alias.asname or alias.name for alias in node.names}:
                    return True
            case ast.Assign() | ast.AnnAssign():
                if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node)):
                    return True
    return False


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements that run in the body of `node`, those in branches too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            yield from _statements(child)


def best(
    new: Path,
    test: str,
    left: Iterable[Path],
    holds: Callable[[Path], bool] = lambda path: False,
) -> Path | None:
    """The one of the cassettes that were left behind which is most like that of a test.

    Args:
        new: Where the test's cassette should lie.
        test: The test, from its module's file on.
        left: Cassettes whose tests are gone.
        holds: Whether a cassette has what the test asks for.

    Returns:
        One that has what it asks for, or is of a test that was called the same; None if there is
        no such one, or several that are as much alike.
    """
    alike = [(likeness, path) for path in left if (likeness := _likeness(path, new, test, holds))]
    if not alike:
        return None
    top, found = max(alike)
    rivals = sum(likeness[:-1] == top[:-1] for likeness, _ in alike)
    asks = top[0]
    return found if asks or rivals == 1 else None


def _likeness(
    path: Path, new: Path, test: str, holds: Callable[[Path], bool]
) -> tuple[bool, bool, bool, bool, float] | None:
    """How much a cassette is like that of a test, what weighs most first; None for not at all."""
    was, now = _Name.of(test_of(path)), _Name.of(test)
    asks, same = holds(path), was.function == now.function
    if not asks and not same:
        return None
    ratio = SequenceMatcher(None, str(path), str(new)).ratio()
    return asks, was == now, same, path.parent == new.parent, ratio


@dataclass(frozen=True, slots=True)
class _Name:
    function: str
    parameters: str

    @classmethod
    def of(cls, test: str) -> _Name:
        name, _, parameters = test.partition("[")
        return cls(name.rpartition("::")[2], parameters)


def move(old: Path, new: Path, collected: Collected) -> Move:
    """How a cassette gets where it should be, with all of its module where they go together."""
    if old.name != new.name or module_of(old).exists() or new.parent.exists():
        return Move(old, new)
    beside = [path for path in old.parent.glob("*.yaml") if cassette.is_ours(path)]
    together = all(new.parent / path.name in collected.cassettes for path in beside)
    return Move(old, new, whole=together and len(beside) > 1)


def moves(
    targets: Iterable[tuple[Path, str]], left: Iterable[Path], collected: Collected
) -> Iterator[Move]:
    """The cassettes that were left behind by tests which have none today, by their names alone.

    A module that moved as a whole is listed once.

    Args:
        targets: Where cassettes of tests should lie, and the tests, from their module's file on.
        left: Cassettes whose tests are gone.
        collected: All tests.
    """
    by_function: dict[str, list[Path]] = {}
    for path in left:
        by_function.setdefault(_Name.of(test_of(path)).function, []).append(path)
    found: dict[Path, list[Path]] = {}
    for new, test in targets:
        alike = by_function.get(_Name.of(test).function)
        if alike and not new.exists() and (old := best(new, test, alike)):
            found.setdefault(old, []).append(new)
    whole: set[tuple[Path, Path]] = set()
    for old, (new, *others) in found.items():
        folders = old.parent, new.parent
        # For a module that moved as a whole, the first cassette has listed it.
        if others or folders in whole:
            continue
        way = move(old, new, collected)
        if way.whole:
            whole.add(folders)
        yield way
