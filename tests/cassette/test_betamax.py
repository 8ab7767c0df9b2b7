"""Cassettes of betamax and of VCR for Ruby."""

import base64
import gzip
import json
from datetime import UTC, datetime

import pytest

from pytest_agentcache.cassette.foreign import read_foreign
from pytest_agentcache.errors import CassetteError
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

RUBY = """---
http_interactions:
- request:
    method: post
    uri: https://api.example/v1
    body:
      encoding: US-ASCII
      string: '{"a":1}'
    headers:
      Content-Type:
      - application/json
  response:
    status:
      code: 200
      message: OK
    headers:
      Set-Cookie:
      - a=1
      - b=2
    body:
      encoding: ASCII-8BIT
      string: !binary |-
        /wA=
    http_version: '1.1'
  recorded_at: Fri, 23 Oct 2015 10:00:01 GMT
recorded_with: VCR 6.0.0
"""


def cassette_of(folder, response, request=None):
    """A file of betamax with one interaction."""
    asked = {"method": "GET", "uri": "http://h/", "headers": {}, "body": {"string": ""}}
    sample = {"status": {"code": 200, "message": "OK"}, "headers": {}, "url": "http://h/"}
    entry = {
        "request": asked | (request or {}),
        "response": sample | response,
        "recorded_at": "2013-09-28T01:25:38",
    }
    path = folder / "a.json"
    path.write_text(json.dumps({"http_interactions": [entry], "recorded_with": "betamax/0.9.0"}))
    return path


def test_vcr_for_ruby_is_read(tmp_path):
    """betamax took its format over; Ruby writes it as YAML."""
    path = tmp_path / "a.yml"
    path.write_text(RUBY)
    found = read_foreign(path)

    assert found.recorded_at == datetime(2015, 10, 23, 10, 0, 1, tzinfo=UTC)
    assert found.interactions == (
        Interaction(
            Request(
                "POST",
                "https://api.example/v1",
                Headers((("content-type", "application/json"),)),
                b'{"a":1}',
            ),
            Response(200, Headers((("set-cookie", "a=1"), ("set-cookie", "b=2"))), b"\xff\0", "OK"),
        ),
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"encoding": "utf-8", "string": "é"}, "é".encode()),
        ({"encoding": "ISO-8859-1", "string": "é"}, b"\xe9"),
        ({"encoding": None, "string": "é"}, "é".encode()),
        ({"encoding": "none-such", "string": "é"}, "é".encode()),
        ({"encoding": "ascii", "string": "é"}, "é".encode()),
        ({"base64_string": base64.b64encode(b"\xff\0").decode()}, b"\xff\0"),
        ({"encoding": "utf-8", "string": None}, b""),
        ("bare", b"bare"),
        (None, b""),
    ],
)
def test_bodies(body, expected, tmp_path):
    """The body is text in its own charset, or base64."""
    path = cassette_of(tmp_path, {"body": body})

    assert read_foreign(path).interactions[0].response.body == expected


def test_gzip_is_undone(tmp_path):
    """betamax keeps gzip as it came."""
    body = {"base64_string": base64.b64encode(gzip.compress(b"plain")).decode()}
    path = cassette_of(tmp_path, {"body": body, "headers": {"Content-Encoding": "gzip"}})

    assert read_foreign(path).interactions[0].response == Response(200, Headers(), b"plain", "OK")


def test_status_of_its_first_versions(tmp_path):
    """`status_code`, without a reason."""
    path = cassette_of(tmp_path, {"status_code": 404, "body": {"string": ""}})

    assert read_foreign(path).interactions[0].response.reason == "Not Found"


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ({"body": {"string": "x\ufffd"}, "headers": {"Content-Encoding": "br"}}, "lost some of"),
        ({"body": {"base64_string": "*"}}, "`body` is invalid"),
        ({"body": {"string": 3}}, "`body` is invalid"),
        ({"status": None}, "`status` is not a mapping"),
        ({"status": {"code": "200"}}, "`code` is not an HTTP status"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_line_and_remedy(response, problem, tmp_path):
    """The error says what is wrong, where, and what to do."""
    with pytest.raises(CassetteError) as raised:
        read_foreign(cassette_of(tmp_path, response))

    assert problem in raised.value.problem
    assert raised.value.line == 1
    assert raised.value.remedy


@pytest.mark.parametrize("text", ['{"http_interactions": 3}', '{"http_interactions": [{}]}'])
def test_half_a_cassette_is_told(text, tmp_path):
    """Cut off, or edited too much."""
    path = tmp_path / "a.json"
    path.write_text(text)

    with pytest.raises(CassetteError, match=r"is the file cut off\?"):
        read_foreign(path)
