"""All ways to run tests: classes, unittest, async, and the options and plugins around."""

from __future__ import annotations

import sys

import pytest

CLASSES = """
    import pytest, requests, unittest

    class TestPlain:
        def test_one(self, agentcache):
            assert requests.get(URL + "/plain").ok

    @pytest.mark.agentcache
    class TestCase(unittest.TestCase):
        def test_one(self):
            self.assertTrue(requests.get(URL + "/case").ok)

    @pytest.mark.usefixtures("agentcache")
    class TestFixture(unittest.TestCase):
        def test_one(self):
            self.assertTrue(requests.get(URL + "/fixture").ok)

    @pytest.mark.agentcache
    class TestAsync(unittest.IsolatedAsyncioTestCase):
        async def test_one(self):
            import httpx
            async with httpx.AsyncClient() as client:
                assert (await client.get(URL + "/async")).status_code == 200

    class Base:
        def test_inherited(self, agentcache):
            assert requests.get(URL + "/inherited").ok

    class TestLeft(Base):
        pass

    class TestRight(Base):
        pass

    @pytest.mark.parametrize("city", ["paris", "rome"])
    @pytest.mark.parametrize("day", [1, 2])
    def test_many(agentcache_session, city, day):
        assert agentcache_session.get(f"{URL}/{city}/{day}").json()["path"] == f"/{city}/{day}"
"""


def test_classes_unittest_and_parameters(suite, upstream):
    """Each test of each kind has its cassette, and plays from it."""
    suite.write(CLASSES)
    suite.record()
    upstream.stop()
    suite.run("--agentcache-offline").assert_outcomes(passed=10)

    assert [name.rpartition("/")[2] for name in suite.files()] == [
        "TestAsync.test_one.yaml",
        "TestCase.test_one.yaml",
        "TestFixture.test_one.yaml",
        "TestLeft.test_inherited.yaml",
        "TestPlain.test_one.yaml",
        "TestRight.test_inherited.yaml",
        "test_many[1-paris].yaml",
        "test_many[1-rome].yaml",
        "test_many[2-paris].yaml",
        "test_many[2-rome].yaml",
    ]


ASYNC = """
    import aiohttp, httpx
    import pytest

    @pytest.fixture{fixture}
    async def early():
        async with httpx.AsyncClient() as client:
            yield (await client.get(URL + "/early")).json()["path"]
            await client.get(URL + "/late")

    @MARK
    async def test_one(agentcache, early):
        assert early == "/early"
        async with aiohttp.ClientSession() as session, session.get(URL + "/one") as answer:
            assert (await answer.json())["path"] == "/one"
"""


@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_pytest_asyncio(suite, upstream, flag):
    """Async tests and fixtures under pytest-asyncio are on the cassette."""
    suite.write(ASYNC.replace("MARK", "pytest.mark.asyncio").replace("{fixture}", ""))
    suite.write(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n",
        "pytest.ini",
    )
    suite.run("-p", "asyncio", "--agentcache-record").assert_outcomes(passed=1)
    assert suite.cassette("test_one").read_text().count("- request:") == 3
    upstream.stop()

    suite.run("-p", "asyncio", *[flag] if flag else []).assert_outcomes(passed=1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(suite, upstream, backend):
    """Async tests and fixtures under anyio are on the cassette, on both its backends."""
    suite.write(f"""
        import httpx, pytest

        @pytest.fixture
        def anyio_backend():
            return {backend!r}

        @pytest.fixture
        async def early():
            async with httpx.AsyncClient() as client:
                yield (await client.get(URL + "/early")).json()["path"]
                await client.get(URL + "/late")

        @pytest.mark.anyio
        async def test_one(agentcache, early):
            assert early == "/early"
            async with httpx.AsyncClient() as client:
                assert (await client.get(URL + "/one")).json()["path"] == "/one"

        @pytest.mark.anyio
        async def test_swallows(agentcache):
            async with httpx.AsyncClient() as client:
                try:
                    (await client.get(URL + "/two")).raise_for_status()
                except Exception:
                    pass
    """)
    suite.record("-p", "anyio")
    upstream.stop()
    suite.run("-p", "anyio", "--agentcache-offline").assert_outcomes(passed=2)
    suite.cassette("test_swallows").unlink()

    suite.run("-p", "anyio", "--agentcache-offline").assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    "plugin",
    [
        "asyncio",
        pytest.param(
            "anyio",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 12),
                reason="Python 3.11 now and then raises SystemError from ast.parse here",
            ),
        ),
    ],
)
def test_raise_ends_an_async_test(suite, plugin):
    """on_miss="raise" goes through a running event loop."""
    suite.write(f"""
        import httpx, pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.{plugin}
        @pytest.mark.agentcache(on_miss="raise")
        async def test_one():
            async with httpx.AsyncClient() as client:
                try:
                    await client.get(URL + "/one")
                except Exception:
                    pass
            print("went on")

        def test_next():
            pass
    """)
    suite.write("[pytest]\nasyncio_default_fixture_loop_scope = function\n", "pytest.ini")
    load = (
        ["-p", "asyncio"] if plugin == "asyncio" else ["-W", "ignore::pytest.PytestConfigWarning"]
    )
    outcome = suite.run(*load)

    outcome.assert_outcomes(failed=1, passed=1)
    outcome.stdout.fnmatch_lines(["*MissError: GET */one is not on the cassette*"])


THREE = """
    import requests

    def test_one(agentcache):
        requests.get(URL + "/one")

    def test_two(agentcache):
        requests.get(URL + "/two")

    def test_three(agentcache):
        requests.get(URL + "/three")
"""


def test_without_the_cache_provider(suite, upstream):
    """`-p no:cacheprovider` records and replays."""
    suite.write(THREE)
    suite.record("-p", "no:cacheprovider")
    upstream.stop()

    suite.run("--agentcache-offline", "-p", "no:cacheprovider").assert_outcomes(passed=3)


def test_exit_first_stops_at_a_miss(suite):
    """`-x` takes a miss for the failure that it is."""
    suite.write(THREE)
    suite.record()
    suite.cassette("test_two").unlink()

    suite.run("--agentcache-offline", "-x").assert_outcomes(passed=1, failed=1)


def test_last_failed_runs_what_missed(suite):
    """`--lf` runs the tests that missed, and recording fixes them."""
    suite.write(THREE)
    suite.record()
    suite.cassette("test_two").unlink()
    suite.run("--agentcache-offline").assert_outcomes(passed=2, failed=1)
    suite.run("--lf", "--agentcache-record").assert_outcomes(passed=1)

    suite.run("--agentcache-offline").assert_outcomes(passed=3)


@pytest.mark.parametrize("flag", ["--agentcache-record", "--agentcache-offline"])
def test_collect_only_does_nothing(suite, upstream, flag):
    """`--collect-only` asks for nothing, writes nothing and fails nothing."""
    suite.write(THREE)
    outcome = suite.run("--collect-only", "-q", flag)

    assert outcome.ret == 0
    outcome.stdout.fnmatch_lines(["test_suite.py::test_one", "3 tests collected*"])
    assert upstream.hits == []
    assert suite.files() == {}


SHUFFLED = ["-p", "randomly"]


def test_random_order(suite, upstream):
    """Tests of any order record and play, each on its own cassette."""
    suite.write(CLASSES)
    recorded = suite.run(*SHUFFLED, "--randomly-seed=1", "--agentcache-record")
    recorded.assert_outcomes(passed=10)
    upstream.stop()

    played = suite.run(*SHUFFLED, "--randomly-seed=2", "--agentcache-offline")
    played.assert_outcomes(passed=10)


def test_a_selected_test_leaves_other_cassettes_alone(suite):
    """Recording one test drops nothing of the others."""
    suite.write(THREE)
    suite.record()
    before = suite.files()
    suite.run("--agentcache-rerecord", "-k", "test_one").assert_outcomes(passed=1, deselected=2)
    after = suite.files()

    assert list(after) == list(before)
    assert [name for name in before if before[name] != after[name]] == [
        "cassettes/test_suite/test_one.yaml"
    ]


def test_doctests_are_left_alone(suite):
    """Items that are no functions run as they always did."""
    suite.write("    >>> 1 + 1\n    2\n", "test_doc.txt")
    suite.write("[pytest]\nagentcache_auto = true\n", "pytest.ini")

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_pytest_inside_pytest(suite):
    """A plugin's own suite may run pytest in the same process, on cassettes inside and out."""
    suite.write('pytest_plugins = ["pytester"]', "conftest.py")
    suite.write("""
        import requests

        PLUGIN = ("-p", "agentcache")
        INNER = f'''
        import httpx, requests
        def test_inner(agentcache):
            assert httpx.get("{URL}/inner").status_code == 200
            assert requests.get("{URL}/inner").status_code == 200
        '''

        def test_outer(agentcache, pytester):
            assert requests.get(URL + "/outer").ok
            pytester.makepyfile(INNER)
            pytester.runpytest_inprocess(*PLUGIN, "--agentcache-record").assert_outcomes(passed=1)
            pytester.runpytest_inprocess(*PLUGIN, "--agentcache-offline").assert_outcomes(passed=1)
            assert requests.get(URL + "/after").ok

        def test_again(agentcache, pytester):
            pytester.makepyfile(INNER)
            pytester.runpytest_inprocess(*PLUGIN, "--agentcache-offline").assert_outcomes(failed=1)
    """)
    suite.write("[pytest]\naddopts = -p no:randomly -p no:asyncio\n", "pytest.ini")
    suite.spawn("--agentcache-record").assert_outcomes(passed=2)

    assert suite.cassette("test_outer").read_text().count("- request:") == 2
    assert suite.upstream.hits == ["GET /outer", "GET /inner", "GET /inner", "GET /after"]
