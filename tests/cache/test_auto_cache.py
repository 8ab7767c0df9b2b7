"""The effect of `requesty.auto_cache` on the test's session: recorded, replayed and offline."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta

import pytest
import requests
from requests_cache import CachedSession, create_key

from pytest_agentcache import AutoCacheError, Usage, use_cassette
from pytest_agentcache.cassette import read

PATH = "/v1/chat/completions"
SYSTEM = {"role": "system", "content": "You are a weather agent."}
ASKED = {"role": "user", "content": "Rain in Paris?"}
CHAT = {"model": "anthropic/claude-sonnet-4-5", "messages": [SYSTEM, ASKED]}
CLINE = {"HTTP-Referer": "https://cline.bot", "X-Title": "Cline"}


def flagged(flag, **beside):
    return CHAT | {"requesty": {"auto_cache": flag, **beside}}


@pytest.fixture
def chat(upstream):
    """A chat API that counts its answers."""
    count = iter(range(1, 1000))

    def answer(_):
        usage = {"prompt_tokens": 10, "completion_tokens": next(count)}
        return 200, {"Content-Type": "application/json"}, json.dumps({"usage": usage}).encode()

    upstream.answers[PATH] = answer
    return f"{upstream.url}{PATH}"


@pytest.fixture
def everyway(upstream, tmp_path):
    """Does the same while recording, on replay and offline; all come to the same."""

    def run(act, **settings):
        came = []
        for mode in ("record", "replay", "offline"):
            if mode == "replay":
                upstream.hits.clear()
            with use_cassette(tmp_path / "c.yaml", mode=mode, **settings) as harness:
                came.append((act(harness), harness.prompt_cache))
            assert harness.unused == ()
        assert upstream.hits == []
        assert came[0] == came[1] == came[2]
        return came[0]

    return run


def numbers(*responses):
    """Return the number of each response, and if it came from the cache."""
    return [
        (each.json()["usage"]["completion_tokens"], bool(getattr(each, "from_cache", False)))
        for each in responses
    ]


def test_true_answers_from_the_cache(chat, everyway):
    """The second of two POSTs that are flagged is a hit."""

    def act(harness):
        return numbers(*(harness.session.post(chat, json=flagged(True)) for _ in range(2)))

    came, calls = everyway(act)

    assert came == [(1, False), (1, True)]
    assert [call.from_cache for call in calls] == [False, True]
    assert [call.auto_cache for call in calls] == [True, True]


def test_false_neither_reads_nor_writes(chat, everyway):
    """Upstream is asked although the cache knows, and the cache keeps what it knew."""

    def act(harness):
        post = harness.session.post
        return numbers(
            post(chat, json=flagged(False)),
            post(chat, json=flagged(True)),
            post(chat, json=flagged(False)),
            post(chat, json=flagged(True)),
        )

    came, calls = everyway(act)

    assert came == [(1, False), (2, False), (3, False), (2, True)]
    assert [call.auto_cache for call in calls] == [False, True, False, True]


def test_false_goes_past_a_session_that_caches_posts(chat, everyway):
    """The flag is stronger than `allowable_methods`."""

    def act(harness):
        post = harness.session.post
        return numbers(*(post(chat, json=flagged(flag)) for flag in (None, False, None)))

    came, _ = everyway(act, session={"allowable_methods": ["GET", "POST"]})

    assert came == [(1, False), (2, False), (1, True)]


def test_absent_leaves_it_to_the_session(chat, everyway):
    """Without a flag POSTs are not cached, for the session does not cache them."""

    def act(harness):
        return numbers(*(harness.session.post(chat, json=CHAT) for _ in range(2)))

    came, calls = everyway(act)

    assert came == [(1, False), (2, False)]
    assert [call.auto_cache for call in calls] == [None, None]


def test_absent_from_cline_caches(chat, everyway):
    """An origin that caches does so without a flag, and shares what was flagged."""

    def act(harness):
        post = harness.session.post
        return numbers(
            post(chat, json=CHAT, headers=CLINE),
            post(chat, json=CHAT, headers=CLINE),
            post(chat, json=flagged(True)),
            post(chat, json=flagged(False), headers=CLINE),
        )

    came, _ = everyway(act)

    assert came == [(1, False), (1, True), (1, True), (2, False)]


def test_origins_of_the_session_count(chat, everyway):
    """Headers of the session tell the origin too, and the setting says which ones cache."""

    def act(harness):
        harness.session.headers["User-Agent"] = "my-agent/1.0"
        post = harness.session.post
        return numbers(*(post(chat, json=CHAT) for _ in range(2)), post(chat, json=CHAT | {"n": 1}))

    came, _ = everyway(act, auto_cache_origins=["my-agent"])

    assert came == [(1, False), (1, True), (2, False)]


def test_providers(chat, everyway):
    """If other providers are named, the flag has no effect."""
    gpt = flagged(True) | {"model": "openai/gpt-5"}

    def act(harness):
        post = harness.session.post
        return numbers(
            *(post(chat, json=gpt) for _ in range(2)),
            *(post(chat, json=flagged(True)) for _ in range(2)),
        )

    came, calls = everyway(act, auto_cache_providers="anthropic gemini")

    assert came == [(1, False), (2, False), (3, False), (3, True)]
    assert [call.provider for call in calls] == ["openai"] * 2 + ["anthropic"] * 2


def test_trace_and_user_are_no_part_of_the_key(chat, everyway, tmp_path):
    """Volatile fields beside the flag do not change the key; the cassette has all of them."""

    def act(harness):
        post = harness.session.post
        return numbers(
            post(chat, json=flagged(True, trace_id="a", user_id="1")),
            post(chat, json=flagged(True, trace_id="b", tags=["x"], extra={"k": "v"})),
            post(chat, json=flagged(False, trace_id="c")),
            post(chat, json=CHAT),
        )

    came, _ = everyway(act)

    assert came == [(1, False), (1, True), (2, False), (3, False)]
    kept = [json.loads(each.request.body) for each in read(tmp_path / "c.yaml").interactions]
    assert [each.get("requesty") for each in kept] == [
        {"auto_cache": True, "trace_id": "a", "user_id": "1"},
        {"auto_cache": False, "trace_id": "c"},
        None,
    ]


def test_the_values_stay_distinct_on_the_cassette(chat, upstream, tmp_path):
    """A response recorded with one flag does not match a request with another."""
    with use_cassette(tmp_path / "c.yaml", mode="record") as harness:
        harness.session.post(chat, json=flagged(True))
    with use_cassette(tmp_path / "c.yaml", mode="offline", on_miss="respond") as harness:
        answers = [harness.session.post(chat, json=flagged(flag)) for flag in (False, None, True)]

    assert [answer.status_code for answer in answers] == [504, 504, 200]
    assert [miss.kind for miss in harness.misses] == ["missing", "missing"]
    assert [(call.status, call.from_cache) for call in harness.prompt_cache] == [
        (504, False),
        (504, False),
        (200, False),
    ]


def test_match_headers_know_nothing_of_the_flag(chat, everyway):
    """Not even by the length of the body."""

    def act(harness):
        post = harness.session.post
        return numbers(
            post(chat, json=flagged(True)), post(chat, json=flagged(True, trace_id="longer"))
        )

    came, _ = everyway(act, session={"match_headers": True})

    assert came == [(1, False), (1, True)]


def test_a_key_function_sees_all_of_the_request(chat, everyway):
    """Its keys are its own: who counts the trace in gets another answer."""
    seen = []

    def key(request, **options):
        seen.append(json.loads(request.body)["requesty"].get("trace_id"))
        return create_key(request, **options)

    def act(harness):
        seen.clear()
        post = harness.session.post
        answers = numbers(*(post(chat, json=flagged(True, trace_id=each)) for each in "aba"))
        return answers, list(seen)

    (came, traces), _ = everyway(act, session={"key_fn": key})

    assert came == [(1, False), (2, False), (1, True)]
    assert traces == ["a", "b", "a"]


def test_the_cache_is_found_by_request(chat, everyway):
    """A request, prepared or not, finds its response in the cache regardless of the flag."""

    def act(harness):
        session = harness.session
        session.post(chat, json=flagged(True, trace_id="a"))
        request = requests.Request("POST", chat, json=flagged(True, trace_id="b"))
        prepared = session.prepare_request(requests.Request("POST", chat, json=CHAT))
        other = requests.Request("POST", chat, json=CHAT | {"n": 2})
        found = [session.cache.contains(request=each) for each in (request, prepared, other)]
        session.cache.recreate_keys()
        again = session.post(chat, json=flagged(True)).from_cache
        session.cache.delete(requests=[prepared])
        return found, again, session.cache.contains(request=request)

    came, _ = everyway(act)

    assert came == ([True, True, False], True, False)


def test_lifetime_is_the_sessions(chat, everyway):
    """`expire_after` holds for what was flagged, on the clock of the test."""

    def act(harness):
        answers = []
        for seconds in (0, 59, 2):
            harness.clock.tick(seconds)
            answers.append(harness.session.post(chat, json=flagged(True)))
        return numbers(*answers)

    came, _ = everyway(act, session={"expire_after": 60}, freeze=True)

    assert came == [(1, False), (1, True), (2, False)]


def test_stale_if_error_is_the_sessions(chat, upstream, everyway):
    """Upstream fails, and the stale answer that was flagged is given."""
    good = upstream.answers[PATH]
    asked = iter(range(3))
    upstream.answers[PATH] = lambda request: good(request) if next(asked) == 0 else (503, {}, b"")

    def act(harness):
        first = harness.session.post(chat, json=flagged(True))
        harness.clock.tick(timedelta(minutes=2))
        return numbers(first, harness.session.post(chat, json=flagged(True)))

    came, calls = everyway(act, session={"expire_after": 60, "stale_if_error": True}, freeze=True)

    assert came == [(1, False), (1, True)]
    assert [(call.from_cache, call.status) for call in calls] == [(False, 200), (True, 200)]


def test_stale_while_revalidate_is_the_sessions(chat, everyway):
    """The refresh is stored although it is a POST, and is no call of its own."""

    def act(harness):
        post = harness.session.post
        first = post(chat, json=flagged(True))
        harness.clock.tick(61)
        second = post(chat, json=flagged(True))
        harness.settle()
        return numbers(first, second, post(chat, json=flagged(True)))

    settings = {"session": {"expire_after": 60, "stale_while_revalidate": True}, "freeze": True}
    came, calls = everyway(act, **settings)

    assert came == [(1, False), (1, True), (2, True)]
    assert [call.from_cache for call in calls] == [False, True, True]


def test_streams_come_back_whole(upstream, everyway):
    """A stream is stored whole, and is the same bytes and lines from the cache."""
    raw = 'data: {"choices": []}\n\ndata: {"usage": {"prompt_tokens": 3}, "é": "☂"}\n\n'.encode()
    stream = raw + b"data: [DONE]\n\n"
    upstream.answers[PATH] = (200, {"Content-Type": "text/event-stream"}, stream)

    def act(harness):
        found = []
        for _ in range(2):
            body = flagged(True) | {"stream": True}
            answer = harness.session.post(f"{upstream.url}{PATH}", json=body, stream=True)
            found.append((answer.from_cache, list(answer.iter_lines()), answer.content))
        return found

    came, calls = everyway(act)

    assert [each[0] for each in came] == [False, True]
    assert came[0][1:] == came[1][1:] == (stream.splitlines(), stream)
    assert [call.usage for call in calls] == [Usage(3), Usage(3)]


def test_a_stream_that_is_not_stored_is_known_when_it_was_read(upstream, everyway):
    """The usage of an unflagged stream is known after it was read through its lines."""
    stream = b'data: {"usage": {"prompt_tokens": 3}}\n\n'
    upstream.answers[PATH] = (200, {"Content-Type": "text/event-stream"}, stream)

    def act(harness):
        answer = harness.session.post(f"{upstream.url}{PATH}", json=CHAT, stream=True)
        with pytest.raises(RuntimeError):
            return list(answer.iter_lines()), answer.content
        return None

    _, [call] = everyway(act)

    assert call.usage == Usage(3)


def test_other_posts_are_left_alone(upstream, everyway):
    """A tool that takes JSON, or anything else, is cached as the session says."""
    upstream.answers["/tool"] = (200, {}, b"found")

    def act(harness):
        post, url = harness.session.post, f"{upstream.url}/tool"
        bodies = [{"json": {"query": "x"}}, {"data": b"no { JSON"}, {"data": b'{"requesty": '}]
        return [post(url, **body).from_cache for body in bodies for _ in range(2)]

    came, calls = everyway(act, session={"allowable_methods": ["GET", "POST"]})

    assert came == [False, True] * 3
    assert calls == ()


def test_other_posts_of_cline_are_left_alone(upstream, everyway):
    """An origin that caches does so for prompts, not for other requests."""
    upstream.answers["/tool"] = (200, {}, b"found")

    def act(harness):
        post, url = harness.session.post, f"{upstream.url}/tool"
        return [post(url, json={"query": "x"}, headers=CLINE).from_cache for _ in range(2)]

    assert everyway(act)[0] == [False, False]


@pytest.mark.parametrize("flag", ["true", 1, [], "no"])
def test_a_flag_that_is_no_boolean_is_an_error(chat, upstream, tmp_path, flag):
    """It is raised where it was sent, and nothing is asked."""
    block = use_cassette(tmp_path / "c.yaml", mode="record", on_miss="respond")
    with block as harness, pytest.raises(AutoCacheError, match=r"auto_cache is .*true or false"):
        harness.session.post(chat, json=flagged(flag))

    assert upstream.hits == []
    assert not (tmp_path / "c.yaml").exists()


def test_a_swallowed_error_is_told_at_the_end(chat, upstream, tmp_path):
    """Agents catch every exception; the block fails anyway."""

    block = use_cassette(tmp_path / "c.yaml", mode="record")
    with (
        pytest.raises(AutoCacheError, match=r"POST .*auto_cache is 'yes'"),
        block as harness,
        contextlib.suppress(ValueError),
    ):
        harness.session.post(chat, json=flagged("yes"))

    assert upstream.hits == []


def test_sessions_of_users_are_not_touched(chat, everyway):
    """Only the test's own session knows the flag."""

    def act(harness):
        with CachedSession("mine", backend="memory") as session:
            return numbers(*(session.post(chat, json=flagged(True)) for _ in range(2)))

    came, calls = everyway(act)

    assert came == [(1, False), (2, False)]
    assert [call.from_cache for call in calls] == [False, False]


@pytest.mark.parametrize("backend", ["filesystem", "memory", "sqlite"])
def test_any_backend(chat, everyway, backend):
    """The flag is obeyed with every backend."""

    def act(harness):
        post = harness.session.post
        return numbers(*(post(chat, json=flagged(True, trace_id=each)) for each in "ab"))

    assert everyway(act, session={"backend": backend})[0] == [(1, False), (1, True)]


def test_settings_are_back_after_each_request(chat, opened):
    """A change made by the flag ends with its request, failed or not; changes by users stay."""
    session = opened(session={"allowable_methods": ("GET",)}).session
    for flag in (True, False):
        with pytest.raises(requests.ConnectionError):
            session.post("http://127.0.0.1:1/", json=flagged(flag))
    session.settings.expire_after = 5

    assert session.settings is session.cache._settings
    assert session.settings.allowable_methods == ("GET",)
    assert session.settings.expire_after == 5
    assert not session.settings.disabled
    with session.cache_disabled():
        assert numbers(session.post(chat, json=flagged(True))) == [(1, False)]
    assert numbers(session.post(chat, json=flagged(True))) == [(2, False)]


def test_it_is_a_cached_session(opened):
    """Reading a setting during a request gives its original value."""
    session = opened().session

    assert isinstance(session, CachedSession)
    assert repr(session).startswith("<CachedSession(cache=")
    assert session.settings is session.cache._settings
    assert session.settings.key_fn is None


def test_live_calls_are_known(chat, opened):
    """Without a cassette the session's calls are listed too."""
    harness = opened()
    for _ in range(2):
        harness.session.post(chat, json=flagged(True))

    assert [(call.from_cache, call.usage) for call in harness.prompt_cache] == [
        (False, Usage(10, 1)),
        (True, Usage(10, 1)),
    ]


def test_prefixes(chat, everyway):
    """A system prompt that is new each time is found out, with its place."""

    def act(harness):
        for minute in (41, 42):
            system = SYSTEM | {"content": f"It is 10:{minute}."}
            harness.session.post(chat, json=CHAT | {"messages": [system, ASKED]})

    _, calls = everyway(act)

    assert [call.moved for call in calls] == ["", "messages[0].content"]
    assert not calls[1].kept_prefix


def test_usage_of_a_response(chat, everyway):
    """`usage` reads what the session gives, fresh and cached."""

    def act(harness):
        return [
            harness.usage(harness.session.post(chat, json=flagged(True))),
            harness.usage(harness.session.post(chat, json=flagged(True))),
        ]

    assert everyway(act)[0] == [Usage(10, 1), Usage(10, 1)]
