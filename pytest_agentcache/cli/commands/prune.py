"""`agentcache prune`, which removes cassettes that no test uses and files left beside them."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ... import cassette
from ...cassette.paths import FOLDER
from ...errors import CassetteError
from ...suite.orphans import module_of
from ..collect import collect
from ..exit_codes import FINE, FOUND, CommandError
from ..selection import Loaded, find, load, local_path, outside_target
from ..terminal import Screen, counted, label, size_text

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that nothing needs.

    Attributes:
        path: The file.
        why: The reason in words.
        size: Its size in bytes.
        moved: Whether it seems to belong to a test that was moved or renamed.
    """

    path: Path
    why: str
    size: int
    moved: bool = False


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    parser.add_argument("--yes", action="store_true", help="remove without confirmation")
    parser.add_argument(
        "--no-suite",
        action="store_true",
        help="do not collect tests: find only sidecar files, and cassettes of deleted modules",
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Show unneeded files, and remove them after confirmation."""
    found = _leftovers(args, screen)
    plain = [each for each in found if not each.moved]
    moved = [each for each in found if each.moved]
    if not args.json:
        _show(plain, screen)
    removed = bool(plain) and (args.yes or _confirm("Remove them?", args, screen))
    if removed:
        _remove(plain)
        if not args.json:
            screen.line("removed", "green")
    elif plain and not args.json:
        screen.line("nothing was removed; to remove them, run agentcache prune --yes", "dim")
    if args.json:
        screen.json({"removed": removed, "files": _as_json(plain), "moved": _as_json(moved)})
        return FINE if not moved and (removed or not plain) else FOUND
    _show(moved, screen)
    # `--yes` does not remove these: the moved test may still need them.
    moved_too = bool(moved) and _confirm("Remove these too?", args, screen)
    if moved_too:
        _remove(moved)
        screen.line("removed", "green")
    elif moved:
        screen.line("kept, because a moved test may need them", "dim")
    if not found:
        screen.line("nothing to remove", "green")
    return FINE if (removed or not plain) and (moved_too or not moved) else FOUND


def _show(found: Sequence[Leftover], screen: Screen) -> None:
    for each in found:
        path = screen.style(label(local_path(each.path)), "bold")
        if each.moved:
            screen.line(path)
            screen.wrapped(label(each.why), "  ")
        else:
            screen.line(f"{path}  {label(each.why)}")
    if found:
        total = f"{counted(len(found), 'file')}, {size_text(sum(each.size for each in found))}"
        screen.line(total, "bold")


def _as_json(found: Sequence[Leftover]) -> list[dict[str, object]]:
    return [{"path": local_path(each.path), "why": each.why, "size": each.size} for each in found]


def _confirm(question: str, args: argparse.Namespace, screen: Screen) -> bool:
    if args.json or not sys.stdin.isatty() or not screen.out.isatty():
        return False
    screen.out.write(f"{question} [y/N] ")
    screen.out.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _leftovers(args: argparse.Namespace, screen: Screen) -> list[Leftover]:
    suite = None if args.no_suite else collect()
    roots = [Path(path) for path in args.paths] or [Path()]
    paths = find(args.paths, include_foreign=False, may_be_empty=True)
    moved = suite.moved(paths) if suite else {}
    found: dict[Path, Leftover] = {}
    for path in paths:
        if outside_target(path):
            continue
        try:
            loaded = load(path)
        except CassetteError as error:
            # An unreadable file may still be wanted.
            screen.complain(str(error))
            continue
        for stray in strays(loaded):
            found[stray] = _leftover(stray, f"{path.name} does not refer to it")
        orphaned = suite.is_orphan(path) if suite else _module_is_gone(path)
        if orphaned and not loaded.foreign:
            why = "its test module was deleted" if _module_is_gone(path) else "no test uses it"
            move = moved.get(path.absolute())
            found[path] = _leftover(path, "; ".join(move or [why]), moved=move is not None)
            folder = cassette.sidecar_folder(path)
            for name in cassette.sidecars_named_in(loaded.raw):
                if (folder / name).is_file():
                    why = f"belongs to {path.name}"
                    found[folder / name] = _leftover(folder / name, why, moved=move is not None)
    for root in roots:
        if root.is_dir():
            for path in _abandoned(root):
                found.setdefault(path, _leftover(path, "its cassette was deleted"))
    return list(found.values())


def _leftover(path: Path, why: str, *, moved: bool = False) -> Leftover:
    size = 0
    with contextlib.suppress(OSError):
        size = path.lstat().st_size
    return Leftover(path, why, size, moved)


def _module_is_gone(path: Path) -> bool:
    path = path.absolute()
    return path.parent.parent.name == FOLDER and not module_of(path).exists()


def strays(loaded: Loaded) -> Iterator[Path]:
    """Yield the files that look like sidecar files of a cassette, but are not used by it."""
    folder = cassette.sidecar_folder(loaded.path)
    if loaded.foreign or not folder.is_dir() or folder.is_symlink():
        return
    named = set(cassette.sidecars_named_in(loaded.raw))
    for path in sorted(folder.iterdir()):
        if path.name not in named and cassette.is_sidecar(path.name) and path.is_file():
            yield path


def _abandoned(root: Path) -> Iterator[Path]:
    """Yield sidecar files of deleted cassettes, and temporary files of a killed process."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") or _TEMPORARY.fullmatch(name)
        )
        here = Path(folder)
        if FOLDER not in here.absolute().parts:
            continue
        if _TEMPORARY.fullmatch(here.name):
            yield from (here / name for name in sorted(files))
            continue
        # The folder of sidecar files is `cassettes/<module>/<test>/`.
        own = [here.with_name(here.name + suffix) for suffix in (".yaml", ".yml")]
        if here.parent.parent.name != FOLDER or any(path.exists() for path in own) or folders:
            continue
        if here.name.endswith(".files") and here.with_name(here.name[:-6]).exists():
            continue
        if files and all(cassette.is_sidecar(name) for name in files):
            yield from (here / name for name in sorted(files))


def _remove(found: Sequence[Leftover]) -> None:
    folders = set()
    for each in found:
        try:
            each.path.unlink(missing_ok=True)
        except OSError as error:
            raise CommandError(f"{each.path}: cannot be removed: {error.strerror}") from None
        folders.add(each.path.parent)
    for folder in sorted(folders, reverse=True):
        # A folder with other files stays.
        with contextlib.suppress(OSError):
            folder.rmdir()
