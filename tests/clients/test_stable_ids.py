"""Ids that a client generates, and ids from upstream, over every client."""

import gzip
import json
import uuid

from pytest_agentcache import use_cassette

from .clients import Call
from .upstream import Answer

STREAM = [("Content-Type", "text/event-stream")]
SAID = b'data: {"id": "chatcmpl-%b", "created": 1790000000, "for": "%b"}\n\ndata: [DONE]\n\n'
DASHED, PLAIN = "00000000-0000-4000-8000-000000000001", "00000000000040008000000000000001"


def test_ids_are_tied_one_to_one(client, upstream, cassette):
    """Each client plays what it recorded with other ids, and is given those of its own."""

    def act():
        run, job = str(uuid.uuid4()), uuid.uuid4().hex
        said = SAID % (uuid.uuid4().hex.encode(), run.encode())
        url = upstream.serve(f"/jobs/{job}", Answer(said, headers=STREAM))
        body = json.dumps({"run": run, "of": [job, run]}).encode()
        headers = {"Content-Type": "application/json"}
        [got] = client.send(Call(f"{url}?run={run}", "POST", headers, body))
        assert got.body.count(run.encode()) == 1
        return got.status

    with use_cassette(cassette, mode="record", stable_ids=True):
        live = act()
    upstream.stop()
    with use_cassette(cassette, mode="offline", stable_ids=True) as harness:
        assert act() == live

    [one] = harness.cassette.interactions
    assert one.request.url.endswith(f"/jobs/{PLAIN}?run={DASHED}")
    assert json.loads(one.request.body) == {"run": DASHED, "of": [PLAIN, DASHED]}
    assert one.response.body == SAID.replace(b"1790000000", b"1000000001") % (
        b"00000001",
        DASHED.encode(),
    )


def test_recording_shows_the_ids_of_the_replay(client, upstream, cassette):
    """The client gets stable ids in documents, headers and events, and upstream its own back."""
    made = [f"batch_A1{uuid.uuid4().hex}" for _ in range(2)]
    shown = ["batch_00000001", "batch_00000002"]
    first, second = (each.encode() for each in made)
    place = [("Content-Type", "application/json"), ("Location", f"/batches/{made[0]}")]
    packed = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
    document = b'{"id": "%b", "other": "%b", "said": "\xc3\xbc"}'
    event = b'data: {"id": "%b", "of": "%b"}\n\n'
    # The second id is split over two chunks.
    both = event % (first, second)
    cut = both.index(second) + 9
    events = [event % (first, first), both[:cut], both[cut:]]
    urls = [
        upstream.serve("/batches", Answer(document % (first, second), headers=place)),
        upstream.serve(
            "/packed", Answer(gzip.compress(document % (first, second)), headers=packed)
        ),
        upstream.serve("/events", Answer(events, headers=STREAM, framing="chunked")),
        upstream.url + f"/batches/{shown[0]}?of={shown[1]}",
    ]
    upstream.serve(f"/batches/{made[0]}", Answer(b"{}", headers=place[:1]))
    body = json.dumps({"ids": shown, "of": f"call it {shown[1]}"}).encode()
    sent = {"Content-Type": "application/json", "X-Batch": shown[0]}

    def act():
        calls = [*(Call(url) for url in urls[:3]), Call(urls[3], "POST", sent, body)]
        return [(got.status, got.all("location"), got.body) for got in client.send(*calls)]

    with use_cassette(cassette, mode="record", stable_ids=["object"]) as harness:
        live = act()
        seen_by_test = harness.cassette.interactions
    asked = upstream.asked[-1]
    upstream.stop()
    with use_cassette(cassette, mode="offline", stable_ids=["object"]) as harness:
        replayed = act()

    numbered = [each.encode() for each in shown]
    assert [each[0] for each in live] == [200] * 4
    assert live[0][1:] == ([f"/batches/{shown[0]}"], document % tuple(numbered))
    # Some clients leave the decoding to their caller.
    packed_body = live[1][2]
    is_packed = packed_body.startswith(b"\x1f\x8b")
    assert (gzip.decompress(packed_body) if is_packed else packed_body) == live[0][2]
    assert live[2][2] == event % (numbered[0], numbered[0]) + event % tuple(numbered)
    assert live == replayed
    assert asked.path == f"/batches/{made[0]}?of={made[1]}"
    assert json.loads(asked.body) == {"ids": made, "of": f"call it {made[1]}"}
    assert {name.lower(): value for name, value in asked.headers.items()}["x-batch"] == made[0]
    assert [each.request for each in seen_by_test] == [
        each.request for each in harness.cassette.interactions
    ]
