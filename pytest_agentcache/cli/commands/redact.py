"""`agentcache redact`, which applies today's redaction rules to old cassettes."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace

from ... import cassette
from ...errors import CassetteError
from .. import secrets
from ..exit_codes import FINE, FOUND, REFUSED
from ..selection import find, load_inside, local_path, unreadable
from ..settings_file import settings_here
from ..terminal import Screen, counted, label


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    parser.add_argument(
        "--dry-run", action="store_true", help="list what would change, and exit with 1"
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Redact the cassettes, and list the places without their values."""
    settings = settings_here()
    done, broken = [], []
    paths = find(args.paths, include_foreign=False)
    for path in paths:
        try:
            loaded = load_inside(path)
            if loaded.foreign:
                raise CassetteError(
                    path,
                    "is a cassette of another tool",
                    "Convert it, which redacts it: agentcache import "
                    f"{shlex.quote(local_path(path))}",
                )
            found = secrets.find(loaded.interactions, settings)
            if not found.places:
                continue
            if not args.dry_run:
                cassette.write(replace(loaded.cassette, interactions=found.safe))
            done.append((local_path(path), found.places))
        except CassetteError as error:
            broken.append(error)
    if args.json:
        screen.json(
            {
                "written": not args.dry_run,
                "files": [{"path": path, "places": where} for path, where in done],
                "unreadable": unreadable(broken),
            }
        )
    else:
        for name, where in done:
            screen.line(label(name), "bold")
            for number, places in where.items():
                screen.wrapped(f"{number} · {', '.join(places)}", "  ")
        what = "would change" if args.dry_run else "redacted"
        rest = len(paths) - len(done) - len(broken)
        screen.wrapped(f"{counted(len(done), 'cassette')} {what}, {rest} unchanged", "", "bold")
        if done and not args.dry_run:
            screen.wrapped(
                "The secrets are still in the history of git: revoke them.", "", "yellow"
            )
    for each in broken:
        screen.complain(str(each))
    if broken:
        return REFUSED
    return FOUND if done and args.dry_run else FINE
