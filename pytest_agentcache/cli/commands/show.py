"""`agentcache show`, which shows a cassette as a conversation, or request by request."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...http.messages import Interaction
from ..conversation_view import write_cassette
from ..curl import curl
from ..exit_codes import FINE, CommandError
from ..json_output import as_json
from ..selection import Loaded, load, local_path
from ..terminal import Screen, clean


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", help="a cassette, one of VCR.py, or a HAR file")
    parser.add_argument("number", nargs="?", type=int, metavar="N", help="one interaction, from 1")
    parser.add_argument("--full", action="store_true", help="do not cut messages; add the headers")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--body", action="store_true", help="only the bodies, unchanged")
    what.add_argument("--curl", action="store_true", help="the requests as curl commands")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Show one file."""
    loaded = load(Path(args.file))
    chosen = _numbered(loaded, args.number)
    if args.json:
        screen.json(as_json(loaded, chosen))
    elif args.curl:
        for _, each in chosen:
            screen.line(curl(each.request))
    elif args.body:
        for _, each in chosen:
            _write_bodies(each, screen)
    else:
        whole = args.full or args.number is not None
        write_cassette(loaded, chosen, screen, full=whole, headers=args.full)
    return FINE


def _numbered(loaded: Loaded, number: int | None) -> list[tuple[int, Interaction]]:
    """Return the interaction with this number, or all of them, with their numbers.

    Raises:
        CommandError: If there is no such number.
    """
    found = list(enumerate(loaded.interactions, 1))
    if number is None:
        return found
    if not 1 <= number <= len(found):
        there = f"1 to {len(found)}" if found else "no interaction"
        raise CommandError(
            f"{local_path(loaded.path)} has no interaction {number}", f"It has {there}"
        )
    return [found[number - 1]]


def _write_bodies(each: Interaction, screen: Screen) -> None:
    """Write the bodies unchanged; on a terminal, control characters are escaped."""
    for raw in (each.request.body, each.response.body):
        if not raw:
            continue
        buffer = getattr(screen.out, "buffer", None)
        if buffer is not None and not screen.out.isatty():
            screen.out.flush()
            buffer.write(raw if raw.endswith(b"\n") else raw + b"\n")
            buffer.flush()
        else:
            screen.line(clean(raw.decode("utf-8", "backslashreplace")).rstrip("\n"))
