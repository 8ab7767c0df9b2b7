"""`agentcache import` and `agentcache export`: cassettes of VCR.py and HAR, in and out."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from ... import cassette
from ...cassette import foreign as vcr
from ...errors import CassetteError
from ..collect import settings_here
from ..exit_codes import FINE, REFUSED, CommandError
from ..selection import check_inside, find, load, shown, unreadable
from ..terminal import Screen, counted, label


class Import:
    """`agentcache import`."""

    HELP = "cassettes of VCR.py, pytest-recording and betamax, or HAR files, become ours"

    @staticmethod
    def add(parser: argparse.ArgumentParser) -> None:
        """Declares its arguments."""
        parser.add_argument("paths", nargs="+", metavar="PATH", help="files, or folders of them")
        parser.add_argument(
            "--out",
            type=Path,
            metavar="PATH",
            help="a file, or a folder for several (default: in their place, as .yaml)",
        )
        parser.add_argument(
            "--force", action="store_true", help="replace other files that are there"
        )

    @staticmethod
    def run(args: argparse.Namespace, screen: Screen) -> int:
        """Converts each, or none of a file that is at fault."""
        settings = settings_here()
        paths = _foreign(args.paths)
        done, broken = [], []
        for path in paths:
            try:
                target = _target(path, args.out, several=len(paths) > 1)
                check_inside(target)
                if target.exists() and target.resolve() != path.resolve() and not args.force:
                    raise CassetteError(target, "is there already", "Replace it with --force")
                found = vcr.converted(vcr.read_foreign(path), settings)
                cassette.write(replace(found, path=target))
                done.append((path, target, len(found.interactions)))
            except CassetteError as error:
                broken.append(error)
        if args.json:
            screen.json(
                {
                    "imported": [
                        {"from": shown(path), "to": shown(target), "interactions": count}
                        for path, target, count in done
                    ],
                    "unreadable": unreadable(broken),
                }
            )
        else:
            for path, target, count in done:
                where = shown(path) if path == target else f"{shown(path)} → {shown(target)}"
                screen.wrapped(f"{label(where)} · {counted(count, 'interaction')}")
        for fault in broken:
            screen.complain(str(fault))
        return REFUSED if broken else FINE


def _foreign(given: list[str]) -> list[Path]:
    """The files of other tools that are named, or that lie in the folders that are."""
    paths: list[Path] = []
    for each in map(Path, given):
        if each.is_dir():
            inside = [path for path in sorted(each.rglob("*")) if _looks_foreign(path)]
            if not inside:
                raise CommandError(f"{each}: there is no cassette of another tool in it")
            paths += inside
        else:
            paths += find([each])
    return paths


def _looks_foreign(path: Path) -> bool:
    named = path.suffix in (".yaml", ".yml", ".json", ".har") and not path.is_symlink()
    return named and vcr.is_foreign(path) and not cassette.is_ours(path)


def _target(path: Path, out: Path | None, *, several: bool) -> Path:
    if out is None:
        return path if path.suffix in (".yaml", ".yml") else path.with_suffix(".yaml")
    if several or out.is_dir() or not out.suffix:
        return out / f"{path.stem}.yaml"
    return out


class Export:
    """`agentcache export`."""

    HELP = "a cassette as VCR.py plays it, or as a HAR"

    @staticmethod
    def add(parser: argparse.ArgumentParser) -> None:
        """Declares its arguments."""
        parser.add_argument("file", metavar="FILE", help="a cassette")
        parser.add_argument("--to", choices=("vcr", "har"), required=True, help="the format")
        parser.add_argument(
            "--out", type=Path, metavar="PATH", help="a file (default: standard output)"
        )
        parser.add_argument("--force", action="store_true", help="replace a file that is there")

    @staticmethod
    def run(args: argparse.Namespace, screen: Screen) -> int:
        """Converts one file."""
        loaded = load(Path(args.file))
        write = vcr.write_vcr if args.to == "vcr" else vcr.write_har
        if args.out is None:
            with tempfile.TemporaryDirectory(prefix="agentcache-") as folder:
                target = Path(folder) / f"cassette.{'yaml' if args.to == 'vcr' else 'har'}"
                write(loaded.cassette, target)
                screen.out.write(target.read_text(encoding="utf-8"))
            return FINE
        if args.out.exists() and not args.force:
            raise CommandError(f"{args.out} is there already", "Replace it with --force")
        check_inside(args.out)
        write(loaded.cassette, args.out)
        if args.json:
            screen.json({"from": shown(loaded.path), "to": shown(args.out)})
        else:
            what = counted(len(loaded.interactions), "interaction")
            screen.line(f"{label(shown(args.out))} · {what}")
        return FINE
