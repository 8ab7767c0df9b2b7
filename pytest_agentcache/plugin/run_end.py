"""The end of a run: late misses, orphans, the summary and the HTML page.

With pytest-xdist, the controller gathers this from its workers. Every run of pytest imports this,
so it must stay light.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import AgentCacheError
from ..files import display_path
from ..reports.run_summary import Totals
from ..state import TEST_REPORT
from ..suite.collection import COLLECTION, SETTINGS, Collection, covers, passed_over, roots_of
from . import offline
from .test_state import RUN

if TYPE_CHECKING:
    from ..reports.html.collector import Collector

# The account of a worker that crashed.
_NOTHING: dict[str, Any] = {
    "late": [],
    "outside": [],
    "narrowed": True,
    "opened": False,
    "whole": None,
}


def register(config: pytest.Config) -> None:
    """Register the plugin objects that account for a run.

    Raises:
        SettingsError: If the page of `--agentcache-report` could not be written at the end.
    """
    page = None
    if (named := config.getoption("agentcache_report")) and not hasattr(config, "workerinput"):
        from ..reports.html.collector import collector_of

        page = collector_of(named, config, config.stash[SETTINGS].mode)
        config.pluginmanager.register(page, "agentcache-page")
    config.pluginmanager.register(RunEnd(config, page), "agentcache-run-end")


class RunEnd:
    """Accounts for one run, in one process or in xdist's controller and each of its workers."""

    def __init__(self, config: pytest.Config, page: Collector | None) -> None:
        self._config, self._page = config, page
        self._collection = config.stash[COLLECTION] = Collection(config, config.stash[SETTINGS])
        self._totals = Totals()
        self._told: list[dict[str, Any]] = []
        self._ran = False
        self._session: pytest.Session | None = None

    # The innermost, so that it sees what others leave out.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        self._collection.note(collector, report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        count = len(items)
        result = yield
        # Plugins that split a suite over machines may deselect tests without calling the hook.
        self._collection.narrowed = self._collection.narrowed or len(items) < count
        return result

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._collection.narrowed = self._collection.narrowed or bool(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._ran = self._ran or report.when == "call"
        if facts := TEST_REPORT.get(report):
            self._totals.add(report.nodeid, facts)
            self._stop_at_budget()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._told.append(getattr(node, "workeroutput", {}).get("agentcache", _NOTHING))

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        facts = self._tell(session, exitstatus)
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["agentcache"] = facts
            return
        # A controller collects nothing itself.
        everything = [*self._told, {**facts, "whole": {}} if self._told else facts]
        for each in everything:
            self._totals.late += each["late"]
            self._totals.add_outside(each["outside"])
        settings = self._config.stash[SETTINGS]
        self._totals.recorded_nothing = (
            settings.records
            and self._ran
            and not settings.vcr
            and not any(each["opened"] for each in everything)
        )
        # These misses belong to no test, so the run fails for them.
        failed = bool(self._totals.late or self._totals.outside)
        failed = self._totals.compare() or failed
        if facts["whole"] is not None and all(each["whole"] is not None for each in everything):
            failed = self._look_around(everything) or failed
        if not any(each["narrowed"] for each in everything) and exitstatus == pytest.ExitCode.OK:
            failed = (not failed and self._drop_stale()) or failed
        failed = self._write_page() or failed
        if failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        lines = list(self._totals.lines(verbose=self._config.get_verbosity() > 0))
        if lines and {"failed", "error"} & terminalreporter.stats.keys():
            lines.insert(0, "")
        if self._page is not None:
            lines.append(self._page.line)
        for line in lines:
            terminalreporter.write_line(line)

    # Last, so that it sees what others send.
    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        if self._session is None:
            return
        for line in offline.remaining():
            print(line, file=sys.stderr)  # noqa: T201 - the summary has been written
            if self._session.exitstatus == pytest.ExitCode.OK:
                self._session.exitstatus = pytest.ExitCode.TESTS_FAILED
        offline.PROCESS_END.status = int(self._session.exitstatus)

    def _stop_at_budget(self) -> None:
        """End the run when the responses have cost what they may."""
        budget, cost = self._config.stash[SETTINGS].budget, self._totals.cost
        if budget is None or cost < budget or self._totals.stopped or self._session is None:
            return
        self._totals.stopped = f"agentcache_budget: ${cost:.2f} of ${budget:.2f} spent"
        self._session.shouldstop = self._totals.stopped

    def _tell(self, session: pytest.Session, exitstatus: int) -> dict[str, Any]:
        """Return the account of this process, in values that xdist can send."""
        whole = self._is_whole(session, exitstatus)
        return {
            "late": list(offline.late_misses()),
            "outside": list(offline.misses_outside()),
            "narrowed": self._collection.narrowed,
            "opened": bool(self._config.stash[RUN].opened),
            "whole": self._uses() if whole else None,
        }

    def _is_whole(self, session: pytest.Session, exitstatus: int) -> bool:
        """Return whether all tests of the suite, or of this xdist worker, ran here."""
        chosen = ("collectonly", "setuponly", "setupplan", "lf")
        return (
            exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            and not (session.shouldstop or session.shouldfail)
            and not (self._collection.narrowed or self._collection.broken)
            and not any(self._config.getoption(name, default=False) for name in chosen)
            and self._config.stash[SETTINGS].mode != "live"
            and covers(self._config)
        )

    def _uses(self) -> dict[str, Any]:
        """Return the cassettes that the tests of this process use; empty in a suite without any."""
        run, collection = self._config.stash[RUN], self._collection
        if not run.opened and not collection.has_folders:
            return {}
        return {
            "modules": [str(path) for path in collection.modules],
            "cassettes": {str(path): tests for path, tests in collection.claims.items()},
            "unsure": collection.unsure,
            "opened": [str(path) for path in run.opened],
            "asked": {str(path): sorted(asked) for path, asked in run.asked.items()},
        }

    def _look_around(self, everything: list[dict[str, Any]]) -> bool:
        """Find the orphans and unused interactions of a whole run; return whether they fail it."""
        settings = self._config.stash[SETTINGS]
        parts = [each["whole"] for each in everything if each["whole"]]
        if not parts or settings.unused == "ignore":
            return False
        from ..suite.orphans import Collected, listed, orphans

        root, totals = self._config.rootpath, self._totals
        claims = {path: tests for part in parts for path, tests in part["cassettes"].items()}
        modules = frozenset(Path(path) for part in parts for path in part["modules"])
        unsure = {
            folder
            for part in parts
            for folder, tests in part["unsure"].items()
            if not totals.seen.issuperset(tests)
        }
        asked: dict[str, set[int]] = {}
        for part in parts:
            for path, numbers in part["asked"].items():
                asked.setdefault(display_path(Path(path), root), set()).update(numbers)
        if not unsure:
            totals.count_shared(
                {display_path(Path(path), root): tests for path, tests in claims.items()}, asked
            )
        found = orphans(
            listed(roots_of(self._config), passed_over(self._config)),
            Collected(frozenset(map(Path, claims)), modules),
            frozenset(Path(path) for part in parts for path in part["opened"]),
            map(Path, unsure),
        )
        totals.orphans += [(display_path(path, root), _remedy(path)) for path in found]
        left = bool(totals.orphans) or totals.shared_unused
        return left and settings.mode == "offline" and settings.unused == "fail"

    def _drop_stale(self) -> bool:
        """Remove what a run with `--agentcache-rerecord` did not use, and return if it failed."""
        if self._config.stash[SETTINGS].mode != "rerecord":
            return False
        from ..replay.cassette_file import drop_stale

        start = self._config.invocation_params.dir
        places = [(start / argument).resolve() for argument in self._config.args]
        try:
            drop_stale(self._config.stash[RUN], [place for place in places if place.is_dir()])
        except AgentCacheError as error:
            self._totals.late.append(str(error))
            return True
        return False

    def _write_page(self) -> bool:
        """Write the page of `--agentcache-report`; return whether that failed."""
        if self._page is None:
            return False
        try:
            self._page.finish([*self._totals.late, *self._totals.outside])
        except AgentCacheError as error:
            self._page.line = str(error)
            return True
        return False


def _remedy(path: Path) -> str:
    from ..cassette.paths import FOLDER

    # A cassette with a name of its own may be used outside tests: a person must decide.
    return "agentcache prune" if path.parent.parent.name == FOLDER else "remove it by hand"
