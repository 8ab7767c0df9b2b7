import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pytest_agentcache.errors import MissError
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.network.rules import host_listed
from pytest_agentcache.replay.decisions import Forward, PassThrough
from pytest_agentcache.replay.hooks import Hooks
from pytest_agentcache.replay.misses import Caller
from pytest_agentcache.replay.ordering import sequence
from pytest_agentcache.replay.responder import Responder
from pytest_agentcache.replay.response_recorder import ResponseRecorder
from pytest_agentcache.settings.settings import Settings


def asked(path="/", body=b"", method="GET", url=None, **headers):
    """A request."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method, url or f"https://h{path}", Headers(pairs), body)


def taped(path, body):
    """An interaction."""
    return Interaction(asked(path), Response(200, body=body))


def responder(*recorded, hooks=None, **settings):
    """A responder on a cassette."""
    return Responder(Settings(**settings), recorded, hooks or Hooks())


def record(replying, path, body=b"new", **headers):
    """Asks for `path` and records the answer."""
    decision = replying.decide(asked(path))
    assert isinstance(decision, Forward)
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    recording = decision.record(200, "OK", Headers(pairs), framed=False)
    shown = [*recording.take(body), *recording.end()]
    return recording, b"".join(shown)


def bodies(interactions):
    """Paths and bodies, as a row of text."""
    return [
        f"{i.request.url.removeprefix('https://h')} {i.response.body.decode()}"
        for i in interactions
    ]


def test_identical_requests_play_in_order():
    """The same request several times gets the answers in recorded order, then none."""
    replying = responder(taped("/a", b"1"), taped("/b", b"x"), taped("/a", b"2"))

    assert [replying.decide(asked("/a")).response.body for _ in range(2)] == [b"1", b"2"]
    assert replying.unused == (2,)
    assert replying.replayed(1)
    assert not replying.replayed(2)
    replying.decide(asked("/a"))
    assert [miss.kind for miss in replying.misses] == ["exhausted"]


def test_unknown_request_is_missing():
    """A request that was never recorded is another kind of miss, kept with its caller."""
    replying = responder(taped("/a", b"1"))
    caller = Caller("agent.py", 3, "plan")

    answer = replying.decide(asked("/b"), lambda: caller).response
    replying.decide(asked("/b"), lambda: caller)

    [miss] = replying.misses
    assert (miss.kind, miss.count, str(miss.caller)) == ("missing", 2, "agent.py:3 in plan()")
    assert (answer.status, answer.reason) == (504, "Not Cached")
    assert answer.headers.get("x-should-retry") == "false"
    assert json.loads(answer.body)["error"]["code"] == "agentcache_missing"


def test_miss_can_be_raised():
    """Under `raise` a miss passes every `except Exception`."""
    replying = responder(on_miss="raise")

    with pytest.raises(MissError, match="GET https://h/a is not on the cassette"):
        replying.decide(asked("/a"))
    assert len(replying.misses) == 1


def test_hooks_are_called():
    """Requests are normalised before they are matched, and the miss hook is called."""
    missed = []

    def normalize(request):
        from dataclasses import replace

        return replace(request, url=request.url.replace("/v2", "/v1"))

    replying = responder(taped("/v1", b"1"), hooks=Hooks(normalize=normalize, miss=missed.append))

    assert replying.decide(asked("/v2")).response.body == b"1"
    replying.decide(asked("/v3"))
    assert [miss.request.url for miss in missed] == ["https://h/v3"]


def test_new_interactions_stand_behind_the_one_asked_before():
    """A recording keeps the order of the cassette and finds its place in it."""
    replying = responder(taped("/a", b"1"), taped("/b", b"2"), taped("/c", b"3"), mode="record")

    record(replying, "/first")
    replying.decide(asked("/a"))
    record(replying, "/new1")
    record(replying, "/new2")
    replying.decide(asked("/c"))
    record(replying, "/last")

    assert bodies(replying.interactions(keep_unused=False)) == [
        "/first new",
        "/a 1",
        "/new1 new",
        "/new2 new",
        "/c 3",
        "/last new",
    ]
    assert bodies(replying.added()) == ["/first new", "/new1 new", "/new2 new", "/last new"]
    assert bodies(replying.interactions(keep_unused=True)) == [
        "/a 1",
        "/b 2",
        "/c 3",
        *bodies(replying.added()),
    ]
    assert (replying.counts.replayed, replying.counts.recorded) == (2, 4)


def test_new_interaction_stays_behind_all_that_were_replayed_before_it():
    """It comes last even if the replayed ones were requested in another order than recorded."""
    replying = responder(taped("/a", b"1"), taped("/b", b"2"), mode="record")

    replying.decide(asked("/b"))
    replying.decide(asked("/a"))
    record(replying, "/new")

    assert bodies(replying.interactions(keep_unused=False)) == ["/a 1", "/b 2", "/new new"]


def test_order_is_that_of_asking_not_of_answering():
    """A slow answer keeps the place of its request."""
    replying = responder(mode="record")
    slow, fast = replying.decide(asked("/slow")), replying.decide(asked("/fast"))

    for decision, body in ((fast, b"f"), (slow, b"s")):
        recording = decision.record(200, "OK", Headers(), framed=False)
        recording.take(body)

    assert bodies(replying.interactions(keep_unused=False)) == ["/slow s", "/fast f"]


def test_late_answer_is_handed_on_but_not_kept():
    """After the end of its test nothing is recorded any more."""
    replying = responder(mode="record")
    decision = replying.decide(asked("/a"))
    replying.close()

    recording = decision.record(200, "OK", Headers(), framed=False)

    assert recording.take(b"x") == [b"x"]
    assert replying.interactions(keep_unused=True) == ()
    assert not replying.can_answer(asked("/a"))


def test_each_interaction_is_played_once():
    """Many threads at once share the answers without loss or repeat."""
    recorded = [taped("/same", str(n).encode()) for n in range(200)]
    recorded += [taped(f"/{n}", str(n).encode()) for n in range(200)]
    replying = responder(*recorded)
    together = Barrier(8)

    def ask(thread):
        together.wait()
        same = [replying.decide(asked("/same")).response.body for _ in range(25)]
        own = [replying.decide(asked(f"/{n}")).response.body for n in range(thread, 200, 8)]
        return same, own

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))

    assert sorted(int(body) for same, _ in found for body in same) == list(range(200))
    assert sorted(int(body) for _, own in found for body in own) == list(range(200))
    assert replying.misses == []
    assert replying.unused == ()


def test_misses_of_many_threads_are_all_counted():
    """One more than recorded is a miss, however many ask at once."""
    replying = responder(*(taped("/a", b"x") for _ in range(50)))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: replying.decide(asked("/a")).response.status, range(80)))

    assert answers.count(200) == 50
    assert sum(miss.count for miss in replying.misses) == 30


def test_secrets_are_out_before_matching():
    """A request with any key matches, and no key is kept."""
    replying = responder(mode="record")
    decision = replying.decide(asked(url="https://h/?key=0ne-k3y", authorization="Bearer one"))
    recording = decision.record(
        200, "OK", Headers((("set-cookie", "sid=true"), ("content-type", "a/b"))), framed=False
    )
    recording.take(b'{"token":"tru3"}')

    assert recording.headers.get("set-cookie") == "sid=true"
    [kept] = replying.interactions(keep_unused=False)
    assert kept.request.url == "https://h/?key=<KEY>"
    assert kept.request.headers.get("authorization") == "Bearer <AUTHORIZATION>"
    assert kept.response.headers.get("set-cookie") == "sid=<SID>"
    assert kept.response.body == b'{"token":"<TOKEN>"}'
    again = responder(kept)
    assert (
        again.decide(
            asked(url="https://h/?key=tw0-k3y", authorization="Bearer two")
        ).response.status
        == 200
    )


def test_boundaries_are_neutral_on_the_cassette():
    """They are new each time; while recording the caller needs the real one."""

    def upload(edge):
        body = f"--{edge}\r\nA: b\r\n\r\nc\r\n--{edge}--\r\n".encode()
        return asked("/", body, "POST", content_type=f"multipart/form-data; boundary={edge}")

    replying = responder(mode="record")
    decision = replying.decide(upload("one"))
    headers = Headers((("content-type", "multipart/mixed; boundary=two"),))
    recording = decision.record(200, "OK", headers, framed=True)
    given = recording.take(b"--two\r\nA: b\r\n\r\n") + recording.take(b"x\r\n--two--\r\n")

    assert b"".join(given).startswith(b"--two")
    assert "boundary=two" in recording.headers.get("content-type")
    [kept] = replying.interactions(keep_unused=False)
    assert b"one" not in kept.request.body
    assert kept.response.body.startswith(b"--agentcache-boundary\r\n")
    assert (
        kept.response.headers.get("content-type") == "multipart/mixed; boundary=agentcache-boundary"
    )
    assert responder(kept).decide(upload("three")).response.status == 200


@pytest.mark.parametrize(
    "pattern", [r"\d{4}-\d\d-\d\d", "[0-9-]{10}", "(?i)2026-11-21|2026-11-22", "2026.{6}"]
)
def test_volatile_text_is_mapped_to_stable(pattern):
    """Expressions apply to address and body, as text of any alphabet."""
    settings = {"replace": ((pattern, "DAY"), ("[éè]+", "E"))}
    recorded = Interaction(asked("/2026-11-21", "le é 2026-11-21".encode(), "POST"), Response(200))
    replying = responder(recorded, **settings)

    assert (
        replying.decide(asked("/2026-11-22", "le è 2026-11-22".encode(), "POST")).response.status
        == 200
    )
    odd = asked("/", b"\xff 2026-11-21 \x00", "POST")
    assert replying.normalized(odd).body == b"\xff DAY \x00"


def test_normalizing_again_changes_nothing():
    """A recorded request passes through the same steps as an asked one."""
    replying = responder()
    request = asked(
        url="https://u:p@h/?key=k3y-1&a=1#f",
        body=b'{"password":"x","n":1.50}',
        method="POST",
        authorization="Basic x",
        cookie="a=b",
        user_agent="me",
        content_type="application/json",
    )

    once = replying.normalized(request)

    assert replying.normalized(once) == once
    assert once.url == "https://<USER>:<PASSWORD>@h/?key=<KEY>&a=1"


def test_some_hosts_go_straight_through():
    """A host that is passed on is neither played nor missed."""
    replying = responder(taped("/", b"1"), passthrough=("h", "*.internal:8080"))

    assert replying.decide(asked("/")) == PassThrough()
    assert replying.decide(asked(url="http://a.internal:8080/")) == PassThrough()
    assert replying.decide(asked(url="http://a.internal/")).response.status == 504
    assert replying.can_answer(asked("/"))
    assert Responder(Settings(mode="live")).decide(asked("/")) == PassThrough()


@pytest.mark.parametrize(
    ("host", "port", "listed", "found"),
    [
        ("h", 80, ["h"], True),
        ("h", 80, ["h:80"], True),
        ("h", 81, ["h:80"], False),
        ("H", 80, ["h"], True),
        ("a.h", 80, ["*.h"], True),
        ("a.h", 80, ["h"], False),
        ("a.h", 443, ["*.h:443"], True),
        ("a.h", 80, ["*.h:443"], False),
        ("::1", 80, ["::1"], True),
        ("::1", 80, ["[::1]"], True),
        ("[::1]", 80, ["[::1]:80"], True),
        ("::1", 81, ["[::1]:80"], False),
        ("127.0.0.1", None, ["127.*"], True),
        ("127.0.0.1", None, ["127.0.0.1:80"], False),
        ("h", 80, [], False),
    ],
)
def test_hosts_are_listed_by_name_port_and_glob(host, port, listed, found):
    """IPv6 addresses with and without brackets, ports with all of them."""
    assert host_listed(host, port, listed) is found


def test_asking_what_could_be_answered_uses_nothing_up():
    """A look ahead leaves the answers where they are."""
    replying = responder(taped("/a", b"1"))

    assert replying.can_answer(asked("/a"))
    assert replying.can_answer(asked("/a"))
    assert not replying.can_answer(asked("/b"))
    assert replying.decide(asked("/a")).response.body == b"1"
    assert not replying.can_answer(asked("/a"))
    assert replying.misses == []
    assert responder(mode="record").can_answer(asked("/b"))


def test_look_up_does_not_grow_with_the_cassette(monkeypatch):
    """A request is compared by its key alone, regardless of the rest of the cassette."""
    from pytest_agentcache.matching.matcher import Matcher

    replying = responder(*(taped(f"/{n}", b"x") for n in range(500)))
    made = []
    key = Matcher.key_and_ids

    def counted(self, request):
        made.append(request)
        return key(self, request)

    monkeypatch.setattr(Matcher, "key_and_ids", counted)
    replying.decide(asked("/0"))
    assert made == []

    replying.decide(asked("/499#in-other-bytes"))
    made.clear()
    replying.decide(asked("/498#in-other-bytes"))
    assert len(made) == 1


def test_answers_that_are_there_are_not_looked_at_again(monkeypatch):
    """The cost of a request while recording does not grow with the number of recorded ones."""
    looks = []
    size = ResponseRecorder.size.fget
    monkeypatch.setattr(
        ResponseRecorder, "size", property(lambda self: looks.append(self) or size(self))
    )
    replying = responder(mode="record")

    for number in range(100):
        record(replying, f"/{number}")

    assert len(looks) == 99


def test_what_still_arrives_is_looked_at_until_it_is_there():
    """A secret in the last piece of an answer is known to the next request, and so is its end."""
    replying = responder(mode="record")
    decision = replying.decide(asked("/token"))
    headers = Headers((("content-type", "application/json"),))
    recording = decision.record(200, "OK", headers, framed=False)
    recording.take(b'{"access_token": ')
    record(replying, "/other")
    recording.take(b'"Zq81kdPw0vLm3xTn"}')
    recording.end()

    again = replying.decide(asked("/use/Zq81kdPw0vLm3xTn"))

    assert isinstance(again, Forward)
    assert again.request.url == "https://h/use/<ACCESS_TOKEN>"


def test_parallel_requests_are_put_in_order_without_comparing_each_with_each(monkeypatch):
    """Thousands of concurrent tasks keep their places as a few do."""
    compared = []
    leads = sequence._leads
    monkeypatch.setattr(sequence, "_leads", lambda *args: compared.append(1) or leads(*args))
    spans = [sequence.Span((0, task, 0), 100 - task, 100 - task, 200) for task in range(100)]

    found = sequence.ordered(spans)

    assert [span.place[1] for span in found] == list(range(100))
    assert not compared
