"""`agentcache diff`, which compares two recordings interaction by interaction."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ...errors import CassetteError
from ..diff.comparison import Comparison
from ..diff.text import as_json, write
from ..exit_codes import FINE, FOUND, REFUSED, CommandError
from ..git import Repository
from ..selection import find, load, unreadable
from ..terminal import Screen, counted


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="two cassettes or two folders; with --git, the ones to compare",
    )
    parser.add_argument(
        "--git",
        nargs="?",
        const="HEAD",
        metavar="REV",
        help="compare with a revision of git (default: HEAD), or two: A..B, A...B",
    )
    parser.add_argument("--brief", action="store_true", help="one line per interaction")
    parser.add_argument(
        "--all", action="store_true", help="include ids, times and tokens, which always differ"
    )


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Compare, and return 1 if anything differs."""
    broken: list[CassetteError] = []
    found = list(_comparisons(args, broken))
    differing = [each for each in found if each.kind != "same"]
    if args.json:
        screen.json(
            {
                "cassettes": [as_json(each) for each in differing],
                "unreadable": unreadable(broken),
            }
        )
    else:
        for at, each in enumerate(differing):
            if at and not args.brief:
                screen.line()
            write(each, screen, brief=args.brief, everything=args.all)
        if len(differing) > 1:
            screen.line()
            screen.wrapped(_total(differing), "", "bold")
    for error in broken:
        screen.complain(str(error))
    if broken:
        return REFUSED
    return FOUND if differing else FINE


def _comparisons(args: argparse.Namespace, broken: list[CassetteError]) -> Iterator[Comparison]:
    if args.git is not None:
        repository = Repository.here()
        paths = list(args.paths)
        # `--git tests/` may name a folder, as in `git diff tests/`.
        if (
            args.git
            and Path(args.git).exists()
            and not repository.is_revision(args.git.partition("..")[0])
        ):
            paths.insert(0, args.git)
            args.git = "HEAD"
        yield from compare_git(repository, args.git, paths, broken)
        return
    if len(args.paths) != 2:
        raise CommandError(
            "diff needs two cassettes or two folders",
            "Run agentcache diff OLD NEW, or agentcache diff --git [REV] [PATH ...]",
        )
    was, now = (Path(path) for path in args.paths)
    if was.is_dir() and now.is_dir():
        yield from _compare_folders(was, now, broken)
    else:
        yield Comparison.of(load(was), load(now))


def _compare_folders(was: Path, now: Path, broken: list[CassetteError]) -> Iterator[Comparison]:
    sides = [
        {path.relative_to(root): path for path in find([root], may_be_empty=True)}
        for root in (was, now)
    ]
    for name in sorted({*sides[0], *sides[1]}):
        try:
            old, new = (load(side[name]) if name in side else None for side in sides)
        except CassetteError as error:
            broken.append(error)
            continue
        yield Comparison.of(old, new)


def compare_git(
    repository: Repository, revision: str, paths: Iterable[str], broken: list[CassetteError]
) -> Iterator[Comparison]:
    """Compare cassettes with those of a revision; append unreadable ones to `broken`."""
    old, new = repository.revision_range(revision)
    for before, after in sorted(
        repository.changed(old, new, paths), key=lambda pair: pair[1] or pair[0] or ""
    ):
        try:
            was = repository.load(old, before) if before else None
            now = repository.load(new, after) if after else None
        except CassetteError as error:
            broken.append(error)
            continue
        if was or now:
            yield Comparison.of(was, now, follows=True)


def _total(comparisons: Sequence[Comparison]) -> str:
    counts = Counter(pair.kind for each in comparisons for pair in each.pairs)
    kinds = [
        (counts[kind], kind) for kind in ("changed", "added", "removed", "moved") if counts[kind]
    ]
    parts = [
        f"{counted(count, 'interaction') if at == 0 else count} {kind}"
        for at, (count, kind) in enumerate(kinds)
    ]
    return f"{counted(len(comparisons), 'cassette')} differ: {', '.join(parts) or 'no interaction'}"
