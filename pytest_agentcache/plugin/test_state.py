"""What becomes of a test that asked: its misses are told, its cassette written, its part summed up.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..suite.collection import COLLECTION, test_name

if TYPE_CHECKING:
    from ..http.messages import Request
    from ..replay.misses import Miss
    from ..replay.run_state import Run
    from ..replay.session import Harness
    from ..suite.renames import Move

RUN: pytest.StashKey[Run] = pytest.StashKey()
TEST_STATE: pytest.StashKey[TestState] = pytest.StashKey()


@dataclass(slots=True)
class TestState:
    """What is known of a test while it runs.

    Attributes:
        harness: Opened by its fixture, for a test on a cassette.
        bare: What keeps a test offline that is on no cassette (or not yet).
        refused: Connections refused while neither was open.
        told: Misses that a report has told.
        raised: The report that was raised, until pytest has made its own of it.
        failed: Whether any part of the test failed; a failed subtest is one.
        move: What seems to be its cassette from when it had another name.
    """

    harness: Harness | None = None
    bare: Harness | None = None
    refused: list[Miss] = field(default_factory=list)
    told: list[Miss] = field(default_factory=list)
    raised: str = ""
    failed: bool = False
    move: Move | None = None

    def own(self) -> list[Miss]:
        """Misses of the test's own cassette that count and were not told."""
        counts = self.harness is not None and self.harness.settings.on_miss != "respond"
        return self._untold(self.harness.misses if self.harness and counts else [])

    def outside(self) -> list[Miss]:
        """Misses beyond any cassette that were not told."""
        return self._untold([*self.refused, *(self.bare.misses if self.bare else [])])

    def _untold(self, found: list[Miss]) -> list[Miss]:
        return [miss for miss in found if not any(miss is each for each in self.told)]


def state_of(item: pytest.Item) -> TestState:
    """What is known of `item`, which runs."""
    return item.stash.setdefault(TEST_STATE, TestState())


def fail_on_misses(item: pytest.Item) -> None:
    """Fails a test, with its report, if it has misses that were not told."""
    if text := _misses_text(item):
        state_of(item).raised = text
        pytest.fail(text, pytrace=False)


def _misses_text(item: pytest.Item) -> str:
    """The report of all misses that were not told yet."""
    state = state_of(item)
    own, outside = state.own(), state.outside()
    if not own and not outside:
        return ""
    from ..reports import miss_report

    root, texts = item.config.rootpath, []
    if outside and state.bare:
        texts.append(
            miss_report.misses(item.nodeid, outside, state.bare.responder, None, root=root)
        )
    elif outside:
        texts.append(miss_report.outside(item.nodeid, outside))
    if own and (harness := state.harness):
        missing = [miss.request for miss in own if miss.kind == "missing"]
        state.move = state.move or _move(item, harness, missing)
        texts.append(
            miss_report.misses(
                item.nodeid,
                own,
                harness.responder,
                harness.path,
                found_cassette=harness.cassette_file.found,
                root=root,
                moved=_told_move(item),
            )
        )
    return "\n\n".join(texts)


def _move(item: pytest.Item, harness: Harness, asked: Sequence[Request]) -> Move | None:
    """A cassette of a test that is gone, where this one asks and has none yet."""
    path = harness.path
    if path is None or harness.cassette_file.found or harness.cassette_file.shared or not asked:
        return None
    collection = item.config.stash[COLLECTION]
    if not collection.left:
        return None
    from ..reports import miss_report
    from ..suite import renames

    def holds(other: Path) -> bool:
        return miss_report.holds(other, asked[0], harness.responder)

    old = renames.best(path, test_name(item), collection.left, holds)
    return renames.move(old, path, collection.collected) if old else None


def _move_of_recorded(item: pytest.Item, harness: Harness) -> Move | None:
    """As `_move`, for a test whose cassette has just been made."""
    if harness.mode != "record" or not harness.cassette_file.written or harness.cassette_file.found:
        return None
    return _move(item, harness, [each.request for each in harness.responder.added()])


def _told_move(item: pytest.Item) -> tuple[str, str] | None:
    """What is said of a cassette that may have been moved, and the command that moves it."""
    move, config = state_of(item).move, item.config
    if move is None:
        return None
    return move.sentence(config.rootpath), move.command(config.invocation_params.dir)


def _move_for_summary(item: pytest.Item) -> tuple[str, str] | None:
    """The same in one line, and what it is about."""
    from ..files import display_path

    move, told = state_of(item).move, _told_move(item)
    if move is None or told is None:
        return None
    now = item.nodeid.partition("::")[0] if move.whole else item.nodeid
    place = display_path(move.place, item.config.rootpath)
    return place, f"{told[0]}; if that is {now} now: {told[1]}"


def settle(item: pytest.Item) -> None:
    """Runs what background refreshes still wait, while the test is there to fail for them."""
    from ..errors import RefreshError

    if harness := state_of(item).harness:
        try:
            harness.settle()
        except RefreshError as error:
            raise pytest.fail.Exception(f"{item.nodeid}: {error}", pytrace=False) from None


def check_faults(item: pytest.Item) -> None:
    """Fails a test whose faults did not come to pass, or could not."""
    if harness := state_of(item).harness:
        from ..faults import fault_report

        if text := fault_report(item.nodeid, harness.responder.plan):
            pytest.fail(text, pytrace=False)


def check_flags(item: pytest.Item) -> None:
    """Fails a test whose agent sent an `auto_cache` that is none, and caught the error."""
    from ..errors import AutoCacheError

    if harness := state_of(item).harness:
        try:
            harness.check_flags()
        except AutoCacheError as error:
            raise pytest.fail.Exception(f"{item.nodeid}: {error}", pytrace=False) from None


def finish(item: pytest.Item, harness: Harness) -> None:
    """Writes the cassette of a test that passed, and fails it for what it left unused."""
    from ..errors import AgentCacheError
    from ..reports.miss_report import aged, unused

    try:
        harness.save()
    except AgentCacheError as error:
        # From None, or pytest would show the error twice, as a cause and as itself.
        raise pytest.fail.Exception(f"{item.nodeid}: {error}", pytrace=False) from None
    strict = harness.mode == "offline" and harness.settings.unused == "fail"
    if strict and harness.unused and harness.path:
        text = unused(item.nodeid, harness.unused, harness.path, item.config.rootpath)
        pytest.fail(text, pytrace=False)
    strict = harness.settings.aged == "fail" and not harness.settings.records
    if strict and harness.cassette_file.aged and harness.path:
        text = aged(item.nodeid, harness.cassette_file.aged, harness.path, item.config.rootpath)
        pytest.fail(text, pytrace=False)


def tell_misses(item: pytest.Item, call: pytest.CallInfo[None], report: Any) -> None:
    """Sees to it that the report of a test tells its misses, whatever else became of it."""
    state = state_of(item)
    untold = [*state.own(), *state.outside()]
    if not untold or report.passed:
        return
    text, state.raised = state.raised or _misses_text(item), ""
    raised = call.excinfo is not None and getattr(call.excinfo.value, "msg", None) == text
    if report.failed and not raised:
        report.sections.append(("agentcache", text))
    elif report.skipped and not hasattr(report, "wasxfail"):
        # "The service is down" is what an agent's test would say of a miss, and skip.
        report.outcome, report.longrepr = "failed", text
    state.told += untold


def account(item: pytest.Item) -> dict[str, Any]:
    """What the summary needs to know of one test; nothing if it asked on no cassette."""
    from ..files import display_path

    state = state_of(item)
    beyond = [*state.refused, *(state.bare.misses if state.bare else [])]
    missed = sum(miss.count for miss in beyond)
    harness = state.harness
    told: dict[str, Any] = {"misses": _misses_for_page(item)} if _has_page(item) else {}
    if harness is None:
        return {"missed": missed, **told} if missed else {}
    if harness.settings.on_miss != "respond":
        missed += sum(miss.count for miss in harness.misses)
    lists = harness.passed and harness.settings.unused != "ignore"
    state.move = state.move or _move_of_recorded(item, harness)
    playing = harness.mode in ("replay", "offline")
    return {
        "cassette": display_path(harness.path or Path(), item.config.rootpath),
        "replayed": harness.responder.counts.replayed,
        "recorded": harness.responder.counts.recorded,
        "missed": missed,
        "unused": list(harness.unused) if lists else [],
        "written": harness.cassette_file.written,
        "passed": harness.passed,
        "lists": lists,
        "held": len(harness.responder.recorded) if harness.cassette_file.shared and playing else 0,
        "aged": harness.cassette_file.aged,
        "moved": _move_for_summary(item),
        **told,
    }


def _has_page(item: pytest.Item) -> bool:
    return item.config.getoption("agentcache_report") is not None


def _misses_for_page(item: pytest.Item) -> list[dict[str, Any]]:
    """What the page shows of the misses of a test."""
    from ..reports.html import missed

    state, root = state_of(item), item.config.rootpath
    bare, harness = state.bare, state.harness
    told = missed.told(item.nodeid, state.refused, None, None, root)
    if bare:
        told += missed.told(item.nodeid, bare.misses, bare.responder, None, root)
    if harness and harness.settings.on_miss != "respond":
        told += missed.told(item.nodeid, harness.misses, harness.responder, harness.path, root)
    return told
