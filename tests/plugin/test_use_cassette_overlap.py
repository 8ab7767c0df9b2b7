"""Blocks of `use_cassette` that are open at the same time, in tasks and threads."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import requests
import trio

from pytest_agentcache import use_cassette
from pytest_agentcache.clients import DISPATCHER
from pytest_agentcache.errors import OverlapError

NAMES = ["one", "two", "three"]
# In seconds: where one thread fails, the others must not wait for it until the test ends.
PATIENCE = 30


@pytest.fixture
def recorded(tmp_path):
    """Return the URLs on each cassette, without their hosts."""

    def find():
        return {
            path.stem: re.findall(r" url: \S*/([\w-]+)", path.read_text())
            for path in tmp_path.glob("*.yaml")
        }

    return find


def in_tasks(folder, url, mode, together):
    async def work(name):
        async with use_cassette(folder / f"{name}.yaml", mode=mode) as block:
            await together.meet()
            async with httpx.AsyncClient() as client:
                await client.get(f"{url}/{name}-1")
                await asyncio.create_task(client.get(f"{url}/{name}-2"))
            await asyncio.to_thread(requests.get, f"{url}/{name}-3")
            await together.meet()
            assert block.mode == mode

    async def main():
        together.start()
        await asyncio.gather(*map(work, NAMES))

    asyncio.run(main())


def in_trio(folder, url, mode, together):
    async def work(name):
        async with use_cassette(folder / f"{name}.yaml", mode=mode), httpx.AsyncClient() as client:
            for number in (1, 2, 3):
                await trio.lowlevel.checkpoint()
                await client.get(f"{url}/{name}-{number}")

    async def main():
        async with trio.open_nursery() as nursery:
            for name in NAMES:
                nursery.start_soon(work, name)

    trio.run(main)


def in_threads(folder, url, mode, together):
    barrier = threading.Barrier(len(NAMES), timeout=PATIENCE)

    def work(name):
        with use_cassette(folder / f"{name}.yaml", mode=mode):
            barrier.wait()
            requests.get(f"{url}/{name}-1")
            inner = threading.Thread(target=requests.get, args=(f"{url}/{name}-2",))
            inner.start()
            inner.join()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(requests.get, f"{url}/{name}-3").result()
            barrier.wait()

    with ThreadPoolExecutor(len(NAMES)) as pool:
        list(pool.map(work, NAMES))


class Together:
    """Lets tasks wait for each other."""

    def start(self):
        self.waiting, self.all = 0, asyncio.Condition()

    async def meet(self):
        async with self.all:
            self.waiting += 1
            goal = -(-self.waiting // len(NAMES)) * len(NAMES)
            self.all.notify_all()
            await self.all.wait_for(lambda: self.waiting >= goal)


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize("run", [in_tasks, in_trio, in_threads])
def test_each_task_and_thread_has_its_own_cassette(tmp_path, upstream, recorded, run, around):
    """Blocks that overlap do not mix, with or without a block around them."""
    wanted = {name: [f"{name}-1", f"{name}-2", f"{name}-3"] for name in NAMES}
    for mode in ("record", "offline"):
        if around:
            with use_cassette(tmp_path / "around.yaml", mode=mode):
                requests.get(upstream.url + "/before")
                run(tmp_path, upstream.url, mode, Together())
                requests.get(upstream.url + "/after")
        else:
            run(tmp_path, upstream.url, mode, Together())
        assert recorded() == wanted | ({"around": ["before", "after"]} if around else {})
        assert DISPATCHER.guard is None
        upstream.stop()


def test_a_task_beside_a_block_uses_the_block_around_both(tmp_path, upstream, recorded):
    """A block of one task is not that of another."""

    async def main():
        inside, done = asyncio.Event(), asyncio.Event()

        async def with_block():
            async with use_cassette(tmp_path / "inner.yaml"):
                inside.set()
                await done.wait()
                await client.get(upstream.url + "/inner")

        async with httpx.AsyncClient() as client:
            task = asyncio.create_task(with_block())
            await inside.wait()
            await client.get(upstream.url + "/outer")
            done.set()
            await task

    with use_cassette(tmp_path / "outer.yaml", mode="record"):
        asyncio.run(main())
    assert recorded() == {"inner": ["inner"], "outer": ["outer"]}


def test_an_overlap_that_cannot_be_told_apart_is_an_error(tmp_path, upstream):
    """A thread that belongs to neither of two open blocks gets an error that says so."""
    opened, done = (threading.Barrier(3, timeout=PATIENCE) for _ in range(2))

    def hold(name):
        with use_cassette(tmp_path / f"{name}.yaml", mode="record"):
            opened.wait()
            done.wait()

    threads = [threading.Thread(target=hold, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    opened.wait()
    try:
        for send in (requests.get, httpx.get):
            with pytest.raises(OverlapError, match=r"several use_cassette\(\) blocks are open"):
                send(upstream.url)
    finally:
        done.wait()
        for thread in threads:
            thread.join()
    assert not upstream.hits


def test_guards_of_overlapping_blocks_end_with_them(tmp_path):
    """Blocks that end in the order in which they began leave no guard."""
    first = use_cassette(tmp_path / "one.yaml", mode="offline")
    second = use_cassette(tmp_path / "two.yaml", mode="offline")
    with first:
        second.__enter__()
    assert DISPATCHER.guard is not None
    second.__exit__(None, None, None)
    assert DISPATCHER.guard is None


def test_it_decorates_functions_and_async_functions(tmp_path, upstream, recorded):
    """Each call has a block of its own, also if calls overlap."""

    @use_cassette(tmp_path / "sync.yaml", mode="record")
    def sync(path):
        return requests.get(upstream.url + path).status_code

    @use_cassette(tmp_path / "async.yaml", mode="record")
    async def later(path):
        async with httpx.AsyncClient() as client:
            return (await client.get(upstream.url + path)).status_code

    assert sync("/one") == sync("/one") == 200
    assert asyncio.run(later("/two")) == asyncio.run(later("/two")) == 200
    assert asyncio.iscoroutinefunction(later)
    assert sync.__name__ == "sync"
    assert recorded() == {"sync": ["one"], "async": ["two"]}
    assert upstream.hits == ["GET /one", "GET /two"]


@pytest.mark.parametrize("skip", ["pytest.skip()", "pytest.xfail()"])
def test_a_skip_inside_a_block_writes_its_cassette(suite, upstream, skip):
    """The block replays as far as the skip."""
    suite.write(
        f"""
        import pytest, requests
        from pytest_agentcache import use_cassette

        def test_one():
            with use_cassette("block.yaml"):
                requests.get(URL + "/it")
                {skip}
        """
    )
    outcome = {"skipped": 1} if "skip" in skip else {"xfailed": 1}
    suite.run("--agentcache-record").assert_outcomes(**outcome)
    upstream.stop()
    suite.run("--agentcache-offline").assert_outcomes(**outcome)


def test_misses_in_blocks_count_in_the_summary(suite):
    """The summary counts the misses of a block, whether it has ended or is held open."""
    suite.write(
        """
        import pytest, requests
        from pytest_agentcache import use_cassette

        @pytest.fixture(scope="module")
        def held():
            with use_cassette("held.yaml"):
                yield

        def test_block():
            with use_cassette("block.yaml"):
                requests.get(URL + "/1")
                requests.get(URL + "/2")

        @pytest.mark.parametrize("number", [3, 4])
        def test_held(held, number):
            requests.get(f"{URL}/{number}")
        """
    )
    outcome = suite.run()
    outcome.assert_outcomes(failed=3)
    outcome.stdout.fnmatch_lines(["agentcache: 0 replayed, 0 recorded, 4 missed*"])


def test_the_clock_is_real_in_a_block_unless_asked_for(tmp_path, upstream):
    """A block freezes only with `freeze=True`."""
    path = tmp_path / "trip.yaml"
    for freeze in (None, False, True):
        settings = {} if freeze is None else {"freeze": freeze}
        with use_cassette(path, mode="record", **settings) as block:
            requests.get(upstream.url)
            assert block.clock.frozen is bool(freeze)
