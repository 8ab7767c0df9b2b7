"""The header and the summary of a whole run.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..files import quoted
from ..settings.settings import Settings

if TYPE_CHECKING:
    from ..matching.shapes import Change
    from ..replay.session import Harness

_HEADERS = {
    "replay": "replay, a request that is not on its cassette fails the test",
    "record": "record, requests that are not on their cassette are sent and recorded",
    "rerecord": "rerecord, every request is sent and recorded again",
    "offline": "offline, no network at all",
    "verify": "verify, every request is sent, and what comes back is compared with the cassettes",
    "live": "live, cassettes are neither used nor written",
}


def header(settings: Settings) -> str:
    """Return the line in the header of a run."""
    line = f"agentcache: {_HEADERS[settings.mode]}"
    open_to = (*settings.allowed_hosts, *settings.passthrough)
    if settings.mode == "offline" and open_to:
        line += f" except to {', '.join(open_to)}"
    return line


@dataclass(slots=True)
class Totals:
    """The totals of all tests of a run, gathered in the process that writes the summary."""

    missed: int = 0
    cassettes: dict[str, dict[str, Any]] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    spins: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    orphans: list[tuple[str, str]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    shared_unused: bool = False
    recorded_nothing: bool = False
    drift: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    cost: float = 0.0
    stopped: str = ""

    def add(self, test: str, facts: dict[str, Any]) -> None:
        """Add the account of one test (see `test_state.account`)."""
        self.missed += facts["missed"]
        if "cassette" not in facts:
            return
        self.seen.add(test)
        self.cost += facts["cost"]
        self.drift += filter(None, [facts["drift"]])
        self.spins += (f"{test}: {place} {_SPINS}" for place in facts["spins"])
        if moved := facts["moved"]:
            self.moved.setdefault(*moved)
        # Tests that share a cassette share its line.
        known = self.cassettes.setdefault(facts["cassette"], dict.fromkeys(_KNOWN, 0))
        for what in ("replayed", "recorded", "missed"):
            known[what] += facts[what]
        known["unused"] = facts["unused"] or known["unused"] or []
        known["written"] = known["written"] or facts["written"]
        if reason := facts["discarded"]:
            known["discarded"] = known["discarded"] or {}
            known["discarded"][reason] = known["discarded"].get(reason, 0) + facts["recorded"]
        known["failures"] = [*(known["failures"] or ()), *facts["failures"]]
        known["held"] = max(known["held"], facts["held"])
        known["passed"] = {*(known["passed"] or ()), *([test] if facts["lists"] else ())}
        known["left"] = known["left"] or not facts["lists"]
        if facts["aged"]:
            known["aged"] = [facts["aged"], *((known["aged"] or [""])[1:]), test]

    def compare(self) -> bool:
        """Compare the responses of upstream with those on the cassettes.

        Returns:
            Whether there are changes that fail the run.
        """
        if not self.drift:
            return False
        from ..matching.shapes import Shapes, changes

        recorded, fresh = Shapes(), Shapes()
        for each in self.drift:
            recorded.merge(each["recorded"])
            fresh.merge(each["fresh"])
        self.changes = changes(recorded, fresh)
        return any(change.level == "error" for change in self.changes)

    def add_outside(self, lines: Iterable[str]) -> None:
        """Add the misses outside any test; the workers of xdist have many in common."""
        new = [line for line in dict.fromkeys(lines) if line not in self.outside]
        self.outside += new
        self.missed += len(new)

    def count_shared(
        self, claims: Mapping[str, Iterable[str]], asked: Mapping[str, Iterable[int]]
    ) -> None:
        """Find the unused interactions of shared cassettes, after a run of the whole suite.

        Args:
            claims: The named cassettes, with all tests that use them.
            asked: The numbers of their interactions that were replayed, from 1.
        """
        for path, known in self.cassettes.items():
            # A test that was skipped or failed might have used the rest.
            settled = not known["left"] and known["passed"].issuperset(claims.get(path, ()))
            if known["held"] and settled:
                numbers = set(range(1, known["held"] + 1)) - set(asked.get(path, ()))
                known["unused"] = sorted(numbers)
                self.shared_unused = self.shared_unused or bool(numbers)

    def lines(self, *, verbose: bool) -> Iterator[str]:
        """Yield the lines of the summary; none if no test was on a cassette."""
        if self.recorded_nothing:
            yield (
                "agentcache: no test was on a cassette: add a marker, a fixture or "
                "agentcache_auto = true"
            )
        if self.stopped:
            yield self.stopped
        if not (self.cassettes or self.late or self.missed or self.orphans):
            return
        for path, facts in sorted(self.cassettes.items()):
            if verbose and (line := _cassette_line(facts)):
                yield f"{path}: {line}"
            elif facts["unused"]:
                yield f"{path}: unused: {interactions(facts['unused'])}"
        for path, facts in sorted(self.cassettes.items()):
            if facts["aged"]:
                problem, *tests = facts["aged"]
                yield f"{path}: {problem}: {rerecording_command(tests)}"
        yield from self._recording_lines()
        yield from (text for _, text in sorted(self.moved.items()))
        yield from self._orphan_lines()
        yield from self.spins
        yield from self._drift_lines()
        for sentence in self.late:
            yield f"late: {sentence}"
        for sentence in self.outside:
            yield f"outside any test: {sentence}"
        replayed, recorded, unused, written = (
            self._sum(what) for what in ("replayed", "recorded", "unused", "written")
        )
        plural = "" if written == 1 else "s"
        yield (
            f"agentcache: {replayed} replayed, {recorded} recorded, {self.missed} missed, "
            f"{unused} unused, {written} cassette{plural} written"
        )

    def _recording_lines(self) -> Iterator[str]:
        """Yield what a person should know of new recordings: discarded ones, and errors."""
        for path, facts in sorted(self.cassettes.items()):
            for reason, count in (facts["discarded"] or {}).items():
                plural = "" if count == 1 else "s"
                yield f"{path}: {count} recording{plural} discarded: {reason}"
        found = [
            f"{path}: recorded an error: {failure}"
            for path, facts in sorted(self.cassettes.items())
            for failure in facts["failures"] or ()
        ]
        yield from found[:_MOST_FAILURES]
        if len(found) > _MOST_FAILURES:
            yield f"… and {len(found) - _MOST_FAILURES} more recorded errors"

    def _drift_lines(self) -> Iterator[str]:
        if not self.drift:
            return
        found = self.changes
        yield from (f"verify: {change}" for change in found[:_MOST_CHANGES])
        if len(found) > _MOST_CHANGES:
            yield f"… and {len(found) - _MOST_CHANGES} more changes"
        counts = Counter(each.level for each in found)
        endpoints = {shape[0] for each in self.drift for shape in each["fresh"]}
        yield (
            f"verify: endpoints: {len(endpoints)}, errors: {counts['error']}, "
            f"warnings: {counts['warning']}, new: {counts['new']}"
        )

    def _orphan_lines(self) -> Iterator[str]:
        # A cassette of a moved test is listed as such, or someone would remove it.
        found = [
            (path, remedy)
            for path, remedy in sorted(self.orphans)
            if path not in self.moved and path.rpartition("/")[0] not in self.moved
        ]
        for path, remedy in found[:_MOST_ORPHANS]:
            yield f"{path}: orphan, no test uses it: {remedy}"
        if len(found) > _MOST_ORPHANS:
            yield f"… and {len(found) - _MOST_ORPHANS} more orphans"

    def _sum(self, what: str) -> int:
        facts = (each[what] for each in self.cassettes.values())
        return sum(len(each) if isinstance(each, list) else int(each) for each in facts)


_COUNTED = ("replayed", "recorded", "missed", "unused", "written")
_KNOWN = (*_COUNTED, "held", "passed", "left", "aged", "discarded", "failures")
_MOST_FAILURES = 20
_MOST_CHANGES = 50
_MOST_ORPHANS = 20
_SPINS = "waits in a loop for a frozen clock, which was moved on by the real time"
_MOST_NAMED = 3


def facts_of(harness: Harness, cassette: str, **more: Any) -> dict[str, Any]:
    """Return what `Totals.add` needs of a test on a cassette.

    Args:
        harness: The harness of the test.
        cassette: Its cassette, as it is displayed.
        more: Facts that are not those of a test that passed and has its cassette to itself.
    """
    return {
        "cassette": cassette,
        "replayed": harness.responder.counts.replayed,
        "recorded": harness.responder.counts.recorded,
        "missed": 0,
        "unused": [],
        "written": harness.cassette_file.written,
        "discarded": "",
        "failures": [],
        "lists": True,
        "held": 0,
        "aged": harness.cassette_file.aged,
        "moved": None,
        "drift": {},
        "cost": 0.0,
        "spins": [],
        **more,
    }


def rerecording_command(tests: Sequence[str]) -> str:
    """Return the command that records tests again; the whole suite if they are many."""
    named = [quoted(test) for test in tests] if len(tests) <= _MOST_NAMED else []
    return " ".join(["pytest --agentcache-rerecord", *named])


def _cassette_line(facts: dict[str, Any]) -> str:
    parts = [f"{facts[what]} {what}" for what in ("replayed", "recorded", "missed") if facts[what]]
    if facts["unused"]:
        parts.append(f"unused: {interactions(facts['unused'])}")
    if facts["written"]:
        parts.append("written")
    return ", ".join(parts)


def interactions(numbers: Iterable[int]) -> str:
    """Return `interactions 1, 3` for their numbers."""
    listed = [str(number) for number in numbers]
    return f"interaction{'s' if len(listed) > 1 else ''} {', '.join(listed)}"
