"""`agentcache import`, which converts cassettes of other tools and HAR files."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ... import cassette
from ...cassette import foreign
from ...errors import CassetteError
from ..exit_codes import FINE, REFUSED, CommandError
from ..selection import check_inside, find, local_path, unreadable
from ..settings_file import settings_here
from ..terminal import Screen, counted, label


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, or folders of them")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="a file, or a folder for several (default: next to the original, as .yaml)",
    )
    parser.add_argument("--force", action="store_true", help="replace other existing files")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Convert each file completely or not at all."""
    settings = settings_here()
    paths = _foreign(args.paths)
    done, broken = [], []
    for path in paths:
        try:
            target = _target(path, args.out, several=len(paths) > 1)
            check_inside(target)
            if target.exists() and target.resolve() != path.resolve() and not args.force:
                raise CassetteError(target, "already exists", "Replace it with --force")
            found = foreign.converted(foreign.read_foreign(path), settings)
            cassette.write(replace(found, path=target))
            done.append((path, target, len(found.interactions)))
        except CassetteError as error:
            broken.append(error)
    if args.json:
        screen.json(
            {
                "imported": [
                    {"from": local_path(path), "to": local_path(target), "interactions": count}
                    for path, target, count in done
                ],
                "unreadable": unreadable(broken),
            }
        )
    else:
        for path, target, count in done:
            where = local_path(path)
            if path != target:
                where += f" → {local_path(target)}"
            screen.wrapped(f"{label(where)} · {counted(count, 'interaction')}")
    for each in broken:
        screen.complain(str(each))
    return REFUSED if broken else FINE


def _foreign(given: list[str]) -> list[Path]:
    """Return the cassettes of other tools among the given files and inside the given folders."""
    paths: list[Path] = []
    for each in map(Path, given):
        if each.is_dir():
            inside = [path for path in sorted(each.rglob("*")) if _looks_foreign(path)]
            if not inside:
                raise CommandError(f"{each}: contains no cassette of another tool")
            paths += inside
        else:
            paths += find([each])
    return paths


def _looks_foreign(path: Path) -> bool:
    named = path.suffix in (".yaml", ".yml", ".json", ".har") and not path.is_symlink()
    return named and foreign.is_foreign(path) and not cassette.is_ours(path)


def _target(path: Path, out: Path | None, *, several: bool) -> Path:
    if out is None:
        return path if path.suffix in (".yaml", ".yml") else path.with_suffix(".yaml")
    if several or out.is_dir() or not out.suffix:
        return out / f"{path.stem}.yaml"
    return out
