"""The pytest plugin: fixtures, hooks, and when a test takes charge of its requests.

This module must stay light: suites that do not use the plugin import it all the same.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import hookspecs, options
from .watch import WATCH, account, fail_on_misses, finish, tell_misses, watch_of

if TYPE_CHECKING:
    from requests_cache import CachedSession

    from .cassette import Cassette
    from .harness import Harness
    from .responder import Caller, Hooks
    from .runs import Run
    from .settings import Settings

SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
RUN: pytest.StashKey[Run] = pytest.StashKey()
LATE: pytest.StashKey[list[str]] = pytest.StashKey()

FIXTURES = {"agentcache", "agentcache_session", "agentcache_cassette"}


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    from .errors import SettingsError
    from .runs import Run

    config.addinivalue_line(
        "markers",
        "agentcache(cassette, session, on_miss, match, ...): put a test on a cassette, and set "
        "what holds for it (pytest-agentcache)",
    )
    try:
        config.stash[SETTINGS] = options.settings_of_run(config)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
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
        or not FIXTURES.isdisjoint(item.fixturenames)
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
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    settings = item.config.stash[SETTINGS]
    on_cassette = _on_cassette(item)
    unused = "pytest_agentcache.intercept" not in sys.modules
    if settings.mode == "replay" and not on_cassette and unused:
        return (yield)
    from .intercept import SWITCHBOARD, install

    before = SWITCHBOARD.guard, SWITCHBOARD.mode
    SWITCHBOARD.mode = settings.mode
    if settings.mode == "offline" or (settings.mode == "replay" and on_cassette):
        install()
        SWITCHBOARD.guard = _guard(settings, item)
    try:
        return (yield)
    finally:
        SWITCHBOARD.guard, SWITCHBOARD.mode = before
        _close_bare(item)


def _guard(settings: Settings, item: pytest.Item) -> Any:
    from .interaction import Request
    from .intercept.sockets import SocketGuard
    from .responder import Miss

    def refused(target: str, caller: Caller | None) -> None:
        watch_of(item).refused.append(Miss(Request("CONNECT", target), "socket", caller))

    allowed = (*settings.allowed_hosts, *settings.passthrough)
    return SocketGuard(allowed, settings.mode, refused)


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
    from .responder import LOOPBACK

    run, direct = item.config.stash[RUN], (*LOOPBACK, *settings.allowed_hosts)
    return Harness(settings, None, Path(), run, _hooks(item), direct=direct).open()


def _close_bare(item: pytest.Item) -> None:
    if bare := watch_of(item).bare:
        bare.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
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
    totals.late += [*config.stash.get(LATE, []), *_late()]
    lines = list(totals.lines(verbose=config.getoption("verbose") > 0))
    if lines and {"failed", "error"} & terminalreporter.stats.keys():
        lines.insert(0, "")
    for line in lines:
        terminalreporter.write_line(line)


def _late() -> list[str]:
    """What came after the end of its test, on this process, since this was last asked."""
    intercept = sys.modules.get("pytest_agentcache.intercept")
    if intercept is None:
        return []
    from .responder import sentence

    late = intercept.SWITCHBOARD.take_late()
    return [f"{sentence(miss)}" + (f", at {miss.caller}" if miss.caller else "") for miss in late]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["agentcache_late"] = _late()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    late = getattr(node, "workeroutput", {}).get("agentcache_late", [])
    node.config.stash.setdefault(LATE, []).extend(late)


@pytest.fixture
def agentcache_config() -> dict[str, Any]:
    """Settings for all tests below: override it, at any scope, and return a dict.

    The keys are the arguments of the marker, which beats them.
    """
    return {}


@pytest.fixture
def agentcache(
    request: pytest.FixtureRequest, agentcache_config: dict[str, Any], tmp_path: Path
) -> Iterator[Harness]:
    """The test's harness: `.session`, `.cassette`, `.misses`, `.mode`."""
    from .errors import AgentCacheError
    from .harness import Harness
    from .intercept import SWITCHBOARD, install

    item = request.node
    install()
    before = SWITCHBOARD.guard
    try:
        settings = options.settings_of_test(item.config.stash[SETTINGS], agentcache_config, item)
        settings, path = _cassette_of(item, settings)
        harness = Harness(
            settings, path, tmp_path, item.config.stash[RUN], _hooks(item), _session_hook(item)
        ).open()
    except AgentCacheError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    if settings.mode in ("replay", "offline"):
        SWITCHBOARD.guard = _guard(settings, item)
    watch_of(item).harness = harness
    yield harness
    harness.close()
    SWITCHBOARD.guard = before


@pytest.fixture
def agentcache_session(agentcache: Harness) -> CachedSession:
    """A `requests_cache.CachedSession` of the test's own: its folder, filesystem backend, YAML."""
    return agentcache.session


@pytest.fixture
def agentcache_cassette(agentcache: Harness) -> Cassette:
    """The test's cassette: `.path`, `.recorded_at`, `.interactions`."""
    return agentcache.cassette


def _cassette_of(item: pytest.Item, settings: Settings) -> tuple[Settings, Path]:
    from . import naming

    name = settings.cassette or item.ihook.pytest_agentcache_cassette_name(item=item)
    if name:
        return replace(settings, cassette=name), naming.named_cassette(item.path, name)
    chain = [node for node in item.listchain() if isinstance(node, (pytest.Class, pytest.Function))]
    test = ".".join(node.name for node in chain)
    ambiguous = any(_has_twin(node) for node in chain)
    return settings, naming.cassette_path(item.path, test, ambiguous=ambiguous)


def _has_twin(node: pytest.Class | pytest.Function) -> bool:
    """Whether something beside `node` has its name but for upper and lower case."""
    own = (getattr(node, "originalname", None) or node.name).casefold()
    return sum(name.casefold() == own for name in dir(getattr(node.parent, "obj", None))) > 1


def _hooks(item: pytest.Item) -> Hooks:
    from .responder import Hooks

    call = item.ihook
    return Hooks(
        redact=lambda interaction: (
            call.pytest_agentcache_redact(interaction=interaction, item=item) or interaction
        ),
        normalize=lambda request: (
            call.pytest_agentcache_normalize_request(request=request, item=item) or request
        ),
        miss=lambda miss: call.pytest_agentcache_miss(miss=miss, item=item),
    )


def _session_hook(item: pytest.Item) -> Any:
    def configure(session: CachedSession) -> None:
        item.ihook.pytest_agentcache_configure_session(session=session, item=item)

    return configure
