"""The hooks of the pytest plugin.

This module must stay light: suites that do not use the plugin import it all the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from ..replay.run_state import SURROUNDINGS, Run
from ..state import TEST_REPORT
from ..suite import options, sample
from ..suite.collection import SETTINGS, is_on_cassette
from . import fixtures, hookspecs, live_output, offline, recording_hookspec, run_end
from .examples import repeat_examples
from .fixtures import VCR_SUITE, guard_of, hooks_of
from .outcome_text import redact
from .test_state import (
    RUN,
    TEST_STATE,
    RunMissError,
    account,
    check_faults,
    check_flags,
    fail_on_misses,
    finish,
    settle,
    shorten_summary,
    state_of,
    tell_misses,
)

if TYPE_CHECKING:
    from ..replay.session import Harness
    from ..settings.settings import Settings

_T = TypeVar("_T")
_SHARE = pytest.StashKey[float | None]()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    options.add_options(parser)
    if options.is_vcr_suite(pluginmanager.get_plugin("pytestconfig")):
        from .vcr_suite.options import add_options

        add_options(parser, pluginmanager)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, args: list[str]
) -> Generator[None, object, object]:
    _check(options.refuse_unknown, args)
    # Conftest files and test modules may make clients while they are imported.
    if values := options.environment_of_run(early_config):
        from ..redaction import dummies

        early_config.add_cleanup(dummies.set_for_run(values))
    parsed = early_config.known_args_namespace
    offline.start(early_config, _check(options.settings_of_run, early_config, parsed))
    return (yield)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)
    pluginmanager.register(fixtures, "agentcache-fixtures")


def _check(call: Callable[..., _T], *arguments: Any) -> _T:
    """Call a function, with the errors of settings as errors of usage."""
    from ..errors import SettingsError

    try:
        return call(*arguments)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "agentcache(cassette, session, on_miss, match, ...): put a test on a cassette, with "
        "settings of its own (pytest-agentcache)",
    )
    config.stash[SETTINGS] = _check(options.settings_of_run, config)
    offline.start(config, config.stash[SETTINGS])
    flag = config.getoption("agentcache_sample")
    config.stash[_SHARE] = _check(sample.share_of, flag, config.stash[SETTINGS].mode)
    _check(run_end.register, config)
    live_output.register(config)
    # Conftest files implement this hook of pytest-recording, which may be absent.
    known = getattr(config.hook, "pytest_recording_configure", None)
    if known is None or not known.has_spec():
        config.pluginmanager.add_hookspecs(recording_hookspec)
    if config.stash[SETTINGS].vcr:
        from .vcr_suite.suite import register

        config.stash[VCR_SUITE] = register(config, options.named_in_ini(config))
    worker = getattr(config, "workerinput", {})
    name = worker.get("agentcache_run") or uuid.uuid4().hex
    config.stash[RUN] = Run(name, root=config.rootpath)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    # xdist's controller passes the name of the run to its workers.
    node.workerinput["agentcache_run"] = node.config.stash[RUN].name


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash and not hasattr(config, "workerinput"):
        config.stash[RUN].forget()


def pytest_report_header(config: pytest.Config) -> str:
    from ..reports.run_summary import header

    return header(config.stash[SETTINGS])


def _keep_sample(config: pytest.Config, items: list[pytest.Item], share: float) -> None:
    """Deselect the tests on a cassette that are not in the sample of today."""
    today = datetime.now(UTC).date()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        stays = not is_on_cassette(item) or sample.is_in_sample(item.nodeid, share, today)
        (kept if stays else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Conftest files have added their markers by now.
    if (suite := config.stash.get(VCR_SUITE, None)) is not None:
        suite.mark(items)
    if (share := config.stash[_SHARE]) is not None:
        _keep_sample(config, items, share)
    for item in items:
        if isinstance(item, pytest.Function) and is_on_cassette(item):
            _open_first(item)
            if config.stash[SETTINGS].mode != "live":
                repeat_examples(item.obj)


def _open_first(item: pytest.Function) -> None:
    """Set up the harness before every other function-scoped fixture, so that it sees them all."""
    names = [name for name in item.fixturenames if name != "agentcache"]
    known = item._fixtureinfo.name2fixturedefs
    own = [name not in known or known[name][-1].scope == "function" for name in names]
    at = own.index(True) if True in own else len(names)
    # A new list: pytest shares one among all parameters of a test.
    item.fixturenames = [*names[:at], "agentcache", *names[at:]]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    settings = item.config.stash[SETTINGS]
    around = {
        name: getattr(SURROUNDINGS, name)
        for name in ("settings", "hooks", "run", "miss_error", "skips")
    }
    SURROUNDINGS.settings, SURROUNDINGS.hooks = settings, lambda: hooks_of(item)
    SURROUNDINGS.run, SURROUNDINGS.miss_error = item.config.stash[RUN], RunMissError
    SURROUNDINGS.skips = (pytest.skip.Exception, pytest.xfail.Exception)
    try:
        if settings.mode == "offline" or (settings.mode == "replay" and is_on_cassette(item)):
            return (yield from _shut(item, settings))
        return (yield)
    finally:
        for name, value in around.items():
            setattr(SURROUNDINGS, name, value)


def _shut(item: pytest.Item, settings: Settings) -> Generator[None, object, object]:
    """Run a test with the network blocked around it."""
    from ..clients import DISPATCHER, install

    install()
    DISPATCHER.note_folder()
    before = DISPATCHER.guard, DISPATCHER.outside
    # What the test sends while no cassette is open is its own miss, not one of the run.
    DISPATCHER.guard, DISPATCHER.outside = guard_of(settings, item), None
    try:
        return (yield)
    finally:
        DISPATCHER.guard, DISPATCHER.outside = before
        _close_bare(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    settings = item.config.stash[SETTINGS]
    # A `use_cassette` that a fixture of a wider scope holds open has the requests of the test.
    if settings.mode == "offline" and not (is_on_cassette(item) or SURROUNDINGS.blocks):
        state_of(item).bare = _open_bare(item, settings)
    result = yield
    fail_on_misses(item)
    return result


def _open_bare(item: pytest.Item, settings: Settings) -> Harness:
    """Keep a test offline that is not on a cassette, and report its misses like any other."""
    from ..replay.session import Harness
    from ..settings.hosts import LOOPBACK

    run, direct = item.config.stash[RUN], (*LOOPBACK, *settings.allowed_hosts)
    return Harness(settings, None, Path, run, hooks_of(item), direct=direct).open()


def _close_bare(item: pytest.Item) -> None:
    if bare := state_of(item).bare:
        bare.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    settle(item)
    check_flags(item)
    # Faults first: misses may be their consequence, and are reported below them.
    check_faults(item)
    # Raised here, like a failure of the test itself, so that xfail, reruns, --pdb and -x see it.
    fail_on_misses(item)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
    finally:
        _close_bare(item)
    fail_on_misses(item)
    harness = state_of(item).harness
    if harness is not None:
        finish(item, harness)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    state = state_of(item)
    tell_misses(item, call, report)
    shorten_summary(call, report)
    if state.harness is not None:
        redact(report, state.harness.responder.redaction.shown)
    # A strict xfail that passes is a failure for pytest, but its requests are all there.
    xpassed = report.when == "call" and report.failed and call.excinfo is None
    state.failed = state.failed or (report.failed and not xpassed)
    if report.when != "teardown" and state.harness is not None:
        # Skipped, or failed as expected: replay must find the requests up to that point.
        state.harness.stopped = report.skipped and not state.failed
        ran = report.when == "call" and not report.skipped
        state.harness.passed = ran and not state.failed
    if report.when == "teardown":
        if facts := account(item):
            # xdist sends reports from its workers to the controller, which adds them up.
            TEST_REPORT.set(report, facts)
        for block in SURROUNDINGS.blocks:
            block.forget_reported()
        del item.stash[TEST_STATE]
    return report
