import tempfile
from pathlib import Path

import pytest
import requests
import requests_cache
from requests_cache import CachedSession, CacheMixin, FileCache, SQLiteCache, install_cache
from requests_cache.backends import BaseCache

from pytest_agentcache import use_cassette


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A home, a working and a temporary folder of the test's own, to be found empty."""
    found = [tmp_path / name for name in ("home", "cwd", "temp")]
    for place in found:
        place.mkdir()
    monkeypatch.setenv("HOME", str(found[0]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(found[0] / "cache"))
    monkeypatch.setenv("TMPDIR", str(found[2]))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(found[1])
    return found


def left(places):
    """Return all files in these places."""
    return [path for place in places for path in place.rglob("*")]


MAKERS = {
    "default": CachedSession,
    "name": lambda: CachedSession("x"),
    "ending": lambda: CachedSession("x.db"),
    "folder": lambda: CachedSession("some/folder/x"),
    "home": lambda: CachedSession("~/x"),
    "absolute": lambda: CachedSession(Path.cwd() / "deep" / "x"),
    "use_temp": lambda: CachedSession("x", use_temp=True),
    "use_cache_dir": lambda: CachedSession("x", use_cache_dir=True),
    "filesystem": lambda: CachedSession("x", backend="filesystem"),
    "filesystem in temp": lambda: CachedSession("x", backend="filesystem", use_temp=True),
    "filesystem in cache": lambda: CachedSession("x", backend="filesystem", use_cache_dir=True),
    "filesystem with a limit": lambda: CachedSession(
        "x", backend="filesystem", serializer="yaml", max_cache_bytes=10_000
    ),
    "sqlite instance": lambda: CachedSession(backend=SQLiteCache("x")),
    "sqlite in memory": lambda: CachedSession(backend=SQLiteCache("x", use_memory=True)),
    "sqlite private": lambda: CachedSession(":memory:"),
    "sqlite with a log": lambda: CachedSession("x", wal=True),
    "file instance": lambda: CachedSession(backend=FileCache("x")),
    "file instance elsewhere": lambda: CachedSession(backend=FileCache(Path.cwd() / "x")),
    "memory": lambda: CachedSession(backend="memory"),
    "mixin": lambda: type("Mixed", (CacheMixin, requests.Session), {})("x"),
    "subclass": lambda: type("Sub", (CachedSession,), {})("x", backend="filesystem"),
    "wrapped": lambda: CachedSession.wrap(requests.Session(), cache_name="x"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_session_that_code_makes_is_isolated(upstream, places, tmp_path, name):
    """A cache is in the folder of its test wherever it would be otherwise, and starts empty."""
    upstream.answers["/x"] = (200, {}, b"x")

    def run():
        with use_cassette(tmp_path / "c.yaml", mode="live"):
            session = MAKERS[name]()
            found = [session.get(f"{upstream.url}/x").from_cache for _ in range(2)]
            during = [path for path in left(places) if "agentcache-" not in str(path)]
            session.close()
            return found, during

    assert [run(), run()] == [([False, True], [])] * 2
    assert left(places) == []


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "sqlite private"])
def test_sessions_of_one_name_share_their_cache(upstream, places, tmp_path, name):
    """Within a test two sessions on one place are on one cache, as they are without us."""
    upstream.answers["/x"] = (200, {}, b"x")
    with use_cassette(tmp_path / "c.yaml", mode="live"):
        first, second = MAKERS[name](), MAKERS[name]()
        first.get(f"{upstream.url}/x")

        shared = second.get(f"{upstream.url}/x").from_cache
        first.close()
        second.close()

    assert shared == (name != "memory")


def test_caches_of_one_name_in_two_folders_stay_two(upstream, places, tmp_path):
    """Redirecting does not merge what was apart."""
    upstream.answers["/x"] = (200, {}, b"x")
    with use_cassette(tmp_path / "c.yaml", mode="live"):
        sessions = [CachedSession(f"{folder}/x") for folder in ("a", "b")]

        found = [session.get(f"{upstream.url}/x").from_cache for session in sessions]
        for session in sessions:
            session.close()

    assert found == [False, False]


OUTSIDE = {
    "sqlite": lambda folder: CachedSession(folder / "x"),
    "sqlite in memory": lambda folder: CachedSession("x", use_memory=True),
    "filesystem": lambda folder: CachedSession(folder / "x", backend="filesystem"),
    "filesystem in yaml": lambda folder: CachedSession(
        folder / "x", backend="filesystem", serializer="yaml"
    ),
    "memory": lambda folder: CachedSession(backend="memory"),
    "custom": lambda folder: CachedSession(backend=type("Mine", (BaseCache,), {})()),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_session_from_before_has_another_cache_meanwhile(upstream, tmp_path, name):
    """A cache that a module opened on import is neither read nor changed by a test."""
    upstream.answers["/x"] = upstream.answers["/y"] = (200, {}, b"x")
    (tmp_path / "out").mkdir()
    session = OUTSIDE[name](tmp_path / "out")
    cache = session.cache
    session.get(f"{upstream.url}/x")
    before = sorted((path, path.read_bytes()) for path in (tmp_path / "out").rglob("*.json"))

    with use_cassette(tmp_path / "c.yaml", mode="live") as harness:
        inside = [session.get(f"{upstream.url}/{path}").from_cache for path in "xxy"]
        session.settings.expire_after = 5
        assert session.cache is not cache
        session.cache.clear()
        if hasattr(session.cache, "cache_dir"):
            assert Path(session.cache.cache_dir).is_relative_to(harness.folder)

    assert inside == [False, True, False]
    assert session.cache is cache
    assert session.settings.expire_after == -1
    assert session.get(f"{upstream.url}/x").from_cache
    assert not session.cache.contains(url=f"{upstream.url}/y")
    assert before == sorted(
        (path, path.read_bytes()) for path in (tmp_path / "out").rglob("*.json")
    )
    session.close()


def test_each_test_has_another_cache_for_a_session_from_before(upstream, tmp_path):
    """Data that one test stored is not found by the next."""
    upstream.answers["/x"] = (200, {}, b"x")
    session = CachedSession(backend="memory")

    for _ in range(2):
        with use_cassette(tmp_path / "c.yaml", mode="live"):
            assert not session.get(f"{upstream.url}/x").from_cache
            assert session.get(f"{upstream.url}/x").from_cache


def test_settings_of_a_session_from_before_hold(upstream, tmp_path):
    """The replacement of a cache has its settings."""
    upstream.answers["/x"] = (200, {}, b"x")
    session = CachedSession(tmp_path / "x", allowable_methods=["PUT"], expire_after=7)

    with use_cassette(tmp_path / "c.yaml", mode="live"):
        assert session.settings.expire_after == 7
        assert [session.put(f"{upstream.url}/x").from_cache for _ in range(2)] == [False, True]
        assert [session.get(f"{upstream.url}/x").from_cache for _ in range(2)] == [False, False]
    session.close()


def test_installed_cache_is_isolated_and_undone(upstream, places, tmp_path):
    """`install_cache()` holds for its test and no longer."""
    upstream.answers["/x"] = (200, {}, b"x")
    before = requests.Session

    with use_cassette(tmp_path / "c.yaml", mode="live"):
        install_cache("demo")
        found = [requests.get(f"{upstream.url}/x").from_cache for _ in range(2)]
        requests_cache.get_cache().close()

    assert found == [False, True]
    assert requests.Session is before
    assert requests.sessions.Session is before
    assert not hasattr(requests.get(f"{upstream.url}/x"), "from_cache")
    assert left(places) == []


def test_enabled_cache_is_isolated(upstream, places, tmp_path):
    """`enabled()` likewise."""
    upstream.answers["/x"] = (200, {}, b"x")
    with use_cassette(tmp_path / "c.yaml", mode="live"):
        with requests_cache.enabled("demo", backend="filesystem"):
            found = [requests.get(f"{upstream.url}/x").from_cache for _ in range(2)]
        assert not requests_cache.is_installed()

    assert found == [False, True]
    assert left(places) == []


def test_cache_installed_before_is_put_back(upstream, tmp_path):
    """A test may uninstall a cache that was installed before; afterwards it is installed again."""
    upstream.answers["/x"] = (200, {}, b"x")
    install_cache(tmp_path / "outer")
    installed = requests.Session
    try:
        with use_cassette(tmp_path / "c.yaml", mode="live"):
            inside = [requests.get(f"{upstream.url}/x").from_cache for _ in range(2)]
            requests_cache.uninstall_cache()
            assert requests.Session is not installed

        assert inside == [False, True]
        assert requests.Session is installed
        assert not requests.get(f"{upstream.url}/x").from_cache
    finally:
        requests_cache.get_cache().close()
        requests_cache.uninstall_cache()


def test_attribute_that_is_not_there_yet_is_an_attribute_error():
    """A mixin that was never set up has no cache, as without us."""
    bare = type("Mixed", (CacheMixin, requests.Session), {"__init__": lambda self: None})()

    assert not hasattr(bare, "cache")


SUITE = """
    import os
    import pathlib

    import pytest
    import requests
    import requests_cache
    from requests_cache import CachedSession

    URL = os.environ["UPSTREAM"] + "/x"
    MODULE = CachedSession("module_cache", backend="filesystem")
    MODULE.get(URL)

    @pytest.fixture(scope="session")
    def whole():
        with CachedSession("session_cache") as session:
            session.get(URL)
            yield session

    def fresh(session):
        assert not session.get(URL).from_cache
        assert session.get(URL).from_cache

    @pytest.mark.agentcache
    @pytest.mark.parametrize("n", range(2))
    def test_module_session(n):
        fresh(MODULE)

    @pytest.mark.agentcache
    @pytest.mark.parametrize("n", range(2))
    def test_session_fixture(n, whole):
        fresh(whole)

    @pytest.mark.parametrize("n", range(2))
    def test_own_session(n, agentcache_session, tmp_path):
        fresh(agentcache_session)
        folder = pathlib.Path(agentcache_session.cache.cache_dir)
        assert folder.is_relative_to(tmp_path)
        assert {path.suffix for path in folder.iterdir()} == {".yaml"}

    @pytest.mark.agentcache
    @pytest.mark.parametrize("n", range(2))
    def test_installed(n):
        assert not requests_cache.is_installed()
        requests_cache.install_cache("installed")
        assert not requests.get(URL).from_cache
        assert requests.get(URL).from_cache

    def test_without_a_cassette(whole):
        assert not requests_cache.is_installed()
        assert MODULE.get(URL).from_cache
        assert whole.get(URL).from_cache
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["record", "live"])
def test_sessions_of_every_scope_are_isolated(pytester, upstream, monkeypatch, mode):
    """Sessions of a module, of a fixture for the whole run, and of a test, under pytest."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("UPSTREAM", upstream.url)
    upstream.answers["/x"] = (200, {}, b"x")
    pytester.makepyfile(SUITE)

    result = pytester.runpytest_subprocess("-p", "agentcache", f"--agentcache-{mode}")

    result.assert_outcomes(passed=9)
    # Only a cache opened before any test, or for all of them, is at its original place.
    names = {path.stem for path in pytester.path.iterdir()} - {".pytest_cache"}
    assert {name for name in names if name.endswith(("_cache", "installed", "agentcache"))} == {
        "module_cache",
        "session_cache",
    }


@pytest.mark.slow
def test_offline_the_caches_are_isolated_too(pytester, upstream, monkeypatch):
    """Played back, the same suite passes with upstream gone."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("UPSTREAM", upstream.url)
    upstream.answers["/x"] = (200, {}, b"x")
    pytester.makepyfile(
        SUITE.replace("MODULE.get(URL)\n\n", "\n").replace(
            "session.get(URL)\n            yield", "yield"
        )
    )
    pytester.runpytest_subprocess("-p", "agentcache", "--agentcache-record", "-k", "not without")
    reached = len(upstream.hits)
    assert reached == 8

    result = pytester.runpytest_subprocess(
        "-p", "agentcache", "--agentcache-offline", "-k", "not without"
    )

    result.assert_outcomes(passed=8, deselected=1)
    assert len(upstream.hits) == reached
