"""Secrets in another coding: compressed, in base64, escaped letter by letter, in pieces."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import string
import zipfile
import zlib

import pytest

from pytest_agentcache.cache.serializer import redacted as cached
from pytest_agentcache.http.body import aws_events
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.redaction import Redaction

# Made when the tests run, so that no scanner finds one in the repository.
KEY = "gh" + "p_" + "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=36))
JSON = "application/json"
EVENTS = "text/event-stream"


def redacted(raw, media=JSON):
    """A body without its secrets."""
    return Redaction().body(raw, media)


def answer(raw, media, **more):
    """An interaction whose answer has a body, without its secrets, and what is in doubt."""
    redaction = Redaction()
    headers = Headers.of([("content-type", media)])
    asked = Interaction(Request("GET", "https://a.example/"), Response(200, headers, raw, **more))
    done = redaction.interaction(asked)
    return done.response, [str(each) for each in redaction.doubts([done])]


@pytest.mark.parametrize(
    ("pack", "unpack"), [(gzip.compress, gzip.decompress), (zlib.compress, zlib.decompress)]
)
def test_packed_body_is_looked_into(pack, unpack):
    """Though no header says that it is packed."""
    safe, doubts = answer(pack(f'{{"a": "{KEY}"}}'.encode()), JSON)

    assert unpack(safe.body) == b'{"a": "<GITHUB_TOKEN>"}'
    assert doubts == []


@pytest.mark.parametrize("coded", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_base64_is_looked_into(coded, before):
    """The same is written, whichever alphabet and wherever its groups begin."""
    body = f'{{"d": "{coded(f"{before} it is {KEY}??>".encode()).decode()}"}}'.encode()

    safe = json.loads(redacted(body))["d"]

    assert base64.b64decode(safe).decode() == f"{before} it is <GITHUB_TOKEN>??>"
    assert redacted(redacted(body)) == redacted(body)


def test_base64_in_a_url_matches_whatever_the_secret():
    """A cursor that holds a key is asked for with another one."""
    asked = []
    for key in (KEY, KEY[::-1].replace("_phg", "") and f"gh{'p_'}{KEY[:3:-1]}"):
        redaction = Redaction()
        at = base64.urlsafe_b64encode(json.dumps({"after": key}).encode()).decode().rstrip("=")
        asked.append(redaction.comparable(redaction.request(Request("GET", f"https://a/?at={at}"))))

    assert asked[0] == asked[1]


def test_names_count_in_base64():
    """A secret without a known format is recognised by its name."""
    body = base64.b64encode(b'{"client_secret": "opaque-opaque-opaque"}')

    assert base64.b64decode(redacted(body, "text/plain")) == b'{"client_secret": "<CLIENT_SECRET>"}'


@pytest.mark.parametrize(
    "raw",
    [
        base64.b64encode(random.Random(2).randbytes(300)),
        base64.urlsafe_b64encode(random.Random(3).randbytes(300)),
        b"a-path/of-several/words_and-more/that-is-long-enough",
        b"0123456789abcdef" * 4,
        b"8e296a06-7a37-4633-b0de-d05f5a3bf3ec",
        base64.b64encode(b"A sentence that holds no secret at all, in any of its words."),
    ],
)
def test_other_base64_is_left_alone(raw):
    """Signatures, pictures, hashes and paths stay as they are, to the byte."""
    assert redacted(b'{"d": "' + raw + b'"}') == b'{"d": "' + raw + b'"}'


@pytest.mark.parametrize("some", [KEY, KEY[:7], "_", KEY[9:20]])
def test_escaped_letters_are_read(some):
    r"""JSON may write any letter as `\u0041`."""
    escaped = KEY.replace(some, "".join(f"\\u{ord(each):04X}" for each in some))
    body = f'{{"a": "it is {escaped}!", "b": "\\u003cb\\u003e"}}'.encode()

    assert redacted(body) == b'{"a": "it is <GITHUB_TOKEN>!", "b": "\\u003cb\\u003e"}'


def test_escaped_letters_in_json_in_json_are_read():
    """With twice the backslashes."""
    inside = '{"x": "' + "".join(f"\\u{ord(each):04x}" for each in KEY) + '"}'

    safe = json.loads(json.loads(redacted(json.dumps({"arguments": inside}).encode()))["arguments"])

    assert safe == {"x": "<GITHUB_TOKEN>"}


def bits(text, size=9):
    """A text in pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


STREAMS = {
    "text": (EVENTS, lambda bit: f"data: {bit}\n\n"),
    "quoted": (EVENTS, lambda bit: f"data: {json.dumps(bit)}\n\n"),
    "carriage returns": (EVENTS, lambda bit: f"data: {json.dumps({'t': bit})}\r\r"),
    "lines": ("application/x-ndjson", lambda bit: json.dumps({"t": bit}) + "\n"),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_stream_tells_a_secret_bit_by_bit(kind):
    """The first event that has a part of it tells its name, of the others nothing is left."""
    media, event = STREAMS[kind]
    raw = "".join(event(bit) for bit in bits(f"Use {KEY}, please.")).encode()

    safe, doubts = answer(raw, media)

    assert safe.body.count(b"<GITHUB_TOKEN>") == 1
    assert not any(bit.encode() in safe.body for bit in bits(KEY[4:], 5))
    assert safe.body.count(b"\n") + safe.body.count(b"\r") == raw.count(b"\n") + raw.count(b"\r")
    assert doubts == []


def test_secret_name_that_is_told_bit_by_bit():
    """A password that a model passes to a tool is known by its name."""
    arguments = bits('{"user": "me", "password": "correct horse battery"}', 6)
    events = [{"choices": [{"index": 0, "delta": {"arguments": bit}}]} for bit in arguments]
    raw = "".join(f"data: {json.dumps(each)}\n\n" for each in events).encode()

    safe, _ = answer(raw, EVENTS)
    texts = [
        json.loads(line[6:])["choices"][0]["delta"]["arguments"]
        for line in safe.body.decode().splitlines()
        if line
    ]

    assert json.loads("".join(texts)) == {"user": "me", "password": "<PASSWORD>"}


def test_events_of_aws_tell_a_secret_bit_by_bit():
    """Lengths and checksums follow from what is left."""
    lines = [f"contentBlockDelta {json.dumps({'delta': {'text': bit}})}" for bit in bits(KEY)]

    safe, doubts = answer(aws_events.text("\n".join(lines) + "\n"), aws_events.MEDIA)
    texts = [json.loads(payload)["delta"]["text"] for _, payload in aws_events.events(safe.body)]

    assert "".join(texts) == "<GITHUB_TOKEN>"
    assert doubts == []


def zipped(text):
    """A zip archive with a text in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("raw", "media", "where"),
    [
        (b"\x89PNG\0\0\0\rtEXtnote\0" + KEY.encode() + b"\0", "image/png", "body"),
        (f"it is {KEY}".encode("utf-16"), "text/plain; charset=utf-16", "in another charset"),
        (zipped(f"it is {KEY}"), "application/zip", "file notes.txt in it"),
        (gzip.compress(b"\0\1" + KEY.encode(), mtime=0), "application/octet-stream", "unpacked"),
        (
            aws_events.text(
                "".join(
                    f"chunk {json.dumps({'bytes': base64.b64encode(each.encode()).decode()})}\n"
                    for each in (json.dumps({"delta": {"text": bit}}) for bit in bits(KEY))
                )
            ),
            aws_events.MEDIA,
            "put together",
        ),
    ],
)
def test_what_cannot_be_replaced_is_a_doubt(raw, media, where):
    """A binary response is not changed, so it is not written either."""
    safe, doubts = answer(raw, media)

    assert safe.body == raw
    assert len(doubts) == 1
    assert where in doubts[0]
    assert "what looks like <GITHUB_TOKEN>" in doubts[0]
    assert KEY not in doubts[0]


def test_reason_is_redacted():
    """The reason phrase may contain any text."""
    safe, _ = answer(b"", JSON, reason=f"Bad key {KEY}")

    assert safe.reason == "Bad key <GITHUB_TOKEN>"
    assert cached({"reason": f"Bad key {KEY}"}, Redaction()) == {"reason": "Bad key <GITHUB_TOKEN>"}
