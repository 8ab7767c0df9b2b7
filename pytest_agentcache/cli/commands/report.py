"""`agentcache report`, which writes an HTML page with the contents of cassettes."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from ...errors import CassetteError
from ...reports import html
from ..exit_codes import FINE, REFUSED
from ..selection import find, load_inside, local_path, unreadable
from ..terminal import Screen, counted, size_text


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="the page to write"
    )
    parser.add_argument("--title", default="", help="the title (default: the name of the folder)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Write the page; unreadable files are listed on it and on standard error."""
    broken: list[CassetteError] = []
    entries = []
    # Fail before reading cassettes if the page cannot be written.
    html.check_place(args.out)
    for path in find(args.paths):
        try:
            entries.append(_entry(path))
        except CassetteError as error:
            broken.append(error)
            entries.append(html.PageEntry(local_path(path), error=error))
    title = args.title or f"{Path.cwd().name or 'Cassettes'}: cassettes"
    text = html.render(entries, title=title, now=datetime.now(UTC))
    html.write(args.out, text)
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
    for each in broken:
        screen.complain(str(each))
    return REFUSED if broken else FINE


def _entry(path: Path) -> html.PageEntry:
    loaded = load_inside(path)
    return html.PageEntry(
        local_path(path), loaded.test, loaded.cassette, size=loaded.size, foreign=loaded.foreign
    )
