"""A plan says at once what is wrong with it, and tells for which requests it is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from pytest_agentcache.errors import FaultError
from pytest_agentcache.faults import Plan, Upstream, fault_report
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.matching.matcher import Matcher
from pytest_agentcache.replay.decisions import Forward
from pytest_agentcache.replay.responder import Responder
from pytest_agentcache.settings.settings import Settings

URL = "https://api.example/now"


def asked(url=URL, method="GET", body=b"", **headers):
    """A request."""
    return Request(method, url, Headers(tuple(headers.items())), body)


@pytest.fixture
def plan():
    return Plan(Matcher(Settings()), find_caller=lambda: "test_it.py:3 in test_it()")


@pytest.fixture
def upstream(plan):
    return Upstream(plan)


def replying(*recorded, **settings):
    """A responder on a cassette, and what its upstream does."""
    responder = Responder(Settings(**settings), recorded)
    return responder, Upstream(responder.plan)


def taped(body=b"taped", content_type="text/plain", url=URL):
    """An interaction."""
    headers = Headers((("content-type", content_type),))
    return Interaction(asked(url), Response(200, headers, body, "OK"))


@pytest.mark.parametrize(
    ("match", "url", "meant"),
    [
        (URL, URL, True),
        (URL, URL + "?city=Paris", False),
        (URL, "http://api.example/now", False),
        (URL + "?a=1&b=2", URL + "?b=2&a=1", True),
        (URL + "?a=1&a=2", URL + "?a=2&a=1", False),
        ("HTTPS://API.example:443/now", URL, True),
        ("https://api.example", "https://api.example/", True),
        ("https://api.example/a?b[]=1", "https://api.example/a?b[]=1", True),
        ("https://api.example/*", URL, True),
        ("api.example/*", URL, True),
        ("api.example*", "http://api.example/now", True),
        ("*/now", URL, True),
        ("*", URL, True),
        ("*.example/now", "https://evil/?api.example/now/then", False),
        ("https://api.example/?*", "https://api.example/x1", False),
        (re.compile(r"/n.w$"), URL, True),
        (re.compile(r"^now"), URL, False),
        (lambda request: request.method == "GET", URL, True),
        (lambda request: [], URL, False),
    ],
)
def test_match(plan, upstream, match, url, meant):
    """A match is a URL compared as on the cassette, a glob, a search, or a function."""
    fault = upstream.refuse(match)

    assert (plan.select(asked(url)).planned is fault) is meant


@pytest.mark.parametrize(
    ("match", "problem"),
    [
        ("api.example/now", "no whole URL"),
        ("", "no whole URL"),
        ("ftp://api.example/", "no whole URL"),
        ("https://", "no whole URL"),
        ("http://[bad", "no whole URL"),
        (b"https://api.example/", "match is b'https://api.example/'"),
        (re.compile(b"now"), "match is re.compile"),
        (None, "match is None"),
        (3, "match is 3"),
        (str, "match is <class 'str'>"),
    ],
)
def test_match_that_is_none(upstream, match, problem):
    """A value that cannot be a match is refused at once, with the allowed ones."""
    with pytest.raises(FaultError, match=re.escape(problem)) as caught:
        upstream.refuse(match)

    assert str(caught.value).startswith("agentcache_upstream.refuse(): ")
    assert "a URL, a glob (`*` matches anything), an re.Pattern of text" in str(caught.value)


def test_match_that_raises(plan, upstream):
    """An error in a match function is raised to the caller, and at the end to the test."""
    upstream.refuse(lambda request: request.nothing)
    for _ in range(2):
        with pytest.raises(FaultError, match="its match raised AttributeError") as caught:
            plan.select(asked())

    assert isinstance(caught.value.__cause__, AttributeError)
    assert fault_report("test_it", plan).count("its match raised AttributeError") == 1


def test_match_that_is_asynchronous(plan, upstream):
    """A coroutine would be true of anything, so it is refused."""

    async def meant(request):
        return False

    upstream.refuse(meant)
    with pytest.raises(FaultError, match="its match is asynchronous"):
        plan.select(asked())


WRONG = {
    "unknown argument": (lambda u: u.fail(URL, staus=500), r"fail\(\): got an unexpected .*staus"),
    "what is allowed": (
        lambda u: u.reset(URL, 3),
        r"reset\(\): .*; it takes match, times, optional",
    ),
    "no match": (lambda u: u.dns(), "dns.*missing a required argument: 'match'"),
    "no seconds": (lambda u: u.delay(URL), "delay.*missing a required argument: 'seconds'"),
    "times zero": (
        lambda u: u.fail(URL, times=0),
        "times is 0; it takes a number from 1 on, or None",
    ),
    "times negative": (lambda u: u.tls(URL, times=-1), "times is -1"),
    "times true": (lambda u: u.refuse(URL, times=True), "times is True"),
    "times a fraction": (lambda u: u.refuse(URL, times=1.5), "times is 1.5"),
    "good status": (lambda u: u.fail(URL, 200), "from 400 to 999; any other is given by reply"),
    "no status": (lambda u: u.reply(URL, 99), "reply.*status is 99; it takes a number from 200"),
    "text as status": (lambda u: u.reply(URL, "200"), "status is '200'"),
    "interim status": (lambda u: u.reply(URL, 103), "status is 103"),
    "two bodies": (lambda u: u.fail(URL, json=1, text="a"), "two bodies, json and text; give one"),
    "no JSON": (lambda u: u.reply(URL, json={1, 2}), "json is no JSON: .*set"),
    "not a number": (lambda u: u.reply(URL, json=[float("nan")]), "json is no JSON: Out of range"),
    "a body where none can be": (
        lambda u: u.reply(URL, 304, text="a"),
        "an answer of status 304 has no body; leave text out",
    ),
    "no text": (lambda u: u.reply(URL, text=b"a"), "text is b'a'; it takes text"),
    "no bytes": (lambda u: u.reply(URL, content="a"), "content is 'a'; it takes bytes"),
    "no events": (lambda u: u.reply(URL, sse="a"), "sse is 'a'; it takes a list of events"),
    "no pair": (lambda u: u.reply(URL, sse=[("a", 1, 2)]), "a pair is .event name, data"),
    "no headers": (lambda u: u.fail(URL, headers="a"), "headers is 'a'; it takes a mapping"),
    "no header": (lambda u: u.fail(URL, headers={"A": 1.5}), "headers has 'A': 1.5"),
    "two lines": (lambda u: u.fail(URL, headers={"A": "b\r\nC: d"}), "'A' has a line break"),
    "framing": (lambda u: u.fail(URL, headers={"Content-Length": 3}), "follows from the body"),
    "negative delay": (lambda u: u.delay(URL, -1), "seconds is -1; it takes a number from 0 on"),
    "endless delay": (lambda u: u.delay(URL, float("inf")), "seconds is inf"),
    "no delay": (lambda u: u.delay(URL, "soon"), "seconds is 'soon'"),
    "no timeout": (
        lambda u: u.timeout(URL, "pool"),
        "kind is 'pool'; allowed are 'read', 'connect'",
    ),
    "negative timeout": (lambda u: u.timeout(URL, seconds=-3), "timeout.*seconds is -3"),
    "optional": (
        lambda u: u.refuse(URL, optional="yes"),
        "optional is 'yes'; it takes True or False",
    ),
    "optional down": (lambda u: u.down(optional=1), "down.*optional is 1"),
    "nothing to cut": (lambda u: u.truncate(URL), "either after_bytes= or after_events="),
    "two cuts": (lambda u: u.truncate(URL, after_bytes=1, after_events=1), "either after_bytes="),
    "negative cut": (lambda u: u.truncate(URL, after_bytes=-1), "after_bytes is -1; it takes"),
    "no cut": (lambda u: u.truncate(URL, after_events="2"), "after_events is '2'; it takes"),
    "headers of nothing": (
        lambda u: u.truncate(URL, after_bytes=1, headers={"A": "b"}),
        "give its body too: json=, text=, sse= or content=",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_argument(plan, upstream, case):
    """A plan that cannot be is an error that names the method and what is allowed."""
    act, problem = WRONG[case]
    with pytest.raises(FaultError, match=problem) as caught:
        act(upstream)

    assert str(caught.value).startswith("agentcache_upstream.")
    assert plan.select(asked()).planned is None


def test_first_that_has_times_left_comes_to_pass(plan, upstream):
    """Faults for the same request follow each other in the order of their plan."""
    upstream.fail(URL, times=2)
    upstream.refuse("*", times=1)
    upstream.fail(URL, 500)
    met = [plan.select(asked()).planned for _ in range(4)]

    assert [each.kind for each in met] == ["fail", "fail", "refuse", "fail"]
    assert [each.fired for each in met] == [2, 2, 1, 1]


def test_delays_go_on_to_what_follows(plan, upstream):
    """Delays before the fault that comes to pass add up; those after it do not count."""
    upstream.delay(URL, 1)
    upstream.delay(URL, timedelta(minutes=1), times=1)
    upstream.fail(URL, times=1)
    late = upstream.delay(URL, 100)
    first, second = plan.select(asked()), plan.select(asked())

    assert (first.seconds, first.planned.kind) == (61, "fail")
    assert (second.seconds, second.planned) == (101, None)
    assert late.fired == 1


def test_down_goes_before_all_others(plan, upstream):
    """While it is down nothing else comes to pass; afterwards it is as it was."""
    fail = upstream.fail(URL)
    with upstream.down() as down:
        assert plan.select(asked()).planned is down
    assert plan.select(asked()).planned is fail
    with upstream.down("*/other", optional=True):
        assert plan.select(asked()).planned is fail


def test_two_at_once_do_not_share_one_time(upstream):
    """If two requests meet the last of a fault's times, it happens to one of them."""
    planned = upstream.fail(URL, times=1)
    both = planned.applies_to(asked()), planned.applies_to(asked())

    assert both == (True, True)
    assert (planned.fire(), planned.fire(), planned.fired) == (True, False, 1)


def test_scripted_answer():
    """A script has its type, its reason and its headers; a type of its own stays."""
    responder, upstream = replying()
    upstream.reply(URL, json={"ü": [1, None]}, times=1)
    upstream.fail(URL, 429, text="ü", headers={"Retry-After": 30, "Content-Type": "x/y"}, times=1)
    upstream.fail(URL, 599, times=1)
    answers = [responder.decide(asked()).response for _ in range(3)]

    assert [each.body for each in answers] == ['{"ü":[1,null]}'.encode(), "ü".encode(), b""]
    assert [each.reason for each in answers] == ["OK", "Too Many Requests", ""]
    assert [each.content_type for each in answers] == ["application/json", "x/y", ""]
    assert answers[1].headers.get("retry-after") == "30"


def test_answer_of_null():
    """`json=None` is a body."""
    responder, upstream = replying()
    upstream.reply(URL, json=None)

    assert responder.decide(asked()).response.body == b"null"


def test_calls_tell_what_became_of_each():
    """Played, fault, miss and recorded, in order, redacted, with status and fault."""
    responder, upstream = replying(taped(), mode="replay", on_miss="respond")
    fault = upstream.refuse(URL, times=1)
    for _ in range(3):
        responder.decide(asked(authorization="Bearer s3cret"))

    assert [(each.outcome, each.status, each.fault) for each in upstream.calls] == [
        ("fault", None, fault),
        ("replayed", 200, None),
        ("miss", 504, None),
    ]
    assert fault.requests == (upstream.calls[0].request,)
    assert "s3cret" not in repr(upstream.calls)


def test_calls_tell_what_was_recorded():
    """An answer that is kept counts as recorded, one that never came or broke off does not."""
    responder, upstream = replying(mode="record")
    whole, broken, lost = (responder.decide(asked(f"{URL}/{name}")) for name in "abc")
    recording = whole.record(201, "Created", Headers(), framed=False)
    recording.end()
    broken.record(200, "OK", Headers(), framed=False).break_off()
    assert isinstance(lost, Forward)

    assert [(each.outcome, each.status) for each in upstream.calls] == [
        ("recorded", 201),
        ("unanswered", None),
        ("unanswered", None),
    ]


def test_faults_use_up_no_interaction_and_want_no_answer():
    """A request that meets a fault is not replayed, unused or incomplete."""
    responder, upstream = replying(taped(), mode="record")
    upstream.fail(URL, times=1)
    upstream.truncate(URL, after_bytes=1, times=1)
    upstream.refuse("*/other")
    decisions = [responder.decide(asked()) for _ in range(3)]
    responder.decide(asked("https://api.example/other"))

    assert [type(each).__name__ for each in decisions] == ["Replay", "Truncate", "Replay"]
    assert responder.counts.replayed == 1
    assert responder.log.unanswered == ()
    assert responder.interactions(keep_unused=False) == (taped(),)


EVENTS = b"data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize(
    ("body", "content_type", "cut", "after"),
    [
        (b"0123", "text/plain", {"after_bytes": 0}, 0),
        (b"0123", "text/plain", {"after_bytes": 3}, 3),
        (EVENTS, "text/event-stream", {"after_bytes": 4}, 4),
        (EVENTS, "text/event-stream", {"after_bytes": len(EVENTS)}, len(EVENTS)),
        (EVENTS, "text/event-stream", {"after_events": 1}, 9),
        (EVENTS, "text/event-stream", {"after_events": 2}, 18),
        (b"{}\n{}\n", "application/x-ndjson", {"after_events": 1}, 3),
    ],
)
def test_truncation(body, content_type, cut, after):
    """A recorded response breaks off after so many bytes or events."""
    responder, upstream = replying(taped(body, content_type))
    upstream.truncate(URL, **cut)
    decision = responder.decide(asked())

    assert (decision.after, decision.response.body) == (after, body)


@pytest.mark.parametrize(
    ("recorded", "method", "cut", "problem"),
    [
        (taped(b"0123"), "GET", {"after_bytes": 4}, "4 bytes only, so nothing of it would be miss"),
        (taped(b"0123"), "GET", {"after_bytes": 9}, "has 4 bytes only"),
        (taped(EVENTS, "text/event-stream"), "GET", {"after_bytes": 99}, "has 18 bytes only"),
        (taped(EVENTS, "text/event-stream"), "GET", {"after_events": 3}, "has 2 events only"),
        (taped(b"0123"), "GET", {"after_events": 1}, "is no stream of events but text/plain"),
        (taped(b"0123"), "HEAD", {"after_bytes": 1, "text": "a"}, "whose answer has no body"),
        (taped(url=URL + "/x"), "GET", {"after_bytes": 1}, "nothing is recorded that could break"),
    ],
)
def test_truncation_of_nothing(recorded, method, cut, problem):
    """A truncation that removes nothing is an error, at once and at the end."""
    responder, upstream = replying(recorded)
    upstream.truncate(URL, **cut)
    with pytest.raises(FaultError, match=problem):
        responder.decide(asked(method=method))

    assert problem in fault_report("test_it", responder.plan)


def test_truncation_takes_the_answer_given_last():
    """First the one that is to come, then the one that was played last."""
    responder, upstream = replying(taped(b"first"), taped(b"second"))
    seen = []
    for _ in range(3):
        upstream.truncate(URL, after_bytes=1, times=1)
        seen.append(responder.decide(asked()).response.body)
        responder.decide(asked())

    assert seen == [b"first", b"first", b"second"]


def test_can_answer_where_a_fault_would(plan):
    """A session that may go upstream only for an answer may go for a fault; not for a delay."""
    responder, upstream = replying()
    upstream.delay(URL, 1, optional=True)
    assert not responder.can_answer(asked())
    fault = upstream.refuse(URL, times=1)
    assert responder.can_answer(asked())
    assert fault.fired == 0
    responder.decide(asked())
    assert not responder.can_answer(asked())


def test_report_of_a_fault_that_never_came_to_pass():
    """It names the fault, the line, and what reached upstream, nearest first."""
    responder, upstream = replying(taped(), on_miss="respond")
    responder.plan.find_caller = lambda: "test_it.py:3 in test_it()"
    upstream.fail("https://api.example/nwo")
    upstream.refuse("https://api.example/other", optional=True)
    responder.decide(asked("https://elsewhere.example/", "POST"))
    responder.decide(asked())

    assert fault_report("test_it.py::test_it", responder.plan).splitlines() == [
        "test_it.py::test_it planned a fault that never occurred:",
        "",
        "  fail('https://api.example/nwo', status=503)    planned at test_it.py:3 in test_it()",
        "  requests that reached upstream, most similar first:",
        "    GET https://api.example/now   replayed, 200",
        "    POST https://elsewhere.example/   miss, 504",
        "",
        "  fix the match, or pass optional=True if the fault may not occur",
    ]


def test_report_names_the_fault_that_was_quicker(plan, upstream):
    """The report of the later of two faults for a request names the earlier one."""
    responder, upstream = replying()
    upstream.refuse("*", times=3)
    upstream.fail(URL, times=1)
    for _ in range(3):
        responder.decide(asked())
    text = fault_report("test_it", responder.plan)

    assert f"GET {URL}   fault: refuse('*', times=3)" in text
    assert text.count("GET ") == 1


def test_report_of_a_pattern():
    """A pattern is shown as it was written, with the nearest URL first."""
    responder, upstream = replying(on_miss="respond")
    upstream.dns(re.compile(r"/nwo$"))
    for path in ("elsewhere", "now"):
        responder.decide(asked(f"https://api.example/{path}"))
    text = fault_report("test_it", responder.plan)

    assert "dns(re.compile('/nwo$'))" in text
    assert text.index("/now ") < text.index("/elsewhere ")


def test_report_where_nothing_was_asked(plan, upstream):
    """A test without any request says so in the report."""
    upstream.timeout(re.compile("now"), "connect", times=2)

    assert "no request reached upstream" in fault_report("test_it", plan)
    assert "timeout(re.compile('now'), 'connect', times=2)" in fault_report("test_it", plan)


def test_report_of_many_calls_is_short(plan):
    """Six calls are shown, the rest are counted."""
    responder, upstream = replying(on_miss="respond")
    upstream.fail(lambda request: False)
    for number in range(9):
        responder.decide(asked(f"{URL}/{number}"))
    text = fault_report("test_it", responder.plan)

    assert text.count("GET ") == 6
    assert "… and 3 more" in text


def test_what_need_not_come_to_pass_is_not_reported(plan, upstream):
    """Optional faults, faults that came to pass, and `down()` for all are fine."""
    upstream.fail(URL, optional=True)
    upstream.refuse("*", times=9)
    plan.select(asked("https://api.example/x"))
    with upstream.down():
        pass

    assert fault_report("test_it", plan) == ""


def test_down_that_was_for_nobody_is_reported(plan, upstream):
    """With a match it must have met someone; without `with` it never held."""
    with upstream.down("*/nwo"):
        pass
    assert "down('*/nwo')" in fault_report("test_it", plan)

    upstream.down()
    report = fault_report("test_it", plan)
    assert "it is active only in a `with` block, which was never entered" in report


def test_planned_tells_what_it_is(upstream):
    """Its text is the call that planned it."""
    planned = upstream.truncate("*/a", after_events=2, times=3)

    assert str(planned) == "truncate('*/a', after_events=2, times=3)"
    assert repr(planned) == "<truncate('*/a', after_events=2, times=3), fired 0 times>"
    assert str(upstream.delay(asked, 1.5)) == "delay(asked, 1.5)"
    assert planned.planned_at == "test_it.py:3 in test_it()"
