"""`agentcache summary`, which summarizes the changes of a branch for its pull request."""

from __future__ import annotations

import argparse
import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import CassetteError
from ...settings.settings import Settings
from .. import secrets
from ..costs import Costs, Prices, costs, rounded
from ..diff.comparison import Comparison
from ..diff.text import as_json, headline, phrase, verdict
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


@dataclass(slots=True)
class Overview:
    """The content of a summary.

    Attributes:
        comparisons: The cassettes that differ.
        warnings: The problems to look at first.
        was: The cost before.
        now: The cost now.
        calls: The number of interactions before and now.
    """

    comparisons: list[Comparison]
    warnings: list[str] = field(default_factory=list)
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
    overview.warnings += [
        f"{local_path(error.path)}{_line(error)} cannot be read: {error.problem}"
        for error in broken
    ]
    before = after = 0
    found: list[tuple[int, str]] = []
    for each in comparisons:
        if each.was:
            overview.was += costs(each.was.interactions, prices)
            before += len(each.was.interactions)
        if each.now:
            overview.now += costs(each.now.interactions, prices)
            after += len(each.now.interactions)
            found += _warnings(each, each.now, settings)
    overview.calls = before, after
    overview.warnings += [text for _, text in sorted(found, key=lambda pair: pair[0])]
    if after - before >= _MANY:
        overview.warnings.append(f"{after - before} more calls than before")
    return overview


def _line(error: CassetteError) -> str:
    return f":{error.line}" if error.line else ""


def _warnings(comparison: Comparison, now: Loaded, settings: Settings) -> Iterator[tuple[int, str]]:
    """Yield the severity (0 is worst) and the text of each problem of a cassette."""
    found = secrets.find(now.interactions, settings)
    for number, places in found.places.items():
        yield 0, f"secret in {comparison.name}, interaction {number}: {', '.join(places[:3])}"
    for number, place, _ in found.suspects:
        yield 0, f"possible secret in {comparison.name}, interaction {number}: {place}"
    for pair in comparison.changed:
        new = pair.now
        if new is None or new.response.status < 400:
            continue
        if pair.was is None or pair.was.response.status != new.response.status:
            where = new.request.url.partition("://")[2].partition("?")[0]
            status = new.response.status
            yield (
                1,
                (
                    f"error {status} recorded in {comparison.name}, interaction {pair.after}: "
                    f"{new.request.method} {where}"
                ),
            )
    if now.size > _HUGE and (comparison.was is None or now.size > comparison.was.size * 1.2):
        yield 2, f"{comparison.name} has {size_text(now.size)}"
    more = len(now.interactions) - (len(comparison.was.interactions) if comparison.was else 0)
    if more >= _MANY:
        yield 3, f"{comparison.name} has {more} more calls than before"


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
    if overview.warnings:
        lines += ["**Look at these first**", ""]
        lines += [f"- ⚠️ {_escaped(text)}" for text in overview.warnings]
        lines.append("")
    if overview.comparisons:
        lines += ["| | before | after | |", "|---|--:|--:|--:|"]
        lines += [f"| {' | '.join(row)} |" for row in _amounts(overview)]
        lines.append("")
    many = len(overview.comparisons) > _UNFOLDED
    if many:
        # Folded, so that the warnings stay visible. GitHub needs the empty line.
        lines += [f"<details><summary>All {len(overview.comparisons)} cassettes</summary>", ""]
    size = sum(map(len, lines))
    for at, each in enumerate(overview.comparisons):
        block = _block(each)
        size += len(block) + 1
        if size > _LONGEST:
            lines.append(f"… and {counted(len(overview.comparisons) - at, 'more cassette')}")
            break
        lines.append(block)
    if many:
        lines.append("</details>")
    return "\n".join(lines).rstrip()


def _block(comparison: Comparison) -> str:
    lines = [f"**{_escaped(comparison.title)}** · {verdict(comparison)}", ""]
    pairs = comparison.changed
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
    for text in overview.warnings:
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
        "warnings": overview.warnings,
        "calls": {"before": overview.calls[0], "after": overview.calls[1]},
        **{
            side: {"tokens_in": used.tokens_in, "tokens_out": used.tokens_out, "cost": used.cost}
            for side, used in (("before", overview.was), ("after", overview.now))
        },
        "cassettes": [as_json(each) for each in overview.comparisons],
    }
