"""Waiting on a frozen clock: retries are instant, real responses take their time."""

from __future__ import annotations

import time

# Otherwise each run in this process imports them again.
import anthropic  # noqa: F401
import boto3  # noqa: F401
import freezegun  # noqa: F401
import openai  # noqa: F401
import pytest
import tenacity  # noqa: F401
import trio  # noqa: F401

from pytest_agentcache import cassette

MODES = ("--agentcache-record", "", "--agentcache-offline", "--agentcache-rerecord")
# The server says 503 the first time; `h` are headers of its answers.
BUSY = "/busy?once=503&h=Retry-After:30"
# It takes a real moment to answer, longer than a loop takes to look around.
SLOW = "/slow?slow=0.3"


def same_in_every_mode(suite, source, modes=MODES):
    """Run one test recording, replaying, offline and recording again; each run asserts."""
    suite.write(source)
    for mode in modes:
        # Each time upstream is as busy as it was the first time.
        suite.upstream.hits.clear()
        outcome = suite.run(*filter(None, [mode]))
        assert outcome.ret == 0, f"{mode}\n{outcome.stdout.str()}"
        outcome.assert_outcomes(passed=1)


HEAD = """
    import asyncio, time
    from datetime import timedelta
    import pytest

    class Moved:
        def __init__(self, clock):
            self.clock, self.began = clock, clock.now

        @property
        def seconds(self):
            return (self.clock.now - self.began).total_seconds()

    @pytest.fixture
    def moved(agentcache_clock):
        with agentcache_clock.real():
            began = time.monotonic()
        yield Moved(agentcache_clock)
        with agentcache_clock.real():
            assert time.monotonic() - began < 25
"""


def test_urllib3_backs_off(suite):
    """`Retry` waits as long as the server says, or as long as its own factor makes it."""
    same_in_every_mode(
        suite,
        HEAD
        + f"""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    def test_it(moved):
        with requests.Session() as session:
            retry = Retry(total=5, backoff_factor=10, status_forcelist=[503])
            session.mount("http://", HTTPAdapter(max_retries=retry))
            assert session.get(URL + "{BUSY}").json()["hit"] == 2
            assert moved.seconds == 30
            with pytest.raises(requests.exceptions.RetryError):
                session.get(URL + "/always?status=503")
        # Before the second retry and those after it: 20, 40, 80, and no more than 120.
        assert moved.seconds == 30 + 20 + 40 + 80 + 120
    """,
    )
    assert len(cassette.read(suite.cassette("test_it")).interactions) == 8


def test_tenacity_waits(suite):
    """Its waits between attempts, sync and async."""
    same_in_every_mode(
        suite,
        HEAD
        + """
    import httpx, tenacity

    def retrying(kind):
        return kind(
            wait=tenacity.wait_exponential(multiplier=10, max=60),
            stop=tenacity.stop_after_attempt(4),
            retry=tenacity.retry_if_exception_type(httpx.HTTPStatusError),
            reraise=True,
        )

    def test_it(moved):
        def ask():
            httpx.get(URL + "/always?status=503").raise_for_status()

        with pytest.raises(httpx.HTTPStatusError):
            retrying(tenacity.Retrying)(ask)
        assert moved.seconds == 10 + 20 + 40

        async def ask_async():
            async with httpx.AsyncClient() as client:
                (await client.get(URL + "/always?status=500")).raise_for_status()

        with pytest.raises(httpx.HTTPStatusError):
            asyncio.run(retrying(tenacity.AsyncRetrying)(ask_async))
        assert moved.seconds == pytest.approx(2 * (10 + 20 + 40))
    """,
    )


CHAT = """messages=[{"role": "user", "content": "Hello"}]"""


@pytest.mark.parametrize(
    ("client", "call"),
    [
        ("openai.OpenAI", f"client.chat.completions.with_raw_response.create(model='m', {CHAT})"),
        (
            "anthropic.Anthropic",
            f"client.messages.with_raw_response.create(model='m', max_tokens=9, {CHAT})",
        ),
    ],
)
def test_sdk_waits_for_retry_after(suite, client, call):
    """The SDKs' own retry, sync and async, waits as long as the server says."""
    module, name = client.split(".")
    same_in_every_mode(
        suite,
        HEAD
        + f"""
    import {module}

    def test_it(moved):
        for seconds in (7, 11):
            url = URL + f"/busy{{seconds}}?once=429&h=Retry-After:{{seconds}}&path="
            with {client}(api_key="k", base_url=url, max_retries=2) as client:
                {call}
        assert moved.seconds == 18

        async def ask(seconds):
            url = URL + f"/busy{{seconds}}?once=429&h=Retry-After:{{seconds}}&path="
            async with {module}.Async{name}(api_key="k", base_url=url, max_retries=2) as client:
                await {call}

        async def main():
            await asyncio.gather(ask(20), ask(30), ask(25))

        asyncio.run(main())
        # Side by side they take as long as the longest.
        assert moved.seconds == pytest.approx(48)
    """,
    )


@pytest.mark.parametrize(
    "ask",
    [
        """
            async with httpx.AsyncClient() as client:
                await client.get(URL + path)""",
        """
            async with httpx2.AsyncClient() as client:
                await client.get(URL + path)""",
        """
            async with aiohttp.ClientSession() as client:
                async with client.get(URL + path) as answer:
                    await answer.read()""",
        """
            async with openai.AsyncOpenAI(api_key="k", base_url=URL) as client:
                await client.with_raw_response.get(path, cast_to=object)""",
        """
            import requests
            await asyncio.to_thread(requests.get, URL + path)""",
    ],
    ids=["httpx", "httpx2", "aiohttp", "openai", "thread"],
)
def test_slow_answer_is_not_hurried_past(suite, ask):
    """While recording, a timeout that is longer than the answer takes does not fire."""
    ask = ask.replace("client.with_raw_response.get", "client.get")
    same_in_every_mode(
        suite,
        HEAD
        + f"""
    import aiohttp, httpx, httpx2, openai

    def test_it(moved):
        async def ask(path):{ask}

        async def main():
            async with asyncio.timeout(5):
                await ask("{SLOW}")
            assert moved.seconds == 0
            async with asyncio.timeout(5):
                await asyncio.gather(ask("{SLOW}&a=1"), ask("{SLOW}&a=2"))
            await asyncio.wait_for(ask("{SLOW}&a=3"), 5)
            assert moved.seconds == 0
            # And what sleeps meanwhile wakes at its time.
            await asyncio.gather(ask("{SLOW}&a=4"), asyncio.sleep(10))
            assert moved.seconds == pytest.approx(10)

        asyncio.run(main())
    """,
        ("--agentcache-record", "--agentcache-offline"),
    )


def test_slow_answer_is_not_hurried_past_on_trio(suite):
    """The same holds there."""
    same_in_every_mode(
        suite,
        HEAD
        + f"""
    import httpx, trio

    def test_it(moved):
        async def main():
            async with httpx.AsyncClient() as client, trio.open_nursery() as nursery:
                with trio.fail_after(5):
                    await client.get(URL + "{SLOW}")
                assert moved.seconds == 0
                nursery.start_soon(trio.sleep, 10)
                with trio.fail_after(5):
                    await client.get(URL + "{SLOW}&a=1")
                assert moved.seconds == 0

        trio.run(main)
        assert moved.seconds == pytest.approx(10)
    """,
        ("--agentcache-record", "--agentcache-offline"),
    )


def test_slow_stream_is_not_hurried_past(suite):
    """A body that is read while it arrives is waited for like the head of the answer."""
    suite.write("""
        import asyncio, threading
        import aiohttp, httpx, pytest
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        class Slow(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for number in range(3):
                    threading.Event().wait(0.1)
                    self.wfile.write(b"b\\r\\ndata: {\\"n\\"}\\n\\n\\r\\n".replace(b"b", b"d", 1))
                    self.wfile.flush()
                self.wfile.write(b"0\\r\\n\\r\\n")

            def log_message(self, *_):
                pass

        @pytest.fixture(scope="session")
        def url():
            server = ThreadingHTTPServer(("127.0.0.1", 18769), Slow)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield "http://127.0.0.1:18769/"
            server.shutdown()
            thread.join()
            server.server_close()

        def test_httpx(agentcache_clock, url):
            async def main():
                async with httpx.AsyncClient() as client, client.stream("GET", url) as answer:
                    async with asyncio.timeout(5):
                        return [piece async for piece in answer.aiter_raw()]

            began = agentcache_clock.now
            assert len(asyncio.run(main())) == 3
            assert agentcache_clock.now == began

        def test_aiohttp(agentcache_clock, url):
            async def main():
                async with aiohttp.ClientSession() as client, client.get(url) as answer:
                    async with asyncio.timeout(5):
                        return [piece async for piece, _ in answer.content.iter_chunks()]

            began = agentcache_clock.now
            assert len(asyncio.run(main())) == 3
            assert agentcache_clock.now == began
    """)
    for mode in MODES:
        suite.run(*filter(None, [mode])).assert_outcomes(passed=2)


def test_idle_connection_of_a_client_keeps_nobody_waiting(suite):
    """A pool that stays open between requests does not make sleeps real, even beside a queue."""
    same_in_every_mode(
        suite,
        HEAD
        + """
    import aiohttp, httpx

    def test_it(moved):
        async def main():
            async with aiohttp.ClientSession() as one, httpx.AsyncClient() as other:
                await other.get(URL + "/b")
                for number in range(3):
                    async with one.get(URL + f"/{number}") as answer:
                        await answer.read()
                    # aiohttp keeps a connection for 15 s.
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(asyncio.Queue().get(), 12)
                await asyncio.sleep(164)

        asyncio.run(main())
        assert moved.seconds == pytest.approx(200)
    """,
    )


def test_answer_that_never_comes_times_out(suite):
    """While recording, a hang ends by real time, and the clock has moved as far."""
    suite.write(
        HEAD
        + """
    import httpx

    def test_it(moved):
        async def main():
            async with httpx.AsyncClient() as client, asyncio.timeout(0.2):
                await client.get(URL + "/slow?slow=2")

        with pytest.raises(TimeoutError):
            asyncio.run(main())
        assert moved.seconds == pytest.approx(0.2, abs=0.01)
        pytest.skip("seen")
    """
    )

    suite.run("--agentcache-record").assert_outcomes(skipped=1)


def test_executor_waits_on_the_tests_clock(suite):
    """In threads of the test's a sleep moves the clock as well, and dates stand still."""
    same_in_every_mode(
        suite,
        HEAD
        + """
    import requests, threading
    from concurrent.futures import ThreadPoolExecutor
    from datetime import datetime
    from multiprocessing.pool import ThreadPool

    def test_it(moved):
        def work(number):
            requests.post(URL + f"/{number}", json={"now": datetime.now().isoformat()})
            return datetime.now()

        now = datetime.now()
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(work, range(8))) == {now}
            assert list(pool.map(time.sleep, [10, 20])) == [None, None]
        assert moved.seconds == 30
        with ThreadPool(2) as pool:
            assert pool.map(time.sleep, [1, 2]) == [None, None]
        assert moved.seconds == 33
        thread = threading.Thread(target=time.sleep, args=(7,))
        thread.start()
        thread.join()
        assert moved.seconds == 40
    """,
    )


DATED = """
    import pytest
    from datetime import UTC, datetime, timedelta

    def test_jwt(agentcache_clock):
        import base64, hashlib, hmac, json, requests

        exp = datetime.now(UTC) + timedelta(minutes=5)
        parts = {"alg": "HS256"}, {"sub": "agent", "exp": int(exp.timestamp())}
        claims = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts)
        signature = hmac.new(b"of no worth", claims.encode(), hashlib.sha256).hexdigest()
        assert requests.post(URL + "/exchange", json={"signed": f"{claims}.{signature}"}).ok

    @pytest.mark.agentcache(
        match=["method", "url", "body", "headers"], keep_headers=["x-amz-date"]
    )
    def test_amazon(agentcache_clock):
        import boto3

        client = boto3.client(
            "sqs", endpoint_url=URL, region_name="eu-west-1",
            aws_access_key_id="a", aws_secret_access_key="b",
        )
        client.send_message(QueueUrl=URL + "/queue", MessageBody="Hello")

    def test_prompt(agentcache_clock):
        import openai

        prompt = f"Today is {datetime.now():%A, %d %B %Y, %H:%M:%S.%f}."
        with openai.OpenAI(api_key="k", base_url=URL) as client:
            client.chat.completions.with_raw_response.create(
                model="m", messages=[{"role": "system", "content": prompt}]
            )
"""


def test_dates_in_requests_match_on_replay(suite):
    """A prompt, a token and a signature's date are what they were, because the clock is."""
    suite.write(DATED)
    suite.record()
    suite.upstream.stop()

    assert "x-amz-date: " in suite.cassette("test_amazon").read_text("utf-8")
    for mode in ([], ["--agentcache-offline"]):
        suite.run(*mode).assert_outcomes(passed=3)


def test_dates_in_requests_miss_on_a_clock_that_goes(suite):
    """Without the clock the same suite does not replay, or the test above would show nothing."""
    suite.write("[pytest]\nagentcache_freeze = false\n", "pytest.ini")
    suite.write(DATED)
    suite.record()
    recorded = int(time.time())
    while int(time.time()) == recorded:
        time.sleep(0.01)

    suite.run().assert_outcomes(failed=3)


def test_trio_in_guest_mode_keeps_real_time(suite):
    """anyio's plugin runs trio beside itself, where moved time would never be heard of."""
    suite.write("""
        import time

        import anyio, pytest

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["trio"])
        async def test_sleep(anyio_backend, agentcache_clock):
            before = time.perf_counter()
            await anyio.sleep(0.05)
            assert time.perf_counter() - before >= 0.05
            assert agentcache_clock.now == agentcache_clock.frozen_at
    """)
    suite.run("-p", "anyio").assert_outcomes(passed=1)
