"""The order on the cassette: of starts; of what runs at once, that of who set it to work."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from base64 import b32encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from random import Random

import aiohttp
import anyio
import httpx
import pytest
import requests
import trio

from pytest_agentcache import use_cassette
from pytest_agentcache.replay.run_state import Run
from pytest_agentcache.replay.session import Harness
from pytest_agentcache.settings.settings import Settings

from .programs import Par, Program, Seq, leaves, under_way
from .upstream import PATIENCE, Answer, Asked, Upstream

FLAT = Par(*(Seq(f"/{name}1", f"/{name}2") for name in "abcd"))
WIDE = Par(*(Seq(f"/{n}", f"/{n}/more") for n in range(12)), width=4)
NESTED = Seq(
    "/first",
    Par(*(Seq(Par(f"/{name}1", f"/{name}2"), Par(f"/{name}3", f"/{name}4")) for name in "ab")),
    "/last",
)
# The last part of what runs at once goes on where the others were started.
BESIDE = Seq("/first", Par(Seq("/b1", "/b2", "/b3"), Seq("/m1", "/m2", "/m3")), "/last")


class Holding(Upstream):
    """Respond when all concurrent requests have arrived, or one after another, as configured."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def run(self, program: Program, choose) -> None:
        """Answers the requests of `program`, each time the one that `choose` picks."""
        self._program, self._choose = program, choose
        self._waiting: list[str] = []
        self._answered: set[str] = set()

    def answer(self, asked: Asked) -> Answer:
        with self._changed:
            self._waiting.append(asked.path)
            self._let_go()
            assert self._changed.wait_for(lambda: asked.path in self._answered, PATIENCE)
        # Something that is numbered on the cassette, in the order of the file.
        key = "AKIA" + b32encode(sha256(asked.path.encode()).digest())[:16].decode()
        text = f"{key} {asked.path} for {asked.headers.get('X-Lane')}"
        return Answer(text.encode(), headers=[("Content-Type", "text/plain")])

    def _let_go(self) -> None:
        going = under_way(self._program, self._answered)
        while going and set(going) <= set(self._waiting):
            self._answered.add(self._choose(going))
            going = under_way(self._program, self._answered)
        self._changed.notify_all()


@pytest.fixture
def holding():
    server = Holding()
    yield server
    server.stop()


def threads(program, url):
    """Run concurrent parts in threads; the last part continues in the thread that started them."""
    if isinstance(program, str):
        requests.get(url + program, timeout=PATIENCE)
    elif isinstance(program, Seq):
        for part in program.parts:
            threads(part, url)
    else:
        *others, last = program.parts
        started = [threading.Thread(target=threads, args=(part, url)) for part in others]
        for thread in started:
            thread.start()
        threads(last, url)
        for thread in started:
            thread.join()


def pool(program, url):
    """Run concurrent parts in a pool."""
    if isinstance(program, str):
        requests.get(url + program, timeout=PATIENCE)
    elif isinstance(program, Seq):
        for part in program.parts:
            pool(part, url)
    else:
        with ThreadPoolExecutor(min(program.width, len(program.parts))) as executor:
            list(executor.map(lambda part: pool(part, url), program.parts))


def copied_contexts(program, url):
    """The same in copies of the context, as some libraries hand work over."""
    if isinstance(program, Par):
        with ThreadPoolExecutor(min(program.width, len(program.parts))) as executor:
            made = [
                executor.submit(contextvars.copy_context().run, copied_contexts, part, url)
                for part in program.parts
            ]
        for each in made:
            each.result()
    elif isinstance(program, Seq):
        for part in program.parts:
            copied_contexts(part, url)
    else:
        requests.get(url + program, timeout=PATIENCE)


async def walk(program, ask, at_once):
    """Runs a program, `at_once` a list of its parts, each a function."""
    if isinstance(program, str):
        await ask(program)
    elif isinstance(program, Seq):
        for part in program.parts:
            await walk(part, ask, at_once)
    else:
        slots = anyio.Semaphore(program.width)

        async def step(part):
            async with slots:
                await walk(part, ask, at_once)

        await at_once(step, program.parts)


async def gather(step, parts):
    await asyncio.gather(*map(step, parts))


async def task_group(step, parts):
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(step(part))


async def background(step, parts):
    *others, last = parts
    tasks = [asyncio.create_task(step(part)) for part in others]
    await step(last)
    for task in tasks:
        await task


async def nursery(step, parts):
    async with trio.open_nursery() as group:
        for part in parts:
            group.start_soon(step, part)


async def anyio_group(step, parts):
    async with anyio.create_task_group() as group:
        for part in parts:
            group.start_soon(step, part)


def with_httpx(at_once, backend="asyncio"):
    def act(program, url):
        async def go():
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(limits=limits, timeout=PATIENCE) as client:
                await walk(program, lambda path: client.get(url + path), at_once)

        anyio.run(go, backend=backend)

    return act


def with_aiohttp(program, url):
    async def go():
        async with aiohttp.ClientSession() as session:

            async def ask(path):
                async with session.get(url + path) as answer:
                    await answer.read()

            await walk(program, ask, gather)

    asyncio.run(go())


def to_thread(run_sync, at_once, backend="asyncio"):
    def act(program, url):
        async def ask(path):
            await run_sync(lambda: requests.get(url + path, timeout=PATIENCE))

        anyio.run(walk, program, ask, at_once, backend=backend)

    return act


async def in_executor(work):
    await asyncio.get_running_loop().run_in_executor(None, work)


WAYS = {
    "threads": (threads, [FLAT, NESTED, BESIDE]),
    "pool": (pool, [FLAT, NESTED, WIDE]),
    "copied contexts": (copied_contexts, [WIDE]),
    "gather": (with_httpx(gather), [FLAT, NESTED, WIDE]),
    "aiohttp": (with_aiohttp, [FLAT, NESTED]),
    "TaskGroup": (with_httpx(task_group), [FLAT, NESTED]),
    "background tasks": (with_httpx(background), [BESIDE, NESTED]),
    "nursery": (with_httpx(nursery, "trio"), [FLAT, NESTED]),
    "anyio on trio": (with_httpx(anyio_group, "trio"), [FLAT]),
    "anyio on asyncio": (with_httpx(anyio_group), [FLAT]),
    "asyncio.to_thread": (to_thread(asyncio.to_thread, gather), [FLAT]),
    "run_in_executor": (to_thread(in_executor, gather), [FLAT]),
    "anyio.to_thread": (to_thread(anyio.to_thread.run_sync, anyio_group), [FLAT, NESTED]),
    "anyio.to_thread on trio": (
        to_thread(anyio.to_thread.run_sync, anyio_group, "trio"),
        [FLAT],
    ),
    "trio.to_thread": (to_thread(trio.to_thread.run_sync, nursery, "trio"), [FLAT]),
}

ARRIVALS = {
    "first": lambda going: going[0],
    "last": lambda going: going[-1],
    "random": Random(7).choice,
}


def lines(path):
    """A cassette without the line that says when it was recorded."""
    return [line for line in path.read_text("utf-8").splitlines() if "recorded_at" not in line]


def asked(harness, url):
    return [each.request.url.removeprefix(url) for each in harness.cassette.interactions]


@pytest.mark.parametrize(
    ("way", "program"),
    [
        pytest.param(way, program, id=f"{way}-{at}")
        for way, (_, programs) in WAYS.items()
        for at, program in enumerate(programs)
    ],
)
def test_who_is_faster_does_not_move_anything(holding, tmp_path, way, program):
    """Two recordings of the same program are byte-identical, in any order of responses."""
    act, _ = WAYS[way]
    for name, choose in ARRIVALS.items():
        holding.run(program, choose)
        with use_cassette(tmp_path / f"{name}.yaml", mode="rerecord") as recorded:
            act(program, holding.url)
        assert asked(recorded, holding.url) == leaves(program)

    files = [lines(tmp_path / f"{name}.yaml") for name in ARRIVALS]
    assert files[1:] == files[:-1]
    holding.stop()
    with use_cassette(tmp_path / "last.yaml", mode="offline") as replayed:
        act(program, holding.url)
    assert replayed.unused == ()


def test_work_of_a_pool_stands_as_it_was_handed_over(upstream, tmp_path):
    """Also where what was handed over later is done before the rest has begun to ask."""
    paths = ["/a", "/b", "/c", "/d"]
    for path in paths:
        upstream.serve(path, Answer(b"x"))
    for at, turns in enumerate(([0, 1, 2, 3], [3, 1, 0, 2])):
        gates = [threading.Event() for _ in turns]

        def ask(number, gates=gates):
            assert gates[number].wait(PATIENCE)
            requests.get(upstream.url + paths[number], timeout=PATIENCE)

        with (
            use_cassette(tmp_path / f"{at}.yaml", mode="record") as recorded,
            ThreadPoolExecutor(4) as executor,
        ):
            done = [executor.submit(ask, number) for number in range(4)]
            for turn in turns:
                gates[turn].set()
                done[turn].result()
        assert asked(recorded, upstream.url) == paths


def test_what_a_pool_does_one_after_another_is_not_parallel(upstream, cassette):
    """Work of a pool and of who waits for it stays a conversation."""
    paths = [f"/{n}" for n in range(6)]
    for path in paths:
        upstream.serve(path, Answer(b"x"))

    with use_cassette(cassette, mode="record") as recorded, ThreadPoolExecutor(2) as executor:
        jobs, results = queue.Queue(), queue.Queue()

        def work():
            while (path := jobs.get()) is not None:
                results.put(requests.get(upstream.url + path, timeout=PATIENCE))

        done = executor.submit(work)
        for mine, other in zip(paths[::2], paths[1::2], strict=True):
            requests.get(upstream.url + mine, timeout=PATIENCE)
            jobs.put(other)
            results.get(timeout=PATIENCE)
        jobs.put(None)
        done.result()

    assert asked(recorded, upstream.url) == paths


def test_answers_to_equal_requests_stand_in_the_order_of_who_asked(holding, tmp_path):
    """Equal requests of several tasks: each response is recorded and replayed in its place."""

    async def task(client, name):
        await client.get(f"{holding.url}/{name}", headers={"X-Lane": name})
        answer = await client.get(f"{holding.url}/me?{name}", headers={"X-Lane": name})
        return answer.text.partition(" for ")[2]

    async def go():
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            return await asyncio.gather(*(task(client, name) for name in "abc"))

    program = Par(*(Seq(f"/{name}", f"/me?{name}") for name in "abc"))
    for name, choose in ARRIVALS.items():
        holding.run(program, choose)
        path = tmp_path / f"{name}.yaml"
        with use_cassette(path, mode="record", ignore_query=["?"]) as recorded:
            assert asyncio.run(go()) == [*"abc"]
        tasks = [each.response.body.decode()[-1] for each in recorded.cassette.interactions]
        assert tasks == [*"aabbcc"]
        with use_cassette(path, mode="offline", ignore_query=["?"]):
            assert asyncio.run(go()) == [*"abc"]


def test_a_conversation_of_threads_stays_one(upstream, cassette):
    """Jobs that wait for each other are not concurrent: their requests stay in order."""
    for path in ("/plan", "/act", "/check", "/act again", "/done"):
        upstream.serve(path.replace(" ", "%20"), Answer(b"x"))
    jobs, results = queue.Queue(), queue.Queue()

    def work():
        while (path := jobs.get()) is not None:
            results.put(requests.get(upstream.url + path, timeout=PATIENCE))

    with use_cassette(cassette, mode="record") as recorded:
        worker = threading.Thread(target=work)
        worker.start()
        for mine, other in (("/plan", "/act"), ("/check", "/act%20again"), ("/done", None)):
            requests.get(upstream.url + mine, timeout=PATIENCE)
            jobs.put(other)
            if other:
                results.get(timeout=PATIENCE)
        worker.join()

    expected = ["/plan", "/act", "/check", "/act%20again", "/done"]
    assert asked(recorded, upstream.url) == expected


def test_a_conversation_beside_a_stream_stays_one(upstream, cassette):
    """Nor does a stream that runs beside it all the time mix it up."""
    open_end = threading.Event()
    stream = Answer(
        [b"data: 1\n\n", b"data: 2\n\n"],
        headers=[("Content-Type", "text/event-stream")],
        framing="chunked",
        gate=open_end,
    )
    upstream.serve("/events", stream)
    steps = ["/plan", "/tool", "/check", "/tool2", "/done"]
    for path in steps:
        upstream.serve(path, Answer(b"x"))

    async def listen(client, begun):
        async with client.stream("GET", upstream.url + "/events") as answer:
            async for _ in answer.aiter_lines():
                begun.set()

    async def call_tools(client, jobs, results):
        while (path := await jobs.get()) is not None:
            results.put_nowait(await client.get(upstream.url + path))

    async def go():
        jobs, results, begun = asyncio.Queue(), asyncio.Queue(), asyncio.Event()
        async with httpx.AsyncClient(timeout=PATIENCE) as client, asyncio.TaskGroup() as group:
            group.create_task(call_tools(client, jobs, results))
            group.create_task(listen(client, begun))
            await begun.wait()
            for mine, other in zip(steps[::2], [*steps[1::2], None], strict=True):
                await client.get(upstream.url + mine)
                jobs.put_nowait(other)
                if other:
                    await results.get()
            open_end.set()

    with use_cassette(cassette, mode="record") as recorded:
        asyncio.run(go())

    assert asked(recorded, upstream.url) == ["/events", *steps]


def test_what_is_missing_finds_its_place_among_what_runs_at_once(holding, cassette):
    """Recording what a cassette lacks puts it where a recording of all would have it."""
    program = Par(*(Seq(f"/{name}1", f"/{name}2") for name in "abc"))
    holding.run(program, ARRIVALS["last"])
    with use_cassette(cassette, mode="record"):
        with_httpx(gather)(program, holding.url)
    kept = cassette.read_bytes().split(b"\n# ")
    cassette.write_bytes(b"\n# ".join(part for part in kept if b"/b2" not in part))
    holding.run("/b2", ARRIVALS["first"])
    with use_cassette(cassette, mode="record") as recorded:
        with_httpx(gather)(program, holding.url)

    assert asked(recorded, holding.url) == leaves(program)


def test_recording_a_shared_cassette_again_moves_nothing(holding, tmp_path):
    """The same for a cassette that several tests share."""
    program = Seq("/first", FLAT)
    found = []
    for number, choose in enumerate(ARRIVALS.values()):
        run = Run(str(number))
        for part in program.parts:
            holding.run(part, choose)
            settings = Settings(cassette="shared", mode="rerecord")
            harness = Harness(
                settings, tmp_path / "shared.yaml", lambda: tmp_path / "own", run
            ).open()
            try:
                with_httpx(gather)(part, holding.url)
            finally:
                harness.close()
            harness.save()
        found.append(lines(tmp_path / "shared.yaml"))

    assert found[1:] == found[:-1]
    text = "\n".join(found[0])
    places = [
        text.index(f"GET {holding.url.removeprefix('http://')}{path} ") for path in leaves(program)
    ]
    assert places == sorted(places)
