"""`agentcache import`, which converts cassettes of other tools and HAR files."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ... import cassette
from ...cassette import Cassette, foreign
from ...errors import CassetteError
from ..exit_codes import FINE, REFUSED, CommandError
from ..git import committed_at
from ..selection import check_inside, find, load, local_path, unreadable
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


@dataclass(slots=True)
class _Outcome:
    """The result of one run of the command.

    Attributes:
        converted: The files, the cassettes made of them, and the numbers of their interactions.
        already: The files that were converted before.
        skipped: The files with recordings of something other than HTTP.
        broken: The errors of the files that could not be converted.
    """

    converted: list[tuple[Path, Path, int]] = field(default_factory=list)
    already: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    broken: list[CassetteError] = field(default_factory=list)

    def total(self) -> str:
        """Return the totals as text."""
        parts = [f"{counted(len(self.converted), 'cassette')} imported"]
        if self.already:
            parts.append(f"{len(self.already):,} already converted")
        if self.skipped:
            parts.append(f"{len(self.skipped):,} skipped: not HTTP")
        if self.broken:
            parts.append(f"{len(self.broken):,} not readable")
        return ", ".join(parts)


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Convert each file completely or not at all."""
    settings, paths = settings_here(), _files(args.paths)
    outcome, several = _Outcome(), sum(not cassette.is_ours(path) for path in paths) > 1
    for path in paths:
        try:
            if cassette.is_ours(path):
                load(path)
                outcome.already.append(path)
                continue
            target = _target(path, args.out, several=several)
            check_inside(target)
            found = foreign.converted(foreign.read_foreign(path, undated=_dated), settings)
            if target.exists() and target.resolve() != path.resolve() and not args.force:
                if _holds(target, found):
                    outcome.already.append(path)
                    continue
                raise CassetteError(target, "already exists", "Replace it with --force")
            cassette.write(replace(found, path=target))
            outcome.converted.append((path, target, len(found.interactions)))
        except foreign.NotHttpError:
            outcome.skipped.append(path)
        except CassetteError as error:
            outcome.broken.append(error)
    if args.json:
        screen.json(_as_json(outcome))
    else:
        for path, target, count in outcome.converted:
            where = local_path(path)
            if path != target:
                where += f" → {local_path(target)}"
            screen.wrapped(f"{label(where)} · {counted(count, 'interaction')}")
        screen.wrapped(outcome.total())
    for each in outcome.broken:
        screen.complain(str(each))
    return REFUSED if outcome.broken else FINE


def _as_json(outcome: _Outcome) -> dict[str, Any]:
    return {
        "imported": [
            {"from": local_path(path), "to": local_path(target), "interactions": count}
            for path, target, count in outcome.converted
        ],
        "already": [local_path(path) for path in outcome.already],
        "skipped": [local_path(path) for path in outcome.skipped],
        "unreadable": unreadable(outcome.broken),
    }


def _dated(path: Path) -> datetime:
    return committed_at(path) or foreign.modified_at(path)


def _holds(target: Path, found: Cassette) -> bool:
    """Return whether `target` is the result of the same conversion."""
    try:
        held = cassette.read(target) if cassette.is_ours(target) else None
    except CassetteError:
        return False
    if held is None:
        return False
    return cassette.render(replace(found, recorded_at=held.recorded_at), None) == cassette.render(
        held, None
    )


def _files(given: list[str]) -> list[Path]:
    """Return the given files, and the cassettes of any tool inside the given folders."""
    paths: list[Path] = []
    for each in map(Path, given):
        if each.is_dir():
            inside = [path for path in sorted(each.rglob("*")) if _is_cassette(path)]
            if not inside:
                raise CommandError(f"{each}: contains no cassette of another tool")
            paths += inside
        else:
            paths += find([each])
    return paths


def _is_cassette(path: Path) -> bool:
    named = path.suffix in (".yaml", ".yml", ".json", ".har") and not path.is_symlink()
    return named and (foreign.is_foreign(path) or cassette.is_ours(path))


def _target(path: Path, out: Path | None, *, several: bool) -> Path:
    if out is None:
        return path if path.suffix in (".yaml", ".yml") else path.with_suffix(".yaml")
    if several or out.is_dir() or not out.suffix:
        return out / f"{path.stem}.yaml"
    return out
