"""The command `agentcache`: cassettes listed, shown, compared, checked, cleaned and converted."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from ..errors import AgentCacheError
from .arguments import COMMANDS, parser
from .problem import FINE, FOUND, REFUSED
from .screen import Screen

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
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows fewer characters gets what it can show, not an error.
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            with contextlib.suppress(ValueError, OSError):
                reconfigure(errors="replace")
    try:
        args = parser().parse_args(argv)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else REFUSED
    screen = Screen.of_process(args.color)
    try:
        code = COMMANDS[args.command].run(args, screen)
        screen.out.flush()
    except AgentCacheError as error:
        screen.complain(str(error))
        return REFUSED
    except RecursionError:
        screen.complain("something is nested too deeply to be compared")
        return REFUSED
    except BrokenPipeError:
        raise
    except OSError as error:
        screen.complain(f"{error.filename or 'output'}: {error.strerror or error}")
        return REFUSED
    return code


def entry() -> None:
    """The program: ends the process with the code of its command."""
    try:
        code = main()
    except BrokenPipeError:
        _end_by("SIGPIPE")
    except KeyboardInterrupt:
        _end_by("SIGINT")
    else:
        sys.exit(code)


def _end_by(name: str) -> None:
    """Ends the process as a signal does, which is how other programs end then."""
    # What is still to be flushed has no reader.
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    number = getattr(signal, name, None)
    if number is None or os.name == "nt":
        sys.exit(1)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
