"""Where the cassette of a test lies: readable, unique, safe on every filesystem."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from pathlib import Path

from .. import cassette
from ..errors import CassetteError
from .foreign import is_foreign

FOLDER = "cassettes"
# A file name may have 255 bytes; the temporary one beside it needs some of them.
LONGEST = 160
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-+=@,()\[\]]+")
_DIGEST = re.compile(r"(.*)~([0-9a-f]{8})", re.DOTALL)
# What pytest-recording takes out of names.
_FORBIDDEN = re.compile(r"[<>?%*:|\"'/\\]")


def cassette_path(module: Path, test: str, *, ambiguous: bool = False) -> Path:
    """The cassette of a test by its name: `<folder>/cassettes/<module>/<Class.test[param]>.yaml`.

    Args:
        module: The file of the test's module.
        test: Name of the test with its classes, joined by dots, and its parameters.
        ambiguous: Whether another test's name differs in case alone.

    Returns:
        A path in which whatever had to be changed is made up for by a digest of the true name, so
        that two tests never meet in one file, not even where case does not count.
    """
    name = _UNSAFE.sub("-", test)
    parameters = test.partition("[")[2]
    if name != test or len(name) > LONGEST or ambiguous or parameters != parameters.lower():
        name = f"{name[: LONGEST - 9]}~{_digest(test)}"
    return module.parent / FOLDER / module.stem / f"{name}.yaml"


def said_by(path: Path) -> str:
    """The test whose cassette `path` is, `test_trip.py::TestA::test_x[a]`, if that says it exactly.

    Returns:
        The test, from its module's file on; empty where the path does not tell, because it is made
        by no rule or because something of the name was changed.
    """
    if path.parent.parent.name != FOLDER or path.suffix != ".yaml":
        return ""
    test = path.stem
    if match := _DIGEST.fullmatch(test):
        test = match[1]
        if _digest(test) != match[2]:
            return ""
    return node_id(f"{path.parent.name}.py", test)


def nearly_said_by(path: Path) -> str:
    """As `said_by`, but as much of the name as there is where something of it was changed."""
    if path.parent.parent.name != FOLDER:
        return ""
    match = _DIGEST.fullmatch(path.stem)
    return node_id(f"{path.parent.name}.py", match[1] if match else path.stem)


def node_id(module: str, test: str) -> str:
    """`test_trip.py::TestA::test_x[1.5]` for the test `TestA.test_x[1.5]`."""
    name, bracket, parameters = test.partition("[")
    return "::".join([module, *name.split(".")]) + bracket + parameters


def _digest(test: str) -> str:
    return hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def recorded_by_vcr(module: Path, name: str, test: str, others: Container[str]) -> Path | None:
    """The cassette that pytest-recording made for a test, as it was or converted, if there is one.

    Args:
        module: The file of the test's module.
        name: Name of the test with its own class, joined by a dot, and its parameters.
        test: The test from its module's file on.
        others: All tests of the module likewise, for pytest-recording may call two the same.
    """
    path = module.parent / FOLDER / module.stem / f"{_FORBIDDEN.sub('-', name)}.yaml"
    for each in (path, path.with_name(f"{path.stem}.json")):
        if is_foreign(each):
            return each
    if not cassette.is_ours(path):
        return None
    owner = cassette.test_named_in(path) or said_by(path)
    return path if owner == test or owner not in others else None


def named_cassette(module: Path, name: str) -> Path:
    """The cassette that a marker or a hook names: a path below the module's cassettes folder.

    A cassette of another tool may lie anywhere and be called anything, because it is only played.

    Raises:
        CassetteError: If it leads out of that folder.
    """
    root = module.parent / FOLDER
    path = root / name
    if Path(name).is_absolute() and is_foreign(path):
        return path
    if "\0" in name or ".." in path.parts or not path.is_relative_to(root) or path == root:
        raise _leads_out(path, name, root)
    if path.suffix not in (".yaml", ".yml") and not is_foreign(path):
        path = path.with_name(path.name + ".yaml")
    # Links count for where they lead.
    if not path.resolve().is_relative_to(root.resolve()):
        raise _leads_out(path, name, root)
    return path


def _leads_out(path: Path, name: str, root: Path) -> CassetteError:
    return CassetteError(
        path, f"the name {name!r} leads out of {root}", "Use a name below that folder"
    )
