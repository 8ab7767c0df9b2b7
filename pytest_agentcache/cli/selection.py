"""The files that a command works on, and how they are read safely."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import cassette, stored_results
from ..cassette import Cassette, foreign, is_ours
from ..cassette.paths import FOLDER, likely_owner_of, owner_of
from ..errors import CassetteError
from ..http.messages import Interaction
from .exit_codes import CommandError

# In bytes; a larger file cannot be reviewed, and its parsed form would not fit into memory.
LARGEST = 64 * 2**20
_SUFFIXES = (".yaml", ".yml", ".json", ".har")
_PASSED_OVER = {"node_modules", "__pycache__", "site-packages", "build", "dist"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A cassette and the file it was read from.

    Attributes:
        path: The path as given by the user, or as found in a folder.
        cassette: The content.
        raw: The bytes of the file.
        foreign: Whether another tool wrote it.
    """

    path: Path
    cassette: Cassette
    raw: bytes
    foreign: bool = False

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """The interactions in order."""
        return self.cassette.interactions

    @property
    def size(self) -> int:
        """The size of the file and of its sidecar files, in bytes."""
        folder = cassette.sidecar_folder(self.path)
        beside = 0
        for name in cassette.sidecars_named_in(self.raw):
            try:
                beside += (folder / name).stat().st_size
            except OSError:
                continue
        return len(self.raw) + beside

    @property
    def test(self) -> str:
        """The test that owns the cassette, from its path or its content; empty if unknown."""
        return test_of(self.path, self.cassette.test)


def test_of(path: Path, named: str) -> str:
    """Return the test of a cassette, such as `tests/test_trip.py::Class::test_x[a]`.

    Args:
        path: The cassette, below `tests/cassettes/test_trip` for example.
        named: The test that the cassette itself names. It is used if the path names none.
    """
    test = owner_of(path) or named or likely_owner_of(path)
    folder = local_path(path.parent.parent.parent)
    return f"{folder}/{test}" if test and folder != "." else test


def local_path(path: Path) -> str:
    """Return `path` as a user would type it in the working directory."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return path.as_posix()


def unreadable(errors: Iterable[CassetteError]) -> list[dict[str, Any]]:
    """Return the JSON for the files that a command could not read."""
    return [
        {"path": local_path(each.path), "line": each.line, "problem": each.problem}
        for each in errors
    ]


def find(
    paths: Iterable[str | Path], *, include_foreign: bool = True, may_be_empty: bool = False
) -> list[Path]:
    """Return the files among `paths`, and the cassettes in the folders among them.

    Args:
        paths: Files and folders; by default the working directory.
        include_foreign: Whether to include cassettes of other tools.
        may_be_empty: Whether to allow that there is no cassette, as before the first recording.

    Raises:
        CommandError: If a file or folder does not exist or cannot be read, or there is no cassette.
    """
    given = [Path(path) for path in paths] or [Path()]
    found: dict[Path, None] = {}
    for path in given:
        try:
            is_folder = path.is_dir()
            exists = is_folder or os.path.lexists(path)
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: cannot be read: {error}") from None
        if not exists:
            raise CommandError(f"{path}: there is no such file or folder")
        found.update(dict.fromkeys(_inside(path, include_foreign) if is_folder else [path]))
    if not found and not may_be_empty:
        where = ", ".join("this folder" if path == Path() else str(path) for path in given)
        raise CommandError(
            f"there is no cassette in {where}",
            "Record some with pytest --agentcache-record, or name another folder",
        )
    return list(found)


def _inside(root: Path, include_foreign: bool) -> Iterator[Path]:
    """Yield the cassettes below a folder, sorted by name, without following links to folders."""
    among = FOLDER in root.absolute().parts

    def refuse(error: OSError) -> None:
        where = Path(error.filename) if error.filename else root
        # Elsewhere an unreadable folder contains no cassettes of this user.
        if where == root or FOLDER in where.absolute().parts:
            raise CommandError(f"{where}: cannot be read: {error.strerror}")

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders[:] = sorted(
            name for name in folders if name not in _PASSED_OVER and not name.startswith(".")
        )
        here = Path(folder)
        by_place = among or FOLDER in here.relative_to(root).parts
        for name in sorted(files):
            path = here / name
            if not name.endswith(_SUFFIXES) or name.startswith("."):
                continue
            if is_ours(path) or (include_foreign and by_place and foreign.is_foreign(path)):
                yield path
            elif by_place and name.endswith((".yaml", ".yml")) and not foreign.is_foreign(path):
                # Report a YAML file among cassettes that is not one.
                yield path


def load(path: Path, *, convert: bool = True) -> Loaded:
    """Read the cassette at `path`, which may be one of another tool.

    Args:
        path: The file.
        convert: Whether to read a cassette of another tool as `agentcache import` does, with its
            secrets redacted.

    Raises:
        CassetteError: If the file is missing, too large, unreadable, or not a cassette.
    """
    raw = read_bytes(path)
    if foreign.is_foreign(path):
        found = foreign.read_foreign(path)
        return Loaded(path, foreign.converted(found) if convert else found, raw, foreign=True)
    return Loaded(path, parse(raw, path), raw)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        CassetteError: If it is missing, not a regular file, unreadable, or too large.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise CassetteError(path, "this is a folder", "Name a file")
        if not stat.S_ISREG(found.st_mode):
            raise CassetteError(path, "this is not a regular file", "Name a file")
        if found.st_size > LARGEST:
            raise CassetteError(
                path,
                f"is too large for a cassette: {found.st_size / 2**20:,.0f} MiB of "
                f"{LARGEST // 2**20} at most",
                "It was not read; split the test, so that each cassette is smaller",
            )
        return path.read_bytes()
    except FileNotFoundError:
        dangling = path.is_symlink()
        raise CassetteError(
            path,
            "this link points to a missing file" if dangling else "there is no such file",
            "Check the path",
        ) from None
    except OSError as error:
        raise CassetteError(
            path, f"cannot be read: {error.strerror or error}", "Check its permissions"
        ) from None
    except ValueError as error:
        raise CassetteError(path, f"cannot be read: {error}", "Check the path") from None


def digest_of(path: Path) -> str | None:
    """Return the digest of a cassette and of the files beside it, on which its results depend.

    Returns:
        None for a link, and for anything whose results are not kept.
    """
    folder = cassette.sidecar_folder(path)
    if path.is_symlink() or path.parent.is_symlink() or folder.is_symlink():
        return None
    try:
        contents = [read_bytes(path)]
        for each in sorted(folder.iterdir()) if folder.is_dir() else ():
            contents += [os.fsencode(each.name), read_bytes(each)]
    except (CassetteError, OSError):
        return None
    return stored_results.digest_of(*contents)


def parse(raw: bytes, path: Path) -> Cassette:
    """Parse the bytes of a cassette.

    Raises:
        CassetteError: If they are not a valid cassette.
    """
    try:
        text = raw.decode("utf-8")
        nul = text.find("\0")
    except UnicodeDecodeError as error:
        text, nul = raw.decode("latin-1"), error.start
    if nul >= 0:
        raise CassetteError(
            path,
            "this is a binary file, not a cassette" if b"\0" in raw else "this is not UTF-8 text",
            "Name a cassette, or record it again with --agentcache-rerecord",
            text.count("\n", 0, nul) + 1,
        )
    return cassette.parse(text, path)


def outside_target(path: Path) -> Path | None:
    """Return the target of a link that leaves its folder and its root of cassettes, or None."""
    if not path.is_symlink() and not path.parent.is_symlink():
        return None
    root = next(
        (folder for folder in path.absolute().parents if folder.name == FOLDER),
        path.absolute().parent,
    )
    try:
        target = path.resolve()
        return None if target.is_relative_to(root.resolve()) else target
    except (OSError, RuntimeError):
        # A circle of links.
        return None


def check_inside(path: Path) -> None:
    """Refuse a link that points outside its folder.

    Raises:
        CassetteError: If `path` is such a link.
    """
    if target := outside_target(path):
        raise CassetteError(
            path, f"is a link that points outside its folder, to {target}", "It was left alone"
        )


def load_inside(path: Path) -> Loaded:
    """Read a cassette, unless it is a link that points outside its folder.

    Raises:
        CassetteError: As for `load` and `check_inside`.
    """
    check_inside(path)
    return load(path)
