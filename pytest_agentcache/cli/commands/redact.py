"""`agentcache redact`: applies today's rules of redaction to old cassettes."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace

from ... import cassette
from ...errors import CassetteError
from .. import secrets
from ..collect import settings_here
from ..exit_codes import FINE, FOUND, REFUSED
from ..selection import check_inside, find, load, shown, unreadable
from ..terminal import Screen, counted, label

HELP = "take out of old cassettes what today's rules call a secret"


def add(parser: argparse.ArgumentParser) -> None:
    """Declares its arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what would change, and end with 1"
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Redacts; tells the places, never what stood there."""
    settings = settings_here()
    done, broken = [], []
    paths = find(args.paths, foreign=False)
    for path in paths:
        try:
            check_inside(path)
            loaded = load(path)
            if loaded.foreign:
                raise CassetteError(
                    path,
                    "is a cassette of another tool",
                    f"Convert it, which redacts it: agentcache import {shlex.quote(shown(path))}",
                )
            found = secrets.find(loaded.interactions, settings)
            if not found.places:
                continue
            if not args.dry_run:
                cassette.write(replace(loaded.cassette, interactions=found.safe))
            done.append((shown(path), found.places))
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
        screen.wrapped(f"{counted(len(done), 'cassette')} {what}, {rest} as they were", "", "bold")
        if done and not args.dry_run:
            screen.wrapped(
                "What was in git before is still there: revoke those keys.", "", "yellow"
            )
    for fault in broken:
        screen.complain(str(fault))
    if broken:
        return REFUSED
    return FOUND if done and args.dry_run else FINE
