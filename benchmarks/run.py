"""Measure this plugin against its peers, both sides in one run, and print the ratios.

python benchmarks/run.py [--times N] [WORD ...]    # the rows that contain one of the words
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from upstream import upstream

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """A comparison with a peer, or with a number.

    Attributes:
        name: What is measured, and the unit.
        ours: The command that measures it, without `python`; `{url}` is that of the upstream.
        theirs: The same for a peer; empty to compare with a number.
        peer: The name of the peer.
        most: The ratio to reach, or the number if there is no peer.
    """

    name: str
    ours: str
    theirs: str = ""
    peer: str = ""
    most: float = 1.0


def replay(client: str, peer: str, most: float, count: int = 10) -> Row:
    """Compare a replayed POST of 2 KB."""
    command = f"requests_of.py replay {{}} {client} {count} {{{{url}}}}/small"
    name = f"replay, {client}, of {count} interactions (µs)"
    return Row(name, command.format("agentcache"), command.format(peer), peer, most)


def record(path: str, peer: str, most: float) -> Row:
    """Compare a recorded POST; saving comes later."""
    command = f"requests_of.py record {{}} requests 10 {{{{url}}}}/{path}"
    name = f"record, requests, {path} (ms)"
    return Row(name, command.format("agentcache"), command.format(peer), peer, most)


def save(path: str, most: float) -> Row:
    """Measure the saving of a response."""
    command = f"requests_of.py save agentcache requests 10 {{url}}/{path}"
    return Row(f"save, {path} (ms)", command, most=most)


def play(sent: int, peer: str, most: float) -> Row:
    """Compare opening a cassette of 1,000 interactions and playing some of them."""
    command = f"requests_of.py play {sent} {{}} httpx 1000 {{{{url}}}}/small"
    name = f"open 1,000 interactions, play {sent:,} (ms)"
    return Row(name, command.format("agentcache"), command.format(peer), peer, most)


ROWS = (
    replay("requests", "cassetter", 0.9),
    replay("requests", "responses", 0.6),
    replay("requests", "vcrpy", 0.5),
    replay("httpx", "floor", 1.6),
    replay("httpx", "cassetter", 1.0),
    replay("httpx", "respx", 1.0),
    replay("httpx-async", "floor", 1.6),
    replay("httpx2", "floor", 1.8),
    replay("httpx2-async", "floor", 1.8),
    replay("urllib3", "cassetter", 1.0),
    replay("aiohttp", "cassetter", 1.0),
    Row(
        "replay, httpx, 1,000 interactions against 10 (µs)",
        "requests_of.py replay agentcache httpx 1000 {url}/small",
        "requests_of.py replay agentcache httpx 10 {url}/small",
        "itself",
        1.15,
    ),
    play(10, "cassetter", 0.25),
    play(1000, "cassetter", 0.7),
    Row(
        "open and close, 3 interactions (ms)",
        "requests_of.py open agentcache httpx 3 {url}/small",
        "requests_of.py open cassetter httpx 3 {url}/small",
        "cassetter",
        1.0,
    ),
    Row(
        "300 tests (s)",
        "suites.py agentcache 300 {url}/small",
        "suites.py cassetter 300 {url}/small",
        "cassetter",
        1.0,
    ),
    Row(
        "300 tests (s)",
        "suites.py agentcache 300 {url}/small",
        "suites.py pytest-recording 300 {url}/small",
        "pytest-recording",
        1.0,
    ),
    Row(
        "300 tests that do not use it (s)",
        "suites.py unused 300 {url}",
        "suites.py none 300 {url}",
        "pytest alone",
        1.02,
    ),
    record("small", "live", 1.3),
    record("large", "live", 1.15),
    record("events", "live", 1.15),
    save("large", 3.0),
    save("events", 3.0),
    Row("agentcache --help (s)", "commands.py help", most=0.25),
    Row("agentcache list, 14 MB (s)", "commands.py list", most=1.0),
    Row("agentcache list, the second time (s)", "commands.py list again", most=0.5),
    Row("agentcache check, 14 MB (s)", "commands.py check", most=4.0),
    Row("agentcache check, the second time (s)", "commands.py check again", most=0.5),
    Row("git diff of 21 cassettes (s)", "commands.py git-diff", most=3.0),
    Row("agentcache report, 14 MB (s)", "commands.py report", most=3.0),
    Row("20 misses beside 14 MB (s)", "commands.py misses", most=2.0),
)


def measured(command: str, url: str) -> float:
    """Return the number that a command prints."""
    words = command.format(url=url).split()
    done = subprocess.run(
        [sys.executable, str(HERE / words[0]), *words[1:]],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print a table of the rows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--times", type=int, default=3, help="measurements of each side")
    parser.add_argument("words", nargs="*", help="only rows that contain one of these")
    options = parser.parse_args()
    print(f"| {'what':<52} | {'ours':>9} | {'peer':>9} | {'':<16} | ratio | target |    |")
    print(f"|{'-' * 54}|{'-' * 10}:|{'-' * 10}:|{'-' * 18}|------:|-------:|----|")
    with upstream() as url:
        for row in ROWS:
            if options.words and not any(word in row.name for word in options.words):
                continue
            ours, theirs = [], []
            for _ in range(options.times):
                # In turn, so that a machine that slows down slows both.
                ours.append(measured(row.ours, url))
                if row.theirs:
                    theirs.append(measured(row.theirs, url))
            mine, other = median(ours), median(theirs) if theirs else 0.0
            ratio = mine / other if other else mine
            peer = f"{other:>9.2f}" if other else " " * 9
            print(
                f"| {row.name:<52} | {mine:>9.2f} | {peer} | {row.peer:<16} | {ratio:>5.2f} "
                f"| {row.most:>6.2f} | {'ok' if ratio <= row.most else '':<2} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
