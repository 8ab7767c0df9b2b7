"""`agentcache git-textconv`, which git calls for one version of a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...errors import AgentCacheError
from ..conversation_view import write_cassette
from ..exit_codes import FINE
from ..git import from_git
from ..terminal import Screen


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Write a cassette as text whose lines git compares; write other files unchanged."""
    path = Path(args.file)
    try:
        loaded = from_git(path, path)
        if loaded is not None:
            plain = Screen(screen.out, screen.err, colour=False, width=100)
            chosen = list(enumerate(loaded.interactions, 1))
            write_cassette(loaded, chosen, plain, full=True, title=False)
    except AgentCacheError:
        screen.out.write(path.read_bytes().decode("utf-8", "replace"))
    return FINE
