"""The fixtures of the plugin.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..suite import options
from ..suite.collection import SETTINGS, cassette_of
from .live_output import SHOWN
from .test_state import RUN, Failed, state_of

if TYPE_CHECKING:
    from requests_cache import CachedSession

    from ..cassette import Cassette
    from ..clock import Clock
    from ..faults import Upstream
    from ..http.messages import Request, Response
    from ..replay.hooks import Hooks
    from ..replay.misses import Sender
    from ..replay.session import Harness
    from ..settings.settings import Settings
    from .vcr_suite.suite import VcrSuite

VCR_SUITE: pytest.StashKey[VcrSuite] = pytest.StashKey()


@pytest.fixture
def agentcache_config() -> dict[str, Any]:
    """Return settings for all tests below: override it, at any scope.

    The keys are the arguments of the marker, which beats them.
    """
    return {}


@pytest.fixture
def agentcache(
    request: pytest.FixtureRequest, agentcache_config: dict[str, Any]
) -> Iterator[Harness]:
    """Yield the test's harness: `.session`, `.cassette`, `.misses`, `.mode`."""
    from ..clients import CHILDREN, DISPATCHER, install
    from ..errors import AgentCacheError
    from ..replay.session import Harness

    item = request.node
    install()
    before = shut = DISPATCHER.guard
    try:
        suite = item.config.stash.get(VCR_SUITE, None)
        vcr = suite.test(request) if suite else None
        below = item.config.stash[SETTINGS]
        below = vcr.settings(below) if vcr else below
        settings = options.settings_of_test(below, agentcache_config, item)
        if settings.freeze is None:
            settings = replace(settings, freeze=True)
        if vcr and settings.cassette == below.cassette:
            path, test, more = vcr.path, "", vcr.more
        else:
            settings, path, test = cassette_of(item, settings)
            more = ()
        hooks = vcr.hooks(hooks_of(item)) if vcr else hooks_of(item)
        run, configure = item.config.stash[RUN], _session_hook(item)
        if settings.children:
            CHILDREN.patch()
        harness = Harness(
            settings, path, _folder_of(request), run, hooks, configure, test=test, more=more
        ).open()
    except AgentCacheError as error:
        raise Failed(str(error)) from None
    replays = settings.mode in ("replay", "offline")
    shut = DISPATCHER.guard = guard_of(settings, item) if replays else None
    state_of(item).harness = harness
    item.config.stash[SHOWN] = harness.responder.redaction.shown
    state_of(item).record_mode = vcr.record_mode if vcr else ""
    yield harness
    try:
        harness.close()
    finally:
        # An interrupted run opens the network before it tears down its fixtures.
        if DISPATCHER.guard is shut:
            DISPATCHER.guard = before


@pytest.fixture
def agentcache_session(request: pytest.FixtureRequest, agentcache: Harness) -> CachedSession:
    """Return the test's own `requests_cache.CachedSession`, on YAML files in its own folder."""
    from ..errors import SettingsError

    try:
        return agentcache.session
    except SettingsError as error:
        place = options.location_of(request.node)
        raise Failed(f"{place}: {error}") from None


@pytest.fixture
def agentcache_clock(agentcache: Harness) -> Clock:
    """The test's clock, frozen: `.now`, `.tick(seconds)`, `.move_to(when)`, `.real()`."""
    return agentcache.clock


@pytest.fixture
def agentcache_upstream(agentcache: Harness) -> Upstream:
    """Return the planned faults in front of the cassette: `.fail()`, `.down()`, `.calls`, …."""
    return agentcache.upstream


@pytest.fixture
def agentcache_cassette(agentcache: Harness) -> Cassette:
    """Return the test's cassette: `.path`, `.recorded_at`, `.interactions`."""
    return agentcache.cassette


def _folder_of(request: pytest.FixtureRequest) -> Callable[[], Path]:
    """Return a function that returns the test's temporary folder, made only if it is needed."""
    if "tmp_path" in request.fixturenames:
        folder: Path = request.getfixturevalue("tmp_path")
        return lambda: folder
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    # As pytest names the folder of a test.
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return lambda: factory.mktemp(name, numbered=True)


def hooks_of(item: pytest.Item) -> Hooks:
    """Return the hooks of conftest files and plugins that apply to `item`."""
    from ..replay.hooks import Hooks, unchanged

    call = item.ihook
    normalizes = bool(call.pytest_agentcache_normalize_request.get_hookimpls())
    before_request = call.pytest_agentcache_before_record_request
    before_response = call.pytest_agentcache_before_record_response

    def changed_request(request: Request) -> Request | None:
        result = before_request(request=request, item=item)
        return request if result is None else result or None

    def changed_response(response: Response, request: Request) -> Response | None:
        result = before_response(response=response, request=request, item=item)
        return response if result is None else result or None

    return Hooks(
        before_request=changed_request if before_request.get_hookimpls() else unchanged,
        before_response=changed_response,
        redact=lambda interaction: (
            call.pytest_agentcache_redact(interaction=interaction, item=item) or interaction
        ),
        normalize=(
            lambda request: (
                call.pytest_agentcache_normalize_request(request=request, item=item) or request
            )
        )
        if normalizes
        else unchanged,
        miss=lambda miss: call.pytest_agentcache_miss(miss=miss, item=item),
    )


def _session_hook(item: pytest.Item) -> Any:
    def configure(session: CachedSession) -> None:
        item.ihook.pytest_agentcache_configure_session(session=session, item=item)

    return configure


def guard_of(settings: Settings, item: pytest.Item) -> Any:
    """Return the guard that blocks the network around `item`."""
    from ..clients.sockets import guard_for
    from ..http.messages import Request
    from ..replay.misses import Miss

    def refused(target: str, caller: Sender | None) -> None:
        state_of(item).refused.append(Miss(Request("CONNECT", target), "socket", caller))

    return guard_for(settings, refused)
