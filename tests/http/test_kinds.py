"""The registry: each kind of body can be written, read, compared, redacted and shown."""

import gzip
import json

import pytest

from pytest_agentcache.cassette.caption import caption
from pytest_agentcache.http import body
from pytest_agentcache.http.body import aws_events
from pytest_agentcache.http.framing import pieces
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.matching.stable_ids.finder import IdFinder
from pytest_agentcache.matching.stable_ids.rewriting import Rewriter
from pytest_agentcache.redaction import Redaction

KEY = f"gh{'p_'}AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
ID = "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012"
LINES = [
    "application/json-lines",
    "application/json-seq",
    "application/geo+json-seq",
    "application/jsonl",
    "application/jsonlines",
    "application/ndjson",
    "application/stream+json",
    "application/x-json-stream",
    "application/x-jsonl",
    "application/x-jsonlines",
    "application/x-ndjson",
    "text/x-ndjson; charset=utf-8",
]


def part(value):
    """A multipart body that has `value` in a text and in a file."""
    return (
        b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\n' + value + b"\r\n"
        b"--b\r\nContent-Type: application/json\r\n\r\n"
        + json.dumps({"a": value.decode()}).encode()
        + b"\r\n--b--\r\n"
    )


# A body of each kind that holds a text, and its media type.
SAMPLES = {
    "sse": ("text/event-stream", lambda value: b'data: {"a": "' + value + b'"}\n\n'),
    "aws_events": (
        aws_events.MEDIA,
        lambda value: aws_events.text('delta {"a": "' + value.decode() + '"}\n'),
    ),
    "multipart": ("multipart/form-data; boundary=b", part),
    "packed": ("text/plain", lambda value: gzip.compress(b"a: " + value, mtime=0)),
    "binary": ("application/octet-stream", lambda value: b"\0\1" + value),
    "form": ("application/x-www-form-urlencoded", lambda value: b"a=" + value + b"&b=1"),
    "lines": ("application/x-ndjson", lambda value: b'{"a": "' + value + b'"}\n{"a": 1}\n'),
    "xml": ("application/xml", lambda value: b"<a><b>" + value + b"</b></a>"),
    "json": ("application/json", lambda value: b'{"a": "' + value + b'"}'),
    "text": ("text/plain", lambda value: b"It is " + value + b"."),
}
# The kinds that cannot be shown, or hold no texts with names.
NOT_SHOWN = {"binary"}
NO_LEAVES = {"packed", "binary", "xml", "text"}
# An answer of a language model in each kind of stream.
ANSWERS = {
    "sse": (
        "text/event-stream",
        (
            b'data: {"choices": [{"index": 0, "delta": {"content": "Take an "}}]}\n\n'
            b'data: {"choices": [{"index": 0, "delta": {"content": "umbrella."}}]}\n\n'
        ),
    ),
    "aws_events": (
        aws_events.MEDIA,
        aws_events.text(
            'contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"Take an "}}\n'
            'contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"umbrella."}}\n'
        ),
    ),
    "lines": (
        "application/x-ndjson",
        (
            b'{"message": {"role": "assistant", "content": "Take an "}, "done": false}\n'
            b'{"message": {"role": "assistant", "content": "umbrella."}, "done": true}\n'
        ),
    ),
}

by_name = pytest.mark.parametrize("kind", body.KINDS, ids=lambda kind: kind.name)


def response(raw, media):
    """A response with a body."""
    return Response(200, Headers.of([("content-type", media)]), raw)


def test_every_kind_has_a_sample():
    """A kind without an entry in this file is not tested, so it is not complete."""
    assert [kind.name for kind in body.KINDS] == list(SAMPLES)
    assert {kind.name for kind in body.KINDS if kind.is_stream} == set(ANSWERS)


@by_name
def test_kind_is_detected(kind):
    """The registry finds the kind of a body by its media type and its bytes."""
    media, sample = SAMPLES[kind.name]

    assert body.kind_of(sample(b"x"), media) is kind


@by_name
def test_kind_comes_back_from_its_fields(kind):
    """Each kind is written under a key that is known, and read from it to the byte."""
    media, sample = SAMPLES[kind.name]
    raw = sample(b"x")

    fields = body.to_fields(raw, media)

    assert set(fields) <= {*body.KEYS, *body.STYLES}
    assert set(fields) >= set(kind.keys[:1])
    assert body.from_fields(fields, None, media) == raw


@by_name
def test_kind_is_compared_by_value(kind):
    """Bodies with different texts have different values."""
    media, sample = SAMPLES[kind.name]

    assert body.plain(sample(b"x"), media) == body.plain(sample(b"x"), media)
    assert body.plain(sample(b"x"), media) != body.plain(sample(b"y"), media)


@by_name
def test_kind_is_redacted(kind):
    """A key is redacted in a body of each kind that can be changed; the rest stays its kind."""
    media, sample = SAMPLES[kind.name]

    safe = Redaction().response(response(sample(KEY.encode()), media))

    if kind.is_opaque:
        assert safe.body == sample(KEY.encode())
    else:
        text = body.render(safe.body, media)
        assert "GITHUB_TOKEN" in text
        assert KEY not in text
        assert body.kind_of(safe.body, media) is kind


@by_name
def test_what_cannot_be_redacted_is_a_doubt(kind):
    """A key that stays in a body is found, so that the cassette is not written."""
    media, sample = SAMPLES[kind.name]
    redaction = Redaction()
    found = Interaction(Request("GET", "https://a.example/"), response(sample(KEY.encode()), media))

    assert bool(redaction.doubts([redaction.interaction(found)])) is kind.is_opaque


@by_name
def test_ids_are_found_in_kind(kind):
    """A volatile id is found in a body of each kind that can be changed."""
    media, sample = SAMPLES[kind.name]
    found = Interaction(Request("GET", "https://a.example/"), response(sample(ID.encode()), media))

    ids = Rewriter(IdFinder(["answer"]).find).ids(found)

    assert {each.text for each in ids} == (set() if kind.is_opaque else {ID.encode()})


@by_name
def test_kind_has_leaves(kind):
    """A kind that holds texts under names yields them, each with its place."""
    media, sample = SAMPLES[kind.name]

    found = list(body.leaves(sample(b"x"), media))

    assert bool(found) is (kind.name not in NO_LEAVES)
    assert all(leaf.place.startswith(kind.name) for leaf in found)
    assert kind.name in NO_LEAVES or "x" in [leaf.text for leaf in found]


@by_name
def test_kind_can_be_shown(kind):
    """People see the text of a body, compressed or not."""
    media, sample = SAMPLES[kind.name]

    shown = body.render(sample(b"umbrella"), media)

    assert ("umbrella" in shown) is (kind.name not in NOT_SHOWN)


@pytest.mark.parametrize("name", ANSWERS)
def test_stream_has_a_summary(name):
    """The comment above an interaction quotes what a model said, in any kind of stream."""
    media, raw = ANSWERS[name]
    found = Interaction(Request("POST", "https://a.example/chat"), response(raw, media))

    assert '"Take an umbrella."' in caption(1, found)


@pytest.mark.parametrize("mark", [b"", b"\x1e"], ids=["line", "record"])
@pytest.mark.parametrize("media", LINES)
def test_lines_of_any_media_type_have_a_summary(media, mark):
    """JSON lines are one kind of body under all of their names."""
    raw = b"".join(mark + line for line in ANSWERS["lines"][1].splitlines(keepends=True))
    found = Interaction(Request("POST", "https://a.example/chat"), response(raw, media))

    assert caption(1, found).endswith('→ 200 stream · "Take an umbrella."')


@pytest.mark.parametrize("media", LINES)
def test_lines_of_any_media_type_are_sent_one_by_one(media):
    """A stream of lines reaches the client line by line."""
    raw = ANSWERS["lines"][1]

    assert pieces(response(raw, media)) == raw.splitlines(keepends=True)


@pytest.mark.parametrize("record", ['{"t":%s}\n', '\x1e{"t":%s}\n', '\x1e{\n  "t": %s\n}\n'])
@pytest.mark.parametrize("media", LINES)
def test_key_in_two_lines_is_redacted(media, record):
    """A key that adjacent events hold a part of each is redacted under every media type."""
    raw = "".join(record % json.dumps(bit) for bit in ("Use ", KEY[:12], KEY[12:], "!")).encode()

    safe = Redaction().response(response(raw, media))

    assert safe.body.count(b"<GITHUB_TOKEN>") == 1
    assert KEY[:12].encode() not in safe.body
    assert KEY[12:].encode() not in safe.body


def test_json_labelled_as_a_form_is_json():
    """urllib and curl label JSON as a form; it is compared and redacted as JSON all the same."""
    media = "application/x-www-form-urlencoded"

    assert body.plain(b'{"a": "b=c", "d": 1}', media) == body.Plain("json", {"a": "b=c", "d": 1})
    assert Redaction().body(b'{"password": "hunter=2"}', media) == b'{"password": "<PASSWORD>"}'


def test_kind_without_a_rendering_cannot_be_registered():
    """An entry that lacks a part of the protocol is an error as soon as it is made."""

    class Halfway(body.BodyKind):
        name = "halfway"

        def detect(self, raw, content_type):
            return False

    with pytest.raises(TypeError, match="render"):
        Halfway()
