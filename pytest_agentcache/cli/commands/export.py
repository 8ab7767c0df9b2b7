"""`agentcache export`, which converts a cassette to the format of VCR.py or to a HAR file."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ...cassette import foreign
from ..exit_codes import FINE, CommandError
from ..selection import check_inside, load, local_path
from ..terminal import Screen, counted, label


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", help="a cassette")
    parser.add_argument("--to", choices=("vcr", "har"), required=True, help="the format")
    parser.add_argument(
        "--out", type=Path, metavar="PATH", help="a file (default: standard output)"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Convert one file."""
    loaded = load(Path(args.file))
    write = foreign.write_vcr if args.to == "vcr" else foreign.write_har
    if args.out is None:
        with tempfile.TemporaryDirectory(prefix="agentcache-") as folder:
            target = Path(folder) / f"cassette.{'yaml' if args.to == 'vcr' else 'har'}"
            write(loaded.cassette, target)
            screen.out.write(target.read_text(encoding="utf-8"))
        return FINE
    if args.out.exists() and not args.force:
        raise CommandError(f"{args.out} already exists", "Replace it with --force")
    check_inside(args.out)
    write(loaded.cassette, args.out)
    if args.json:
        screen.json({"from": local_path(loaded.path), "to": local_path(args.out)})
    else:
        what = counted(len(loaded.interactions), "interaction")
        screen.line(f"{label(local_path(args.out))} · {what}")
    return FINE
