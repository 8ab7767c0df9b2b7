"""The state of a running test: report its misses, write its cassette, account for the summary.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprTracebackNative

from ..errors import MissError, RedactedTwinsWarning
from ..replay.run_state import SURROUNDINGS
from ..suite.collection import COLLECTION, test_name
from . import offline

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
    """The state of a test while it runs.

    Attributes:
        harness: The harness of a test on a cassette, opened by its fixture.
        bare: The harness that keeps a test offline that is not (yet) on a cassette.
        refused: The connections refused while neither was open.
        raised: The report that was raised, until pytest has made its own report.
        failed: Whether any part of the test failed, subtests included.
        move: The cassette that it seems to have had under another name.
        record_mode: VCR.py's record mode, in a suite that was written for that.
        unsaved: The reason why the cassette could not be written.
    """

    harness: Harness | None = None
    bare: Harness | None = None
    refused: list[Miss] = field(default_factory=list)
    raised: str = ""
    failed: bool = False
    move: Move | None = None
    record_mode: str = ""
    unsaved: str = ""

    def own(self) -> list[Miss]:
        """Return the misses of the test's own cassette that are not reported yet."""
        counts = self.harness is not None and self.harness.settings.on_miss != "respond"
        return _unreported(self.harness.misses if self.harness and counts else [])

    def outside(self) -> list[Miss]:
        """Return the misses outside any cassette that are not reported yet."""
        return _unreported([*self.refused, *(self.bare.misses if self.bare else [])])


def _unreported(misses: list[Miss]) -> list[Miss]:
    return [miss for miss in misses if not miss.reported]


# mypy does not see an attribute of a function as a class.
class Failed(pytest.fail.Exception):  # type: ignore[name-defined, misc]
    """A failure that the plugin found; its text is the whole report, without a traceback."""

    # As pytest's own is shown: "Failed: …".
    __module__ = "builtins"

    def __init__(self, text: str) -> None:
        super().__init__(text, pytrace=False)


class RunMissError(MissError, pytest.fail.Exception):  # type: ignore[name-defined, misc]
    """A miss that is raised in a test: pytest ends the test, and its teardown, as it should."""


def state_of(item: pytest.Item) -> TestState:
    """Return the state of the running test `item`."""
    return item.stash.setdefault(TEST_STATE, TestState())


def fail_on_misses(item: pytest.Item) -> None:
    """Fail a test, with its report, if it has misses that are not reported yet."""
    _hear_children(item)
    if text := _misses_text(item):
        state_of(item).raised = text
        raise Failed(text)


def _hear_children(item: pytest.Item) -> None:
    state = state_of(item)
    harness = state.harness or state.bare
    state.refused += offline.hear_children(item.nodeid, harness.responder if harness else None)


def _misses_text(item: pytest.Item) -> str:
    """Return the report of all misses that are not reported yet."""
    state = state_of(item)
    own, outside = state.own(), state.outside()
    held = [(block, misses) for block in SURROUNDINGS.blocks if (misses := block.unreported())]
    if not own and not outside and not held:
        return ""
    from ..reports import miss_report

    root, texts = item.config.rootpath, []
    if outside and state.bare:
        texts.append(
            miss_report.misses(item.nodeid, outside, state.bare.responder, None, root=root)
        )
    elif outside:
        texts.append(miss_report.outside(outside))
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
                moved=_possible_move(item),
            )
        )
    texts += [block.report(misses) for block, misses in held]
    return "\n\n".join(texts)


def _move(item: pytest.Item, harness: Harness, asked: Sequence[Request]) -> Move | None:
    """Return the cassette of a removed test that fits this one, which has none yet."""
    path = harness.path
    if path is None or harness.cassette_file.found or harness.cassette_file.shared or not asked:
        return None
    collection = item.config.stash[COLLECTION]
    if not collection.left:
        return None
    from ..reports import miss_search
    from ..suite import renames

    holds = miss_search.holder_of(asked[0], harness.responder)
    old = renames.best(path, test_name(item), collection.left, holds)
    return renames.move(old, path, collection.collected) if old else None


def _move_of_recorded(item: pytest.Item, harness: Harness) -> Move | None:
    """Return the same for a test whose cassette has just been made."""
    if harness.mode != "record" or not harness.cassette_file.written or harness.cassette_file.found:
        return None
    return _move(item, harness, [each.request for each in harness.responder.added()])


def _possible_move(item: pytest.Item) -> tuple[str, str] | None:
    """Return a sentence on a cassette that may need to move, and the command that moves it."""
    move, config = state_of(item).move, item.config
    if move is None:
        return None
    return move.sentence(config.rootpath), move.command(config.invocation_params.dir)


def _move_for_summary(item: pytest.Item) -> tuple[str, str] | None:
    """Return its path, and the same in one line."""
    from ..files import display_path

    move, facts = state_of(item).move, _possible_move(item)
    if move is None or facts is None:
        return None
    now = item.nodeid.partition("::")[0] if move.whole else item.nodeid
    place = display_path(move.place, item.config.rootpath)
    return place, f"{facts[0]}; if that is {now} now: {facts[1]}"


def settle(item: pytest.Item) -> None:
    """Run the background refreshes that still wait, while the test can fail for them."""
    from ..errors import RefreshError

    if harness := state_of(item).harness:
        try:
            harness.settle()
        except RefreshError as error:
            raise Failed(f"{item.nodeid}: {error}") from None


def check_faults(item: pytest.Item) -> None:
    """Fail a test with planned faults that were not used, or that are impossible."""
    if harness := state_of(item).harness:
        from ..faults import fault_report

        if text := fault_report(item.nodeid, harness.responder.plan):
            raise Failed(text)


def check_flags(item: pytest.Item) -> None:
    """Fail a test whose agent sent an invalid `auto_cache` and caught the error."""
    from ..errors import AutoCacheError

    if harness := state_of(item).harness:
        try:
            harness.check_flags()
        except AutoCacheError as error:
            raise Failed(f"{item.nodeid}: {error}") from None


def finish(item: pytest.Item, harness: Harness) -> None:
    """Write the cassette of a test that did not fail; fail it for what is unused if it must."""
    if not (harness.passed or harness.stopped):
        return
    from ..errors import AgentCacheError
    from ..reports.miss_report import aged, unused

    try:
        harness.save()
    except AgentCacheError as error:
        state_of(item).unsaved = getattr(error, "problem", "") or str(error).partition("\n")[0]
        # From None, or pytest would show the error twice, as a cause and as itself.
        raise Failed(f"{item.nodeid}: {error}") from None
    for twins in harness.responder.twins():
        try:
            item.warn(RedactedTwinsWarning(f"{item.nodeid}: {twins}"))
        except RedactedTwinsWarning as error:
            # The suite treats warnings as errors.
            raise Failed(str(error)) from None
    if not harness.passed:
        return
    strict = harness.mode == "offline" and harness.settings.unused == "fail"
    if strict and harness.unused and harness.path:
        text = unused(item.nodeid, harness.unused, harness.path, item.config.rootpath)
        raise Failed(text)
    strict = harness.settings.aged == "fail" and not harness.settings.records
    if strict and harness.cassette_file.aged and harness.path:
        text = aged(item.nodeid, harness.cassette_file.aged, harness.path, item.config.rootpath)
        raise Failed(text)


def tell_misses(item: pytest.Item, call: pytest.CallInfo[None], report: Any) -> None:
    """Add the misses to the report of a test, however it ended."""
    _hear_children(item)
    state = state_of(item)
    unreported = [*state.own(), *state.outside()]
    unreported += [miss for block in SURROUNDINGS.blocks for miss in block.unreported()]
    if not unreported or report.passed:
        return
    text, state.raised = state.raised or _misses_text(item), ""
    error = call.excinfo.value if call.excinfo is not None else None
    if report.failed and isinstance(error, Failed):
        if error.msg != text:
            # Such as a planned fault, which may have caused the misses.
            report.sections.append(("agentcache", text))
    elif report.failed and getattr(error, "msg", None) != text:
        _lead_with(text, report)
    elif report.skipped and not hasattr(report, "wasxfail"):
        # A test may take a miss for a service that is down, and skip itself.
        report.outcome, report.longrepr = "failed", text
    for miss in unreported:
        miss.reported = True


def _lead_with(text: str, report: Any) -> None:
    """Put `text` in front of the error with which a test ended: it may have caused that error."""
    shown = report.longrepr
    if not isinstance(shown, ExceptionChainRepr):
        report.sections.append(("agentcache", text))
        return
    cause, _, _ = text.partition("\n")
    crash, lead = shown.reprcrash, ReprTracebackNative([f"{text}\n"])
    # pytest prints a chain of errors with such a line below each of them.
    shown.chain = [(lead, crash, "The test then failed with its own error:"), *shown.chain]
    if crash is not None:
        first, _, _ = crash.message.partition("\n")
        crash.message = f"{cause}, then {first}"


def shorten_summary(call: pytest.CallInfo[None], report: Any) -> None:
    """Leave the first line of a failure of the plugin, its cause, for pytest's short summary.

    In CI pytest does not cut those lines: each failure would be printed a second time, whole.
    """
    if call.excinfo is not None and isinstance(call.excinfo.value, Failed | RunMissError):
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = crash.message.partition("\n")[0]


def account(item: pytest.Item) -> dict[str, Any]:
    """Return what the summary needs of one test; empty if it used no cassette."""
    from ..files import display_path
    from ..reports.run_summary import facts_of

    state = state_of(item)
    beyond = [*state.refused, *(state.bare.misses if state.bare else [])]
    missed = sum(miss.count for miss in beyond) + SURROUNDINGS.take_missed()
    harness = state.harness
    facts: dict[str, Any] = {"misses": _misses_for_page(item)} if _has_page(item) else {}
    if harness is None:
        return {"missed": missed, **facts} if missed else {}
    if harness.settings.on_miss != "respond":
        missed += sum(miss.count for miss in harness.misses)
    lists = harness.passed and harness.settings.unused != "ignore"
    state.move = state.move or _move_of_recorded(item, harness)
    shared = harness.cassette_file.shared and harness.mode in ("replay", "offline")
    root = item.config.rootpath
    return facts_of(
        harness,
        display_path(harness.path or Path(), root),
        missed=missed,
        unused=list(harness.unused) if lists else [],
        discarded=_discarded(state, harness),
        failures=_failures(harness),
        lists=lists,
        held=len(harness.responder.recorded) if shared else 0,
        moved=_move_for_summary(item),
        drift=harness.cassette_file.drift(harness.responder),
        cost=_cost(harness),
        spins=[f"{display_path(Path(file), root)}:{line}" for file, line in harness.clock.spins],
        **facts,
    )


def _discarded(state: TestState, harness: Harness) -> str:
    """Return why the recordings of a test were not kept; empty if they were."""
    if not harness.responder.counts.recorded or harness.cassette_file.written:
        return ""
    if not (harness.passed or harness.stopped):
        return "the test failed"
    if harness.stopped and harness.responder.log.unanswered:
        return "the test ended early, and upstream gave no response"
    return state.unsaved


def _cost(harness: Harness) -> float:
    """Return what the new responses of a test have cost, in US dollars, by what they say."""
    if harness.settings.budget is None:
        return 0.0
    from ..llm.reading import read_output

    added = harness.responder.added()
    return sum(read_output(each.response).usage.cost or 0.0 for each in added)


def _failures(harness: Harness) -> list[str]:
    """Return the requests whose recorded responses are errors, with their status."""
    if not harness.cassette_file.written:
        return []
    found = []
    for each in harness.responder.added():
        if each.response.status >= 400:
            url = urlsplit(each.request.url)
            found.append(f"{each.request.method} {url.netloc}{url.path} → {each.response.status}")
    return found


def _has_page(item: pytest.Item) -> bool:
    return item.config.getoption("agentcache_report") is not None


def _misses_for_page(item: pytest.Item) -> list[dict[str, Any]]:
    """Return the misses of a test for the HTML page."""
    from ..reports.html import missed

    state, root = state_of(item), item.config.rootpath
    bare, harness = state.bare, state.harness
    facts = missed.describe(item.nodeid, state.refused, None, None, root)
    if bare:
        facts += missed.describe(item.nodeid, bare.misses, bare.responder, None, root)
    if harness and harness.settings.on_miss != "respond":
        facts += missed.describe(item.nodeid, harness.misses, harness.responder, harness.path, root)
    return facts
