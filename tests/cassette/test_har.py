"""HTTP archives in and out (http://www.softwareishard.com/blog/har-12-spec/)."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings

from pytest_agentcache.cassette import Cassette
from pytest_agentcache.cassette.foreign import har_writer, read_foreign, write_har
from pytest_agentcache.errors import CassetteError
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from . import foreign

PARTS = (
    b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--B\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n2\r\n--B--\r\n"
)
# Each object of HAR 1.2: what it must have, and what it may have, by type.
NAMED = ({"name": str, "value": str}, {})
COOKIE = (
    {"name": str, "value": str},
    {"path": str, "domain": str, "httpOnly": bool, "secure": bool},
)
FORMS = {
    "log": ({"version": str, "creator": dict, "entries": list}, {"pages": list}),
    "creator": ({"name": str, "version": str}, {}),
    "entries": (
        {
            "startedDateTime": str,
            "time": int,
            "request": dict,
            "response": dict,
            "cache": dict,
            "timings": dict,
        },
        {"comment": str},
    ),
    "request": (
        {
            "method": str,
            "url": str,
            "httpVersion": str,
            "cookies": list,
            "headers": list,
            "queryString": list,
            "headersSize": int,
            "bodySize": int,
        },
        {"postData": dict},
    ),
    "postData": ({"mimeType": str, "text": str}, {"params": list, "_encoding": str}),
    "response": (
        {
            "status": int,
            "statusText": str,
            "httpVersion": str,
            "cookies": list,
            "headers": list,
            "content": dict,
            "redirectURL": str,
            "headersSize": int,
            "bodySize": int,
        },
        {},
    ),
    "content": ({"size": int, "mimeType": str}, {"text": str, "encoding": str}),
    "timings": ({"send": int, "wait": int, "receive": int}, {}),
    "cache": ({}, {}),
    "cookies": COOKIE,
    "headers": NAMED,
    "queryString": NAMED,
    "params": NAMED,
}


def check(value, name):
    """Return true if an object of a HAR has what the specification requires, at every level."""
    needed, allowed = FORMS[name]
    assert needed.keys() <= value.keys() <= needed.keys() | allowed.keys(), name
    for key, found in value.items():
        assert type(found) is (needed | allowed)[key], f"{name}.{key}"
        for each in found if isinstance(found, list) else [found]:
            if isinstance(each, dict):
                check(each, key)


def archive(folder, *entries, **log):
    """A HAR with these entries."""
    path = folder / "a.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": list(entries)} | log}))
    return path


def entry(request=None, response=None):
    """An exchange as a browser writes it."""
    asked = {
        "method": "GET",
        "url": "https://h/",
        "httpVersion": "h2",
        "cookies": [],
        "headers": [],
    }
    known = {
        "status": 200,
        "statusText": "OK",
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": ""},
    }
    return {
        "startedDateTime": "2026-11-21T19:29:15.123+01:00",
        "time": 12.5,
        "request": asked | (request or {}),
        "response": known | (response or {}),
    }


def read_one(folder, request=None, response=None):
    """The interaction that an entry makes."""
    return read_foreign(archive(folder, entry(request, response))).interactions[0]


def named(**pairs):
    """A list of names and values."""
    return [{"name": name, "value": value} for name, value in pairs.items()]


@settings(max_examples=foreign.EXAMPLES)
@given(foreign.cassettes())
def test_har_is_exact(given_cassette):
    """Cassette → HAR → cassette: bodies, headers, statuses, reasons, time."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.har"
        write_har(given_cassette, path)
        assert read_foreign(path).interactions == given_cassette.interactions
        if given_cassette.interactions:
            assert read_foreign(path).recorded_at == given_cassette.recorded_at


@settings(max_examples=foreign.EXAMPLES)
@given(foreign.cassettes())
def test_har_is_valid(given_cassette):
    """Every object has all that HAR 1.2 wants, and nothing else without an underscore."""
    document = json.loads(har_writer.as_har(given_cassette))

    assert document.keys() == {"log"}
    check(document["log"], "log")
    assert document["log"]["version"] == "1.2"
    for each in document["log"]["entries"]:
        assert datetime.fromisoformat(each["startedDateTime"]).tzinfo


def test_what_a_har_says():
    """Query, cookies, form and the sentence above the interaction are spelled out."""
    asked = Headers(
        (("content-type", "application/x-www-form-urlencoded"), ("cookie", "a=1; b=<B>"))
    )
    came = Headers(
        (
            ("content-type", "application/json"),
            ("location", "/there"),
            ("set-cookie", "s=<S>; Path=/; Domain=h; Secure; HttpOnly; Max-Age=3"),
        )
    )
    interaction = Interaction(
        Request("POST", "https://h/p?q=a+b&q=", asked, b"x=1&y=%C3%A9"),
        Response(302, came, b'{"error":{"message":"gone"}}', "Found"),
    )
    document = json.loads(har_writer.as_har(Cassette(Path(), foreign.INSTANT, (interaction,))))
    entry = document["log"]["entries"][0]

    assert entry["startedDateTime"] == "2026-11-21T18:29:15Z"
    assert entry["comment"].startswith("1 · POST h/p?q=a+b&q= → 302")
    assert entry["request"]["queryString"] == [*named(q="a b"), *named(q="")]
    assert entry["request"]["cookies"] == named(a="1", b="<B>")
    assert entry["request"]["postData"]["params"] == named(x="1", y="é")
    assert entry["response"]["redirectURL"] == "/there"
    assert entry["response"]["cookies"] == [
        {"name": "s", "value": "<S>", "path": "/", "domain": "h", "httpOnly": True, "secure": True}
    ]


def test_browser_is_understood(tmp_path):
    """Fields of HTTP/2 and fragments are left out; the body is decoded despite the headers."""
    interaction = read_one(
        tmp_path,
        {"url": "https://h/a#b", "headers": named(**{":method": "GET", "Accept": "x"})},
        {
            "headers": named(**{"Content-Encoding": "br", "Content-Length": "9", "ETag": "1"}),
            "content": {"size": 5, "mimeType": "text/plain", "text": "plain"},
        },
    )

    assert interaction.request == Request("GET", "https://h/a", Headers((("accept", "x"),)))
    assert interaction.response == Response(
        200, Headers((("etag", "1"), ("content-type", "text/plain"))), b"plain", "OK"
    )


def test_recorded_when_its_first_entry_began(tmp_path):
    """With its zone, in whole seconds."""
    assert read_foreign(archive(tmp_path, entry())).recorded_at == foreign.INSTANT


@pytest.mark.parametrize(
    ("posted", "size", "expected"),
    [
        ({"mimeType": "text/plain", "text": "é"}, 2, "é".encode()),
        ({"mimeType": "text/plain", "text": "é"}, 1, b"\xe9"),
        ({"mimeType": "text/plain", "text": "é"}, -1, "é".encode()),
        ({"mimeType": "text/plain; charset=latin-1", "text": "é"}, 1, b"\xe9"),
        ({"mimeType": "text/plain; charset=ascii", "text": "é"}, 1, "é".encode()),
        ({"mimeType": "x", "text": "/wA=", "_encoding": "base64"}, 2, b"\xff\0"),
        ({"mimeType": "x", "text": "/wA=", "encoding": "base64"}, 2, b"\xff\0"),
        ({"mimeType": "x", "params": named(a="b c", d="é")}, 0, b"a=b+c&d=%C3%A9"),
        ({"mimeType": "x", "text": "", "params": []}, 0, b""),
        (
            {
                "mimeType": "multipart/form-data; boundary=B",
                "params": [
                    {"name": "a", "value": "1"},
                    {"name": "f", "fileName": "x.txt", "contentType": "text/plain", "value": "2"},
                ],
            },
            0,
            PARTS,
        ),
    ],
)
def test_body_of_a_request(posted, size, expected, tmp_path):
    """A request body is text, base64, or only parameters."""
    request = read_one(tmp_path, {"method": "POST", "postData": posted, "bodySize": size}).request

    assert request.body == expected
    assert request.content_type == posted["mimeType"]


def test_cookies_without_headers(tmp_path):
    """Some tools write cookies in their own place only."""
    cookies = [*named(s="1"), {"name": "t", "value": "2", "path": "/", "httpOnly": True}]
    interaction = read_one(tmp_path, {"cookies": named(a="1", b="2")}, {"cookies": cookies})

    assert interaction.request.headers == Headers((("cookie", "a=1; b=2"),))
    assert interaction.response.headers == Headers(
        (("set-cookie", "s=1"), ("set-cookie", "t=2; Path=/; HttpOnly"))
    )


def test_cookies_with_headers(tmp_path):
    """They are not listed twice."""
    fields = named(Cookie="a=1")
    interaction = read_one(tmp_path, {"cookies": named(a="1"), "headers": fields})

    assert interaction.request.headers == Headers((("cookie", "a=1"),))


def test_what_is_no_exchange_is_left_out(tmp_path):
    """Requests that were never answered, and those that went nowhere."""
    path = archive(
        tmp_path,
        entry({"url": "data:text/plain,x"}),
        entry({"url": "wss://h/"}, {"status": 101}),
        entry(None, {"status": 0}),
        entry({"url": "https://h/kept"}),
    )

    assert [each.request.url for each in read_foreign(path).interactions] == ["https://h/kept"]


@pytest.mark.parametrize(
    ("given_entry", "log", "problem"),
    [
        (entry(None, {"content": {"size": 7}}), {}, "the 7 bytes of the response to GET https://h/"),
        (entry(None, {"status": "200"}), {}, "`status` is not an HTTP status"),
        (entry(None, {"content": {"text": "*", "encoding": "base64"}}), {}, "`text` is not base64"),
        (entry(None, {"content": {"text": 3}}), {}, "`text` is not text"),
        (entry({"headers": [{"value": "x"}]}), {}, "`name` is missing or is not text"),
        (entry({"headers": {}, "cookies": 3}), {}, "`cookies` is not a list"),
        (entry({"url": None}), {}, "`url` is not a URL"),
        ({}, {}, "an interaction has no `request`"),
        (entry(), {"version": "2.0"}, "version '2.0' of HAR"),
        (entry(), {"entries": None}, "`entries` is not a list"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_line_and_remedy(given_entry, log, problem, tmp_path):
    """The error says what is wrong, where, and what to do."""
    with pytest.raises(CassetteError) as raised:
        read_foreign(archive(tmp_path, given_entry, **log))

    assert problem in raised.value.problem
    assert raised.value.line == 1
    assert raised.value.remedy


def test_body_of_head_may_be_missing(tmp_path):
    """Its size is given, but its body is missing."""
    response = {"content": {"size": 7}, "headers": named(**{"Content-Length": "7"})}
    interaction = read_one(tmp_path, {"method": "HEAD"}, response)

    assert interaction.response == Response(200, Headers((("content-length", "7"),)), b"", "OK")


def test_comments_are_for_people(tmp_path):
    """They are ignored, because they are not part of the exchange."""
    plain = read_foreign(archive(tmp_path, entry()))
    commented = replace(
        read_foreign(archive(tmp_path, entry() | {"comment": "x", "_more": 1}, comment="y")),
        path=plain.path,
    )

    assert commented == plain
