"""`agentcache git-diff`, which git calls with both versions of a file."""

from __future__ import annotations

import argparse
import difflib
import os
from pathlib import Path

from ...errors import AgentCacheError
from ..diff.comparison import Comparison
from ..diff.text import write
from ..exit_codes import FINE
from ..git import from_git
from ..terminal import Screen, clean, label


def add(parser: argparse.ArgumentParser) -> None:
    """Declare git's arguments: path, old file, hash, mode, new file, hash, mode, new path."""
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("rest", nargs="*", metavar="WORD")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Write the changes; never fail, because git would stop there."""
    if os.environ.get("GIT_PAGER_IN_USE") and not os.environ.get("NO_COLOR"):
        screen.colour = screen.colour or args.color == "auto"
    if len(args.rest) < 6:
        screen.line(f"* Unmerged path {label(args.path)}")
        return FINE
    old, _, _, new = args.rest[:4]
    name = args.rest[6] if len(args.rest) > 6 else args.path
    try:
        was, now = (
            from_git(Path(file), Path(each)) for file, each in ((old, args.path), (new, name))
        )
        write(Comparison.of(was, now, follows=True), screen)
    except AgentCacheError as error:
        _write_lines(args.path, old, new, str(error), screen)
    return FINE


def _write_lines(path: str, old: str, new: str, why: str, screen: Screen) -> None:
    """Write the lines that differ, for a file that is not a valid cassette."""

    def lines(file: str) -> list[str]:
        try:
            return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    screen.line(label(path), "bold")
    screen.wrapped(why.partition("\n")[0], "  ", "yellow")
    before, after = (f"{side}/{label(path)}" for side in "ab")
    for line in difflib.unified_diff(lines(old), lines(new), before, after, lineterm=""):
        colour = {"+": ("green",), "-": ("red",), "@": ("cyan",)}.get(line[:1], ())
        screen.line(clean(line), *colour)
