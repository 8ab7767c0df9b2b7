"""Loops that wait for a frozen clock end, as they do live."""

from __future__ import annotations

import pytest

HEAD = """
    import asyncio, queue, select, selectors, socket, subprocess, sys, threading, time
    from concurrent.futures import ThreadPoolExecutor
    from datetime import datetime, timedelta
    import pytest

    lock = threading.Lock()
    lock.acquire()

    @pytest.fixture(autouse=True)
    def sockets():
        global one
        one, other = socket.socketpair()
        one.settimeout(0.05)
        with one, other:
            yield

    def receive():
        with pytest.raises(TimeoutError):
            one.recv(1)

    def get(kind):
        with pytest.raises(queue.Empty):
            kind().get(timeout=0.05)

    def condition():
        with (known := threading.Condition()):
            known.wait(0.05)

    def selector():
        with selectors.DefaultSelector() as known:
            known.register(one, selectors.EVENT_READ)
            known.select(0.05)

    def process():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.2)"])
        while child.poll() is None:
            lock.acquire(timeout=0.01)

    def joined():
        thread = threading.Thread(target=select.select, args=([one], [], [], 0.2))
        thread.start()
        thread.join(0.05)

"""
WAITS = {
    "event": "threading.Event().wait(0.05)",
    "condition": "condition()",
    "semaphore": "threading.Semaphore(0).acquire(timeout=0.05)",
    "queue": "get(queue.Queue)",
    "simple-queue": "get(queue.SimpleQueue)",
    "select": "select.select([one], [], [], 0.05)",
    "poll": "select.poll().poll(50)",
    "selector": "selector()",
    "socket": "receive()",
    "lock": "lock.acquire(timeout=0.05)",
    "join": "joined()",
    "sleep-0": "time.sleep(0)",
    "nothing": "pass",
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_loop_with_a_deadline_ends(suite, wait):
    """By the wall clock, the monotonic clock and the date, around any wait or none at all."""
    suite.write(
        HEAD
        + f"""
    def test_it(agentcache_clock):
        for now, second in (
            (time.time, 0.3), (time.monotonic, 0.3), (datetime.now, timedelta(seconds=0.3))
        ):
            began = end = now()
            end += second
            while now() < end:
                {wait}
            assert now() - began < 20 * second
    """
    )

    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("run", "now", "pause"),
    [
        ("asyncio.run(main())", "asyncio.get_running_loop().time", "asyncio.sleep"),
        ("asyncio.run(main())", "time.monotonic", "asyncio.sleep"),
        ("anyio.run(main)", "anyio.current_time", "anyio.sleep"),
        ("trio.run(main)", "trio.current_time", "trio.sleep"),
    ],
)
def test_loop_with_a_deadline_ends_on_an_event_loop(suite, run, now, pause):
    """A task that only lets others run until its time has come gets there."""
    suite.write(f"""
        import asyncio, time
        import anyio, trio

        def test_it(agentcache_clock):
            async def main():
                now = {now}
                end = now() + 0.3
                while now() < end:
                    await {pause}(0)

            {run}
            assert (agentcache_clock.now - agentcache_clock.frozen_at).total_seconds() < 20
    """)

    suite.run().assert_outcomes(passed=1)


def test_real_waiting_moves_the_clock(suite):
    """By what was really waited, once for threads that wait side by side."""
    suite.write(
        HEAD
        + """
    def test_it(agentcache_clock):
        began = agentcache_clock.now
        assert not threading.Event().wait(0.2)
        first = (agentcache_clock.now - began).total_seconds()
        with ThreadPoolExecutor(50) as pool:
            for each in [pool.submit(threading.Event().wait, 0.2) for _ in range(50)]:
                each.result()
        both = (agentcache_clock.now - began).total_seconds()
        assert 0.2 <= first
        # One after the other they would take 10 s; a slow machine takes longer than 0.2.
        assert 0.2 <= both - first < 5

    def test_timer(agentcache_clock):
        fired = threading.Event()
        began = time.time()
        threading.Timer(0.2, fired.set).start()
        assert fired.wait(60)
        assert 0.19 < time.time() - began < 30
    """
    )

    suite.run().assert_outcomes(passed=2)


def test_wait_that_does_not_run_out_moves_nothing(suite):
    """Data from others arrives when it arrives, while recording and on replay."""
    suite.write(
        HEAD
        + """
    def test_it(agentcache_clock):
        began, box = agentcache_clock.now, queue.Queue()
        thread = threading.Thread(target=lambda: (lock.acquire(timeout=0.1), box.put(1)))
        thread.start()
        assert box.get(timeout=60) == 1
        thread.join(60)
        assert not threading.Event().wait(0)
        assert select.select([one], [], [], 0) == ([], [], [])
        assert agentcache_clock.now == began
    """
    )

    suite.run().assert_outcomes(passed=1)


def test_spinning_is_reported(suite):
    """The summary names the test, and the line that waited for the clock."""
    suite.write("""
        import time

        def test_spins(agentcache_clock):
            end = time.time() + 0.3
            while time.time() < end:
                pass

        def test_waits(agentcache_clock):
            end = time.time() + 3
            while time.time() < end:
                time.sleep(0.1)
    """)
    outcome = suite.run("-p", "no:randomly")

    outcome.assert_outcomes(passed=2)
    outcome.stdout.fnmatch_lines(
        ["test_suite.py::test_spins: test_suite.py:6 waits in a loop for a frozen clock, *"]
    )
    outcome.stdout.no_fnmatch_line("*test_waits: *")


def test_looking_at_the_clock_does_not_move_it(suite):
    """A test that logs, or stamps what it makes, is not taken for one that waits."""
    suite.write("""
        import logging, time
        from datetime import datetime

        def test_it(agentcache_clock):
            began = agentcache_clock.now
            rows = [datetime.now() for _ in range(3_000)]
            assert len(set(rows)) == 1
            for number in range(2_000):
                logging.getLogger("agent").info("step %d", number)
            assert agentcache_clock.now == began
    """)

    suite.run("--log-level=INFO").assert_outcomes(passed=1)


def test_stamps_of_a_library_do_not_move_the_clock(suite):
    """A function that many callers use for their stamps is not taken for a loop."""
    steps = "\n".join(12 * ["    REAL.sleep(0.2); stamps.add(now())"])
    suite.write(f"""
import time
from pytest_agentcache.clock.frozen_time import REAL

def now():
    return time.time()

def test_it(agentcache_clock):
    stamps = set()
{steps}
    assert len(stamps) == 1
""")

    suite.run().assert_outcomes(passed=1)


def test_slow_upstream_does_not_move_the_clock(suite):
    """Requests that take real time while recording are no wait for the clock."""
    suite.write("""
        import time, requests

        def test_it(agentcache_clock):
            stamps = set()
            for number in range(14):
                stamps.add(time.time())
                requests.get(URL + f"/{number}?slow=0.2")
            assert len(stamps) == 1
    """)
    suite.record()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_polling_upstream_ends(suite):
    """A loop that only sends requests until a deadline ends, while recording too."""
    suite.write("""
        import time, requests

        def test_it(agentcache_clock):
            end, session = time.time() + 1, requests.Session()
            while time.time() < end:
                session.get(URL + "/state")
    """)

    suite.run("--agentcache-record").assert_outcomes(passed=1)


LOOPS = {
    "forever": "threading.Thread(target=loop.run_forever, daemon=True)",
    "run": "threading.Thread(target=asyncio.run, args=(main(),))",
    "until": "threading.Thread(target=loop.run_until_complete, args=(main(),))",
    "anyio": "threading.Thread(target=anyio.run, args=(main,))",
    "trio": "threading.Thread(target=trio.run, args=(trio_main,))",
    "sleep": "threading.Thread(target=time.sleep, args=(5,))",
    "pool": "threading.Thread(target=list, args=(ThreadPoolExecutor().map(time.sleep, [5]),))",
    "processes": "threading.Thread(target=map_in_pool)",
}


@pytest.mark.parametrize("thread", LOOPS.values(), ids=LOOPS)
def test_thread_of_the_test_is_on_its_clock(suite, thread):
    """With every target: a loop, a run, a pool, or `time.sleep` itself."""
    suite.write(f"""
        import asyncio, threading, time
        from concurrent.futures import ThreadPoolExecutor
        from multiprocessing.pool import ThreadPool
        import anyio, trio

        async def main():
            await asyncio.sleep(5)

        async def trio_main():
            await trio.sleep(5)

        def map_in_pool():
            with ThreadPool(1) as pool:
                pool.map(time.sleep, [5])

        def test_it(agentcache_clock):
            with agentcache_clock.real():
                started = time.monotonic()
            loop = asyncio.new_event_loop()
            thread = {thread}
            thread.start()
            if thread.daemon:
                asyncio.run_coroutine_threadsafe(main(), loop).result()
                loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            with agentcache_clock.real():
                assert time.monotonic() - started < 4, "it really waited"
            moved = agentcache_clock.now - agentcache_clock.frozen_at
            assert 5 <= moved.total_seconds() < 5.01
    """)

    suite.run().assert_outcomes(passed=1)
