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

if TYPE_CHECKING:
    from requests_cache import CachedSession

    from .cassette import Cassette
    from .harness import Harness
    from .responder import Caller, Hooks, Miss
    from .runs import Run
    from .settings import Settings

SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
RUN: pytest.StashKey[Run] = pytest.StashKey()
HARNESS: pytest.StashKey[Harness] = pytest.StashKey()
REFUSED: pytest.StashKey[list[Miss]] = pytest.StashKey()
ALREADY_TOLD: pytest.StashKey[int] = pytest.StashKey()
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
    from .report import header

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
    shuts = settings.mode == "offline" or (settings.mode == "replay" and _on_cassette(item))
    if not shuts:
        return (yield)
    from .intercept import SWITCHBOARD, install

    install()
    before = SWITCHBOARD.guard
    item.stash[REFUSED] = []
    SWITCHBOARD.guard = _guard(settings, item)
    try:
        return (yield)
    finally:
        SWITCHBOARD.guard = before


def _guard(settings: Settings, item: pytest.Item) -> Any:
    from .interaction import Request
    from .intercept.sockets import SocketGuard
    from .responder import Miss

    def refused(target: str, caller: Caller | None) -> None:
        item.stash[REFUSED].append(Miss(Request("CONNECT", target), "socket", caller))

    allowed = (*settings.allowed_hosts, *settings.passthrough)
    return SocketGuard(allowed, settings.mode, refused)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    settings = item.config.stash[SETTINGS]
    bare = settings.mode == "offline" and not _on_cassette(item)
    if bare:
        _open_bare(item, settings)
    result = yield
    _fail_on_misses(item)
    return result


def _open_bare(item: pytest.Item, settings: Settings) -> None:
    """Keeps a test offline that is on no cassette, so that its misses are told like any other."""
    import tempfile

    from .harness import Harness
    from .responder import LOOPBACK

    item.stash[HARNESS] = Harness(
        settings,
        None,
        Path(tempfile.gettempdir()),
        item.config.stash[RUN],
        _hooks(item),
        direct=(*LOOPBACK, *settings.allowed_hosts),
    ).open()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    # Raised here, where a test's own failure comes from, so that xfail, reruns, --pdb and -x see
    # it as one.
    _fail_on_misses(item)
    return result


def _fail_on_misses(item: pytest.Item) -> None:
    if text := _misses_text(item):
        pytest.fail(text, pytrace=False)


def _misses_text(item: pytest.Item) -> str:
    """The report of all misses that were not told yet."""
    harness = item.stash.get(HARNESS, None)
    refused = item.stash.get(REFUSED, [])
    missed = [] if harness is None or harness.settings.on_miss == "respond" else harness.misses
    missed = [*refused, *missed]
    told = item.stash.get(ALREADY_TOLD, 0)
    if len(missed) <= told:
        return ""
    item.stash[ALREADY_TOLD] = len(missed)
    from .report import misses
    from .responder import Responder

    responder = harness.responder if harness else Responder(item.config.stash[SETTINGS])
    return misses(
        item.nodeid,
        missed[told:],
        responder,
        harness.path if harness else None,
        found_cassette=harness is not None and harness.found,
        root=item.config.rootpath,
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    harness = item.stash.get(HARNESS, None)
    if harness is None:
        return result
    if harness.path is None:
        harness.close()
    _fail_on_misses(item)
    if harness.passed:
        _finish(item, harness)
    return result


def _finish(item: pytest.Item, harness: Harness) -> None:
    from .errors import AgentCacheError
    from .report import unused

    try:
        harness.save()
    except AgentCacheError as error:
        pytest.fail(f"{item.nodeid}: {error}", pytrace=False)
    strict = harness.mode == "offline" and harness.settings.unused == "fail"
    if strict and harness.unused and harness.path:
        text = unused(item.nodeid, harness.unused, harness.path, item.config.rootpath)
        pytest.fail(text, pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    harness = item.stash.get(HARNESS, None)
    if report.when == "call" and harness is not None:
        harness.passed = report.passed and not hasattr(report, "wasxfail")
    if report.failed and (text := _misses_text(item)):
        report.sections.append(("agentcache", text))
    if report.when == "teardown" and harness is not None:
        if harness.path is not None:
            # Reports travel from xdist's workers to its controller, which sums up what they tell.
            report.agentcache = _told(item, harness)  # type: ignore[attr-defined]
        del item.stash[HARNESS]
        item.stash[ALREADY_TOLD] = 0
    return report


def _told(item: pytest.Item, harness: Harness) -> dict[str, Any]:
    from .report import shown

    counted = harness.settings.on_miss != "respond"
    lists = harness.passed and harness.settings.unused != "ignore"
    return {
        "cassette": shown(harness.path or Path(), item.config.rootpath),
        "played": harness.responder.tally.played,
        "recorded": harness.responder.tally.recorded,
        "missed": sum(miss.count for miss in harness.misses) if counted else 0,
        "unused": list(harness.unused) if lists else [],
        "written": harness.written,
    }


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    from .report import Totals

    totals = Totals()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if told := getattr(report, "agentcache", None):
                totals.add(told)
    totals.late += [*config.stash.get(LATE, []), *_late()]
    for line in totals.lines(verbose=config.getoption("verbose") > 0):
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
        pytest.fail(str(error), pytrace=False)
    if settings.mode in ("replay", "offline"):
        item.stash.setdefault(REFUSED, [])
        SWITCHBOARD.guard = _guard(settings, item)
    item.stash[HARNESS] = harness
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
    siblings = dir(getattr(item.parent, "obj", None))
    own = getattr(item, "originalname", None) or item.name
    ambiguous = sum(name.casefold() == own.casefold() for name in siblings) > 1
    test = ".".join(node.name for node in chain)
    return settings, naming.cassette_path(item.path, test, ambiguous=ambiguous)


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
