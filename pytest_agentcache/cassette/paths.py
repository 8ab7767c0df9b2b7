"""The path of a test's cassette: readable, unique, and safe on every file system."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from pathlib import Path

from .. import cassette
from ..errors import CassetteError
from .foreign import is_foreign

FOLDER = "cassettes"
# A file name has at most 255 bytes, of which the temporary file beside it needs some.
LONGEST = 160
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-+=@,()\[\]]+")
_DIGEST = re.compile(r"(.*)~([0-9a-f]{8})", re.DOTALL)
# The characters that pytest-recording removes from names.
_FORBIDDEN = re.compile(r"[<>?%*:|\"'/\\]")


def cassette_folder(module: Path, root: Path, chosen: str = "") -> Path:
    """Return the folder of the cassettes of all modules beside a module.

    Args:
        module: The file of a test's module.
        root: The root folder of the suite.
        chosen: The folder of all cassettes of the suite, relative to `root`; empty for a folder
            `cassettes` beside each module. Below it, modules have the same path as below `root`.
    """
    if not chosen:
        return module.parent / FOLDER
    inside = module.parent.is_relative_to(root)
    return root / chosen / (module.parent.relative_to(root) if inside else module.parent.name)


def cassette_path(folder: Path, module: Path, test: str, *, ambiguous: bool = False) -> Path:
    """Return the path of a test's cassette: `<folder>/<module>/<Class.test[param]>.yaml`.

    Args:
        folder: The result of `cassette_folder`.
        module: The file of the test's module.
        test: The name of the test with its classes, joined by dots, and its parameters.
        ambiguous: Whether another test's name differs only in case.

    Returns:
        The path. If the name had to be changed, the path has a digest of the original name, so
        that two tests never share a file, even on a file system that ignores case.
    """
    name = _UNSAFE.sub("-", test)
    parameters = test.partition("[")[2]
    if name != test or len(name) > LONGEST or ambiguous or parameters != parameters.lower():
        name = f"{name[: LONGEST - 9]}~{_digest(test)}"
    return folder / module.stem / f"{name}.yaml"


def owner_of(path: Path) -> str:
    """Return the test of a cassette, `test_trip.py::TestA::test_x[a]`, if its path says it exactly.

    Returns:
        The test from its module's file on. Empty if the path was not made by `cassette_path`, or
        if the name had to be changed.
    """
    if path.parent.parent.name != FOLDER or path.suffix != ".yaml":
        return ""
    test = path.stem
    if match := _DIGEST.fullmatch(test):
        test = match[1]
        if _digest(test) != match[2]:
            return ""
    return node_id(f"{path.parent.name}.py", test)


def likely_owner_of(path: Path) -> str:
    """Return the same as `owner_of`, or the part of the name that is left if it was changed."""
    if path.parent.parent.name != FOLDER:
        return ""
    match = _DIGEST.fullmatch(path.stem)
    return node_id(f"{path.parent.name}.py", match[1] if match else path.stem)


def node_id(module: str, test: str) -> str:
    """Return `test_trip.py::TestA::test_x[1.5]` for the test `TestA.test_x[1.5]`."""
    name, bracket, parameters = test.partition("[")
    return "::".join([module, *name.split(".")]) + bracket + parameters


def _digest(test: str) -> str:
    return hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def recorded_by_vcr(
    folder: Path, module: Path, name: str, test: str, others: Container[str]
) -> Path | None:
    """Return the cassette that pytest-recording made for a test, converted or not, if it exists.

    Args:
        folder: The result of `cassette_folder`.
        module: The file of the test's module.
        name: The name of the test with its own class, joined by a dot, and its parameters.
        test: The id of the test from its module's file on.
        others: The ids of all tests of the module: pytest-recording can give two the same name.
    """
    path = folder / module.stem / f"{_FORBIDDEN.sub('-', name)}.yaml"
    for each in (path, path.with_name(f"{path.stem}.json")):
        if is_foreign(each):
            return each
    if not cassette.is_ours(path):
        return None
    owner = cassette.test_named_in(path) or owner_of(path)
    return path if owner == test or owner not in others else None


def named_cassette(root: Path, name: str) -> Path:
    """Return the cassette that a marker or a hook names, below `root`, a `cassette_folder`.

    A cassette of another tool may have any path, because it is only replayed.

    Raises:
        CassetteError: If the path leads out of that folder.
    """
    path = root / name
    if Path(name).is_absolute() and is_foreign(path):
        return path
    if "\0" in name or ".." in path.parts or not path.is_relative_to(root) or path == root:
        raise _leads_out(path, name, root)
    if path.suffix not in (".yaml", ".yml") and not is_foreign(path):
        path = path.with_name(path.name + ".yaml")
    # A link counts as its target.
    if not path.resolve().is_relative_to(root.resolve()):
        raise _leads_out(path, name, root)
    return path


def _leads_out(path: Path, name: str, root: Path) -> CassetteError:
    return CassetteError(
        path, f"the name {name!r} leads out of {root}", "Use a name below that folder"
    )
