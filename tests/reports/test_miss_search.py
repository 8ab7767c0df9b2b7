"""The search for a missed request on other cassettes: it finds what is there, and reads little."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache import cassette
from pytest_agentcache.cassette import Cassette
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.replay.misses import Miss
from pytest_agentcache.replay.responder import Responder
from pytest_agentcache.reports import miss_search
from pytest_agentcache.reports.miss_search import MissSearch, holder_of
from pytest_agentcache.settings.settings import Settings

text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=40
) | st.sampled_from(["\nfirstline\nsecondline", "caf\u00e9société", "a" * 200, "100%25percentage"])
bodies = (
    st.dictionaries(text, text | st.lists(text, max_size=2), max_size=3).map(
        lambda value: ("application/json", json.dumps(value).encode())
    )
    | st.dictionaries(text, text, min_size=1, max_size=2).map(
        lambda value: ("application/x-www-form-urlencoded", urlencode(value).encode())
    )
    | st.binary(max_size=60).map(lambda value: ("application/octet-stream", value))
    | text.map(lambda value: ("text/plain", value.encode()))
    | text.map(
        lambda value: (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n--B--\r\n'
            % value.encode(),
        )
    )
)


def request(body, media="application/json", path="/v1/chat"):
    """Return a request with a body."""
    headers = Headers((("content-type", media),))
    return Request("POST", f"https://api.example{path}", headers, body)


def write(path, *requests):
    """Write a cassette with these requests, as recording does."""
    recording = Responder(Settings())
    kept = (Interaction(recording.normalized(each), Response(200, body=b"{}")) for each in requests)
    done = tuple(recording.normalization.interaction(each) for each in kept)
    path.parent.mkdir(parents=True, exist_ok=True)
    cassette.write(Cassette(path, datetime(2026, 11, 21, tzinfo=UTC), done))
    return path


@given(body=bodies)
def test_what_is_on_a_cassette_is_found(tmp_path_factory, body):
    """However the cassette writes the body, the words that are looked for first are in it."""
    media, raw = body
    path = write(tmp_path_factory.mktemp("c") / "a.yaml", request(raw, media))

    assert holder_of(request(raw, media), Responder(Settings()))(path)


def test_all_misses_are_sought_in_one_reading(tmp_path, monkeypatch):
    """A cassette that may hold any of them is read once; one that holds none is not parsed."""
    sent = [request(json.dumps({"question": f"number{at}number"}).encode()) for at in range(5)]
    other = write(tmp_path / "cassettes" / "other.yaml", *sent)
    write(tmp_path / "cassettes" / "third.yaml", request(b'{"question":"something different"}'))
    misses = [Miss(each, "missing", None) for each in sent]
    parsed, read = [], cassette.read
    monkeypatch.setattr(
        miss_search.cassette, "read", lambda path: parsed.append(path) or read(path)
    )
    search = MissSearch(Responder(Settings()), tmp_path / "cassettes" / "own.yaml", misses)

    assert [search.elsewhere(miss) for miss in misses] == [other] * 5
    assert parsed == [other]


def test_cassettes_of_removed_tests_are_read_for_a_limited_time(tmp_path, monkeypatch):
    """Those without the names of fields are not parsed; when the time is up, none is."""
    sent = request(b'{"city":"Oslo"}')
    path = write(tmp_path / "a.yaml", sent)
    other = write(tmp_path / "b.yaml", request(b'{"number":1}'), request(b'{"numbers":1}'))
    holds = holder_of(sent, Responder(Settings()))
    numbered = holder_of(request(b'{"number":1}'), Responder(Settings()))
    monkeypatch.setattr(miss_search, "_MOST_SECONDS", 0)
    too_late = holder_of(sent, Responder(Settings()))

    assert [holds(path), holds(other), too_late(path)] == [True, False, False]
    monkeypatch.setattr(miss_search.cassette, "read", pytest.fail)
    assert not numbered(path)


@pytest.mark.parametrize(
    "settings",
    [
        {"replace": ((r"/tmp/\w+", "<TMP>"),)},
        {"ignore_json": ("id",)},
        {"match": ("method", "url")},
    ],
)
def test_settings_that_change_what_is_compared_are_heeded(tmp_path, settings):
    """The cassette may have other words in the place of those that were sent."""
    recorded = request(b'{"id":"recordedrecorded","path":"/tmp/recordedfolder"}')
    sent = request(b'{"id":"sentsentsent","path":"/tmp/recordedfolder"}')
    if "replace" in settings:
        recorded = request(b'{"path":"<TMP>"}')
        sent = request(b'{"path":"/tmp/sentsentfolder"}')
    path = write(tmp_path / "a.yaml", recorded)

    assert holder_of(sent, Responder(Settings(**settings)))(path)
