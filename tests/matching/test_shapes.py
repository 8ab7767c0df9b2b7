"""The shapes of responses, and what is said of their differences."""

from __future__ import annotations

import json

import pytest

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.matching.shapes import Shapes, changes, endpoint_of

URL = "https://api.example/v1/chat"
JSON = Headers((("content-type", "application/json"),))
EVENTS = Headers((("content-type", "text/event-stream"),))


def shapes(*bodies: object, status: int = 200) -> Shapes:
    found = Shapes()
    for body in bodies:
        response = Response(status, JSON, json.dumps(body).encode())
        found.add(Interaction(Request("POST", URL), response))
    # As it comes back from a worker of xdist.
    other = Shapes()
    other.merge(json.loads(json.dumps(found.plain())))
    return other


WAS = {"id": "a", "usage": {"total": 3, "cost": None}, "choices": [{"text": "hello"}]}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (WAS | {"id": "b", "choices": [{"text": "other words"}, {"text": "more"}]}, []),
        (WAS | {"id": 7}, ["error: $.id was string, is number"]),
        (WAS | {"id": None}, []),
        (WAS | {"usage": {"total": 3, "cost": 0.1}}, []),
        (
            WAS | {"choices": [{"text": ["hello"]}]},
            ["error: $.choices[*].text was string, is array"],
        ),
        ({"id": "a", "choices": []}, ["warning: $.choices[*] is gone", "warning: $.usage is gone"]),
        (WAS | {"model": {"name": "x"}}, ["new: $.model is new"]),
    ],
)
def test_change_in_a_body(now, said):
    """Types, what is gone and what is new are changes; words, null and more items are not."""
    found = changes(shapes(WAS), shapes(now))

    assert [f"{each.level}: {each.text}" for each in found] == said


def test_status_and_content_type_are_errors():
    """Another status, or another media type, is an error; an endpoint on no cassette is new."""
    events = Shapes()
    body = b'data: {"id":"a"}\n\ndata: {"usage":3}\n\ndata: [DONE]\n\n'
    events.add(Interaction(Request("POST", URL), Response(200, EVENTS, body)))

    assert [each.text for each in changes(shapes(WAS), shapes(WAS, status=429))] == [
        "status was 200, is 429"
    ]
    assert [each.text for each in changes(shapes(WAS), events)] == [
        "content type was application/json, is text/event-stream"
    ]
    assert [each.level for each in changes(Shapes(), events)] == ["new"]
    assert {path for _, _, _, paths in events.plain() for path in paths} == {"$", "$.id", "$.usage"}


def test_ids_in_a_path_are_one_endpoint():
    """Two threads are the same endpoint."""
    found = {endpoint_of("GET", f"https://a.example/threads/{each}/runs") for each in ("17", "4")}

    assert found == {"GET a.example/threads/{id}/runs"}
    uuid = "https://a.example/x/0b2c7c9e-9a4e-4f0e-8e34-2f6f1d9f4a11"
    assert endpoint_of("GET", uuid) == "GET a.example/x/{id}"
    assert endpoint_of("POST", URL) == "POST api.example/v1/chat"
