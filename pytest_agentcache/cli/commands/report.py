"""`agentcache report`: a page to look at, with all that the cassettes hold."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from ...errors import CassetteError
from ...reports import html as page
from ..exit_codes import FINE, REFUSED
from ..selection import find, leads_out, load, shown, unreadable
from ..terminal import Screen, counted, size_text

HELP = "a page (HTML, one file) to look at: conversations, images, tokens, ages"


def add(parser: argparse.ArgumentParser) -> None:
    """Declares its arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="the page to write"
    )
    parser.add_argument("--title", default="", help="its title (default: name of the folder)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Writes the page; what cannot be read is listed on it, and told on standard error."""
    broken: list[CassetteError] = []
    entries = []
    # A page that could not be written need not be made.
    page.check_place(args.out)
    for path in find(args.paths):
        try:
            entries.append(_entry(path))
        except CassetteError as error:
            broken.append(error)
            entries.append(page.PageEntry(shown(path), error=error))
    title = args.title or f"{Path.cwd().name or 'Cassettes'}: cassettes"
    text = page.render(entries, title=title, now=datetime.now(UTC))
    page.write(args.out, text)
    calls = sum(len(each.cassette.interactions) for each in entries if each.cassette)
    if args.json:
        screen.json(
            {
                "path": str(args.out),
                "cassettes": len(entries) - len(broken),
                "interactions": calls,
                "size": len(text.encode("utf-8")),
                "unreadable": unreadable(broken),
            }
        )
    else:
        size = size_text(len(text.encode("utf-8")))
        held = counted(len(entries) - len(broken), "cassette")
        screen.wrapped(f"{args.out}: {held}, {counted(calls, 'call')}, {size}")
    for fault in broken:
        screen.complain(str(fault))
    return REFUSED if broken else FINE


def _entry(path: Path) -> page.PageEntry:
    if target := leads_out(path):
        raise CassetteError(path, f"is a link that leads out to {target}", "It was not read")
    held = load(path)
    return page.PageEntry(
        shown(path), held.test, held.cassette, size=held.size, foreign=held.foreign
    )
