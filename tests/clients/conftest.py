"""A server, a cassette, and each client in turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_agentcache import Harness, use_cassette

from .clients import CLIENTS, Client
from .upstream import Upstream


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture(params=CLIENTS)
def client(request) -> Client:
    return CLIENTS[request.param]()


@pytest.fixture
def cassette(tmp_path) -> Path:
    return tmp_path / "cassettes" / "one.yaml"


class Journey:
    """Does something while recording, and again from the cassette with the server stopped."""

    def __init__(self, upstream: Upstream, cassette: Path) -> None:
        self._upstream, self._cassette = upstream, cassette

    def __call__(self, act: Callable[[], Any]) -> tuple[Any, Any]:
        return self.record(act), self.replay(act)

    def record(self, act: Callable[[], Any], **settings: Any) -> Any:
        with use_cassette(self._cassette, mode="record", **settings) as self.recorded:
            return act()

    def replay(self, act: Callable[[], Any]) -> Any:
        self._upstream.stop()
        with use_cassette(self._cassette, mode="offline") as self.replayed:
            done = act()
        assert self.replayed.unused == ()
        return done

    recorded: Harness
    replayed: Harness


@pytest.fixture
def journey(upstream, cassette) -> Journey:
    return Journey(upstream, cassette)
