"""The words that `agentcache` takes."""

from __future__ import annotations

import argparse
from typing import Protocol

from .. import __version__
from .commands import check as checking
from .commands import completion
from .commands import diff as diffing
from .commands import list as listing
from .commands import prune as pruning
from .commands import redact as redacting
from .commands import report as reporting
from .commands import show as showing
from .commands import summary as summing_up
from .commands.convert import Export, Import
from .commands.git_setup import Diff, Setup, Textconv
from .terminal import Screen


class Command(Protocol):
    """A module that is a command."""

    HELP: str

    def add(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace, screen: Screen) -> int: ...


COMMANDS: dict[str, Command] = {  # pyright: ignore[reportAssignmentType]  # modules, too
    "list": listing,
    "show": showing,
    "diff": diffing,
    "summary": summing_up,
    "report": reporting,
    "check": checking,
    "redact": redacting,
    "prune": pruning,
    "import": Import,
    "export": Export,
    "git-setup": Setup,
    "git-diff": Diff,
    "git-textconv": Textconv,
    "completion": completion,
}


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="for machines: one JSON document")
    common.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colours (auto: where a terminal is; NO_COLOR and FORCE_COLOR are obeyed)",
    )
    top = argparse.ArgumentParser(
        prog="agentcache",
        description="Cassettes of pytest-agentcache: look at them, compare them, check them.",
        epilog="Ends with 0 if all is well, 1 if it found differences or faults where that is the "
        "question, and 2 for wrong usage or input that cannot be read.",
    )
    top.add_argument("--version", action="version", version=f"agentcache {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        own = commands.add_parser(
            name,
            help=command.HELP,
            description=f"{command.HELP[0].upper()}{command.HELP[1:]}.",
            parents=[common],
        )
        command.add(own)
        own.set_defaults(parser=top)
    return top
