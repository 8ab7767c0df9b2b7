"""Which files a command is about, and each of them read with care."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import cassette
from ..cassette import Cassette, is_ours
from ..cassette import foreign as vcr
from ..cassette.paths import FOLDER, nearly_said_by, said_by
from ..errors import CassetteError
from ..http.messages import Interaction
from .exit_codes import CommandError

# In bytes; a larger one was never reviewed by anybody, and would not fit into memory as a tree.
LARGEST = 64 * 2**20
_SUFFIXES = (".yaml", ".yml", ".json", ".har")
_PASSED_OVER = {"node_modules", "__pycache__", "site-packages", "build", "dist"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A cassette and what is known of its file.

    Attributes:
        path: As it was named or found.
        cassette: What it holds.
        raw: Its bytes.
        foreign: Whether it is another tool's.
    """

    path: Path
    cassette: Cassette
    raw: bytes
    foreign: bool = False

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """Its interactions in order."""
        return self.cassette.interactions

    @property
    def size(self) -> int:
        """Bytes of the file and of those beside it that belong to it."""
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
        """The test that it is of, by where it lies; empty if that does not tell."""
        return test_of(self.path, self.cassette.test)


def test_of(path: Path, named: str) -> str:
    """`tests/test_trip.py::Class::test_x[a]` for its cassette below `tests/cassettes/test_trip`.

    Args:
        path: The cassette.
        named: The test as the cassette says it, which counts where its path does not.
    """
    test = said_by(path) or named or nearly_said_by(path)
    folder = shown(path.parent.parent.parent)
    return f"{folder}/{test}" if test and folder != "." else test


def shown(path: Path) -> str:
    """`path` as a person would type it here."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return path.as_posix()


def unreadable(errors: Iterable[CassetteError]) -> list[dict[str, Any]]:
    """For a machine, the files that a command left out, and why."""
    return [
        {"path": shown(each.path), "line": each.line, "problem": each.problem} for each in errors
    ]


def find(
    paths: Iterable[str | Path], *, foreign: bool = True, may_be_none: bool = False
) -> list[Path]:
    """The cassettes that `paths` name, files as they are and folders searched.

    Args:
        paths: Files and folders; the working directory if there is none.
        foreign: Whether cassettes of other tools count.
        may_be_none: Whether it is fine if there is none, as before the first recording.

    Raises:
        CommandError: If there is no such file or folder, one cannot be read, or there is no
            cassette in any.
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
        found.update(dict.fromkeys(_inside(path, foreign) if is_folder else [path]))
    if not found and not may_be_none:
        where = ", ".join("this folder" if path == Path() else str(path) for path in given)
        raise CommandError(
            f"there is no cassette in {where}",
            "Record some with pytest --agentcache-record, or name another folder",
        )
    return list(found)


def _inside(root: Path, foreign: bool) -> Iterator[Path]:
    """The cassettes in a folder and those below, by name; links to folders are not followed."""
    among = FOLDER in root.absolute().parts

    def refuse(error: OSError) -> None:
        where = Path(error.filename) if error.filename else root
        # Elsewhere a folder that is not ours to read is none of ours.
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
            if is_ours(path) or (foreign and by_place and vcr.is_foreign(path)):
                yield path
            elif by_place and name.endswith((".yaml", ".yml")) and not vcr.is_foreign(path):
                # What lies among cassettes and is none is worth a word.
                yield path


def load(path: Path, *, convert: bool = True) -> Loaded:
    """The cassette at `path`, ours or another tool's.

    Args:
        path: The file.
        convert: Whether what is another tool's is read as it would be imported, without its
            secrets.

    Raises:
        CassetteError: If there is none, or it is too large, no file, unreadable or no cassette.
    """
    raw = read_bytes(path)
    if vcr.is_foreign(path):
        found = vcr.read_foreign(path)
        return Loaded(path, vcr.converted(found) if convert else found, raw, foreign=True)
    return Loaded(path, parse(raw, path), raw)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, if it is one and not too large.

    Raises:
        CassetteError: If not.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise CassetteError(path, "this is a folder", "Name a file")
        if not stat.S_ISREG(found.st_mode):
            raise CassetteError(path, "this is no file", "Name a file")
        if found.st_size > LARGEST:
            raise CassetteError(
                path,
                f"is too large for a cassette: {found.st_size / 2**20:,.0f} MiB of "
                f"{LARGEST // 2**20} at most",
                "It was not read; record it anew in pieces",
            )
        return path.read_bytes()
    except FileNotFoundError:
        dangling = path.is_symlink()
        raise CassetteError(
            path,
            "this link leads nowhere" if dangling else "there is no such file",
            "Name another",
        ) from None
    except OSError as error:
        raise CassetteError(
            path, f"cannot be read: {error.strerror or error}", "See to its rights"
        ) from None
    except ValueError as error:
        raise CassetteError(path, f"cannot be read: {error}", "Name another") from None


def parse(raw: bytes, path: Path) -> Cassette:
    """The cassette of which `raw` are the bytes.

    Raises:
        CassetteError: If it is none.
    """
    try:
        text = raw.decode("utf-8")
        nul = text.find("\0")
    except UnicodeDecodeError as error:
        text, nul = raw.decode("latin-1"), error.start
    if nul >= 0:
        raise CassetteError(
            path,
            "this is binary, no cassette" if b"\0" in raw else "this is no UTF-8 text",
            "Name a cassette, or record it anew with --agentcache-rerecord",
            text.count("\n", 0, nul) + 1,
        )
    return cassette.parse(text, path)


def leads_out(path: Path) -> Path | None:
    """Where a link leads that leaves the folder that it lies in or its root of cassettes."""
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
        # Links in a circle, which lead nowhere.
        return None


def check_inside(path: Path) -> None:
    """Refuses to write through a link that leads elsewhere.

    Raises:
        CassetteError: If `path` is such a link.
    """
    if target := leads_out(path):
        raise CassetteError(
            path, f"is a link that leads out of its folder, to {target}", "Nothing was written"
        )
