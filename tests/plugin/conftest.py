"""Suites as users have them, run by pytest inside pytest, and a live upstream to record from."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from urllib.parse import parse_qsl, urlsplit

# Runs in this process forget what they import, but patches stay in what was patched: all clients
# must be loaded before the first run.
import aiohttp  # noqa: F401
import httpx  # noqa: F401
import httpx2  # noqa: F401
import pytest
import requests_cache  # noqa: F401
from _pytest import fixtures as pytest_fixtures

import pytest_agentcache
from pytest_agentcache import use_cassette  # noqa: F401
from pytest_agentcache.clients import install
from tests.fork_server import FORK_SERVER

install()
# Load all of the package, or each run compiles the modules that only runs import.
for module in pkgutil.walk_packages(pytest_agentcache.__path__, "pytest_agentcache."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)

_LOOK = pytest_fixtures.FixtureManager.parsefactories
# The modules of pytest that have no fixture.
_WITHOUT: dict[ModuleType, bool] = {}


def _look_for_fixtures(self, *arguments, **options):
    """Look for fixtures, but only once through each module of pytest that has none.

    Each run inside these tests would look through all of them again, for a fifth of its time.
    """
    holder = options.get("holder", arguments[0] if arguments else None)
    if isinstance(holder, ModuleType) and holder.__name__.startswith("_pytest."):
        if holder not in _WITHOUT:
            kind = pytest_fixtures.FixtureFunctionDefinition
            found = (isinstance(each, kind) for each in vars(holder).values())
            _WITHOUT[holder] = not any(found)
        if _WITHOUT[holder]:
            return
    _LOOK(self, *arguments, **options)


if hasattr(pytest_fixtures, "FixtureFunctionDefinition"):  # from pytest 8.4 on
    pytest_fixtures.FixtureManager.parsefactories = _look_for_fixtures

# Built-in plugins that take part in no suite here.
IDLE = ("faulthandler", "legacypath", "pastebin", "stepwise")


class Upstream:
    """An origin on loopback that is alive until it is stopped, and counts its hits.

    A GET is answered with `{"path": …, "hit": n}`; each `h=Name:value` in the query becomes a
    header of the answer, `status=` its status; with `slow=` it takes so many seconds, with `first=`
    only the first time; with `rest=` its body does. A POST is
    answered with its own body as `asked`. `once=` is the status of the first answer, `unchanged=`
    has 304 for a request with its ETag.
    """

    def __init__(self) -> None:
        self.hits: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Stop it; later connections are refused by the system."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(size)
                again = f"{self.command} {self.path}" in upstream.hits
                upstream.hits.append(f"{self.command} {self.path}")
                query = parse_qsl(urlsplit(self.path).query)
                # Neither a frozen clock nor a patched sleep has a say here.
                slow = dict(query).get("slow", 0 if again else dict(query).get("first", 0))
                threading.Event().wait(float(slow))
                content = {"path": self.path, "hit": len(upstream.hits)}
                if body:
                    content["asked"] = body.decode()
                body = json.dumps(content).encode()
                status = 200 if again else int(dict(query).get("once", 200))
                if "If-None-Match" in self.headers and "unchanged" in dict(query):
                    status, body = 304, b""
                self.send_response(int(dict(query).get("status", status)))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                for name, value in query:
                    if name == "h":
                        self.send_header(*value.split(":", 1))
                self.end_headers()
                threading.Event().wait(float(dict(query).get("rest", 0)))
                # The client may have given up.
                with suppress(ConnectionError):
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class Suite:
    """A test suite in a user's folder."""

    def __init__(self, pytester: pytest.Pytester, upstream: Upstream) -> None:
        self._pytester, self.upstream = pytester, upstream
        self.root = pytester.path

    def write(self, source: str, name: str = "test_suite.py") -> Path:
        """Writes a file whose `URL` is that of the upstream."""
        head = f"URL = {self.upstream.url!r}\n" if name.endswith(".py") else ""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + dedent(source).lstrip("\n"), encoding="utf-8")
        # Python takes a file of the same size and second for the one that it compiled before.
        stamp = time.time() - 10 - len(list(self.root.rglob("*.pyc")))
        os.utime(path, (stamp, stamp))
        return path

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run the suite in this process."""
        idle = [f"-pno:{name}" for name in IDLE]
        return self._pytester.runpytest_inprocess(*plugins(arguments), *idle, *arguments)

    def spawn(self, *arguments: str) -> pytest.RunResult:
        """Run the suite in a process of its own."""
        started = time.perf_counter()
        options = ["-W", "ignore::pytest.PytestAssertRewriteWarning", *plugins(arguments)]
        base = tempfile.mkdtemp(prefix="runpytest-", dir=self.root)
        code, output, errors = FORK_SERVER.run(
            ["-m", "pytest", f"--basetemp={base}", *options, *arguments], self.root, os.environ
        )
        took = time.perf_counter() - started
        return pytest.RunResult(code, output.splitlines(), errors.splitlines(), took)

    def spawn_fresh(self, *arguments: str) -> pytest.RunResult:
        """Run the suite in a process in which nothing is loaded before."""
        return self._pytester.runpytest_subprocess(*plugins(arguments), *arguments)

    def record(self, *arguments: str) -> None:
        """Records what is missing; all tests pass, and none is left out."""
        outcome = self.run("--agentcache-record", *arguments)
        assert outcome.ret == 0, outcome.stdout.str()
        assert "passed" in outcome.parseoutcomes()

    def cassette(self, test: str, module: str = "test_suite") -> Path:
        """Return the default path of a test's cassette."""
        return self.root / "cassettes" / module / f"{test}.yaml"

    def files(self) -> dict[str, bytes]:
        """All files below the folders of cassettes, temporary ones included."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("cassettes/**/*"))
            if path.is_file()
        }


def plugins(arguments: tuple[str, ...]) -> list[str]:
    """Return the options that load the plugin, and xdist for a run with workers."""
    has_workers = any(each.startswith(("-n", "--dist")) for each in arguments)
    return ["-p", "agentcache", *(["-p", "xdist"] if has_workers else [])]


@cache
def plugin_distributions() -> list[metadata.Distribution]:
    """Return the installed packages that have plugins of pytest."""
    return [
        each
        for each in metadata.distributions()
        if any(point.group == "pytest11" for point in each.entry_points)
    ]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    origin = Upstream()
    yield origin
    origin.stop()


@pytest.fixture
def suite(pytester: pytest.Pytester, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Suite:
    for name in ("AGENTCACHE_MODE", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    # pytest starts in half the time without the plugins that a test does not name with `-p`, and
    # sooner if it finds those without reading the metadata of every installed package.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    found = plugin_distributions()
    monkeypatch.setattr(metadata, "distributions", lambda **_: found)
    return Suite(pytester, upstream)
