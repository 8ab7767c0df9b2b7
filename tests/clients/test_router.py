"""The test's session between any client and the cassette: seen by its caching alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import anyio
import httpx
import httpx2
import pytest
import requests
import urllib3

from pytest_agentcache import (
    AutoCacheError,
    MissError,
    SettingsError,
    Usage,
    UsageError,
    use_cassette,
)
from pytest_agentcache.cassette import read
from pytest_agentcache.llm.usage import usage_of

from .clients import CLIENTS, Call
from .test_contract import BODIES
from .test_faults import REAL, failure
from .test_sdks import sdk, test_bedrock, test_s3, test_sdk  # noqa: F401
from .test_streams import STREAMS
from .upstream import Answer

JSON = [("Content-Type", "application/json")]
TYPED = {"Content-Type": "application/json"}
CHAT = {"model": "anthropic/claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}
TRANSPARENT = {"router": True, "session": {"allowable_methods": []}}


# What upstream sends in the contract of the clients, streams and bodies apart.
HEADERS = [
    ("X-One", "1"),
    ("x-MANY", "a"),
    ("X-Many", "b"),
    ("ETag", '"S\xe3o Paulo"'),
    ("Set-Cookie", "sid=s3cret; Path=/"),
    ("Set-Cookie", "lang=hush; Path=/"),
]
RESPONSES = {
    "created": Answer(b"text", 201, reason="Made Just Now"),
    "odd": Answer(b"text", 299, reason="Rather Odd"),
    "missing": Answer(b"text", 404),
    "wrong": Answer(b"text", 500, reason="Oh No"),
    "headers": Answer(b"text", headers=HEADERS),
    "secret": Answer(b'{"access_token": "s3cret-token"}', headers=JSON),
    "no-content": Answer(b"", 204, [("ETag", '"v1"')], framing="none"),
    "not-modified": Answer(b"", 304, [("ETag", '"v1"')], framing="none"),
    "redirect": Answer(b"", 302, [("Location", "/again?x=1")]),
    "again": Answer(b"", 307, [("Location", "/json")]),
    **BODIES,
}


class RoutedJourney:
    """A journey of which both halves go through a session that caches nothing."""

    def __init__(self, upstream, cassette):
        self._upstream, self._cassette = upstream, cassette

    def __call__(self, act):
        with use_cassette(self._cassette, mode="record", **TRANSPARENT) as self.recorded:
            recorded = act()
        self._upstream.stop()
        with use_cassette(self._cassette, mode="offline", **TRANSPARENT) as self.replayed:
            replayed = act()
        assert self.replayed.unused == ()
        return recorded, replayed


@pytest.fixture
def journey(upstream, cassette):
    return RoutedJourney(upstream, cassette)


@pytest.mark.slow
def test_a_router_that_caches_nothing_changes_nothing(client, upstream, tmp_path):
    """The client gets the same responses and makes the same cassette; it replays alike, too."""
    urls = {name: upstream.serve(f"/{name}", each) for name, each in RESPONSES.items()}
    streams = [upstream.serve(f"/stream/{name}", each) for name, (each, _) in STREAMS.items()]
    calls = {name: Call(url, follow=client.follows) for name, url in urls.items()}
    calls["head"] = Call(urls["text"], "HEAD")
    calls["redirect-left-alone"] = Call(urls["redirect"], follow=False)
    calls["with-a-key"] = Call(urls["json"], headers={"Authorization": "Bearer s3cret-key"})

    def through(settings, mode, name):
        with use_cassette(tmp_path / f"{name}.yaml", mode=mode, **settings) as harness:
            got = dict(zip(calls, client.send(*calls.values()), strict=True))
            got["chunks"] = dict(zip(STREAMS, client.stream(*streams), strict=True))
        assert harness.unused == ()
        return got

    plain = through({}, "record", "plain")
    assert through(TRANSPARENT, "record", "routed") == plain
    assert recorded(tmp_path / "routed.yaml") == recorded(tmp_path / "plain.yaml")

    upstream.stop()
    replayed = through({}, "offline", "plain")
    assert through(TRANSPARENT, "offline", "plain") == replayed


def recorded(path):
    """Return a cassette without the moment of its recording."""
    return re.sub("recorded_at: .*", "", path.read_text(encoding="utf-8"))


def flagged(flag, **beside):
    return CHAT if flag is None else CHAT | {"requesty": {"auto_cache": flag, **beside}}


def post(url, fields, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(url, "POST", TYPED | named, json.dumps(fields).encode())


@pytest.fixture
def chat(upstream):
    """A chat API that counts its answers."""
    answers = (
        {"usage": {"prompt_tokens": 10, "completion_tokens": n}, "choices": []} for n in range(1, 9)
    )
    counted = [Answer(json.dumps(each).encode(), headers=JSON) for each in answers]
    return upstream.serve("/v1/chat/completions", *counted)


@pytest.fixture
def everyway(upstream, cassette):
    """Does the same while recording, on replay and offline, routed; all come to the same."""

    def run(act, calls=lambda calls: calls, **settings):
        came = []
        for mode in ("record", "replay", "offline"):
            if mode == "replay":
                upstream.stop()
            with use_cassette(cassette, mode=mode, router=True, **settings) as harness:
                came.append((act(harness), calls(harness.prompt_cache)))
            assert harness.unused == ()
        assert came[0] == came[1] == came[2]
        return came[0]

    return run


def counts(answers):
    """Return the number of each response of the API."""
    return [each.json()["usage"]["completion_tokens"] for each in answers]


def test_the_flag_rules_any_client(client, chat, everyway, upstream):
    """True, false, absent and the origin do with a foreign client what they do with the session."""
    calls = [
        post(chat, flagged(True, trace_id="a")),
        post(chat, flagged(True, trace_id="b")),
        post(chat, flagged(False)),
        post(chat, flagged(None)),
        post(chat, flagged(None), http_referer="https://cline.bot"),
        post(chat, flagged(None), x_title="Roo Code"),
    ]
    came, log = everyway(lambda _: counts(client.send(*calls)))

    assert came == [1, 1, 2, 3, 1, 1]
    assert [call.from_cache for call in log] == [False, True, False, False, True, True]
    assert [call.auto_cache for call in log] == [True, True, False, None, None, None]
    assert [call.usage for call in log] == [Usage(10, count) for count in came]
    assert upstream.hits == 3


def test_nothing_is_recorded_twice(client, chat, everyway, cassette):
    """There is one interaction for each request that reached upstream, and none for a hit."""
    everyway(lambda _: counts(client.send(*[post(chat, flagged(True))] * 3)))

    [interaction] = read(cassette).interactions
    assert json.loads(interaction.request.body) == flagged(True)


def test_the_cassette_is_the_same_without_a_router(client, chat, upstream, tmp_path):
    """Method, URL, headers and body are recorded as the client sent them."""
    calls = [
        post(chat, flagged(False), authorization="Bearer s3cret", x_many="a, b"),
        Call(f"{chat}?q=a%20b%2Bc&n=%C3%BC&e=~&a[]=1", "PUT", {}, b"\x00\xff"),
        Call(f"{upstream.url}/none", headers={"Cookie": "sid=1; lang=en"}),
    ]
    for name, settings in (("plain", {}), ("routed", TRANSPARENT)):
        with use_cassette(tmp_path / f"{name}.yaml", mode="record", **settings):
            client.send(*calls)

    def asked(name):
        return [each.request for each in read(tmp_path / f"{name}.yaml").interactions]

    assert asked("routed") == asked("plain")
    sent = [
        {name.lower(): value for name, value in each.headers.items() if name != "Connection"}
        for each in upstream.asked
    ]
    for plain, routed in zip(sent[:3], sent[3:], strict=True):
        assert routed.items() >= plain.items()


def test_plain_requests_are_cached_as_the_session_says(client, upstream, everyway):
    """A GET is answered from the cache for as long as it lives there."""
    url = upstream.serve("/it", *[Answer(b"%d" % n) for n in range(9)])

    def act(harness):
        found = []
        for seconds in (0, 59, 1):
            harness.clock.tick(seconds)
            found += [each.body for each in client.send(Call(url))]
        return found

    came, _ = everyway(act, session={"expire_after": 60}, freeze=True)

    assert came == [b"0", b"0", b"1"]


def test_revalidation_is_seen_by_nobody(client, upstream, everyway, cassette):
    """A 304 refreshes what the cache has, and the client gets a 200."""
    tag = ("ETag", '"v1"')
    url = upstream.serve(
        "/it", Answer(b"once", headers=[tag]), Answer(b"", 304, [tag], framing="none")
    )
    came, _ = everyway(
        lambda _: [(each.status, each.body) for each in client.send(Call(url), Call(url))],
        session={"expire_after": 0},
    )

    assert came == [(200, b"once"), (200, b"once")]
    again = read(cassette).interactions[1].request
    assert again.headers.get("if-none-match") == '"v1"'


def test_streams_from_the_cache(client, upstream, everyway):
    """A stream that comes from the cache has its events and its type."""
    events = [b'data: {"n": %d}\n\n' % n for n in range(3)]
    headers = [("Content-Type", "text/event-stream; charset=utf-8")]
    url = upstream.serve("/it", Answer(events, headers=headers, framing="chunked"), Answer(b"no"))

    def act(_):
        [got] = client.send(Call(url))
        return client.stream(url, url), got.body, got.all("content-type")

    came, _ = everyway(act)

    assert came == ([events, events], b"".join(events), ["text/event-stream; charset=utf-8"])


def test_cookies_stay_with_their_client(client, upstream, everyway):
    """Upstream's cookies belong to the client: the session sends none of another client's."""
    url = upstream.serve("/it", Answer(b"", headers=[("Set-Cookie", "sid=1")]))

    def act(harness):
        client.send(Call(url))
        client.send(Call(url + "?again"))
        return len(harness.session.cookies)

    came, _ = everyway(act)

    assert came == 0
    assert all("Cookie" not in asked.headers for asked in upstream.asked)


def test_what_the_session_has_of_its_own_is_not_sent(client, upstream, everyway):
    """Its headers, parameters and credentials are for those who ask through it."""
    url = upstream.serve("/it", Answer(b"text"))

    def act(harness):
        harness.session.headers["X-Session"] = "1"
        harness.session.auth = ("user", "word")
        harness.session.params = {"q": "1"}
        return [each.body for each in client.send(Call(url, headers={"X-Own": "2"}))]

    everyway(act)

    [asked] = upstream.asked
    assert asked.path == "/it"
    assert asked.headers["X-Own"] == "2"
    assert not {"X-Session", "Authorization"} & {name.title() for name in asked.headers}


def test_redirects_are_the_clients_affair(upstream, everyway):
    """A redirect to nowhere, which requests could not follow, reaches a client that does not."""
    answer = Answer(b"", 302, [("Location", "http://[nowhere")])
    call = Call(upstream.serve("/it", answer), follow=False)

    def act(_):
        [got] = CLIENTS["http.client"]().send(call)
        return got.status, got.all("location")

    assert everyway(act)[0] == (302, ["http://[nowhere"])


def test_hooks_of_the_session_are_called(client, upstream, everyway):
    """Counters of hits and misses count foreign clients too, as requests-cache calls them."""
    url = upstream.serve("/it", Answer(b"text"))

    def act(harness):
        seen = []
        harness.session.hooks["response"].append(
            lambda response, **_: seen.append(getattr(response, "from_cache", None))
        )
        client.send(Call(url), Call(url))
        return seen

    # For a fresh answer once by requests and once by itself.
    assert everyway(act)[0] == [None, False, True]


def test_what_asks_through_the_session_comes_once(chat, everyway):
    """The session's own requests are not routed again, and a miss of its is one."""

    def act(harness):
        answers = [harness.session.post(chat, json=flagged(True)) for _ in range(2)]
        return [(each.from_cache, each.json()["usage"]) for each in answers]

    came, log = everyway(act)

    assert [hit for hit, _ in came] == [False, True]
    assert len(log) == 2


@pytest.mark.parametrize("mode", ["replay", "offline"])
def test_a_miss_is_a_miss(client, cassette, mode):
    """The client gets the 504, the miss is kept once, with the line that asked."""
    call = post("http://api.example/v1/chat/completions", flagged(True))
    with use_cassette(cassette, mode=mode, router=True, on_miss="respond") as harness:
        [got] = client.send(call)

    assert (got.status, got.reason) == (504, "Not Cached")
    assert got.json()["error"]["code"] == "agentcache_missing"
    assert got.all("x-should-retry") == ["false"]
    [miss] = harness.misses
    assert (miss.kind, miss.count) == ("missing", 1)
    assert miss.request.url == call.url
    assert miss.caller.file.endswith("clients.py") or "test_router" in miss.caller.file


def test_a_miss_raises_where_it_should(client, cassette):
    """Under `on_miss="raise"` nothing on the way swallows it."""
    block = use_cassette(cassette, mode="offline", router=True, on_miss="raise")
    with pytest.raises(MissError), block:
        client.send(post("http://api.example/v1/chat/completions", flagged(True)))


# Two kinds for each client; `test_faults` tries every kind with every client without a router.
PLANNED = [
    (client, [*REAL][(2 * at + step) % len(REAL)])
    for at, client in enumerate(CLIENTS)
    for step in (0, 1)
]
assert {kind for _, kind in PLANNED} == set(REAL)


@pytest.mark.parametrize(("client", "kind"), PLANNED, indirect=["client"])
def test_a_planned_fault_is_the_clients_own(client, kind, tmp_path):
    """A fault below the session is to its client what it is without one."""
    if (client.name, kind) == ("http.client", "tls"):
        pytest.skip("this client speaks no TLS here; urllib.request is the same one")
    server, plan = REAL[kind]
    client.timeout, made = 0.1, []
    with server() as url:
        pass
    for settings in ({}, {"router": True}):
        with use_cassette(tmp_path / "c.yaml", mode="offline", **settings) as harness:
            plan(harness.upstream, url)
            made.append(failure(client, url))
            assert {call.outcome for call in harness.upstream.calls} == {"fault"}

    (plain, _), (routed, fault) = made
    if isinstance(plain[0], tuple):
        assert routed[0] == plain[0]
        assert fault.request.url == url
    else:
        assert [each.body for each in routed] == [each.body for each in plain]


def test_time_passes_once(client, tmp_path):
    """A delay or timeout passes on the frozen clock as without a router."""
    if client.name in ("urllib3", "aiohttp"):
        pytest.skip("this client asks again by itself")
    url, took = "http://api.example/it", []
    for settings in ({}, {"router": True}):
        block = use_cassette(tmp_path / "c.yaml", mode="offline", freeze=True, **settings)
        with block as harness:
            began = harness.clock.now
            harness.upstream.delay(url, 5)
            harness.upstream.timeout(url, seconds=30)
            with pytest.raises(client.timed_out):
                client.send(Call(url))
            took.append((harness.clock.now - began).total_seconds())

    assert took == [35, 35]


def test_a_fault_is_hidden_by_a_stale_answer(client, upstream, everyway):
    """`stale_if_error` of the session helps a foreign client over an outage."""
    url = upstream.serve("/it", Answer(b"text"))

    def act(harness):
        first = client.send(Call(url))
        harness.clock.tick(61)
        with harness.upstream.down():
            second = client.send(Call(url))
        return [each.body for each in first + second]

    settings = {"session": {"expire_after": 60, "stale_if_error": True}, "freeze": True}
    assert everyway(act, **settings)[0] == [b"text", b"text"]


@pytest.mark.parametrize("kind", ["refuse", "dns", "tls", "connect", "read", "reset"])
def test_a_real_failure_is_the_clients_own(client, cassette, kind):
    """While recording, what goes wrong on the network is raised as by the client, in its time."""
    if (client.name, kind) == ("http.client", "tls"):
        pytest.skip("this client speaks no TLS here; urllib.request is the same one")
    server, _ = REAL[kind]
    # Short only where it is to run out: a handshake may take its time.
    client.timeout = 0.1 if kind in ("connect", "read") else 60
    with server() as url:
        real, _ = failure(client, url)
        with use_cassette(cassette, mode="record", router=True, on_miss="respond"):
            routed, _ = failure(client, url)

    assert isinstance(real[0], tuple)
    assert routed[0] == real[0]


def test_passthrough_goes_past_the_router(client, upstream, cassette):
    """A host that goes straight through meets neither session nor cassette."""
    url = upstream.serve("/it", Answer(b"a"), Answer(b"b"))
    settings = {"router": True, "passthrough": ["127.0.0.1:*"]}
    with use_cassette(cassette, mode="replay", **settings) as harness:
        got = [each.body for each in client.send(Call(url), Call(url))]

    assert got == [b"a", b"b"]
    assert harness.session.cache.responses == {}


def test_live_requests_are_routed(client, chat, upstream, cassette):
    """Without a cassette the session is between client and network."""
    with use_cassette(cassette, mode="live", router=True) as harness:
        got = counts(client.send(*[post(chat, flagged(True))] * 2))

    assert got == [1, 1]
    assert upstream.hits == 1
    assert [call.usage for call in harness.prompt_cache] == [Usage(10, 1)] * 2
    assert not cassette.exists()


def test_late_requests_are_refused(client, upstream, cassette):
    """After its end a router answers nobody."""
    url = upstream.serve("/it", Answer(b"text"))
    go, got = threading.Event(), []

    def ask():
        go.wait(20)
        got.extend(client.send(Call(url)))

    with use_cassette(cassette, mode="record", router=True):
        thread = threading.Thread(target=ask)
        thread.start()
    with use_cassette(cassette, mode="live"):
        go.set()
        thread.join()

    from pytest_agentcache.clients import DISPATCHER

    assert [each.status for each in got] == [504]
    assert [miss.kind for miss in DISPATCHER.take_late_misses()] == ["late"]
    assert upstream.hits == 0


def test_usage_of_any_clients_response(chat, everyway):
    """`usage` reads what clients give as it is, once it was read."""

    async def ask():
        async with aiohttp.ClientSession() as session:
            answer = await session.post(chat, json=flagged(True))
            with pytest.raises(UsageError, match="read it whole first"):
                usage_of(answer)
            await answer.read()
            return answer

    def act(harness):
        answers = [
            requests.post(chat, json=flagged(True)),
            httpx.post(chat, json=flagged(True)),
            httpx2.post(chat, json=flagged(True)),
            urllib3.request("POST", chat, json=flagged(True)),
            asyncio.run(ask()),
        ]
        return [harness.usage(each) for each in answers]

    assert everyway(act)[0] == [Usage(10, 1)] * 5


def test_a_stream_that_nobody_kept_has_no_usage(chat, cassette):
    """A body that went by, or has not come yet, is an error that says what to pass instead."""
    with use_cassette(cassette, mode="record") as harness:
        gone = requests.post(chat, json=flagged(True), stream=True)
        pieces = list(gone.iter_content(None))
        with httpx.stream("POST", chat, json=flagged(True)) as unread:
            for answer in (gone, unread):
                with pytest.raises(UsageError, match="pass the list of its chunks, or read it"):
                    harness.usage(answer)

        assert harness.usage(pieces) == Usage(10, 1)


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_requests_side_by_side(chat, everyway, module, backend, upstream):
    """One of several concurrent equal prompts goes upstream, on both event loops."""

    async def ask():
        found = {}

        async def post(client, number, key):
            answer = await client.post(chat, json=flagged(True) | {"n": number})
            found[key] = answer.json()["usage"]["completion_tokens"]

        async with module.AsyncClient() as client, anyio.create_task_group() as group:
            for key in range(6):
                group.start_soon(post, client, key % 2, key)
        return [len({found[key] for key in (first, first + 2, first + 4)}) for first in (0, 1)]

    # Trio lets its tasks begin in any order.
    came, log = everyway(
        lambda _: anyio.run(ask, backend=backend),
        lambda calls: sorted(call.from_cache for call in calls) if backend == "trio" else calls,
    )

    assert came == [1, 1]
    if backend == "asyncio":
        log = [call.from_cache for call in log]
    assert log == [False] * 2 + [True] * 4
    assert upstream.hits == 2


def test_threads_side_by_side(chat, everyway, upstream):
    """The same for threads."""

    def act(_):
        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(requests.post, chat, json=flagged(True)) for _ in range(6)]
            return {each.result().json()["usage"]["completion_tokens"] for each in asked}

    assert everyway(act)[0] == {1}
    assert upstream.hits == 1


def test_upstream_may_run_on_the_very_loop(cassette):
    """While recording, the loop of the client goes on to serve what it asks for."""
    body = json.dumps({"usage": {"prompt_tokens": 1}}).encode()

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(size)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async def ask():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            return [(await client.post(url, json=flagged(True))).json() for _ in range(2)]

    with use_cassette(cassette, mode="record", router=True) as harness:
        assert asyncio.run(ask()) == [json.loads(body)] * 2
    assert len(harness.cassette.interactions) == 1


def test_a_wrong_flag_is_told_to_any_client(client, chat, upstream, cassette):
    """With every way of handling the error, the block ends with it."""
    with (
        pytest.raises(AutoCacheError, match="auto_cache is 'yes'"),
        use_cassette(cassette, mode="record", router=True),
        contextlib.suppress(Exception),
    ):
        client.send(post(chat, flagged("yes")))
    assert upstream.hits == 0


def test_a_wrong_session_is_told_at_once(cassette):
    """Not to the agent, which would catch it."""
    with (
        pytest.raises(SettingsError, match="takes no keyword 'expires'; did you mean"),
        use_cassette(cassette, mode="offline", router=True, session={"expires": 5}),
    ):
        pass

    from pytest_agentcache.clients import DISPATCHER

    assert DISPATCHER.current is None


def test_every_client_was_there():
    """The suite above ran over all clients, sync and async."""
    assert len(CLIENTS) == 10
