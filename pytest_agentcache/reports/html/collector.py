"""`--agentcache-report`: gathers what the tests of a run tell, and writes the page at its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ...errors import SettingsError
from ...state import TEST_REPORT
from .document import PageError, check_place, render, write
from .entry import PageEntry, RunFacts, entry_of, size_of


@dataclass(slots=True)
class Collector:
    """The facts that the tests of a run have reported so far.

    Args:
        target: The file to write.
        named: As the command line names it.
        root: The folder that cassettes are named relative to.
        mode: The mode of the run.

    Attributes:
        line: What is said at the end of the run.
    """

    target: Path
    named: str
    root: Path
    mode: str
    line: str = field(init=False, default="")
    _outcomes: dict[str, str] = field(init=False, default_factory=dict)
    _told: dict[str, dict[str, Any]] = field(init=False, default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps what became of a test; xdist hands its controller the reports of its workers."""
        known = self._outcomes.get(report.nodeid)
        if known in (None, "passed") or report.outcome == "failed":
            self._outcomes[report.nodeid] = report.outcome
        if facts := TEST_REPORT.get(report):
            self._told[report.nodeid] = facts

    def finish(self, late: Iterable[str]) -> None:
        """Writes the page, and keeps the line that says so.

        Raises:
            PageError: If it cannot be written.
        """
        entries = (self._entry(test, facts) for test, facts in sorted(self._told.items()))
        title = f"{self.root.name or 'Tests'}: what its tests asked"
        run = RunFacts(self.mode, tuple(late))
        size = sum(
            size_of(self.root / facts["cassette"])
            for facts in self._told.values()
            if "cassette" in facts
        )
        write(self.target, render(entries, title=title, run=run, size=size))
        tests = "1 test" if len(self._told) == 1 else f"{len(self._told)} tests"
        self.line = f"agentcache: report of {tests}: {self.named}"

    def _entry(self, test: str, facts: dict[str, Any]) -> PageEntry:
        known: dict[str, Any] = {
            "test": test,
            "outcome": self._outcomes.get(test, ""),
            "misses": tuple(facts.get("misses", ())),
        }
        if "cassette" not in facts:
            return PageEntry(**known)
        known |= {"replayed": facts["replayed"], "recorded": facts["recorded"]}
        known["unused"] = tuple(facts["unused"])
        return entry_of(self.root / facts["cassette"], facts["cassette"], **known)


def collector_of(named: str, config: pytest.Config, mode: str) -> Collector:
    """The collector for the file that the command line names.

    Raises:
        SettingsError: If it could not be written at the end.
    """
    target = config.invocation_params.dir / named
    try:
        check_place(target)
    except PageError as error:
        raise SettingsError(f"--agentcache-report={named}: {error.problem}") from None
    return Collector(target, named, config.rootpath, mode)
