"""The command `agentcache`: cassettes listed, shown, compared, checked, cleaned and converted."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import AgentCacheError
from .arguments import COMMANDS, parser
from .exit_codes import FINE, FOUND, REFUSED
from .terminal import Screen

__all__ = ["FINE", "FOUND", "REFUSED", "entry", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: Its words, without the name of the program; by default those of the process.

    Returns:
        0 if all is well, 1 if there are differences or findings where that is the question, 2 for
        wrong usage or input that cannot be read.

    Raises:
        BrokenPipeError: If whoever reads the output has gone.
    """
    _mend_streams()
    screen = Screen.of_process()
    try:
        code, told = _done(argv, screen)
        if told:
            screen.complain(told)
        screen.out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        screen.complain(f"{error.filename or 'output'}: {error.strerror or error}")
        return REFUSED
    return code


def _done(argv: Sequence[str] | None, screen: Screen) -> tuple[int, str]:
    """Runs a command; how it ended, and what is to be said of that."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as ended:
        return (ended.code if isinstance(ended.code, int) else REFUSED), ""
    screen.paint(args.color)
    try:
        return COMMANDS[args.command].run(args, screen), ""
    except AgentCacheError as error:
        told = str(error)
    except RecursionError:
        told = "something is nested too deeply to be compared"
    if args.json:
        screen.json({"error": told})
    return REFUSED, told


def _mend_streams() -> None:
    """Has standard input, output and error be there, and take every character."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # Closed by whoever started this, as `>&-` does.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows fewer characters gets what it can show, not an error.
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            with contextlib.suppress(ValueError, OSError):
                reconfigure(errors="replace")


def entry() -> None:
    """The program: ends the process with the code of its command."""
    try:
        code = main()
    except BrokenPipeError:
        # git complains of a program that a signal ended, also where its pager was just left.
        if sys.argv[1:2] == ["git-diff"]:
            _drop_output()
            sys.exit(FINE)
        _end_by("SIGPIPE")
    except KeyboardInterrupt:
        _end_by("SIGINT")
    else:
        sys.exit(code)


def _end_by(name: str) -> None:
    """Ends the process as a signal does, which is how other programs end then."""
    _drop_output()
    number = getattr(signal, name, None)
    if number is None or os.name == "nt":
        sys.exit(1)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _drop_output() -> None:
    """Has what is still to be flushed go nowhere, as it has no reader."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
