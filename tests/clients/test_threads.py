"""A request from any thread goes to the cassette of the test that started the thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from pytest_agentcache import use_cassette
from pytest_agentcache.clients import DISPATCHER

from .clients import CLIENTS, AsyncClient, Call
from .upstream import Answer

SYNC = [name for name, make in CLIENTS.items() if not isinstance(make(), AsyncClient)]


def in_thread(work):
    done = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    thread.join()
    return done[0]


def in_executor(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def in_map(work):
    with ThreadPoolExecutor(1) as pool:
        return next(pool.map(lambda _: work(), [1]))


def to_thread(work):
    async def go():
        return await asyncio.to_thread(work)

    return asyncio.run(go())


def run_in_executor(work):
    async def go():
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return asyncio.run(go())


def anyio_to_thread(backend):
    async def go(work):
        return await anyio.to_thread.run_sync(work)

    return lambda work: anyio.run(go, work, backend=backend)


WORKERS = {
    "thread": in_thread,
    "executor": in_executor,
    "map": in_map,
    "to_thread": to_thread,
    "run_in_executor": run_in_executor,
    "anyio": anyio_to_thread("asyncio"),
    "anyio-trio": anyio_to_thread("trio"),
}


@pytest.mark.parametrize("worker", WORKERS)
@pytest.mark.parametrize("name", SYNC)
def test_workers_ask_the_cassette(upstream, journey, name, worker):
    """Threads and executors record and replay like the thread that set them to work."""
    client = CLIENTS[name]()
    url = upstream.serve("/it", Answer(b"text"))
    recorded, replayed = journey(lambda: WORKERS[worker](lambda: client.send(Call(url))))

    assert recorded[0].body == b"text"
    assert replayed == recorded


@pytest.fixture
def late():
    DISPATCHER.take_late_misses()
    yield DISPATCHER.take_late_misses
    assert DISPATCHER.take_late_misses() == []


def outliving_thread(work, done):
    thread = threading.Thread(target=lambda: done(work()))
    thread.start()
    return thread.join


def outliving_executor(work, done):
    pool = ThreadPoolExecutor(1)
    pool.submit(lambda: done(work()))
    return pool.shutdown


def outliving_anyio(work, done):
    """Work that its task abandons, in a thread of a loop of its own."""

    finished = threading.Event()

    async def go():
        async with anyio.create_task_group() as group:

            def run():
                anyio.from_thread.run_sync(group.cancel_scope.cancel)
                try:
                    done(work())
                finally:
                    finished.set()

            await anyio.to_thread.run_sync(run, abandon_on_cancel=True)

    anyio.run(go)
    return finished.wait


@pytest.mark.parametrize("mode", ["record", "replay", "offline"])
@pytest.mark.parametrize("start", [outliving_thread, outliving_executor, outliving_anyio])
@pytest.mark.parametrize("name", SYNC)
def test_what_outlives_its_test_is_refused(upstream, tmp_path, late, name, start, mode):
    """A request after the end of its test is a late 504, and does not belong to the next test."""
    client, gate, got = CLIENTS[name](), threading.Event(), []
    url = upstream.serve("/it", Answer(b"live"))

    def work():
        gate.wait(20)
        return client.send(Call(url))

    with use_cassette(tmp_path / "one.yaml", mode=mode):
        join = start(work, got.extend)
    with use_cassette(tmp_path / "two.yaml", mode=mode) as following:
        gate.set()
        join()

    assert [each.status for each in got] == [504]
    assert [(miss.kind, miss.request.url) for miss in late()] == [("late", url)]
    assert (following.misses, following.cassette.interactions, upstream.hits) == ([], (), 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["requests", "urllib3", "httpx", "httpx2", "http.client"])
def test_sixteen_threads_offline(upstream, cassette, name):
    """Sixty requests of sixteen threads: sixty answers of a cassette, none of a live server."""
    urls = [upstream.serve(f"/{n}", Answer(f"n{n}".encode())) for n in range(60)]
    client = CLIENTS[name]()

    def ask(url):
        return client.send(Call(url))[0]

    with use_cassette(cassette, mode="record"):
        client.send(*map(Call, urls))
    before = upstream.hits
    with use_cassette(cassette, mode="offline") as full, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, urls))
    cassette.unlink()
    with (
        use_cassette(cassette, mode="offline", on_miss="respond") as empty,
        ThreadPoolExecutor(16) as pool,
    ):
        refusals = list(pool.map(ask, urls))

    assert before == 60
    assert [answer.body for answer in answers] == [f"n{n}".encode() for n in range(60)]
    assert full.misses == []
    assert [refusal.status for refusal in refusals] == [504] * 60
    assert sum(miss.count for miss in empty.misses) == 60
    assert upstream.hits == before


def test_threads_record_together(upstream, journey):
    """Requests that run at once are all kept."""
    urls = [upstream.serve(f"/{n}", Answer(f"n{n}".encode())) for n in range(40)]
    clients = [CLIENTS[name]() for name in SYNC]

    def act():
        with ThreadPoolExecutor(8) as pool:
            asks = [(clients[n % len(clients)], url) for n, url in enumerate(urls)]
            got = pool.map(lambda ask: ask[0].send(Call(ask[1]))[0].body, asks)
            return list(got)

    expected = [f"n{n}".encode() for n in range(40)]
    assert journey(act) == (expected, expected)
