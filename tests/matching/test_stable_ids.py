"""Volatile ids and the stable ones that take their place."""

import gzip
import json
import re
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_agentcache.http.body import aws_events
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.matching.stable_ids import StableIds
from pytest_agentcache.matching.stable_ids.bindings import Bindings
from pytest_agentcache.matching.stable_ids.finder import IdFinder
from pytest_agentcache.matching.stable_ids.volatile import ID_FORMATS, is_volatile_change
from pytest_agentcache.replay.decisions import Forward
from pytest_agentcache.replay.responder import Responder
from pytest_agentcache.settings.checks import IDS
from pytest_agentcache.settings.settings import Settings

KINDS = tuple(kind for kind in IDS if kind != "timestamp")
UUID = "0b1c2d3e-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
CALL, STABLE = "call_Ab12Cd34Ef56", "call_00000001"


def asked(content=None, url="https://h/p", media="application/json", **headers):
    """A request; its body is JSON if it is no bytes."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    pairs = (*headers.items(), ("content-type", media))
    return Request("POST", url, Headers(pairs), b"" if content is None else raw)


def taped(request, content=None, media="application/json", **headers):
    """An interaction; the body of its answer is JSON if it is no bytes."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Interaction(
        request, Response(200, Headers((*headers.items(), ("content-type", media))), raw)
    )


def written(*interactions, ids=IDS, beside=()):
    """New interactions as the cassette holds them."""
    return StableIds(ids).written(interactions, [True] * len(interactions), beside)


def play(recorded, requests):
    """The JSON of the answers to `requests`, None for a miss."""
    replying = Responder(Settings(stable_ids=IDS), tuple(recorded))
    answers = [replying.decide(request).response for request in requests]
    return [json.loads(each.body) if each.status == 200 else None for each in answers]


@pytest.mark.parametrize(
    ("text", "stable"),
    [
        ("chatcmpl-BxYz123AbCdEf456", "chatcmpl-00000007"),
        (f"chatcmpl-{UUID}", "chatcmpl-00000007"),
        ("chatcmpl-tool-0a1b2c3d4e5f60718293a4b5c6d7e8f9", "chatcmpl-tool-00000007"),
        ("resp_68a1b2c3d4e5f6", "resp_00000007"),
        ("msg_01XFDUDYJgAACzvnptvVoYEL", "msg_00000007"),
        ("msg_bdrk_01XFDUDYJgAACzvnptvVoYEL", "msg_bdrk_00000007"),
        ("msg_aBcdEfGhiJkLmnOpQrStUvWx", "msg_00000007"),
        ("gen-1712345678-AbCdEfGh12", "gen-00000007"),
        ("call_Ab12Cd34Ef56", "call_00000007"),
        (f"call_0_{UUID}", "call_0_00000007"),
        ("toolu_01A09q90qw90lq917835lq9", "toolu_00000007"),
        ("tooluse_kZJMlvQm-J6eAyJE5GIl7Q", "tooluse_00000007"),
        ("function-call-12345678901234567", "function-call-00000007"),
        ("req_011CSHoEeqs5C35K2UUqR7Fy", "req_00000007"),
        ("file-AbC123dEf456", "file-00000007"),
        ("batch_67f1a2b3c4", "batch_00000007"),
        (UUID, "00000000-0000-4000-8000-000000000007"),
        (UUID.upper(), "00000000-0000-4000-8000-000000000007"),
        (UUID.replace("-", ""), "00000000000040008000000000000007"),
    ],
)
def test_id_is_found_as_a_whole(text, stable):
    """An id is found between any signs and escapes; what takes its place is one, too."""
    finder = IdFinder(KINDS)
    for around in ("{}", '"{}"', '\\"{}\\"', "a {}.", "x\\n{}\\n", "/v1/{}/x?a={}&b", "%22{}%22"):
        found = list(finder.find(around.replace("{}", text).encode()))
        assert {each.text for each in found} == {text.encode()}, around
        assert len(found) == around.count("{}")
        made = finder.stable_id(found[0].look, found[0].text, 7)
        assert made == stable.encode()
        [again] = finder.find(made)
        assert (again.look, again.stable) == (found[0].look, True)
    assert not found[0].stable


SAMPLES = ("Ab12Cd34Ef56Gh78Ij90", "12345678901234567", "1712345678-AbCdEfGh12")


@pytest.mark.parametrize("id_format", ID_FORMATS, ids=lambda each: f"{each.kind}:{each.names[0]}")
def test_each_format_is_stable_and_no_change(id_format):
    """Every format of the table is replaced by `stable_ids` and left out of `agentcache diff`."""
    for name in id_format.names:
        head = f"{name}{id_format.separator}"
        random = next(each for each in SAMPLES if re.fullmatch(id_format.random, each.encode()))
        text = head + random
        [found] = IdFinder([id_format.kind]).find(text.encode())
        assert found.text == text.encode()
        assert is_volatile_change("json.x", text, f"{head}Zy98Xw76")


@pytest.mark.parametrize(
    ("path", "was", "now", "volatile"),
    [
        ("json.x", "call_Ab12Cd34", "Paris", False),
        ("json.id", "a", "b", True),
        ("json.finished_at", 1790000000, 1790000001.5, True),
        ("json.updatedAt", "1790000000", "1790000001", True),
        ("json.failed", 3, 5, False),
        ("json.update", "yes", "no", False),
        ("json.x", "2026-11-22T03:22:04.5Z", "2026-11-22 03:22", True),
        ("json.x", UUID, UUID.replace("0", "1"), True),
    ],
)
def test_volatile_change(path, was, now, volatile):
    """A change says nothing if both values are ids or times, or if their field is volatile."""
    assert is_volatile_change(path, was, now) is volatile


@pytest.mark.parametrize(
    "text",
    [
        "call_weather_now",
        "call_getTheWeather",
        "file-2024-01-01-report",
        "file-upload",
        "run_20240101",
        "recall_Ab12Cd34Ef56",
        "call_Ab12Cd34Ef56_x",
        "xcall_Ab12Cd34Ef56",
        "thread_pool_executor",
        "d41d8cd98f00b204e9800998ecf8427e",
        f"{UUID}-0b1c",
        f"a{UUID}",
        "gpt-5-mini-2025-08-07",
    ],
)
def test_word_is_no_id(text):
    """A word, a name, a date, a checksum and a part of something longer are left alone."""
    assert not list(IdFinder(KINDS).find(text.encode()))


@pytest.mark.parametrize(
    ("pattern", "text", "stable"),
    [
        ("ord-[0-9a-f]{16}", "ord-9f8e7d6c5b4a3210", "ord-0000000000000001"),
        (r"INV-\d{4}-[0-9A-Z]{8}", "INV-2024-AB12CD34", "INV-0000-00000001"),
        (r"(?<!\d)\d{12}(?!\d)", "723456789012", "100000000001"),
        ("[A-Z]{4}", "QXRT", "MINE-00000001"),
        ("[a-z]{12}", "qwertyuiopas", "MINE-00000001"),
    ],
)
def test_own_shape_keeps_its_look(pattern, text, stable):
    """Matches of a custom pattern get a common shape, or are named after it."""
    [one] = written(taped(asked({"a": text}), {"b": text}), ids=(f"MINE => {pattern}",))

    assert json.loads(one.request.body) == {"a": stable}
    assert json.loads(one.response.body) == {"b": stable}
    [found] = IdFinder((f"MINE => {pattern}",)).find(stable.encode())
    assert found.stable


@pytest.mark.parametrize(("pattern", "stable"), [(r"\d{4,12}", 1001), (r"[5-9]\d{3}", 7234)])
def test_number_stays_one(pattern, stable):
    """An id that is a number of JSON becomes a number, or stays what it is."""
    [one] = written(taped(asked({"a": 7234}), [7234, 7234]), ids=(f"NUMBER => {pattern}",))

    assert json.loads(one.response.body) == [stable, stable]


def in_pieces(text):
    """A stream whose events tell `text` in two pieces."""
    parts = [{"delta": text[:9]}, {"delta": text[9:]}]
    return "".join(f"data: {json.dumps(part)}\n\n" for part in parts).encode()


@pytest.mark.parametrize(
    ("content", "media"),
    [
        ({"id": CALL}, "application/json"),
        ({CALL: json.dumps({"a": [json.dumps({"id": f"\n{CALL}"})]})}, "application/json"),
        (f"a=1&id={CALL}".encode(), "application/x-www-form-urlencoded"),
        (f"see {CALL}.".encode(), "text/plain"),
        (f'data: {{"id":"{CALL}"}}\n\n'.encode(), "text/event-stream"),
        (in_pieces(CALL), "text/event-stream"),
        (in_pieces("call_Ab12Cd34Ef56")[:-1] + b"\n", "text/event-stream"),
        (
            aws_events.text(f'messageStart {{"id":"{CALL}"}}\n'),
            "application/vnd.amazon.eventstream",
        ),
        (gzip.compress(f'{{"id": "{CALL}"}}'.encode(), mtime=0), "application/octet-stream"),
        (
            f'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n{CALL}\r\n--b--\r\n'.encode(),
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_id_is_replaced_in_any_body(content, media):
    """For every kind of body, the result is intact and contains only the stable id."""
    [one] = written(taped(asked(content, media=media), content, media))

    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    for body in (one.request.body, one.response.body):
        inside = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        assert CALL[5:].encode() not in inside
        assert STABLE.encode() in inside
        assert aws_events.lines(body) or media != aws_events.MEDIA
        assert body != raw


def test_id_is_replaced_in_url_and_headers():
    """The same id has the same stable one in a path, a query, a header and a body."""
    request = asked({"id": CALL}, f"https://h/c/{CALL}?of={CALL}", **{"x-of": CALL})
    [one] = written(taped(request, {"id": CALL}, location=f"/c/{CALL}"))

    assert one.request.url == f"https://h/c/{STABLE}?of={STABLE}"
    assert one.request.headers.get("x-of") == STABLE
    assert one.response.headers.get("location") == f"/c/{STABLE}"


def test_binary_is_left_alone():
    """Replacing an id in an image would break it."""
    raw = b"\x89PNG\0" + UUID.encode() + b"\0"
    [one] = written(taped(asked(raw, media="image/png"), raw, "image/png"))

    assert (one.request.body, one.response.body) == (raw, raw)


def test_chunks_stay_those_of_the_body():
    """Sizes of chunks follow what is replaced."""
    raw = f"{CALL} {CALL}".encode()
    answer = Response(200, Headers((("content-type", "text/plain"),)), raw, chunks=(18, 17))
    [one] = written(Interaction(asked(), answer))

    assert one.response.body == f"{STABLE} {STABLE}".encode()
    assert one.response.chunks == (14, 13)


def test_numbers_come_in_the_order_of_the_file():
    """Each look counts from 1, and numbers in use elsewhere on the cassette are skipped."""
    first = taped(asked({"a": f"call_B{UUID[:7]}", "b": UUID}), {"c": "call_A1234567"})
    [one] = written(first, beside=[taped(asked({"x": "call_00000001"}))])

    assert json.loads(one.request.body) == {
        "a": "call_00000002",
        "b": "00000000-0000-4000-8000-000000000001",
    }
    assert json.loads(one.response.body) == {"c": "call_00000003"}


def test_stable_id_of_upstream_stays():
    """A stable id maps to itself, and no other id gets its number."""
    [one] = written(taped(asked({"a": "call_Ab12Cd34"}), {"b": "call_00000001"}))

    assert json.loads(one.request.body) == {"a": "call_00000002"}
    assert json.loads(one.response.body) == {"b": "call_00000001"}


NAMES = st.lists(st.integers(0, 3), min_size=1, max_size=3)
SEQUENCES = st.lists(NAMES, min_size=1, max_size=6)


def named(sequence, names):
    """The requests of `sequence` with an id for each number in it."""
    return [asked([names[each] for each in numbers]) for numbers in sequence]


def drawn(size=4):
    return [str(uuid.uuid4()) for _ in range(size)]


@settings(max_examples=60)
@given(SEQUENCES)
def test_any_other_names_play_the_same(sequence):
    """Requests replay in order with any new ids, and responses contain these ids."""
    names = drawn()
    requests = named(sequence, names)
    recorded = written(
        *(taped(each, [at, *json.loads(each.body)]) for at, each in enumerate(requests))
    )

    again = drawn()
    answers = play(recorded, named(sequence, again))

    assert answers == [
        [at, *(again[each] for each in numbers)] for at, numbers in enumerate(sequence)
    ]


@settings(max_examples=60)
@given(SEQUENCES.filter(lambda sequence: len({one for each in sequence for one in each}) > 1))
def test_no_two_ids_become_one(sequence):
    """One id where two were recorded is a miss at some point, and vice versa."""
    used = sorted({one for each in sequence for one in each})
    names, merged = drawn(), drawn()
    merged[used[1]] = merged[used[0]]

    for first, second in ((names, merged), (merged, names)):
        recorded = written(*(taped(each) for each in named(sequence, first)))
        replying = Responder(Settings(stable_ids=IDS), recorded)
        statuses = [replying.decide(each).response.status for each in named(sequence, second)]
        assert 504 in statuses


@given(st.permutations(range(4)))
def test_names_of_members_may_be_ids(order):
    """Members named by ids match in any order of their names."""
    names, again = drawn(), sorted(drawn())
    recorded = written(taped(asked(dict(zip(names, "abcd", strict=True))), 1))

    members = {again[at]: letter for at, letter in zip(order, "abcd", strict=True)}
    assert play(recorded, [asked(members)]) == [1]


def test_id_of_the_cassette_means_itself():
    """If ids were kept, the second id gets the second response."""
    names = drawn(3)
    recorded = [taped(asked(url=f"https://h/{name}"), name) for name in names]

    assert play(recorded, [asked(url=f"https://h/{name}") for name in reversed(names)]) == [
        *reversed(names)
    ]


def test_upstream_is_asked_about_its_own():
    """While recording, an id that upstream has just handed out is tied to none on the cassette."""
    recorded = written(
        taped(asked({"job": 1}), {"id": "batch_Ab12Cd34"}),
        taped(asked(url="https://h/batch_Ab12Cd34"), "old"),
    )
    replying = Responder(Settings(mode="record", stable_ids=IDS), recorded)
    decision = replying.decide(asked({"job": 2}))
    assert isinstance(decision, Forward)
    recording = decision.record(200, "OK", Headers(), framed=False)
    recording.take(b'{"id": "batch_Zy98Xw76"}')
    recording.end()

    assert isinstance(replying.decide(asked(url="https://h/batch_Zy98Xw76")), Forward)
    [one] = replying.interactions(keep_unused=False)
    assert one.response.body == b'{"id": "batch_00000001"}'


def test_look_up_does_not_go_through_the_cassette(monkeypatch):
    """A request for an id that was handed out is matched at once, wherever the id is."""
    names = drawn(300)
    recorded = written(
        taped(asked(), names), *(taped(asked(url=f"https://h/{name}"), name) for name in names)
    )
    replying = Responder(Settings(stable_ids=IDS), recorded)
    listed = json.loads(replying.decide(asked()).response.body)
    compared = []
    agree = Bindings.agree
    monkeypatch.setattr(Bindings, "agree", lambda *each: compared.append(each) or agree(*each))

    for name in reversed(listed):
        assert replying.decide(asked(url=f"https://h/{name}")).response.body == f'"{name}"'.encode()
    # Once to find it, once for each id in its answer.
    assert len(compared) <= 2 * len(names)


@pytest.mark.parametrize(
    ("said", "fixed"),
    [
        ('{"created": 1790000000}', '{"created": 1000000001}'),
        ('{"created_at":1790000000.25}', '{"created_at":1000000001.0}'),
        ('{"createdAt": 1790000000123, "x": 1}', '{"createdAt": 1000000001000, "x": 1}'),
        ('{"created": "1790000000"}', '{"created": "1000000001"}'),
        ('{"createTime": "2026-11-22T03:22:04Z"}', '{"createTime": "2001-09-09T01:46:41Z"}'),
        (
            '{"updated_at": "2026-11-22T03:22:04.123456+00:00"}',
            '{"updated_at": "2001-09-09T01:46:41.000000+00:00"}',
        ),
        ('{"a": "{\\"timestamp\\": 1790000000}"}', '{"a": "{\\"timestamp\\": 1000000001}"}'),
        # Not a time, a time in the future, and times beside it.
        ('{"created": 17}', '{"created": 17}'),
        ('{"created": "2026-11-22"}', '{"created": "2026-11-22"}'),
        ('{"recreated": 1790000000}', '{"recreated": 1790000000}'),
        ('{"at": 1790000000}', '{"at": 1790000000}'),
        (
            '{"created_at": 1790000000, "expires_in": 7200}',
            '{"created_at": 1790000000, "expires_in": 7200}',
        ),
    ],
)
def test_time_becomes_a_fixed_instant(said, fixed):
    """The times at which upstream made something are fixed and keep their type."""
    [one] = written(taped(asked(said.encode()), said.encode()))

    assert one.response.body == fixed.encode()
    # A client's own time is not upstream's to tell.
    assert one.request.body == said.encode()


def test_time_of_upstream_is_sent_again():
    """Upstream's time comes back as the fixed time, for one second and for two."""
    for times in ([1790000000, 1790000000], [1790000000, 1790000001]):
        first, second = ({"created": each} for each in times)
        recorded = written(
            taped(asked(1), first),
            taped(asked(2), second),
            taped(asked({"history": [first, second], "after": times[1]}), "done"),
        )
        replying = Responder(Settings(stable_ids=IDS), recorded)
        shown = [json.loads(replying.decide(asked(each)).response.body) for each in (1, 2)]
        last = asked({"history": shown, "after": shown[1]["created"]})
        assert replying.decide(last).response.body == b'"done"'
    assert shown == [{"created": 1_000_000_001}, {"created": 1_000_000_002}]


def test_stable_id_that_was_not_handed_out_is_missed():
    """A stable id of something else is not taken for a new id."""
    recorded = written(taped(asked({"a": CALL}), 1))

    assert play(recorded, [asked({"a": "call_00000002"}), asked({"a": STABLE})]) == [None, 1]


def test_beginning_of_an_id_has_no_number():
    """A piece of a stream that looks like an id but continues is not one."""
    events = [{"delta": "call_Ab12Cd34"}, {"delta": "Ef56"}, {"id": "call_Zy98Xw76"}]
    said = "".join(f"data: {json.dumps(each)}\n\n" for each in events).encode()
    [one] = written(taped(asked(), said, "text/event-stream"))

    assert b"call_00000002" in one.response.body
    assert b"call_00000003" not in one.response.body


def test_what_upstream_repeats_is_the_clients_own():
    """While recording, an id that upstream only repeats may still be one of the cassette."""
    recorded = written(taped(asked({"run": UUID}), "old"))
    replying = Responder(Settings(mode="record", stable_ids=IDS), recorded)
    [own] = drawn(1)
    decision = replying.decide(asked({"run": own, "word": "new"}))
    assert isinstance(decision, Forward)
    recording = decision.record(200, "OK", Headers(), framed=False)
    recording.take(f'{{"run": "{own}"}}'.encode())
    recording.end()

    assert replying.decide(asked({"run": own})).response.body == b'"old"'
