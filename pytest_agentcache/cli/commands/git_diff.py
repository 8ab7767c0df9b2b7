"""`agentcache git-diff`, which git calls with both versions of a file."""

from __future__ import annotations

import argparse
import difflib
import os
from dataclasses import replace
from io import StringIO
from pathlib import Path

from ...errors import AgentCacheError
from ..diff.comparison import Comparison
from ..diff.text import write
from ..exit_codes import FINE
from ..git import from_git
from ..git_client import SOCKET
from ..terminal import Screen, clean, label


def add(parser: argparse.ArgumentParser) -> None:
    """Declare git's arguments: path, old file, hash, mode, new file, hash, mode, new path."""
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("rest", nargs="*", metavar="WORD")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Write the changes; never fail, because git would stop there."""
    if os.environ.get("GIT_PAGER_IN_USE") and not os.environ.get("NO_COLOR"):
        screen.colour = screen.colour or args.color == "auto"
    _write(args.path, args.rest, screen)
    socket, number, of = (
        os.environ.get(name, "")
        for name in (SOCKET, "GIT_DIFF_PATH_COUNTER", "GIT_DIFF_PATH_TOTAL")
    )
    if socket and number != of:
        from .. import git_server

        screen.out.flush()
        git_server.start(Path(socket), lambda words: _output(words, screen))
    return FINE


def _output(words: list[str], screen: Screen) -> bytes:
    """Return the changes of another cassette as they would be written to the screen."""
    text = StringIO()
    _write(words[0], words[1:], replace(screen, out=text))
    return text.getvalue().encode(screen.out.encoding or "utf-8", "replace")


def _write(path: str, rest: list[str], screen: Screen) -> None:
    if len(rest) < 6:
        screen.line(f"* Unmerged path {label(path)}")
        return
    old, _, _, new = rest[:4]
    name = rest[6] if len(rest) > 6 else path
    try:
        was, now = (from_git(Path(file), Path(each)) for file, each in ((old, path), (new, name)))
        write(Comparison.of(was, now, follows=True), screen)
    except AgentCacheError as error:
        _write_lines(path, old, new, str(error), screen)


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
