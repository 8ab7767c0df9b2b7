"""The pytest plugin: its hooks, and when a test takes charge of its requests.

This module must stay light: suites that do not use the plugin import it all the same.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import fixtures, hookspecs, options
from .fixtures import guard_of, hooks_of
from .outcome_text import redact
from .runs import SURROUNDINGS, Run
from .watch import (
    RUN,
    SETTINGS,
    WATCH,
    account,
    check_faults,
    check_flags,
    fail_on_misses,
    finish,
    settle,
    tell_misses,
    watch_of,
)

if TYPE_CHECKING:
    from .harness import Harness
    from .page.collector import Collector
    from .settings import Settings

LATE: pytest.StashKey[list[str]] = pytest.StashKey()
PAGE: pytest.StashKey[Collector] = pytest.StashKey()
# Whether some of the collected tests did not run.
NARROWED: pytest.StashKey[bool] = pytest.StashKey()

# Asking for one of these puts a test on a cassette.
OPENING = {
    "agentcache",
    "agentcache_cassette",
    "agentcache_clock",
    "agentcache_session",
    "agentcache_upstream",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)
    pluginmanager.register(fixtures, "agentcache-fixtures")


def pytest_configure(config: pytest.Config) -> None:
    from .errors import SettingsError

    config.addinivalue_line(
        "markers",
        "agentcache(cassette, session, on_miss, match, ...): put a test on a cassette, and set "
        "what holds for it (pytest-agentcache)",
    )
    try:
        config.stash[SETTINGS] = options.settings_of_run(config)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    if (named := config.getoption("agentcache_report")) and not hasattr(config, "workerinput"):
        from .page.collector import collector_of

        try:
            config.stash[PAGE] = collector_of(named, config, config.stash[SETTINGS].mode)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(config.stash[PAGE], "agentcache-page")
    worker = getattr(config, "workerinput", {})
    config.stash[RUN] = Run(worker.get("agentcache_run") or uuid.uuid4().hex)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    # xdist's controller tells its workers which run they belong to.
    node.workerinput["agentcache_run"] = node.config.stash[RUN].name


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash and not hasattr(config, "workerinput"):
        config.stash[RUN].forget()


def pytest_report_header(config: pytest.Config) -> str:
    from .summary import header

    return header(config.stash[SETTINGS])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _on_cassette(item):
            _open_first(item)


def _on_cassette(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    return (
        item.config.stash[SETTINGS].auto
        or item.get_closest_marker("agentcache") is not None
        or not OPENING.isdisjoint(item.fixturenames)
    )


def _open_first(item: pytest.Function) -> None:
    """Puts the harness before every other fixture of the test's own, so that it sees them all."""
    names = [name for name in item.fixturenames if name != "agentcache"]
    known = item._fixtureinfo.name2fixturedefs
    own = [name not in known or known[name][-1].scope == "function" for name in names]
    at = own.index(True) if True in own else len(names)
    # A list of its own: pytest shares one among all parameters of a test.
    item.fixturenames = [*names[:at], "agentcache", *names[at:]]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    settings = item.config.stash[SETTINGS]
    around = SURROUNDINGS.settings, SURROUNDINGS.hooks
    SURROUNDINGS.settings, SURROUNDINGS.hooks = settings, lambda: hooks_of(item)
    try:
        if settings.mode == "offline" or (settings.mode == "replay" and _on_cassette(item)):
            return (yield from _shut(item, settings))
        return (yield)
    finally:
        SURROUNDINGS.settings, SURROUNDINGS.hooks = around
        if not (nextitem and _freezes(nextitem)):
            _let_time_go_on()


def _let_time_go_on() -> None:
    clock = sys.modules.get("pytest_agentcache.clock")
    if clock is not None:
        clock.take_out()


def _freezes(item: pytest.Item) -> bool:
    """Whether a test is about to freeze its clock, as far as that can be told before it runs.

    From one to the next freezegun stays in, which is what makes it cheap.
    """
    if not _on_cassette(item):
        return False
    chosen = [
        mark.kwargs["freeze"] for mark in item.iter_markers("agentcache") if "freeze" in mark.kwargs
    ]
    setting = chosen[0] if chosen else item.config.stash[SETTINGS].freeze
    return fixtures.asks_for_time(item) if setting is None else bool(setting)


def _shut(item: pytest.Item, settings: Settings) -> Generator[None, object, object]:
    """Runs a test with the network shut around it."""
    from .intercept import SWITCHBOARD, install

    install()
    before, SWITCHBOARD.guard = SWITCHBOARD.guard, guard_of(settings, item)
    try:
        return (yield)
    finally:
        SWITCHBOARD.guard = before
        _close_bare(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    settings = item.config.stash[SETTINGS]
    if settings.mode == "offline" and not _on_cassette(item):
        watch_of(item).bare = _open_bare(item, settings)
    result = yield
    fail_on_misses(item)
    return result


def _open_bare(item: pytest.Item, settings: Settings) -> Harness:
    """Keeps a test offline that is on no cassette, so that its misses are told like any other."""
    from .harness import Harness
    from .hosts import LOOPBACK

    run, direct = item.config.stash[RUN], (*LOOPBACK, *settings.allowed_hosts)
    return Harness(settings, None, Path(), run, hooks_of(item), direct=direct).open()


def _close_bare(item: pytest.Item) -> None:
    if bare := watch_of(item).bare:
        bare.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    settle(item)
    check_flags(item)
    # Before misses, which may be no more than what follows; they are told below it.
    check_faults(item)
    # Raised here, where a test's own failure comes from, so that xfail, reruns, --pdb and -x see
    # it as one.
    fail_on_misses(item)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
    finally:
        _close_bare(item)
    fail_on_misses(item)
    harness = watch_of(item).harness
    if harness is not None and harness.passed:
        finish(item, harness)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    watch = watch_of(item)
    tell_misses(item, call, report)
    if watch.harness is not None:
        redact(report, watch.harness.responder.redaction.text)
    watch.failed = watch.failed or report.failed
    if report.when == "call" and watch.harness is not None:
        passed = report.passed and not hasattr(report, "wasxfail")
        watch.harness.passed = passed and not watch.failed
    if report.when == "teardown":
        if told := account(item):
            # Reports travel from xdist's workers to its controller, which sums up what they tell.
            report.agentcache = told  # type: ignore[attr-defined]
        del item.stash[WATCH]
    return report


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    from .summary import Totals

    totals = Totals()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if told := getattr(report, "agentcache", None):
                totals.add(told)
    for sentence in config.stash.get(LATE, []):
        totals.late.append(sentence)
    lines = list(totals.lines(verbose=config.getoption("verbose") > 0))
    if lines and {"failed", "error"} & terminalreporter.stats.keys():
        lines.insert(0, "")
    if PAGE in config.stash:
        lines.append(config.stash[PAGE].line)
    for line in lines:
        terminalreporter.write_line(line)


def _late() -> list[str]:
    """What came after the end of its test, on this process, since this was last asked."""
    intercept = sys.modules.get("pytest_agentcache.intercept")
    if intercept is None:
        return []
    from .misses import sentence

    late = intercept.SWITCHBOARD.take_late()
    return [f"{sentence(miss)}" + (f", at {miss.caller}" if miss.caller else "") for miss in late]


def pytest_deselected(items: list[pytest.Item]) -> None:
    if items:
        items[0].config.stash[NARROWED] = True


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # After -x or Ctrl-C the test that freezegun stayed in for has not come.
    _let_time_go_on()
    config = session.config
    output = getattr(config, "workeroutput", None)
    late = config.stash.setdefault(LATE, [])
    late += _late()
    _write_page(session)
    if output is not None:
        output["agentcache_late"] = late
        output["agentcache_narrowed"] = config.stash.get(NARROWED, False)
    elif late and exitstatus == pytest.ExitCode.OK:
        # Nobody can say which test missed it, and a green run would swallow it.
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif (
        config.stash[SETTINGS].mode == "rerecord"
        and exitstatus == pytest.ExitCode.OK
        and not config.stash.get(NARROWED, False)
    ):
        from .errors import AgentCacheError
        from .harness import drop_stale

        places = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
        try:
            drop_stale(config.stash[RUN], [place for place in places if place.is_dir()])
        except AgentCacheError as error:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            config.stash.setdefault(LATE, []).append(str(error))


def _write_page(session: pytest.Session) -> None:
    """Writes the page that `--agentcache-report` names; a run that cannot is no success."""
    config = session.config
    if PAGE not in config.stash:
        return
    from .errors import AgentCacheError

    late: list[str] = config.stash.get(LATE, [])
    try:
        config.stash[PAGE].finish(late)
    except AgentCacheError as error:
        config.stash[PAGE].line = str(error)
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output, stash = getattr(node, "workeroutput", {}), node.config.stash
    stash.setdefault(LATE, []).extend(output.get("agentcache_late", []))
    stash[NARROWED] = stash.get(NARROWED, False) or output.get("agentcache_narrowed", True)
