"""`agentcache summary`, which summarizes the changes of a branch for its pull request."""

from __future__ import annotations

import argparse
import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import CassetteError
from ...settings.settings import Settings
from .. import secrets
from ..costs import Costs, Prices, costs, rounded
from ..diff.comparison import Comparison
from ..diff.text import as_json, headline, main_changes, phrase, verdict
from ..exit_codes import FINE, REFUSED
from ..git import Repository
from ..selection import Loaded, local_path
from ..settings_file import settings_here
from ..terminal import Screen, counted, one_line, size_text
from .diff import compare_git

_HUGE = 500_000
_MANY = 20
# With more cassettes than these, the comment folds their list.
_UNFOLDED = 10
# Problems that differ only in their interaction are one line, from this number on.
_ALIKE = 4
_MOST_PROBLEMS = 20
# A change that this many cassettes have is listed once.
_SHARED_BY = 3
_MOST_SHARED = 8
# GitHub allows 65,536 characters in a comment.
_LONGEST = 60_000
_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: all)")
    parser.add_argument(
        "--git",
        default="HEAD",
        metavar="REV",
        help="compare with a revision (default: HEAD), or two: A..B, A...B",
    )
    parser.add_argument(
        "--markdown", action="store_true", help="write a comment for a pull request"
    )
    parser.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="YAML with dollars per million tokens: gpt-5-mini: {in: 0.25, out: 2}",
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem to look at before the changes.

    Attributes:
        text: The problem and its place, in words.
        severity: 0 is worst.
        cassette: The name of the cassette.
        alike: The problem without its place, where several interactions may have the same.
    """

    text: str
    severity: int = 0
    cassette: str = ""
    alike: str = ""


@dataclass(slots=True)
class Overview:
    """The content of a summary.

    Attributes:
        comparisons: The cassettes that differ.
        problems: What to look at first.
        was: The cost before.
        now: The cost now.
        calls: The number of interactions before and now.
    """

    comparisons: list[Comparison]
    problems: list[Problem] = field(default_factory=list)
    was: Costs = field(default_factory=Costs)
    now: Costs = field(default_factory=Costs)
    calls: tuple[int, int] = (0, 0)

    @property
    def title(self) -> str:
        """The headline, such as `Cassettes: 2 changed, 1 added, 1 removed`."""
        counts = Counter(each.kind for each in self.comparisons)
        parts = [
            f"{counts[kind]} {kind}"
            for kind in ("changed", "added", "removed", "renamed")
            if counts[kind]
        ]
        return f"Cassettes: {', '.join(parts)}" if parts else "No cassette changed"


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Write the summary."""
    prices = Prices.read(args.prices) if args.prices else None
    broken: list[CassetteError] = []
    found = compare_git(Repository.here(), args.git, args.paths, broken)
    differing = [each for each in found if each.kind != "same"]
    overview = _overview(differing, broken, prices, settings_here())
    if args.json:
        screen.json(_as_json(overview))
    elif args.markdown:
        screen.line(markdown(overview))
    else:
        _write(overview, screen)
    return REFUSED if broken else FINE


def _overview(
    comparisons: list[Comparison],
    broken: Sequence[CassetteError],
    prices: Prices | None,
    settings: Settings,
) -> Overview:
    overview = Overview(comparisons)
    overview.problems += [
        Problem(f"{local_path(error.path)}{_line(error)} cannot be read: {error.problem}")
        for error in broken
    ]
    before = after = 0
    found: list[Problem] = []
    for each in comparisons:
        if each.was:
            overview.was += costs(each.was.interactions, prices)
            before += len(each.was.interactions)
        if each.now:
            overview.now += costs(each.now.interactions, prices)
            after += len(each.now.interactions)
            found += _problems(each, each.now, settings)
    overview.calls = before, after
    overview.problems += sorted(found, key=lambda problem: problem.severity)
    if after - before >= _MANY:
        overview.problems.append(Problem(f"{after - before} more calls than before"))
    return overview


def _line(error: CassetteError) -> str:
    return f":{error.line}" if error.line else ""


def _problems(comparison: Comparison, now: Loaded, settings: Settings) -> Iterator[Problem]:
    """Yield the problems of a cassette."""
    name = comparison.name

    def problem(severity: int, what: str, number: int | None, details: str) -> Problem:
        text = f"{what} in {name}, interaction {number}: {details}"
        return Problem(text, severity, name, f"{what}: {details}")

    found = secrets.find(now.interactions, settings)
    for number, places in found.places.items():
        yield problem(0, "secret", number, ", ".join(places[:3]))
    for number, place, _ in found.suspects:
        yield problem(0, "possible secret", number, place)
    for pair in comparison.changed:
        new = pair.now
        if new is None or new.response.status < 400:
            continue
        if pair.was is None or pair.was.response.status != new.response.status:
            where = new.request.url.partition("://")[2].partition("?")[0]
            status = new.response.status
            what = f"error {status} recorded"
            yield problem(1, what, pair.after, f"{new.request.method} {where}")
    if now.size > _HUGE and (comparison.was is None or now.size > comparison.was.size * 1.2):
        yield Problem(f"{name} has {size_text(now.size)}", 2, name)
    more = len(now.interactions) - (len(comparison.was.interactions) if comparison.was else 0)
    if more >= _MANY:
        yield Problem(f"{name} has {more} more calls than before", 3, name)


def _grouped(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield problems in words; several that are alike are one, at the place of the first."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.alike or problem.text, []).append(problem)
    for alike, group in groups.items():
        if len(group) < _ALIKE:
            yield from (problem.text for problem in group)
            continue
        names = [*dict.fromkeys(problem.cassette for problem in group)]
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        yield f"{alike}, {len(group)} times, in {', '.join(names[:2])}{more}"


def _amounts(overview: Overview) -> list[tuple[str, str, str, str]]:
    """Return the name, before, after and difference of each count."""
    was, now = overview.was, overview.now
    rows = [_amount("calls", *overview.calls)]
    if was.counted or now.counted:
        rows.append(_amount("tokens in", was.tokens_in, now.tokens_in))
        rows.append(_amount("tokens out", was.tokens_out, now.tokens_out))
    if was.cost is not None or now.cost is not None:
        before, after = was.cost or 0.0, now.cost or 0.0
        sign = "+" if after >= before else "−"
        change = Costs(cost=abs(after - before)).money
        was_money, now_money = (Costs(cost=each).money for each in (before, after))
        rows.append(("money", was_money, now_money, f"{sign}{change}" if after != before else "="))
    return rows


def _amount(name: str, before: int, after: int) -> tuple[str, str, str, str]:
    sign = "+" if after > before else "−"
    change = f"{sign}{rounded(abs(after - before))}" if after != before else "="
    return name, rounded(before), rounded(after), change


def markdown(overview: Overview) -> str:
    """Return a comment for a pull request, no longer than GitHub allows."""
    lines = [f"### {overview.title}", ""]
    if problems := [*_grouped(overview.problems)]:
        lines += ["**Look at these first**", ""]
        lines += [f"- ⚠️ {_escaped(text)}" for text in problems[:_MOST_PROBLEMS]]
        if len(problems) > _MOST_PROBLEMS:
            lines.append(f"- … and {len(problems) - _MOST_PROBLEMS} more: agentcache summary")
        lines.append("")
    if overview.comparisons:
        lines += ["| | before | after | |", "|---|--:|--:|--:|"]
        lines += [f"| {' | '.join(row)} |" for row in _amounts(overview)]
        lines.append("")
    many = len(overview.comparisons) > _UNFOLDED
    shared = _shared(overview.comparisons) if many else {}
    if shared:
        lines += ["**Changes that several cassettes have**", ""]
        lines += [
            f"- {number} cassettes: {_escaped(text)}"
            for text, number in [*shared.items()][:_MOST_SHARED]
        ]
        lines.append("")
    if many:
        # Folded, so that the warnings stay visible. GitHub needs the empty line.
        lines += [f"<details><summary>All {len(overview.comparisons)} cassettes</summary>", ""]
    size = sum(map(len, lines))
    for at, each in enumerate(overview.comparisons):
        block = _block(each, shared)
        size += len(block) + 1
        if size > _LONGEST:
            lines.append(f"… and {counted(len(overview.comparisons) - at, 'more cassette')}")
            break
        lines.append(block)
    if many:
        lines.append("</details>")
    return "\n".join(lines).rstrip()


def _shared(comparisons: Sequence[Comparison]) -> dict[str, int]:
    """Return the changes that several cassettes have and their number, the most frequent first."""
    counts = Counter(
        text
        for each in comparisons
        for text in {text for pair in each.changed for text in main_changes(pair)}
    )
    return {text: number for text, number in counts.most_common() if number >= _SHARED_BY}


def _block(comparison: Comparison, shared: Mapping[str, int]) -> str:
    lines = [f"**{_escaped(comparison.title)}** · {verdict(comparison)}", ""]
    # What is listed above is not repeated for each cassette.
    pairs = [
        pair
        for pair in comparison.changed
        if not shared
        or pair.kind != "changed"
        or any(text not in shared for text in main_changes(pair))
    ]
    lines += [f"- {_escaped(phrase(pair))}" for pair in pairs[:_MANY]]
    if len(pairs) > _MANY:
        lines.append(f"- … and {len(pairs) - _MANY} more")
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    """Escape `text` for Markdown, without markup, HTML, mentions or links."""
    plain = _SPECIAL.sub(r"\\\1", html.escape(one_line(text), quote=False))
    if plain[:2] in ("- ", "+ "):
        plain = f"\\{plain}"
    # A mention would notify people, and a URL would become a link.
    return plain.replace("@", "@\u200b").replace("://", ":\u200b//")


def _write(overview: Overview, screen: Screen) -> None:
    screen.line(overview.title, "bold")
    for text in _grouped(overview.problems):
        screen.wrapped(f"! {text}", "  ", "red")
    if not overview.comparisons:
        return
    screen.line()
    rows = [list(row) for row in _amounts(overview)]
    for line in screen.table([["", "before", "after", ""], *rows], right=(1, 2, 3)):
        screen.line(f"  {line}")
    for each in overview.comparisons:
        screen.line()
        screen.wrapped(each.title, "", "bold")
        screen.wrapped(verdict(each), "  ", "dim")
        for pair in each.changed:
            screen.line(headline(pair, screen))


def _as_json(overview: Overview) -> dict[str, Any]:
    return {
        "title": overview.title,
        "warnings": [problem.text for problem in overview.problems],
        "calls": {"before": overview.calls[0], "after": overview.calls[1]},
        **{
            side: {"tokens_in": used.tokens_in, "tokens_out": used.tokens_out, "cost": used.cost}
            for side, used in (("before", overview.was), ("after", overview.now))
        },
        "cassettes": [as_json(each) for each in overview.comparisons],
    }
