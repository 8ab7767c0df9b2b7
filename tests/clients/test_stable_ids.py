"""Ids that a client generates, and ids from upstream, over every client."""

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
