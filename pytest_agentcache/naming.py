"""Where the cassette of a test lies: readable, unique, safe on every filesystem."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from .errors import CassetteError
from .vcr import is_foreign

FOLDER = "cassettes"
# A file name may have 255 bytes; the temporary one beside it needs some of them.
LONGEST = 160
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-+=@,()\[\]]+")
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
        digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{name[: LONGEST - 9]}~{digest}"
    return module.parent / FOLDER / module.stem / f"{name}.yaml"


def recorded_by_vcr(module: Path, test: str) -> Path | None:
    """The cassette of VCR.py that pytest-recording plays for a test, if there is one.

    Args:
        module: The file of the test's module.
        test: Name of the test with its own class, joined by a dot, and its parameters.
    """
    folder = module.parent / FOLDER / module.stem
    name = _FORBIDDEN.sub("-", test)
    found = (folder / f"{name}{suffix}" for suffix in (".yaml", ".json"))
    return next((path for path in found if is_foreign(path)), None)


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
        path, f"the name {name!r} leads out of {root}", "Name a cassette below that folder"
    )
