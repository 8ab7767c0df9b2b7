"""A request that is on the cassette byte for byte needs no redaction, and nobody sees it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.http.body.json_text import compact
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.redaction import Redaction
from pytest_agentcache.replay.hooks import Hooks
from pytest_agentcache.replay.responder import Responder
from pytest_agentcache.settings.settings import Settings

URL = "https://api.example/v1/chat"
KEY = "sk-proj-" + "a1B2c3D4e5F6g7H8" * 2
ENVIRONMENT = {"MY_API_KEY": "correct-horse-battery-9"}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([0.5, 1e16, "Paris", "é", "<MY_API_KEY>", KEY, ENVIRONMENT["MY_API_KEY"]]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "token", "api_key"]), inner, max_size=2)
    ),
    max_leaves=4,
)
styles = st.sampled_from(
    [
        {},
        {"separators": (",", ":"), "ensure_ascii": False},
        {"sort_keys": True},
        {"indent": 1},
    ]
)


def request(value, style, *, key="", path=""):
    """Return a request with a JSON body in a style."""
    headers = [("content-type", "application/json")]
    if key:
        headers.append(("authorization", f"Bearer {key}"))
    return Request("POST", URL + path, Headers(tuple(headers)), json.dumps(value, **style).encode())


def cassette_of(requests):
    """Return the interactions that a recording of these requests keeps."""
    recording = Responder(Settings(), environment=ENVIRONMENT)
    kept = []
    for number, each in enumerate(requests):
        response = Response(200, body=str(number).encode())
        raw = Interaction(recording.normalized(each), response)
        kept.append(recording.normalization.interaction(raw))
    return tuple(kept)


def replayed(recorded, sent, *, known):
    """Return what a test sees of requests: responses, calls, and what is left over."""
    responder = Responder(Settings(), recorded, environment=ENVIRONMENT)
    if not known:
        responder._waiting._by_bytes.clear()
    responder.plan.watched = True
    seen = [responder.decide(each).response.body for each in sent]
    miss = Request("POST", URL, Headers(), KEY.encode())
    return seen, responder.plan.calls, responder.unused, responder.redaction.request(miss)


sendings = st.lists(st.tuples(values, styles, st.sampled_from(["", KEY, "plain"])), max_size=4)


@given(recorded=sendings, again=sendings, data=st.data())
def test_a_known_request_is_replayed_like_any_other(recorded, again, data):
    """With and without the short cut: the same responses, calls, misses and numbers."""
    kept = cassette_of([request(value, style, key=key) for value, style, key in recorded])
    once_more = [(value, data.draw(styles), key) for value, _, key in recorded]
    sent = [request(value, style, key=key) for value, style, key in [*once_more, *again]]

    assert replayed(kept, sent, known=True) == replayed(kept, sent, known=False)


def responder_that_counts(monkeypatch, recorded, **options):
    """Return a responder, and the list of the requests that it redacts from now on."""
    responder = Responder(Settings(**options.pop("settings", {})), recorded, **options)
    redacted, redact = [], Redaction.request

    def counted(self, request, kept=None):
        redacted.append(request)
        return redact(self, request, kept)

    monkeypatch.setattr(Redaction, "request", counted)
    return responder, redacted


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":"), "ensure_ascii": False}])
def test_a_known_request_is_not_redacted(monkeypatch, style):
    """Neither in the style of the client that recorded it, nor in that of another."""
    sent = request({"city": "Zürich"}, style, key=KEY)
    responder, redacted = responder_that_counts(monkeypatch, cassette_of([sent]))

    assert responder.decide(sent).response.body == b"0"
    assert redacted == []


@pytest.mark.parametrize(
    "options",
    [
        {"settings": {"match": ("method", "url", "body", "header:x-user")}},
        {"settings": {"stable_ids": ("true",)}},
        {"hooks": Hooks(normalize=lambda request: replace(request, url=URL))},
    ],
    ids=["header", "ids", "hook"],
)
def test_what_looks_at_more_than_the_bytes_is_asked(monkeypatch, options):
    """A compared header, volatile ids and a hook need the whole request."""
    sent = request({"city": "Paris"}, {})
    responder, redacted = responder_that_counts(monkeypatch, cassette_of([sent]), **options)

    assert responder.decide(sent).response.body == b"0"
    assert redacted == [sent]


def test_a_new_secret_ends_the_short_cut(monkeypatch):
    """Both requests are redacted by what is known now."""
    sent = request({"city": "correct-horse-battery-7"}, {})
    recorded = cassette_of([sent])
    responder, redacted = responder_that_counts(monkeypatch, recorded, environment={})
    monkeypatch.setenv("OTHER_API_KEY", "correct-horse-battery-7")

    assert responder.decide(sent).response.body == b"0"
    assert redacted == [sent, recorded[0].request]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"a": "\\u00e9", "b": [1, 2.5]}', '{"a":"é","b":[1,2.5]}'.encode()),
        (b'{"a":1}', None),
        (b'{"a": 1, "a": 1}', None),
        (b'{"a": 1.00}', None),
        (b'{"a": NaN}', None),
        (b'{"a": ', None),
        (b"[" * 100_000, None),
    ],
)
def test_only_the_style_of_json_dumps_is_known(raw, found):
    """Anything that would not come back to the byte is left to the parser that is exact."""
    assert compact(raw) == found


def test_keys_are_worked_out_only_for_what_waits_before(monkeypatch):
    """In the order of the recording nobody needs a key; out of it, what was passed over does."""
    sent = [request({"number": number}, {}) for number in range(5)]
    responder, redacted = responder_that_counts(monkeypatch, cassette_of(sent))

    assert [responder.decide(each).response.body for each in sent[:2]] == [b"0", b"1"]
    assert redacted == []
    assert responder.decide(sent[3]).response.body == b"3"
    # The first four of the cassette, and the two that were sent so far.
    assert len(redacted) == 6
    assert [responder.decide(sent[at]).response.body for at in (2, 4)] == [b"2", b"4"]
    assert len(redacted) == 6
