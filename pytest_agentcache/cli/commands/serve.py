"""`agentcache serve`, which serves a cassette to other test runners, containers and languages."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...replay.run_state import SURROUNDINGS
from ...replay.session import Harness
from ...reports import miss_report
from ...reports.run_summary import Totals, facts_of
from ...serving.connection import MISSES
from ...serving.server import Server
from ...standalone import use_cassette
from ..exit_codes import FINE, FOUND, CommandError
from ..settings_file import settings_here
from ..terminal import Screen

_MODES = ("replay", "record", "rerecord", "offline")


class _NotKept(Exception):
    """The recordings are not written, because the program failed or a request was missed."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = f"{parser.prog} [options] CASSETTE [-- PROGRAM ...]"
    parser.add_argument("cassette", metavar="CASSETTE", help="the cassette, a YAML file")
    parser.add_argument(
        "--mode", choices=_MODES, default="replay", help="what to do with requests: %(choices)s"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="the port (default: a free one)")
    parser.add_argument(
        "--upstream", default="", metavar="URL", help="the base URL for requests that name none"
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Serve the cassette until the program ends, or until Ctrl-C or SIGTERM."""
    path = Path(args.cassette)
    if path.suffix not in (".yaml", ".yml"):
        raise CommandError(f"{path}: is no cassette", "Name a YAML file, such as chat.yaml")
    if args.mode in ("replay", "offline") and not path.exists():
        raise CommandError(f"{path}: no such file", "To record it, add --mode record")
    before, SURROUNDINGS.settings = SURROUNDINGS.settings, settings_here()
    try:
        harness, code = _serve(args, path, screen)
    finally:
        SURROUNDINGS.settings = before
    if args.json:
        screen.json(_as_json(harness, code))
    else:
        if harness.misses:
            screen.complain(_report(harness, path))
        totals = Totals()
        totals.add(str(path), _facts(harness, code))
        for line in totals.lines(verbose=False):
            screen.line(line)
    return code or (FOUND if harness.misses else FINE)


def _serve(args: argparse.Namespace, path: Path, screen: Screen) -> tuple[Harness, int]:
    """Serve until the end, and return the harness and the exit code of the program."""
    code = FINE
    block = use_cassette(path, args.mode, freeze=False, on_miss="respond")
    with suppress(_NotKept), block as harness:
        server = harness.serve(args.port, host=args.host, upstream=args.upstream)
        if args.program:
            code = _run(args.program, server, quiet=args.json)
        else:
            _wait(server, screen, quiet=args.json)
        if code or harness.misses:
            raise _NotKept
    return harness, code


def _run(program: Sequence[str], server: Server, *, quiet: bool) -> int:
    """Run a program that uses the server, and return its exit code."""
    # With --json, the document is all that standard output has; 2 is standard error.
    out = 2 if quiet else None
    try:
        env = os.environ | server.env
        done = subprocess.run(program, env=env, stdout=out, check=False)  # noqa: S603
    except OSError as error:
        raise CommandError(f"{program[0]}: cannot be run: {error.strerror}") from None
    return done.returncode


def _wait(server: Server, screen: Screen, *, quiet: bool) -> None:
    """Show the variables for other programs, and wait for the end."""
    if not quiet:
        for name, value in server.env.items():
            screen.line(f"export {name}={shlex.quote(value)}")
        screen.line(f"# serves until Ctrl-C; misses so far: {server.url}{MISSES}")
        screen.out.flush()
    ended = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, frame: ended.set())
    ended.wait()


def _report(harness: Harness, path: Path) -> str:
    return miss_report.misses(
        f"agentcache serve {path}",
        harness.misses,
        harness.responder,
        path,
        found_cassette=harness.cassette_file.found,
        root=Path.cwd(),
        command=f"agentcache serve {shlex.quote(str(path))} --mode record",
    )


def _as_json(harness: Harness, code: int) -> dict[str, Any]:
    return {
        "cassette": str(harness.path),
        "replayed": harness.responder.counts.replayed,
        "recorded": harness.responder.counts.recorded,
        "unused": list(harness.unused),
        "written": harness.cassette_file.written,
        "misses": harness.serve().test.misses(),
        "exit_code": code,
    }


def _facts(harness: Harness, code: int) -> dict[str, Any]:
    """Return what the summary needs, as it needs it of a test."""
    reason = f"the program ended with {code}" if code else "there are misses"
    is_discarded = harness.responder.counts.recorded and (code or harness.misses)
    return facts_of(
        harness,
        str(harness.path),
        missed=sum(miss.count for miss in harness.misses),
        unused=list(harness.unused),
        discarded=reason if is_discarded else "",
    )
