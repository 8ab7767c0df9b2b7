"""Cassettes of other tools: read to the byte, written so that they read the same."""

import base64
import gzip
import json
import os
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from vcr.serializers import jsonserializer, yamlserializer

from pytest_agentcache import cassette
from pytest_agentcache.cassette import Cassette
from pytest_agentcache.cassette.foreign import (
    LARGEST,
    converted,
    is_foreign,
    read_foreign,
    serializer,
    vcrpy,
    write_har,
    write_vcr,
)
from pytest_agentcache.errors import CassetteError
from pytest_agentcache.http.body import json_text
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.settings.settings import Settings

from . import foreign

SAMPLES = {
    "betamax.json": 12,
    "betamax-exact.json": 13,
    "mitmproxy.har": 17,
    "vcrpy-4-httpx.yaml": 15,
    "vcrpy-4-requests.yaml": 17,
    "vcrpy-9-aiohttp.yaml": 16,
    "vcrpy-9-httpx.yaml": 16,
    "vcrpy-9-json-aiohttp.json": 13,
    "vcrpy-9-json-requests.json": 13,
    "vcrpy-9-requests.yaml": 17,
}
REQUEST = "- request: {method: GET, uri: 'http://h/', body: null, headers: {}}\n"
RESPONSE = "  response: {status: {code: 200, message: OK}, headers: {}, body: {string: ok}}\n"


def written(folder, text, name="a.yaml"):
    """A file of another tool."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def item(request=None, response=None):
    """A cassette of VCR.py with one interaction."""
    document = {
        "interactions": [
            {
                "request": {"method": "POST", "uri": "http://h/", "body": None, "headers": {}}
                | (request or {}),
                "response": {
                    "status": {"code": 200, "message": "OK"},
                    "headers": {},
                    "body": {"string": "ok"},
                }
                | (response or {}),
            }
        ],
        "version": 1,
    }
    return yaml.dump(document)


def answer_of(folder, **response):
    """The response of a cassette of VCR.py that holds this one."""
    path = written(folder, item(response=response))
    return read_foreign(path).interactions[0].response


def test_every_sample_is_known():
    """The samples are those that the tests below read."""
    assert {path.name for path in foreign.FOLDER.iterdir()} == {*SAMPLES, "README.md"}


# The key in the samples is too short to be taken for a secret.
FORCED = Settings(redact=("key",))


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_read(name):
    """Statuses, reasons, headers, bodies of both sides: what the server had said."""
    path = foreign.FOLDER / name
    found = read_foreign(path)

    assert is_foreign(path)
    assert len(found.interactions) == SAMPLES[name]
    assert found.recorded_at.date().isoformat() == "2026-11-21"
    for each in found.interactions:
        if "aiohttp" in name and each.request.body == b'{"a": "b c", "d": "\\u00e9"}':
            # VCR.py does not say which of aiohttp's arguments it was: `json=` is assumed.
            assert b"a=b+c" in each.response.body
        elif name == "betamax.json" and each.request.body == b"\x00\xef\xbf\xbd":
            # betamax lost that byte when it recorded.
            assert json.loads(each.response.body)["said"] == "\x00ÿ"
        elif name == "vcrpy-4-httpx.yaml" and each.request.url.endswith("/binary"):
            # VCR.py left out the bytes that were no text.
            assert each.response.body == bytes(range(128))
        elif name == "vcrpy-4-httpx.yaml" and each.request.url.endswith("/teapot"):
            assert each.response.body == b"caf"
        else:
            foreign.check(each)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_goes_through_every_form(name, tmp_path):
    """Written for VCR.py, as HAR and as ours, it holds the same."""
    found = read_foreign(foreign.FOLDER / name)
    write_vcr(found, tmp_path / "a.yaml")
    write_har(found, tmp_path / "a.har")
    ours = converted(replace(found, path=tmp_path / "ours.yaml"), FORCED)
    cassette.write(ours)

    assert read_foreign(tmp_path / "a.yaml").interactions == found.interactions
    assert read_foreign(tmp_path / "a.yaml").recorded_at == found.recorded_at
    assert read_foreign(tmp_path / "a.har").interactions == found.interactions
    assert json_alike(cassette.read(ours.path)) == json_alike(ours)
    assert "k3y" not in ours.path.read_text()


def json_alike(found):
    """The interactions of a cassette, the JSON of requests by its value."""
    return [
        (replace(each.request, body=b""), value_of(each.request.body), each.response)
        for each in found.interactions
    ]


def value_of(raw):
    """Return the value of JSON; other bytes as they are."""
    try:
        return json_text.parse(raw)
    except ValueError:
        return raw


@settings(max_examples=foreign.EXAMPLES)
@given(foreign.cassettes())
def test_vcr_yaml_is_exact(given_cassette):
    """Cassette → YAML of VCR.py → cassette: bodies, headers, statuses, reasons, time."""
    text = vcrpy.as_yaml(given_cassette)

    assert read_text(text) == given_cassette


@settings(max_examples=foreign.EXAMPLES)
@given(foreign.cassettes(foreign.STRINGS.map(str.encode)))
def test_vcr_json_is_exact(given_cassette):
    """The same through JSON, which holds text."""
    assert read_text(vcrpy.as_json(given_cassette), "a.json") == given_cassette


@settings(max_examples=foreign.EXAMPLES)
@given(foreign.cassettes())
def test_vcr_reads_it_itself(given_cassette):
    """vcrpy's own loader finds the same bytes."""
    items = yamlserializer.deserialize(vcrpy.as_yaml(given_cassette))["interactions"]
    bodies = [each["response"]["body"]["string"] for each in items]

    assert [body.encode() if isinstance(body, str) else body for body in bodies] == [
        each.response.body for each in given_cassette.interactions
    ]


def read_text(text, name="a.yaml"):
    """A cassette of VCR.py from its text."""
    loader = jsonserializer if name.endswith(".json") else yamlserializer
    assert loader.deserialize(text)["version"] == 1
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        found = replace(read_foreign(written(Path(folder), text, name)), path=Path("a.yaml"))
    # Where there is nothing in it, nothing says when.
    return found if found.interactions else replace(found, recorded_at=foreign.INSTANT)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"string": "text"}, b"text"),
        ({"string": b"\xff"}, b"\xff"),
        ({"string": None}, b""),
        ({"string": ""}, b""),
        ({}, b""),
        (None, b""),
        ("bare", b"bare"),
        ({"string": "é\u2028\x85"}, "é\u2028\x85".encode()),
    ],
)
def test_body_of_an_answer(body, expected, tmp_path):
    """VCR.py has written bodies in more than one way."""
    assert answer_of(tmp_path, body=body).body == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, b""),
        ("text", b"text"),
        (b"\xff", b"\xff"),
        ({"a": [1, "é"]}, b'{"a": [1, "\\u00e9"]}'),
        ([1, 2], b"[1, 2]"),
        ([("a", "b c"), ("a", "d")], b"a=b+c&a=d"),
        ({"a": b"x"}, b"a=x"),
        ([b"one", b"two"], b"onetwo"),
        (3, b"3"),
        ({"string": "text", "encoding": "utf-8"}, b"text"),
    ],
)
def test_body_of_a_request(body, expected, tmp_path):
    """aiohttp's arguments are written as they were given."""
    path = written(tmp_path, item({"body": body}))

    assert read_foreign(path).interactions[0].request.body == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "!!python/object/new:_io.BytesIO\n state: !!python/tuple [!!binary YWJj, 0, null]",
            b"abc",
        ),
        ("!!python/object/apply:builtins.iter\n args: [[!!binary YQ==, b]]\n state: 0", b"ab"),
        ('!!python/unicode "é"', "é".encode()),
        ("2024-01-01", b"2024-01-01"),
        ("{parsed: 1}", b'{"parsed": 1}'),
    ],
)
def test_tags_of_vcr(text, expected, tmp_path):
    """Files, generators and texts of Python 2, as VCR.py writes them."""
    indented = text.replace("\n ", "\n        ")
    path = written(
        tmp_path,
        "interactions:\n- request:\n    method: POST\n    uri: http://h/\n"
        f"    body: {indented}\n    headers: {{}}\n{RESPONSE}version: 1\n",
    )

    assert read_foreign(path).interactions[0].request.body == expected


def test_aliases_are_followed(tmp_path):
    """VCR.py writes a repeated list once, with an anchor."""
    text = "interactions:\n" + REQUEST.replace("{}", "{a: &x [b], c: *x}") + RESPONSE + "version: 1"
    found = read_foreign(written(tmp_path, text)).interactions[0].request

    assert found.headers == Headers((("a", "b"), ("c", "b")))


def test_chunks_of_a_request_are_joined(tmp_path):
    """VCR.py before 6.0 kept the framing of a body that was sent in chunks."""
    request = {
        "body": "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n",
        "headers": {"Transfer-Encoding": ["chunked"]},
    }

    assert read_foreign(written(tmp_path, item(request))).interactions[0].request.body == b"onetwo"


@pytest.mark.parametrize("body", ["3\r\none", "zz\r\n", "3\r\none\r\n0\r\n\r\nx", "onetwo", ""])
def test_what_is_not_in_chunks_stays(body, tmp_path):
    """A body that only looks like chunks is left alone."""
    request = {"body": body, "headers": {"Transfer-Encoding": ["chunked"]}}

    found = read_foreign(written(tmp_path, item(request))).interactions[0]
    assert found.request.body == body.encode()


def test_old_form_of_httpx(tmp_path):
    """`status_code` and `content`, the body decoded under a header that says otherwise."""
    text = yaml.dump(
        {
            "interactions": [
                {
                    "request": {"method": "GET", "uri": "http://h/", "body": "", "headers": {}},
                    "response": {
                        "status_code": 404,
                        "http_version": "HTTP/1.1",
                        "headers": {"Content-Encoding": ["gzip"], "X": ["1", "2"]},
                        "content": "plain",
                    },
                }
            ],
            "version": 1,
        }
    )
    found = read_foreign(written(tmp_path, text)).interactions[0].response

    assert found == Response(
        404, Headers((("x", "1"), ("x", "2"))), b"plain", "Not Found", names=("X",)
    )


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP, identity", gzip.compress)],
)
def test_coded_body_is_decoded_once(coding, encode, tmp_path):
    """A coding from the wire is undone; a body that a client had decoded stays."""
    inner = gzip.compress(b"inner", mtime=0)
    for plain in (b"text", b"", inner, bytes(range(256))):
        coded = encode(plain) if plain else b""
        fields = {"Content-Encoding": [coding], "Content-Length": [str(len(coded))]}
        for kept in (coded, plain):
            found = answer_of(tmp_path, headers=fields, body={"string": kept})
            assert found == Response(200, Headers(), plain, "OK")


def test_what_only_claims_to_be_coded_stays(tmp_path):
    """Binary that a client had decoded, under a header that says otherwise, and no length."""
    for coding in ("gzip", "deflate"):
        fields = {"Content-Encoding": [coding]}
        for raw in (b"\x89PNG\xff", b"text", b"x\x01\x03\x00\x00\x00\x00\x01"):
            found = answer_of(tmp_path, headers=fields, body={"string": raw})
            # The last one is nothing at all, deflated, and happens to be text.
            ends = coding == "deflate" and raw[:1] == b"x"
            assert found.body == (b"" if ends else raw)


def test_bare_deflate_is_decoded(tmp_path):
    """Some servers leave out zlib's frame."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    coded = stream.compress("né".encode() * 99) + stream.flush()
    found = answer_of(tmp_path, headers={"Content-Encoding": "deflate"}, body={"string": coded})

    assert found.body == "né".encode() * 99


def test_headers_may_be_missing(tmp_path):
    """People take them out by hand."""
    path = written(tmp_path, item({"headers": None}, {"headers": None}))

    assert read_foreign(path).interactions[0].request.headers == Headers()


def test_unknown_coding_stays(tmp_path):
    """A body in an unknown coding replays as it is, with the header that names the coding."""
    fields = {"Content-Encoding": ["none-such"], "Content-Length": ["2"]}
    found = answer_of(tmp_path, headers=fields, body={"string": b"\xff\xfe"})

    assert found.headers == Headers((("content-encoding", "none-such"),))
    assert (
        converted(Cassette(tmp_path, None, (Interaction(Request("GET", "http://h/"), found),)))
        .interactions[0]
        .response.headers
        == found.headers
    )


def test_length_of_head_is_kept(tmp_path):
    """The length of an answer to HEAD is an answer, the others are about the wire."""
    fields = {"Content-Length": ["45"], "Transfer-Encoding": ["chunked"]}
    response = {"headers": fields, "body": {"string": ""}}
    path = written(tmp_path, item({"method": "HEAD"}, response))

    found = read_foreign(path).interactions[0].response
    assert found.headers == Headers((("content-length", "45"),))


def test_parsed_bodies_are_read(tmp_path):
    """Many suites share a serializer that writes JSON as YAML under `parsed_body`."""
    text = item({"parsed_body": {"a": 1}}, {"parsed_body": {"b": ["é"]}})
    found = read_foreign(written(tmp_path, text)).interactions[0]

    assert (found.request.body, found.response.body) == (b'{"a": 1}', b'{"b": ["\\u00e9"]}')


def test_missing_reason_is_the_usual_one(tmp_path):
    """Null is what recorders write that never saw it; an empty one was seen."""
    assert answer_of(tmp_path, status={"code": 404, "message": None}).reason == "Not Found"
    assert answer_of(tmp_path, status={"code": 404, "message": ""}).reason == ""


@pytest.mark.parametrize(
    ("extra", "dates", "expected"),
    [
        ({"recorded_at": "2020-02-02T10:00:00Z"}, ["01"], "2020-02-02T10:00:00"),
        ({"recorded_at": "Sun, 02 Feb 2020 10:00:00 GMT"}, ["01"], "2020-02-02T10:00:00"),
        ({}, ["02", "01"], "2022-01-01T00:00:00"),
        ({}, ["no date", "01"], "2022-01-01T00:00:00"),
        ({}, [], "2001-09-09T01:46:40"),
        ({"recorded_at": 3}, ["never"], "2001-09-09T01:46:40"),
    ],
)
def test_when_it_was_recorded(extra, dates, expected, tmp_path):
    """The tool's own time, else the earliest `Date`, else the time of the file."""
    document = yaml.safe_load(item())
    document["interactions"] *= max(1, len(dates))
    document["interactions"] = [json.loads(json.dumps(each)) for each in document["interactions"]]
    for each, date in zip(document["interactions"], dates, strict=False):
        each["response"]["headers"]["Date"] = [f"Sat, {date} Jan 2022 00:00:00 GMT"]
    document["interactions"][0] |= extra
    path = written(tmp_path, yaml.dump(document))
    os.utime(path, (1_000_000_000, 1_000_000_000))

    assert read_foreign(path).recorded_at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_age_counts(tmp_path):
    """An answer out of a cache is dated when the cache got it (RFC 9111, section 5.1)."""
    fields = {"Date": ["Sat, 01 Jan 2022 00:00:00 GMT"], "Age": ["3600"]}
    path = written(tmp_path, item(response={"headers": fields}))

    assert read_foreign(path).recorded_at == datetime(2022, 1, 1, 1, tzinfo=UTC)


def test_several_files_are_one_cassette(tmp_path):
    """Several files follow each other, as in pytest-recording; the earliest time counts."""
    names = ["vcrpy-9-httpx.yaml", "vcrpy-9-requests.yaml"]
    first, second = (foreign.FOLDER / name for name in names)
    found = read_foreign(first, second)

    assert found.path == first
    assert (
        found.interactions == read_foreign(first).interactions + read_foreign(second).interactions
    )
    assert found.recorded_at == read_foreign(second).recorded_at


def edited(was, now):
    """A cassette of VCR.py with one thing changed."""
    return f"version: 1\ninteractions:\n{REQUEST}{RESPONSE}".replace(was, now)


BROKEN = [
    ("", "the file is empty", 1),
    ("  \n", "the file is empty", 1),
    (b"\x1f\x8b\x08\x00", "this is binary", 1),
    (b"a: b\nc: \xff", "this is binary", 2),
    ("a\n\0", "this is binary", 2),
    ("just text", "this is not a cassette of VCR.py", None),
    ("[1, 2]", "this is not a cassette of VCR.py", None),
    ("{}", "this is not a cassette of VCR.py", None),
    ("null", "this is not a cassette of VCR.py", None),
    ("a: [b", "this is not a cassette of VCR.py, pytest-recording or betamax, or a HAR: ", 1),
    ("a: 1\n---\nb: 2", "another document", 2),
    ("a: *b", "no anchor for the alias *b", 1),
    ("a: !!python/object:os.system {}", "the tag tag:yaml.org,2002:python/object:os.system", 1),
    ("a: !!python/name:os.system ''", "the tag tag:yaml.org,2002:python/name:os.system", 1),
    ("a: !!binary '*'", "this is not a cassette of VCR.py", 1),
    ("? [a]\n: b", "a key that is not text", 1),
    ("\x07", "control characters are not allowed", 1),
    ("a: " + "[" * 300, "nested too deeply", 1),
    ("[" * 100_000, "nested too deeply", None),
    ('{"a": ' + "9" * 5000 + "}", "this is not a cassette of VCR.py", None),
    (edited("null", "[!!binary eA==, 1]"), "`body` is invalid: Object of type bytes", 3),
    ('{"interactions": [', "JSON breaks off or goes wrong", 1),
    ('{"version": 1,\n"interactions": [{"request": {"body": "cut', "JSON breaks off", 2),
    ("agentcache: 1\ninteractions: []", "is a cassette of pytest-agentcache already", 1),
    ("- request: {method: GET}\n  response: {}", "VCR.py before version 1.0", None),
    ("interactions: []\nversion: 2", "version 2 of VCR.py's cassettes", 2),
    ("version: 1\ninteractions: 3", "`interactions` is not a list", 2),
    ("version: 1\ninteractions: [3]", "this is not a mapping", 2),
    (edited(RESPONSE, ""), "an interaction has no `response`", 3),
    (edited(RESPONSE, "  response:"), "`response` is not a mapping", 4),
    (edited("200", "OK"), "`code` is not an HTTP status", 4),
    (edited("200", "20"), "`code` is not an HTTP status", 4),
    (edited("{string: ok}", "{string: 3}"), "`body` is neither text nor binary", 4),
    (edited("http://h/", "/path"), "`uri` is not a URL", 3),
    (edited("http://h/", "http://["), "`uri` is not a URL", 3),
    (edited("GET", "3"), "`method` is missing or is not text", 3),
    (edited("headers: {}}", "headers: 3}"), "`headers` is not a mapping", 3),
    (edited("headers: {}}", "headers: {a: {b: c}}}"), "the header 'a' is not text", 3),
    ("<<<<<<< HEAD\nversion: 1\n=======\ninteractions: []\n", "merge conflict markers", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem", "line"), BROKEN, ids=[repr(each[0])[:40] for each in BROKEN]
)
def test_each_mistake_has_its_line_and_remedy(text, problem, line, tmp_path):
    """File, line, what is wrong and a remedy, for anything that is put before it."""
    path = written(tmp_path, text)
    with pytest.raises(CassetteError) as raised:
        read_foreign(path)

    assert problem in raised.value.problem
    assert raised.value.path == path
    assert raised.value.line == line or line is None
    assert raised.value.remedy


def test_bomb_of_aliases_is_refused(tmp_path):
    """A short file that expands to billions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    with pytest.raises(CassetteError, match="aliases that expand to too many values"):
        read_foreign(written(tmp_path, "\n".join(lines)))


def test_huge_file_is_not_read(tmp_path):
    """Two gigabytes are refused by their size."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.write(b"interactions:\n")
        file.truncate(2 * 2**30)

    with pytest.raises(CassetteError, match=f"is too large: 2,048 MiB of {LARGEST // 2**20}"):
        read_foreign(path)
    assert is_foreign(path)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_told(make, tmp_path):
    """Nothing, a folder, a pipe: an error at once, and no waiting for a writer."""
    path = tmp_path / "a.yaml"
    make(path)

    assert not is_foreign(path)
    with pytest.raises(CassetteError, match="cannot be read"):
        read_foreign(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interactions:\n- request:\n", True),
        ("---\nhttp_interactions:\n", True),
        ("﻿interactions: []\nversion: 1", True),
        ('{"version": 1, "interactions": []}', True),
        ('{"log": {"version": "1.2"}}', True),
        ("agentcache: 1\nrecorded_at: x\ninteractions: []", False),
        ("recorded_at: x\ninteractions: []", False),
        ("interactions: []\nagentcache: 1", False),
        ("interactions: []\n" + "#" * 9999 + "\nagentcache: 1", False),
        ("a: 1", False),
        ('{"agentcache": 1}', False),
        ("", False),
        (b"\xff\xfe\x00", False),
    ],
)
def test_whose_it_is_is_told_by_its_looks(text, expected, tmp_path):
    """Ours is never taken for another's, nor what is broken of another's for ours."""
    assert is_foreign(written(tmp_path, text)) is expected


def test_conversion_keeps_what_ours_keep(tmp_path):
    """Headers that mean nothing go, secrets are replaced, boundaries are fixed."""
    found = converted(read_foreign(foreign.FOLDER / "vcrpy-9-requests.yaml"), FORCED)
    first, last = found.interactions[0], found.interactions[-1]

    assert first.request.url.endswith("/json?q=a%20b&q=&key=<KEY>")
    assert [name for name, _ in first.request.headers] == ["authorization"]
    assert first.response.headers == Headers((("content-type", "application/json"),))
    assert last.request.body.startswith(b"--agentcache-boundary\r\n")
    assert last.request.headers.get("content-type").endswith("boundary=agentcache-boundary")


def test_conversion_takes_secrets_out():
    """Secrets that betamax wrote in clear are redacted."""
    found = read_foreign(foreign.FOLDER / "betamax.json")
    asked = converted(found).interactions[0].request

    assert found.interactions[0].request.headers.get("authorization") == "Bearer none"
    assert asked.headers.get("authorization") == "Bearer <AUTHORIZATION>"


def test_binary_is_no_json(tmp_path):
    """VCR.py's JSON cannot hold it, and half a file is not written."""
    found = read_foreign(foreign.FOLDER / "vcrpy-9-requests.yaml")

    with pytest.raises(CassetteError, match="a body of interaction 3 is binary"):
        write_vcr(found, tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_vcr, write_har])
def test_what_cannot_be_written_is_told(write, tmp_path):
    """A file where the folder should be."""
    (tmp_path / "a").write_text("")

    with pytest.raises(CassetteError, match="cannot be written: "):
        write(Cassette(tmp_path), tmp_path / "a" / "b.yaml")


@settings(max_examples=foreign.EXAMPLES)
@given(foreign.cassettes())
def test_serializer_gives_back_what_it_took(given_cassette):
    """Ours → VCR.py → ours: the same responses."""
    text = cassette.render(given_cassette, None)
    again = serializer.serialize(serializer.deserialize(text))
    left = [each.response for each in cassette.parse(again, Path("a.yaml")).interactions]

    assert left == [each.response for each in converted(given_cassette).interactions]


def test_serializer_writes_no_secret():
    """A recording of VCR.py in our form is redacted, with readable bodies."""
    document = yaml.safe_load(
        item(
            {"uri": "http://h/?api_key=s3cret", "headers": {"authorization": ["Bearer s3cret"]}},
            {"headers": {"Content-Type": ["image/png"]}, "body": {"string": b"\x89PNG" * 999}},
        )
    )
    text = serializer.serialize(document)

    assert "s3cret" not in text
    assert base64.b64encode(b"\x89PNG" * 9)[:40].decode() in text
