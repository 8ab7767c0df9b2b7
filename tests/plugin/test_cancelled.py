"""A request that its caller gave up on is part of the program: it is recorded and replays so."""

from __future__ import annotations

import re

import pytest

SOURCE = """
    import asyncio, urllib.request
    import aiohttp, anyio, httpx, pytest, requests, trio

    SLOW, FAST = URL + "/slow?slow=0.8", URL + "/fast?slow=0.1"

    async def by_httpx(url, **options):
        async with httpx.AsyncClient(**options) as client:
            return (await client.get(url)).json()["path"]

    async def by_aiohttp(url, **options):
        async with aiohttp.ClientSession(**options) as client, client.get(url) as response:
            return (await response.json())["path"]

    @pytest.fixture(params=[by_httpx, by_aiohttp])
    def get(request):
        return request.param

    async def first(get, *urls):
        tasks = [asyncio.create_task(get(url)) for url in urls]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return done.pop().result()

    def test_race(agentcache, get):
        assert asyncio.run(first(get, SLOW, FAST)).startswith("/fast")

    def test_hedge_of_one_request(agentcache, get):
        # Upstream is slow only for the first of the two.
        url = URL + "/hedge?first=0.8&by=" + get.__name__
        async def later(url):
            await asyncio.sleep(0.2)
            return await get(url)
        async def act():
            one, other = asyncio.create_task(get(url)), asyncio.create_task(later(url))
            done, _ = await asyncio.wait([one, other], return_when=asyncio.FIRST_COMPLETED)
            one.cancel()
            return done == {other}
        assert asyncio.run(act())

    def test_fallback(agentcache, get):
        async def act():
            try:
                return await asyncio.wait_for(get(SLOW), 0.2)
            except TimeoutError:
                return await get(FAST)
        assert asyncio.run(act()).startswith("/fast")

    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    def test_scope(agentcache, backend):
        async def act():
            with anyio.move_on_after(0.2):
                return await by_httpx(SLOW)
            return await by_httpx(FAST)
        assert anyio.run(act, backend=backend).startswith("/fast")

    @pytest.mark.parametrize("retried", [False, True])
    def test_timeout_of_httpx(agentcache, retried):
        async def act():
            with pytest.raises(httpx.ReadTimeout):
                await by_httpx(SLOW, timeout=0.2)
            return await by_httpx(SLOW if retried else FAST)
        assert asyncio.run(act())

    @pytest.mark.parametrize("kind", ["total", "sock_read"])
    def test_timeout_of_aiohttp(agentcache, kind):
        async def act():
            with pytest.raises(TimeoutError):
                await by_aiohttp(SLOW, timeout=aiohttp.ClientTimeout(**{kind: 0.2}))
        asyncio.run(act())

    SYNC = {
        "httpx": (httpx.get, httpx.ReadTimeout),
        "requests": (requests.get, requests.ReadTimeout),
        "urllib": (urllib.request.urlopen, TimeoutError),
    }

    @pytest.mark.parametrize("client", SYNC)
    def test_timeout(agentcache, client):
        get, error = SYNC[client]
        with pytest.raises(error):
            get(SLOW, timeout=0.2)

    def test_timeout_below_a_cache(agentcache_session):
        with pytest.raises(requests.ReadTimeout):
            agentcache_session.get(SLOW, timeout=0.2)

    def test_real_time(get):
        async def act():
            try:
                return await asyncio.wait_for(get(SLOW), 0.2)
            except TimeoutError:
                return await get(FAST)
        assert asyncio.run(act()).startswith("/fast")
    test_real_time = pytest.mark.agentcache(freeze=False)(test_real_time)

    def test_unanswered_document(agentcache, get):
        # Its header comes at once, but a document is handed on as a whole.
        assert asyncio.run(first(get, URL + "/late?rest=0.8", FAST)).startswith("/fast")
"""
ROUTED = ("race", "fallback", "scope", "timeout_of_httpx", "timeout_of_aiohttp", "timeout_below")


def contents(suite):
    """Return the cassettes, without what differs in each recording."""
    return {
        name: re.sub(rb"recorded_at: .*|hit: \d+", b"", content)
        for name, content in suite.files().items()
    }


@pytest.mark.parametrize("router", [False, True])
@pytest.mark.slow
def test_a_request_that_is_given_up_replays_so(suite, upstream, router):
    """Races, fallbacks, scopes and timeouts have the same winner in every mode."""
    suite.write(SOURCE)
    options = ["-k", " or ".join(ROUTED)] if router else []
    if router:
        (suite.root / "pytest.ini").write_text("[pytest]\nagentcache_router = true\n")
    outcome = suite.run("--agentcache-record", *options)
    assert outcome.ret == 0
    recorded = contents(suite)
    # Below a router, replay and recording more are what they are without one.
    modes = ("offline", "rerecord") if router else ("offline", "replay", "record", "rerecord")
    for mode in modes:
        upstream.hits.clear()
        outcome = suite.run("-o", f"agentcache_mode={mode}", *options)
        assert outcome.ret == 0, outcome.stdout.str()
        assert "0 unused" in outcome.stdout.str()
        assert contents(suite) == recorded

    assert recorded
    text = suite.cassette("test_race[by_httpx]").read_text()
    assert text.count("cancelled: true") == 1
    assert "→ cancelled" in text


def test_an_instant_504_does_not_win_a_race(suite):
    """Under `on_miss="respond"`, what is recorded wins against a request that is not."""
    source = """
        import asyncio, httpx, pytest

        async def act(paths):
            async with httpx.AsyncClient() as client:
                tasks = [asyncio.create_task(client.get(URL + path)) for path in paths]
                done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                return done.pop().result()

        @pytest.mark.agentcache(on_miss="respond")
        def test_race():
            assert asyncio.run(act({paths})).status_code == 200
    """
    suite.write(source.replace("{paths}", "['/recorded']"))
    suite.record()
    suite.write(source.replace("{paths}", "['/unknown', '/recorded']"))
    suite.run().assert_outcomes(passed=1)


def test_nothing_gives_up_now(suite):
    """Without a timeout, a request that timed out while recording has an error of its own."""
    source = """
        import pytest, requests

        def test_waits(agentcache):
            with pytest.raises({error}):
                requests.get(URL + "/slow?slow=0.5", timeout={seconds})
    """
    suite.write(source.format(error="requests.ReadTimeout", seconds=0.1))
    suite.record()
    suite.write(source.format(error="KeyError", seconds=None))
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*GET http://*/slow?slow=0.5 was cancelled while recording*"])


@pytest.mark.parametrize("library", ["httpx", "aiohttp"])
def test_no_task_gives_up_now(suite, library):
    """On an event loop, too, it is an error instead of a wait for ever."""
    sends = {
        "httpx": "async with httpx.AsyncClient(timeout=None) as client: await client.get(url)",
        "aiohttp": "async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)) as client"
        ", client.get(url): pass",
    }
    source = f"""
        import asyncio, aiohttp, httpx, pytest

        async def ask():
            url = URL + "/slow?slow=0.5"
            {sends[library]}

        def test_waits(agentcache):
            asyncio.run({{call}})
    """
    given_up = "asyncio.wait_for(ask(), 0.1)"
    suite.write(
        source.format(call=given_up).replace(
            "    asyncio.run(", "    with pytest.raises(TimeoutError): asyncio.run("
        )
    )
    suite.record()
    suite.write(source.format(call="ask()"))
    outcome = suite.run()

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*GET http://*/slow?slow=0.5 was cancelled while recording*"])


@pytest.mark.parametrize("client", ["httpx", "requests"])
def test_a_stream_that_is_left_early_is_whole_on_the_cassette(suite, client):
    """Its beginning is all that the program reads, while recording and on replay."""
    reads = {
        "httpx": "with httpx.stream('GET', url) as response: first = next(response.iter_raw(4))",
        "requests": "with requests.get(url, stream=True) as response: "
        "first = next(response.iter_content(4))",
    }
    suite.write(f"""
        import httpx, requests

        def test_leaves(agentcache):
            url = URL + "/early"
            {reads[client]}
            assert first == b'{{"pa'
    """)
    suite.record()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


EDITED = {
    "cancelled: false": "`cancelled` must be true",
    "cancelled: 'yes'": "`cancelled` must be true",
    "cancelled: true, response: {status: 200}": "an interaction has both `cancelled` and a",
}


@pytest.mark.parametrize("edited", EDITED)
def test_a_cancelled_interaction_edited_by_hand(suite, edited):
    """An edit that makes no sense is an error with its place and remedy."""
    suite.write("""
        import pytest, requests

        def test_waits(agentcache):
            with pytest.raises(requests.ReadTimeout):
                requests.get(URL + "/slow?slow=0.5", timeout=0.1)
    """)
    suite.record()
    path = suite.cassette("test_waits")
    path.write_text(path.read_text().replace("cancelled: true", edited))
    outcome = suite.run()

    assert outcome.ret != 0
    outcome.stdout.fnmatch_lines([f"*test_waits.yaml:5: {EDITED[edited]}*"])
