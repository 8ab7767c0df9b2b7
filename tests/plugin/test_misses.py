"""A miss cannot be swallowed, by no client and no way for a test to end."""

from __future__ import annotations

import pytest

SHUT = ["", "--agentcache-offline"]


def flags(flag):
    return [flag] if flag else []


CLIENTS = {
    "requests": """
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

def ask(url):
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=Retry(2, status_forcelist=[504])))
    return session.get(url).json()["path"]
""",
    "urllib3": """
import urllib3

def ask(url):
    retry = urllib3.Retry(2, status_forcelist=[504])
    return urllib3.PoolManager(retries=retry).request("GET", url).json()["path"]
""",
    "httpx": """
import httpx

def ask(url):
    with httpx.Client(transport=httpx.HTTPTransport(retries=2)) as client:
        return client.get(url).raise_for_status().json()["path"]
""",
    "httpx-async": """
import asyncio, httpx

def ask(url):
    async def get():
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).raise_for_status().json()["path"]
    return asyncio.run(get())
""",
    "httpx2": """
import httpx2

def ask(url):
    with httpx2.Client() as client:
        return client.get(url).raise_for_status().json()["path"]
""",
    "httpx2-async": """
import asyncio, httpx2

def ask(url):
    async def get():
        async with httpx2.AsyncClient() as client:
            return (await client.get(url)).raise_for_status().json()["path"]
    return asyncio.run(get())
""",
    "aiohttp": """
import aiohttp, asyncio

def ask(url):
    async def get():
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            async with session.get(url) as answer:
                return (await answer.json())["path"]
    return asyncio.run(get())
""",
    "http.client": """
import contextlib, http.client, json
from urllib.parse import urlsplit

def ask(url):
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc)) as connection:
        connection.request("GET", parts.path)
        return json.load(connection.getresponse())["path"]
""",
    "urllib.request": """
import json
import urllib.request

def ask(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)["path"]
""",
}
AGENT = """

def agent(url):
    for attempt in range(3):
        try:
            return ask(url)
        except Exception:
            pass
    return "/gave up"
"""


@pytest.mark.parametrize("flag", SHUT)
@pytest.mark.slow
def test_an_agent_that_catches_everything_is_red(suite, upstream, flag):
    """Retries and `except Exception` around an unrecorded call leave the test red all the same."""
    clients = {name.translate(str.maketrans(".-", "__")): CLIENTS[name] for name in CLIENTS}
    for name, source in clients.items():
        suite.write(source + AGENT, f"bot_{name}.py")
    suite.write(f"""
        import importlib
        import pytest

        @pytest.mark.parametrize("name", {list(clients)})
        def test_one(agentcache, name):
            agent = importlib.import_module(f"bot_{{name}}").agent
            assert agent(f"{{URL}}/{{name}}") in (f"/{{name}}", "/gave up")
    """)
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=len(clients))
    for name in clients:
        outcome.stdout.fnmatch_lines(
            [
                f"*GET 127.0.0.1:*/{name} is not on the cassette of this test",
                f"  sent at bot_{name}.py:*in ask*",
                f"*there is no cassette yet: cassettes/test_suite/test_one[[]{name}].yaml",
                f'*record it: pytest --agentcache-record "test_suite.py::test_one[[]{name}]"',
            ]
        )
    assert upstream.hits == []
    suite.record()
    suite.run(*flags(flag)).assert_outcomes(passed=len(clients))
    assert sorted(upstream.hits) == sorted(f"GET /{name}" for name in clients)


@pytest.mark.parametrize("flag", SHUT)
def test_an_agent_on_the_cached_session_is_red(suite, upstream, flag):
    """The same through `agentcache_session`, with its own stale-if-error and retries."""
    suite.write(
        AGENT.replace("ask(url)", "ask(url).json()['path']").replace(
            "def agent(url)", "def agent(ask, url)"
        ),
        "bot.py",
    )
    suite.write("""
        import pytest
        from bot import agent

        @pytest.mark.agentcache(session={"stale_if_error": True})
        def test_one(agentcache_session):
            agent(agentcache_session.get, URL + "/one")
    """)
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        ["*GET 127.0.0.1:*/one *", "*sent at bot.py:* in agent(), 3 times"]
    )
    assert upstream.hits == []


@pytest.mark.parametrize("client", CLIENTS)
def test_offline_a_test_on_no_cassette_is_red_too(suite, client):
    """A test on no cassette that asks any host but loopback fails with the report."""
    suite.write(CLIENTS[client] + AGENT, "bot.py")
    suite.write("""
        from bot import agent

        def test_one():
            assert agent("http://upstream.example/one") == "/gave up"
    """)
    outcome = suite.run("--agentcache-offline")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(
        [
            "*GET upstream.example/one was sent by a test that is not on a cassette",
            "  sent at bot.py:*in ask*",
            "*put it on a cassette: @pytest.mark.agentcache, or one of the fixtures",
            '*record it: pytest --agentcache-record "test_suite.py::test_one"',
            "agentcache: 0 replayed, 0 recorded, [39] missed, *",
        ]
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_offline_a_test_on_no_cassette_reaches_its_own_servers(suite, upstream, client):
    """Servers on loopback that a test starts go on working through every client."""
    suite.write(CLIENTS[client] + AGENT, "bot.py")
    suite.write("""
        from bot import ask

        def test_one():
            assert ask(URL + "/one") == "/one"
    """)

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


SOCKETS = """
    import asyncio, socket

    def swallowed(call):
        try:
            call()
        except OSError:
            pass

    def test_connect(FIXTURE):
        swallowed(lambda: socket.create_connection(("192.0.2.1", 80), timeout=0.1))

    def test_lookup(FIXTURE):
        swallowed(lambda: socket.gethostbyname("upstream.example"))

    def test_asyncio(FIXTURE):
        swallowed(lambda: asyncio.run(asyncio.open_connection("192.0.2.1", 80)))

    def test_datagram(FIXTURE):
        with socket.socket(type=socket.SOCK_DGRAM) as raw:
            swallowed(lambda: raw.sendto(b"x", ("192.0.2.1", 53)))
"""


@pytest.mark.parametrize(
    ("flag", "fixture"), [*[(flag, "agentcache") for flag in SHUT], ("--agentcache-offline", "")]
)
def test_a_raw_socket_past_every_client_is_told(suite, flag, fixture):
    """A connection that no client made is refused, and red even if the refusal is swallowed."""
    suite.write(SOCKETS.replace("FIXTURE", fixture))
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(failed=4)
    outcome.stdout.fnmatch_lines(
        [
            "*CONNECT 192.0.2.1:80 *",
            "*sent at test_suite.py:*",
            "  if this test needs it, allow it: agentcache_allowed_hosts = 192.0.2.1:80",
            "*CONNECT upstream.example *",
        ]
    )
    # There is no recording what goes past every client.
    outcome.stdout.no_fnmatch_line("*record it:*")


@pytest.mark.parametrize("flag", SHUT)
def test_respond_leaves_the_test_green(suite, flag):
    """Under on_miss="respond" a miss is an answer like any other."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(on_miss="respond")
        def test_one(agentcache):
            assert requests.get(URL + "/one").status_code == 504
            assert len(agentcache.misses) == 1
    """)
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(passed=1)
    outcome.stdout.fnmatch_lines(["agentcache: 0 replayed, 0 recorded, 0 missed, *"])


@pytest.mark.parametrize("client", CLIENTS)
def test_raise_stops_the_test_on_the_spot(suite, client):
    """Under on_miss="raise" not even an agent that catches Exception goes on."""
    suite.write(CLIENTS[client] + AGENT, "bot.py")
    suite.write("""
        import pytest
        from bot import agent

        @pytest.mark.agentcache(on_miss="raise")
        def test_one():
            agent(URL + "/one")
            print("went on")
    """)
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*MissError: GET */one is not on the cassette"])
    outcome.stdout.no_fnmatch_line("went on")


ENDINGS = {
    "raises": "raise ValueError('mine')",
    "skips": "pytest.skip('the service is down')",
    "unittest skips": "raise unittest.SkipTest('the service is down')",
    "returns": "pass",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_report_is_told_however_the_test_ends(suite, ending):
    """A test that fails by itself has the report beside its failure; one that skips is red."""
    suite.write(f"""
        import pytest, requests, unittest

        def test_one(agentcache):
            requests.get(URL + "/one")
            {ENDINGS[ending]}
    """)
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    text = outcome.stdout.str()
    assert text.count("is not on the cassette of this test") in (1, 2)
    assert ("ValueError: mine" in text) == (ending == "raises")


@pytest.mark.parametrize(
    "ending", ["self.fail('mine')", "self.skipTest('the service is down')", "pass"]
)
def test_unittest_cannot_swallow_a_miss_either(suite, ending):
    """The same for `unittest.TestCase`, which keeps its own account of failures and skips."""
    suite.write(f"""
        import pytest, requests, unittest

        @pytest.mark.agentcache
        class TestOne(unittest.TestCase):
            def test_one(self):
                requests.get(URL + "/one")
                {ending}
    """)
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*is not on the cassette of this test"])


@pytest.mark.parametrize("ending", ["pass", "assert False", "pytest.xfail('not yet')"])
def test_an_xfailing_test_may_miss(suite, ending):
    """A miss is a failure, as xfail expects; it is not reported again."""
    suite.write(f"""
        import pytest, requests

        @pytest.mark.xfail
        def test_one(agentcache):
            requests.get(URL + "/one")
            {ending}
    """)

    suite.run().assert_outcomes(xfailed=1)


def test_an_expected_failure_of_unittest_may_miss(suite):
    """unittest's own word for xfail counts as well."""
    suite.write("""
        import pytest, requests, unittest

        @pytest.mark.agentcache
        class TestOne(unittest.TestCase):
            @unittest.expectedFailure
            def test_one(self):
                self.assertTrue(requests.get(URL + "/one").ok)
    """)

    suite.run().assert_outcomes(xfailed=1)


def test_a_skipped_test_misses_nothing(suite):
    """A test that never runs is skipped, cassette or not."""
    suite.write("""
        import pytest

        @pytest.mark.skip
        def test_one(agentcache):
            pass
    """)

    suite.run("--agentcache-offline").assert_outcomes(skipped=1)


def test_a_subtest_that_swallows_a_miss_is_red(suite):
    """Misses inside subtests count for their test."""
    suite.write("""
        import requests

        def test_one(agentcache, subtests):
            with subtests.test("swallows"):
                requests.get(URL + "/one")
    """)
    outcome = suite.run()

    assert outcome.ret == 1
    outcome.stdout.fnmatch_lines(["*is not on the cassette of this test"])


@pytest.mark.parametrize(
    "asked",
    [
        "session.get(url, only_if_cached=True)",
        "session.get(url, headers={'Cache-Control': 'only-if-cached'})",
    ],
)
@pytest.mark.parametrize("flag", SHUT)
def test_a_504_that_the_test_asked_for_is_no_miss(suite, flag, asked):
    """`only_if_cached` is a question to the cache, and 504 its answer."""
    suite.write(f"""
        def test_one(agentcache):
            session, url = agentcache.session, URL + "/one"
            assert {asked}.status_code == 504
            assert agentcache.misses == []
    """)

    suite.run(*flags(flag)).assert_outcomes(passed=1)


def test_misses_of_threads_belong_to_their_test(suite):
    """A request of a thread or an executor is missed by the test that started it."""
    suite.write("""
        import requests, threading
        from concurrent.futures import ThreadPoolExecutor

        def test_thread(agentcache):
            thread = threading.Thread(target=requests.get, args=(URL + "/thread",))
            thread.start()
            thread.join()

        def test_pool(agentcache):
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(requests.get, [URL + "/pool"] * 4))
    """)
    outcome = suite.run()

    outcome.assert_outcomes(failed=2)
    outcome.stdout.fnmatch_lines(["*GET */thread *", "*GET */pool *", "*, 4 times"])


def test_a_miss_under_blockbuster_is_reported(suite):
    """BlockBuster forbids blocking calls on event loops, such as looking up the current folder."""
    suite.write("""
        import asyncio, contextlib
        import aiohttp, blockbuster, httpx, pytest, trio

        @pytest.fixture(autouse=True)
        def strict():
            with blockbuster.blockbuster_ctx() as found:
                yield found

        async def swallow(client):
            with contextlib.suppress(Exception):
                async with client() as session:
                    await session.get("http://api.example/other")

        @pytest.mark.parametrize("client", [httpx.AsyncClient, aiohttp.ClientSession])
        @pytest.mark.parametrize("router", [
            pytest.param(router, marks=pytest.mark.agentcache(router=router))
            for router in (False, True)
        ])
        def test_swallows(client, router):
            asyncio.run(swallow(client))
    """)
    # In a process of its own, because BlockBuster changes the built-in types.
    outcome = suite.spawn("--agentcache-offline")

    outcome.assert_outcomes(failed=4)
    missed = ["GET api.example/other is not on the cassette*"]
    outcome.stdout.fnmatch_lines([*missed, "*sent at test_suite.py:13 in swallow()"] * 4)
