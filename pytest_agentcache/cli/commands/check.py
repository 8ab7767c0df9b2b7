"""`agentcache check`, which finds what should not be merged, for pre-commit and CI."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from ... import cassette
from ...errors import CassetteError
from ...reports.run_summary import rerecording_command
from ...settings import durations
from ...settings.settings import Settings
from ...stored_results import StoredResults
from .. import secrets
from ..collect import Suite, collect
from ..exit_codes import FINE, FOUND
from ..selection import Loaded, check_inside, digest_of, find, load, local_path, outside_target
from ..settings_file import settings_here
from ..terminal import Screen, columns, counted, label, one_line, short_age, size_text
from .prune import strays

_LARGEST = "2MB"
# The number of consecutive findings shown that differ only in their file; the rest are counted.
_MOST_ALIKE = 20
# In bytes: below it, starting processes takes longer than the check.
_WORTH_PROCESSES = 1_000_000
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)i?B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of a cassette.

    Attributes:
        path: The file, as a user would type it.
        line: The line, from 1; None if unknown.
        rule: `unreadable`, `secret`, `form`, `age`, `size`, `orphan`, `link` or `stray`.
        problem: The problem in words.
        remedy: The remedy in words.
        fixed: Whether `--fix` applied the remedy.
    """

    path: str
    line: int | None
    rule: str
    problem: str
    remedy: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class _Checked:
    """The result of checking a cassette. It depends on its files and the settings, not on the time.

    Attributes:
        findings: The findings, except its age.
        recorded_at: The time of the recording, in ISO 8601; empty if unknown.
        test: The test that owns the cassette; empty if unknown.
    """

    findings: tuple[Finding, ...]
    recorded_at: str = ""
    test: str = ""

    @classmethod
    def of(cls, findings: Iterable[Finding], loaded: Loaded | None = None) -> _Checked:
        """Return the result for findings in a cassette; None if it was not read."""
        recorded = loaded.cassette.recorded_at if loaded else None
        return cls(
            tuple(findings),
            recorded.isoformat() if recorded else "",
            loaded.test if loaded else "",
        )

    @classmethod
    def from_json(cls, value: list[Any]) -> _Checked:
        """Return the result from the JSON of `astuple`."""
        findings, recorded_at, test = value
        return cls(tuple(Finding(*each) for each in findings), recorded_at, test)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .)")
    parser.add_argument("--fix", action="store_true", help="rewrite in canonical form")
    parser.add_argument(
        "--max-age",
        type=_age_of,
        metavar="AGE",
        help="maximum age of a recording: 90d, 12w, 48h (default: agentcache_max_age)",
    )
    parser.add_argument(
        "--max-size",
        type=_size_of,
        default=_size_of(_LARGEST),
        metavar="SIZE",
        help=f"maximum size of a cassette with its files: 500kB, 5MB (default: {_LARGEST})",
    )
    parser.add_argument("--suite", action="store_true", help="collect the tests and find orphans")


def _age_of(text: str) -> timedelta:
    """Parse an age such as `90d`."""
    try:
        return durations.age(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _size_of(text: str) -> int:
    """Parse a size such as `500kB` into bytes."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write 500kB or 5MB")
    factor = {"": 1, "k": 1000, "m": 1_000_000, "g": 1_000_000_000}[match[2].lower()]
    return int(float(match[1]) * factor)


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Check the cassettes, and return 1 if any problem is left."""
    settings = settings_here()
    suite = collect() if args.suite else None
    paths = find(args.paths)
    moved = suite.moved(paths) if suite else {}
    if args.max_age is None:
        args.max_age = settings.max_age
    findings = [
        each
        for path, found in _checked(paths, args, settings).items()
        for each in (
            *found.findings,
            *_age(path, found, args.max_age),
            *_orphan(path, suite, moved),
        )
    ]
    left = [finding for finding in findings if not finding.fixed]
    if args.json:
        screen.json({"checked": len(paths), "findings": [asdict(each) for each in findings]})
        return FOUND if left else FINE
    _write(findings, screen)
    if findings:
        screen.line()
    screen.wrapped(_total(len(paths), findings), "", "bold", "red" if left else "green")
    return FOUND if left else FINE


def _checked(
    paths: Sequence[Path], args: argparse.Namespace, settings: Settings
) -> dict[Path, _Checked]:
    """Return the results by path; those of unchanged cassettes are from an earlier run."""
    stored = StoredResults("check", settings, args.max_size, secrets.of_environment(settings))
    digests = {path: None if args.fix else digest_of(path) for path in paths}
    found: dict[Path, _Checked] = {}
    for path, digest in digests.items():
        known = stored.get(local_path(path), digest) if digest else None
        if known is not None:
            found[path] = _Checked.from_json(known)
    left = [path for path in paths if path not in found]
    check = partial(_check, args=args, settings=settings)
    for path, new in zip(left, _for_each(check, left), strict=True):
        found[path] = new
        if digest := digests[path]:
            stored.put(local_path(path), digest, astuple(new))
    stored.save()
    return {path: found[path] for path in paths}


def _for_each(check: Callable[[Path], _Checked], paths: Sequence[Path]) -> Iterable[_Checked]:
    """Return what `check` returns for each path; on all cores if the files are large."""
    cores = os.cpu_count() or 1
    if cores == 1 or len(paths) < 2 or sum(map(_size, paths)) < _WORTH_PROCESSES:
        return map(check, paths)
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(cores, len(paths))) as pool:
        # Small chunks, as one cassette may take as long as a hundred others.
        return list(pool.map(check, paths, chunksize=max(1, len(paths) // (cores * 16))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check(path: Path, *, args: argparse.Namespace, settings: Settings) -> _Checked:
    """Check a cassette and the files beside it."""
    name = local_path(path)
    if target := outside_target(path):
        problem = f"a link that points outside its folder, to {target}"
        remedy = "Replace the link by the cassette; it was not read"
        return _Checked.of([Finding(name, None, "link", problem, remedy)])
    try:
        loaded = load(path, convert=False)
    except CassetteError as error:
        found = Finding(name, error.line, "unreadable", error.problem, error.remedy)
        return _Checked.of([found])
    in_form = [] if loaded.foreign else [*_form(loaded, fix=args.fix)]
    if any(each.fixed for each in in_form):
        # The line numbers have changed.
        loaded = load(path)
    findings = [*_secrets(loaded, settings), *in_form, *_files(loaded, args.max_size)]
    return _Checked.of(findings, loaded)


def _files(loaded: Loaded, largest: int) -> Iterator[Finding]:
    if loaded.size > largest:
        yield Finding(
            local_path(loaded.path),
            None,
            "size",
            f"{size_text(loaded.size)}, more than {size_text(largest)}",
            "Request less in the test, or raise --max-size",
        )
    for stray in strays(loaded):
        yield Finding(
            local_path(stray),
            None,
            "stray",
            f"{loaded.path.name} does not refer to it",
            "Remove it: agentcache prune",
        )


def _orphan(
    path: Path, suite: Suite | None, moved: Mapping[Path, tuple[str, str]]
) -> Iterator[Finding]:
    name = local_path(path)
    if found := moved.get(path.absolute()):
        problem, remedy = found
        yield Finding(name, None, "orphan", problem, remedy[0].upper() + remedy[1:])
    elif suite and suite.is_orphan(path):
        yield Finding(name, None, "orphan", "no test uses it", "Remove it: agentcache prune")


def _secrets(loaded: Loaded, settings: Settings) -> Iterator[Finding]:
    name, found = local_path(loaded.path), secrets.find(loaded.interactions, settings)
    for number, places in found.places.items():
        rest = f" and {len(places) - 3} more" if len(places) > 3 else ""
        yield Finding(
            name,
            _line_of(loaded, number),
            "secret",
            f"interaction {number} contains a secret in {', '.join(places[:3])}{rest}",
            f"Redact it: agentcache {'import' if loaded.foreign else 'redact'} {name}; "
            "then revoke it",
        )
    for number, place, fingerprint in found.suspects:
        yield Finding(
            name,
            _line_of(loaded, number),
            "secret",
            f"interaction {number} may contain one in {place}",
            "Name it in agentcache_redact; if it is not a secret, set "
            f"agentcache_allow_secrets = {fingerprint}",
        )


def _line_of(loaded: Loaded, number: int) -> int | None:
    """Return the first line of an interaction in a canonical file."""
    starts = [
        at for at, line in enumerate(loaded.raw.split(b"\n"), 1) if line[:10] == b"- request:"
    ]
    return starts[number - 1] if number <= len(starts) else None


def _form(loaded: Loaded, *, fix: bool) -> Iterator[Finding]:
    canonical = cassette.render(loaded.cassette, {}).encode("utf-8")
    if canonical == loaded.raw:
        return
    pairs = zip(loaded.raw.split(b"\n"), canonical.split(b"\n"), strict=False)
    line = next((at for at, (was, now) in enumerate(pairs, 1) if was != now), None)
    fixed, problem = False, "not in canonical form"
    remedy = "Rewrite it: agentcache check --fix"
    if loaded.raw.replace(b"\r\n", b"\n") == canonical:
        problem = "line ends are CR LF, not LF"
        remedy += ", and keep git from changing them: agentcache git-setup"
    if fix:
        try:
            check_inside(loaded.path)
            fixed = cassette.write(loaded.cassette)
            remedy = "Rewritten"
        except CassetteError as error:
            remedy = f"{error.problem}; {error.remedy}"
    yield Finding(local_path(loaded.path), line, "form", problem, remedy, fixed)


def _age(path: Path, checked: _Checked, limit: timedelta | None) -> Iterator[Finding]:
    if limit is None or not checked.recorded_at:
        return
    recorded, now = datetime.fromisoformat(checked.recorded_at), datetime.now(UTC)
    if now - recorded > limit:
        command = rerecording_command([checked.test] if checked.test else [])
        yield Finding(
            local_path(path),
            None,
            "age",
            f"recorded {short_age(now - recorded)} ago, on {recorded:%Y-%m-%d}",
            f"Record it again: {command}",
        )


def _write(findings: list[Finding], screen: Screen) -> None:
    """Write each finding, and below consecutive findings their common remedy."""
    for remedy, group in groupby(findings, lambda each: "" if each.fixed else each.remedy):
        found = list(group)
        alike = len({(each.rule, each.problem) for each in found}) == 1
        first = found[:_MOST_ALIKE] if alike else found
        for finding in first:
            _write_finding(finding, screen)
        if len(first) < len(found):
            screen.line(f"… and {len(found) - len(first)} more like these", "dim")
        if remedy:
            screen.wrapped(remedy, "  ", "dim")


def _write_finding(finding: Finding, screen: Screen) -> None:
    name = label(finding.path)
    place = f"{name}:{finding.line}" if finding.line else name
    colour = "green" if finding.fixed else "red"
    rule = screen.style("fixed" if finding.fixed else finding.rule, colour)
    # Editors and CI turn `path:line:` into a link.
    head, problem = f"{screen.style(place, 'bold')}: {rule}:", one_line(finding.problem)
    if columns(f"{place}: {finding.rule}: {problem}") <= screen.width:
        screen.line(f"{head} {problem}")
    else:
        screen.line(head)
        screen.wrapped(problem, "  ")


def _total(checked: int, findings: list[Finding]) -> str:
    left = sum(not finding.fixed for finding in findings)
    fixed = len(findings) - left
    parts = [f"{counted(checked, 'cassette')} checked"]
    if fixed:
        parts.append(f"{fixed} rewritten")
    parts.append(counted(left, "finding") if left else "nothing found" if not fixed else "all fine")
    return ", ".join(parts)
