"""The command `agentcache`, which lists, shows, compares, checks, cleans and converts cassettes."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import AgentCacheError
from .arguments import parser
from .commands import WITH_PROGRAM
from .exit_codes import FINE, FOUND, REFUSED
from .terminal import Screen

__all__ = ["FINE", "FOUND", "REFUSED", "entry", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments, without the name of the program; by default those of the process.

    Returns:
        0 on success, 1 if the command found differences or problems, 2 for wrong usage or input
        that cannot be read.

    Raises:
        BrokenPipeError: If the reader of the output has closed it.
    """
    _repair_streams()
    screen = Screen.of_process()
    try:
        code, complaint = _run(sys.argv[1:] if argv is None else argv, screen)
        if complaint:
            screen.complain(complaint)
        screen.out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        screen.complain(f"{error.filename or 'output'}: {error.strerror or error}")
        return REFUSED
    return code


def _run(argv: Sequence[str], screen: Screen) -> tuple[int, str]:
    """Run a command and return its exit code and its error message, if any."""
    if not argv:
        parser("").print_help(screen.err)
        return REFUSED, ""
    # The options before the command take no values.
    command = next((word for word in argv if not word.startswith("-")), "")
    program: Sequence[str] = ()
    if command in WITH_PROGRAM and "--" in argv:
        at = argv.index("--")
        argv, program = argv[:at], argv[at + 1 :]
    try:
        args = parser(command).parse_args(argv, argparse.Namespace(program=program))
    except SystemExit as ended:
        return (ended.code if isinstance(ended.code, int) else REFUSED), ""
    screen.paint(args.color)
    try:
        return args.run(args, screen), ""
    except AgentCacheError as error:
        complaint = str(error)
    except RecursionError:
        complaint = "something is nested too deeply to be compared"
    if args.json:
        screen.json({"error": complaint})
    return REFUSED, complaint


def _repair_streams() -> None:
    """Open missing standard streams, and let them take every character."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # Closed by the parent process, as `>&-` does.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal with fewer characters shows a replacement instead of raising an error.
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            with contextlib.suppress(ValueError, OSError):
                reconfigure(errors="replace")


def entry() -> None:
    """Run the command of this process and exit with its code."""
    try:
        code = main()
    except BrokenPipeError:
        # git reports a program that a signal ended, even if the user just left the pager.
        if sys.argv[1:2] == ["git-diff"]:
            _drop_output()
            sys.exit(FINE)
        _end_by("SIGPIPE")
    except KeyboardInterrupt:
        _end_by("SIGINT")
    else:
        sys.exit(code)


def _end_by(name: str) -> None:
    """End the process by a signal, as other programs do."""
    _drop_output()
    number = getattr(signal, name, None)
    if number is None or os.name == "nt":
        sys.exit(1)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _drop_output() -> None:
    """Send buffered output to the null device, because it has no reader."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
