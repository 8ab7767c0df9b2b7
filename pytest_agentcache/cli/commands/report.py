"""`agentcache report`, which writes an HTML page with the contents of cassettes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
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
    calls = 0
    # Fail before reading cassettes if the page cannot be written.
    html.check_place(args.out)
    paths = find(args.paths)

    def entries() -> Iterator[html.PageEntry]:
        nonlocal calls
        for path in paths:
            try:
                loaded = load_inside(path)
            except CassetteError as error:
                broken.append(error)
                yield html.PageEntry(local_path(path), error=error)
                continue
            calls += len(loaded.interactions)
            yield html.PageEntry(
                local_path(path),
                loaded.test,
                loaded.cassette,
                size=loaded.size,
                foreign=loaded.foreign,
            )

    title = args.title or f"{Path.cwd().name or 'Cassettes'}: cassettes"
    page = html.render(
        entries(), title=title, now=datetime.now(UTC), size=sum(map(html.size_of, paths))
    )
    size = html.write(args.out, page)
    if args.json:
        screen.json(
            {
                "path": str(args.out),
                "cassettes": len(paths) - len(broken),
                "interactions": calls,
                "size": size,
                "unreadable": unreadable(broken),
            }
        )
    else:
        held = counted(len(paths) - len(broken), "cassette")
        screen.wrapped(f"{args.out}: {held}, {counted(calls, 'call')}, {size_text(size)}")
    for each in broken:
        screen.complain(str(each))
    return REFUSED if broken else FINE
