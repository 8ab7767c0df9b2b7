"""The parser of the arguments of `agentcache`."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from .. import __version__
from ..settings.suggestions import did_you_mean
from .commands import COMMANDS, load


class _Parser(argparse.ArgumentParser):
    """A parser whose errors suggest what was meant."""

    def error(self, message: str) -> NoReturn:
        """Write the usage and an error, and exit with 2."""
        unknown = re.search(r"unrecognized arguments: (-\S+)", message)
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if unknown:
            message += did_you_mean(unknown[1], self._options())
        elif choice:
            message += did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        super().error(message)

    def _options(self) -> list[str]:
        """Return the options of this parser and of its commands."""
        found = [*self._option_string_actions]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command in action.choices.values():
                    found += command._option_string_actions
        return found


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Args:
        only: The command whose arguments are needed; the modules of the others are not imported.
            By default the parser knows the arguments of all commands.
    """
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="write one JSON document")
    common.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="use colors (auto: if the output is a terminal; obeys NO_COLOR and FORCE_COLOR)",
    )
    top = _Parser(
        prog="agentcache",
        description="List, show, compare, check and convert cassettes of pytest-agentcache.",
        epilog="Exits with 0 on success, 1 if the command found differences or problems, and 2 for "
        "wrong usage or unreadable input.",
    )
    top.add_argument("--version", action="version", version=f"agentcache {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        own = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common]
        )
        if only in (None, name):
            command = load(name)
            command.add(own)
            own.set_defaults(run=command.run)
    return top
