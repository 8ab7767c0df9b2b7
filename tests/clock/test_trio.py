"""trio on a frozen clock, by itself and below anyio."""

from __future__ import annotations

import sys
import time

import anyio
import anyio.to_thread
import pytest
import trio
import trio.testing

from pytest_agentcache.clock import awaiting_upstream

from .conftest import work_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="trio's time is real there")


def test_sleeps_side_by_side_overlap(moved, lasted):
    """Two of 10 s take 10 s, and who sleeps less wakes first."""
    woken = []

    async def sleep(seconds):
        await trio.sleep(seconds)
        woken.append((seconds, moved.seconds))

    async def main():
        async with trio.open_nursery() as nursery:
            for seconds in (10, 3, 10, 4.5):
                nursery.start_soon(sleep, seconds)

    trio.run(main)
    assert [seconds for seconds, _ in woken] == [3, 4.5, 10, 10]
    assert all(at == pytest.approx(seconds, abs=1e-5) for seconds, at in woken)
    assert lasted() < 3


def test_scopes_keep_their_meaning(moved):
    """A deadline ends what takes longer, at its time."""

    async def main():
        with pytest.raises(trio.TooSlowError):
            with trio.fail_after(5):
                await trio.sleep(6)
        assert moved == 5
        with trio.move_on_after(30) as scope:
            await trio.Event().wait()
        assert scope.cancelled_caught
        assert moved == 35
        began = trio.current_time()
        await trio.sleep_until(began + 7)
        assert trio.current_time() == pytest.approx(began + 7)

    trio.run(main)
    assert moved == 42


def test_blocking_sleep_moves_the_run(moved):
    """Time that passes in a task has passed for everybody."""

    async def block():
        with trio.fail_after(5):
            time.sleep(6)  # noqa: ASYNC251 - what is asked here
            await trio.sleep(0.001)

    with pytest.raises(trio.TooSlowError):
        trio.run(block)
    assert moved == 6


def test_work_in_a_thread_is_waited_for(moved):
    """A run is not hurried past what a thread is about to hand over."""

    async def main():
        with trio.fail_after(5):
            assert await trio.to_thread.run_sync(lambda: sum(range(3_000_000))) > 0
            await trio.to_thread.run_sync(work_for, 0.1)
            for each in range(100):
                assert await trio.to_thread.run_sync(lambda each=each: each) == each
        assert moved == 0
        await trio.to_thread.run_sync(time.sleep, 50)

    trio.run(main)
    assert moved == 50


def test_input_is_waited_for(moved, lasted):
    """Over sockets and pipes, while a server that waits for connections holds up nobody."""

    async def answer(stream):
        async with stream:
            await stream.receive_some()
            await trio.to_thread.run_sync(work_for, 0.1)
            await stream.send_all(b"pong")

    async def main():
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, answer, 0)
            async with await trio.testing.open_stream_to_socket_listener(listeners[0]) as stream:
                await stream.send_all(b"ping")
                with trio.fail_after(5):
                    assert await stream.receive_some() == b"pong"
            assert moved == 0
            await trio.sleep(1000)
            nursery.cancel_scope.cancel()
        code = "import time; time.sleep(0.2); print('said')"
        with trio.fail_after(60):
            done = await trio.run_process([sys.executable, "-c", code], capture_stdout=True)
        assert done.stdout == b"said\n"

    trio.run(main)
    assert moved == 1000
    assert lasted() < 60


def test_hang_ends_in_real_time(moved, lasted):
    """A wait for input that never comes times out when it really would."""

    async def main():
        one, other = trio.socket.socketpair()
        with one, other, trio.move_on_after(0.2) as scope:
            await one.recv(1)
        assert scope.cancelled_caught

    trio.run(main)
    assert lasted() >= 0.2
    assert moved == 0.2


def test_answer_on_its_way_is_waited_for(moved, lasted):
    """A request that is under way keeps deadlines back as long as they would really take."""

    async def main():
        with awaiting_upstream():
            await trio.sleep(0.2)

    trio.run(main)
    assert lasted() >= 0.2
    assert moved == 0.2


def test_anyio_on_trio(moved):
    """anyio's sleeps, scopes and threads are trio's."""

    async def main():
        with pytest.raises(TimeoutError):
            with anyio.fail_after(5):
                await anyio.sleep(6)
        with anyio.move_on_after(5) as scope:
            await anyio.to_thread.run_sync(lambda: work_for(0.1))
        assert not scope.cancelled_caught
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 10)
            group.start_soon(anyio.sleep, 20)

    anyio.run(main, backend="trio")
    assert moved == 25


def test_own_clock_is_left_alone(moved):
    """A clock of another kind that is given to trio is used."""

    async def main():
        await trio.sleep(1000)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert moved == 0


def test_real_time_is_real():
    """Without a frozen clock trio really sleeps."""
    began = time.monotonic()
    trio.run(trio.sleep, 0.05)

    assert time.monotonic() - began >= 0.05


def test_heartbeat_does_not_shorten_a_deadline(lasted):
    """Real waiting counts once, although the heartbeat has moved the clock by it meanwhile."""

    async def beat():
        for _ in range(1000):
            await trio.sleep(0.05)

    async def main():
        with awaiting_upstream(), trio.move_on_after(0.6):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(beat)

    trio.run(main)
    assert lasted() >= 0.55


def test_deadline_around_shorter_ones_fires(lasted):
    """Waits that end before their own deadline add up to that of the scope around them."""

    async def main():
        with trio.move_on_after(0.5) as scope:
            for _ in range(100):
                with trio.fail_after(0.3):
                    await trio.to_thread.run_sync(work_for, 0.03)
        assert scope.cancelled_caught

    trio.run(main)
    assert lasted() >= 0.5
