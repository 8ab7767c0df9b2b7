"""Event loops on a frozen clock: what only waits for its time costs none."""

from __future__ import annotations

import asyncio
import socketserver
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from pytest_agentcache.clock import Clock, awaiting_upstream

from .conftest import Ticked, work_for


def test_sleeps_side_by_side_overlap(moved):
    """Two of 10 s take 10 s, and who sleeps less wakes first, at its time."""
    woken = []

    async def sleep(seconds):
        await asyncio.sleep(seconds)
        woken.append((seconds, moved.seconds))

    async def main():
        await asyncio.gather(sleep(10), sleep(3), sleep(10), sleep(0), sleep(4.5))

    asyncio.run(main())
    assert [seconds for seconds, _ in woken] == [0, 3, 4.5, 10, 10]
    assert all(at == pytest.approx(seconds, abs=1e-5) for seconds, at in woken)
    assert moved == 10


@pytest.mark.parametrize("days", [1, 364, 3000])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_sleep_of_years_ends(moved, days, backend):
    """A loop's time is a float, whose steps are longer than a nanosecond after some months."""
    anyio.run(anyio.sleep, days * 86400, backend=backend)

    assert moved.seconds == pytest.approx(days * 86400, abs=1e-3)


def test_timeout_keeps_its_meaning(moved):
    """It ends what takes longer, at its time, and lets go what does not."""

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(6)
        assert moved == 5
        async with asyncio.timeout(7):
            await asyncio.sleep(6)
        assert moved == 11
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 30)
        assert moved == 41
        assert await asyncio.wait_for(asyncio.sleep(3, "slept"), 4) == "slept"
        _, pending = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(9))], timeout=1)
        assert moved == 45
        assert len(pending) == 1

    asyncio.run(main())


def test_deadline_fires_at_its_date(moved):
    """`loop.time()` goes with the clock, and `call_later` comes when it says."""
    called = []

    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert began == pytest.approx(time.monotonic())
        loop.call_later(2, lambda: called.append(loop.time() - began))
        loop.call_later(1, lambda: called.append(loop.time() - began)).cancel()
        await asyncio.sleep(5)
        assert loop.time() - began == pytest.approx(5)
        assert loop.time() == pytest.approx(time.monotonic())

    asyncio.run(main())
    assert called == [pytest.approx(2)]


def test_blocking_sleep_moves_the_loop(moved):
    """Time that passes in a callback has passed for everybody."""

    async def block():
        async with asyncio.timeout(5):
            time.sleep(6)  # noqa: ASYNC251 - what is asked here
            await asyncio.sleep(0.001)

    with pytest.raises(TimeoutError):
        asyncio.run(block())
    assert moved == 6


def test_tick_wakes_who_slept_less(agentcache_clock, moved):
    """A test that moves the clock lets sleepers wake up that are due."""

    async def main():
        short, long = (asyncio.ensure_future(asyncio.sleep(each)) for each in (5, 50))
        await asyncio.sleep(0)
        agentcache_clock.tick(6)
        await short
        assert moved == 6
        assert not long.done()
        long.cancel()

    asyncio.run(main())


def test_work_in_a_thread_is_waited_for(moved):
    """A loop is not hurried past what a thread is about to hand over, however it does."""

    def work(result):
        return sum(range(3_000_000)) and result

    def pause(result):
        work_for(0.1)
        return result

    async def main():
        loop = asyncio.get_running_loop()
        for call in (work, pause):
            async with asyncio.timeout(5):
                assert await asyncio.to_thread(call, 1) == 1
            assert await asyncio.wait_for(loop.run_in_executor(None, call, 2), 5) == 2
            with ThreadPoolExecutor(1) as pool:
                assert await asyncio.wait_for(loop.run_in_executor(pool, call, 3), 5) == 3
        event = asyncio.Event()

        def set_later():
            pause(None)
            loop.call_soon_threadsafe(event.set)

        threading.Thread(target=set_later).start()
        assert await asyncio.wait_for(event.wait(), 5)
        assert moved == 0
        future = loop.create_future()
        threading.Timer(0.1, loop.call_soon_threadsafe, (future.set_result, 4)).start()
        assert await asyncio.wait_for(future, 5) == 4

    asyncio.run(main())
    assert 0.1 <= moved.seconds < 5


def test_more_work_than_threads_is_waited_for(moved):
    """Work that waits for a thread of the pool counts like work that has started."""

    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            jobs = [loop.run_in_executor(pool, work_for, 0.03) for _ in range(5)]
            async with asyncio.timeout(5):
                await asyncio.gather(*jobs)

    asyncio.run(main())
    assert moved == 0


def test_handing_over_is_no_race(moved):
    """A thread that hands over while the loop looks away is not overtaken by a timer."""

    async def main():
        async with asyncio.timeout(5):
            for each in range(2000):
                assert await asyncio.to_thread(lambda each=each: each) == each

    interval = sys.getswitchinterval()
    # Threads take turns as often as they can.
    sys.setswitchinterval(1e-6)
    try:
        asyncio.run(main())
    finally:
        sys.setswitchinterval(interval)
    assert moved == 0


def test_process_of_a_pool_is_waited_for(moved):
    """Work in another process is real."""

    async def main():
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(1) as pool:
            async with asyncio.timeout(60):
                assert await loop.run_in_executor(pool, pow, 2, 10) == 1024
            await asyncio.sleep(100)

    asyncio.run(main())
    assert moved == 100


def test_subprocess_is_waited_for(moved):
    """Output and end of a process come in real time."""
    code = "import time; time.sleep(0.2); print('said')"

    async def main():
        made = asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        process = await asyncio.wait_for(made, 60)
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        assert said == b"said\n"
        assert process.returncode == 0
        await asyncio.sleep(100)

    asyncio.run(main())
    assert moved == 100


def test_blocking_subprocess_in_a_thread_is_waited_for(moved):
    """Also where a thread waits for it as loops wait: for several pipes at once."""
    import subprocess

    command = [sys.executable, "-c", "import time; time.sleep(0.2); print('said')"]

    async def main():
        async with asyncio.timeout(60):
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True)
        assert done.stdout == b"said\n"

    asyncio.run(main())
    assert moved == 0


def test_raw_streams_are_waited_for(moved):
    """Input over a socket comes before a timer, and an idle connection keeps nobody waiting."""

    async def main():
        got = asyncio.Event()

        async def answer(reader, writer):
            await reader.readline()
            await asyncio.to_thread(work_for, 0.1)
            writer.write(b"pong\n")
            await got.wait()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"ping\n")
        assert await asyncio.wait_for(reader.readline(), 5) == b"pong\n"
        assert moved == 0
        await asyncio.sleep(1000)
        assert moved == 1000
        got.set()
        writer.close()
        await writer.wait_closed()
        server.close()

    asyncio.run(main())


def test_idle_protocol_keeps_nobody_waiting(moved):
    """A connection on which nobody waits, of a client of any make, does not stop the clock."""

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        transport, _ = await loop.create_connection(
            asyncio.Protocol, *server.sockets[0].getsockname()
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1000))
            group.create_task(asyncio.sleep(500))
        await asyncio.gather(asyncio.sleep(1000), asyncio.sleep(500))
        transport.close()
        server.close()

    asyncio.run(main())
    assert moved == 2000


def test_hang_ends_in_real_time(lasted, moved):
    """A wait for input that never comes times out when it really would."""

    async def main():
        async def keep_silent(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.2)
        writer.close()
        await writer.wait_closed()
        server.close()

    asyncio.run(main())
    assert lasted() >= 0.2
    assert moved == 0.2


def test_answer_on_its_way_is_waited_for(lasted, moved):
    """A request that is under way keeps timers back as long as they would really take."""

    async def main():
        with awaiting_upstream():
            await asyncio.sleep(0.2)

    asyncio.run(main())
    assert lasted() >= 0.2
    assert moved == 0.2


def test_trickle_does_not_put_off_a_deadline(moved):
    """Real waiting counts, however often it is interrupted by a little input."""

    async def main():
        async def trickle(_, writer):
            try:
                while True:
                    writer.write(b".")
                    await asyncio.to_thread(work_for, 0.02)
            finally:
                writer.close()

        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        pieces = []

        async def read():
            while True:
                pieces.append(await asyncio.wait_for(reader.read(1), 0.5))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), 0.6)
        assert len(pieces) > 2
        writer.close()
        server.close()

    asyncio.run(main())


def test_loop_in_a_thread_waits_its_turn(moved):
    """The loop with the earlier timer moves the clock first."""
    woken = []

    async def sleep(name, *seconds):
        for each in seconds:
            await asyncio.sleep(each)
            woken.append((name, round(moved.seconds, 3)))

    async def main():
        async with asyncio.timeout(60):
            await asyncio.gather(
                asyncio.to_thread(asyncio.run, sleep("inner", 5, 10, 10)), sleep("outer", 12, 10)
            )

    asyncio.run(main())
    assert woken == [("inner", 5), ("outer", 12), ("inner", 15), ("outer", 22), ("inner", 25)]


def test_loop_in_the_background_does_not_run_ahead(agentcache_clock):
    """A library's endless thread does not move the clock while the test itself is at work."""
    ends = threading.Event()

    async def leak():
        while not ends.is_set():  # noqa: ASYNC110 - as the library does it
            await asyncio.sleep(0.3)

    for _ in range(30):
        ends.clear()
        thread = threading.Thread(target=lambda: asyncio.run(leak()))
        began = agentcache_clock.now
        thread.start()
        sum(range(100_000))
        now = agentcache_clock.now
        ends.set()
        thread.join()
        assert now == began


def test_server_in_a_thread_keeps_nobody_waiting(moved, lasted):
    """One that the test has started waits for others to connect."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        asyncio.run(asyncio.sleep(300))
        server.shutdown()
        thread.join()

    # Its own waits, for which it looks up twice a second, are real.
    assert 300 <= moved.seconds < 310
    assert lasted() < 60


def test_portal_moves_the_clock(moved, lasted):
    """A loop behind synchronous code is the test's as well, however long that would wait."""
    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(anyio.sleep, 40)
        assert portal.start_task_soon(anyio.sleep, 30).result(timeout=300) is None

    assert moved == 70
    assert lasted() < 20


def test_anyio_on_asyncio(moved):
    """anyio's sleeps, scopes and threads are asyncio's."""

    async def main():
        with pytest.raises(TimeoutError):
            with anyio.fail_after(5):
                await anyio.sleep(6)
        assert moved == 5
        with anyio.move_on_after(5) as scope:
            await anyio.to_thread.run_sync(lambda: work_for(0.1))
        assert not scope.cancelled_caught
        assert moved == 5
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 10)
            group.start_soon(anyio.sleep, 20)
        assert moved == 25
        await anyio.to_thread.run_sync(time.sleep, 5)
        assert moved == 30

    anyio.run(main)


def test_loop_of_a_thread_of_before_is_left_alone(request):
    """A server's loop in its own thread neither moves the clock nor is frozen."""
    loop, ticks = asyncio.new_event_loop(), []

    async def serve():
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        while not stop.is_set():
            ticks.append(loop.time())
            await asyncio.sleep(0.01)
        server.close()

    stop = threading.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    clock = request.getfixturevalue("agentcache_clock")
    moved, begun = Ticked(clock), len(ticks)
    asyncio.run(asyncio.sleep(500))
    while len(ticks) < begun + 5:
        work_for(0.01)
    stop.set()
    thread.join()
    loop.close()

    assert moved == 500
    assert ticks == sorted(ticks)
    assert ticks[-1] - ticks[begun] < 100


def test_loop_that_outlives_tests_never_goes_back(agentcache_clock):
    """Its own time goes on over stopped and real time, and so do its timers."""
    loop = asyncio.new_event_loop()
    times = [loop.time()]
    loop.run_until_complete(asyncio.sleep(1000))
    times.append(loop.time())
    with agentcache_clock.real():
        times.append(loop.time())
        began = time.monotonic()
        loop.run_until_complete(asyncio.sleep(0.05))
        assert time.monotonic() - began >= 0.05
        times.append(loop.time())
    times.append(loop.time())
    loop.run_until_complete(asyncio.sleep(1000))
    times.append(loop.time())
    loop.close()

    assert times == sorted(times)
    assert times[-1] - times[0] == pytest.approx(2000, abs=60)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_timers_come_true_after_a_century(agentcache_clock, backend):
    """A test that lets centuries pass takes nothing of the precision of later ones."""
    clock, start = Clock(), datetime(2026, 11, 21, tzinfo=UTC)
    spans = [0.3 + n / 7919 for n in range(200)]

    async def main():
        for span in spans:
            await anyio.sleep(span)

    with agentcache_clock.real():
        clock.freeze(start)
        clock.tick(timedelta(days=400 * 366))
        clock.release()
        clock.freeze(start)
        anyio.run(main, backend=backend)
        moved = clock.now - start
        clock.release()

    assert moved.total_seconds() == pytest.approx(sum(spans), abs=1e-3)


def test_dropped_request_leaves_nothing_behind(moved):
    """A cancelled wait for upstream does not hold the clock back."""

    async def main():
        async def ask():
            with awaiting_upstream():
                await asyncio.Event().wait()

        asking = asyncio.ensure_future(ask())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.sleep(100)

    asyncio.run(main())
    assert moved == 100


def test_heartbeat_does_not_shorten_a_deadline(lasted):
    """Real waiting counts once, although the heartbeat has moved the clock by it meanwhile."""

    async def beat():
        for _ in range(1000):
            await asyncio.sleep(0.05)

    async def main():
        with awaiting_upstream():
            await asyncio.wait([asyncio.ensure_future(beat())], timeout=0.6)

    asyncio.run(main())
    assert lasted() >= 0.55
