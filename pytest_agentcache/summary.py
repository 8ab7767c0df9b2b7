"""What is said about a whole run: the line at its head, the totals at its end.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .settings import Settings

_HEADERS = {
    "replay": "replay, a request that is on no cassette fails its test",
    "record": "record, what is on no cassette is asked for and kept",
    "rerecord": "rerecord, everything is asked for anew",
    "offline": "offline, no network at all",
    "live": "live, no cassette is used or written",
}


def header(settings: Settings) -> str:
    """The line at the head of a run."""
    line = f"agentcache: {_HEADERS[settings.mode]}"
    open_to = (*settings.allowed_hosts, *settings.passthrough)
    if settings.mode == "offline" and open_to:
        line += f" but for {', '.join(open_to)}"
    return line


@dataclass(slots=True)
class Totals:
    """What all tests of a run did, gathered where the summary is written."""

    missed: int = 0
    cassettes: dict[str, dict[str, Any]] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)

    def add(self, told: dict[str, Any]) -> None:
        """Adds what one test's report tells (see `plugin`)."""
        self.missed += told["missed"]
        if "cassette" not in told:
            return
        # Tests that share a cassette share its line.
        known = self.cassettes.setdefault(told["cassette"], dict.fromkeys(_COUNTED, 0))
        for what in ("played", "recorded", "missed"):
            known[what] += told[what]
        known["unused"] = told["unused"] or known["unused"] or []
        known["written"] = known["written"] or told["written"]
        if told["recorded"] and not told["passed"]:
            known["discarded"] += told["recorded"]

    def lines(self, *, verbose: bool) -> Iterator[str]:
        """The summary; nothing at all where no test was on a cassette."""
        if not self.cassettes and not self.late and not self.missed:
            return
        for path, told in sorted(self.cassettes.items()):
            if verbose and (line := _cassette_line(told)):
                yield f"{path}: {line}"
            elif told["unused"]:
                yield f"{path}: unused: {interactions(told['unused'])}"
        for sentence in self.late:
            yield f"late: {sentence}"
        played, recorded, unused, written = (
            self._sum(what) for what in ("played", "recorded", "unused", "written")
        )
        plural = "" if written == 1 else "s"
        yield (
            f"agentcache: {played} played, {recorded} recorded, {self.missed} missed, "
            f"{unused} unused, {written} cassette{plural} written"
        )

    def _sum(self, what: str) -> int:
        told = (each[what] for each in self.cassettes.values())
        return sum(len(each) if isinstance(each, list) else int(each) for each in told)


_COUNTED = ("played", "recorded", "missed", "unused", "written", "discarded")


def _cassette_line(told: dict[str, Any]) -> str:
    parts = [f"{told[what]} {what}" for what in ("played", "recorded", "missed") if told[what]]
    if told["unused"]:
        parts.append(f"unused: {interactions(told['unused'])}")
    if told["written"]:
        parts.append("written")
    if told["discarded"]:
        parts.append("not kept: the test did not pass")
    return ", ".join(parts)


def interactions(numbers: Iterable[int]) -> str:
    """`interactions 1, 3` for their numbers."""
    listed = [str(number) for number in numbers]
    return f"interaction{'s' if len(listed) > 1 else ''} {', '.join(listed)}"


def shown(path: Path, root: Path) -> str:
    """`path` as it is written for people: relative to `root` where it lies below."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
