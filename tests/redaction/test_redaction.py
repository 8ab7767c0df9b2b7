import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.http.body import json_text
from pytest_agentcache.http.messages import Headers, Request, Response
from pytest_agentcache.matching.matcher import Matcher
from pytest_agentcache.redaction import Redaction, placeholder
from pytest_agentcache.redaction import fields as module
from pytest_agentcache.settings.settings import Settings

from ..values import JSON

SECRET = "s3cr3t-Value"
NAMES = [
    "api_key",
    "apiKey",
    "API-KEY",
    "x-api-key",
    "access_token",
    "accessToken",
    "refresh_token",
]
NAMES += ["client_secret", "password", "token", "secret", "aws_secret_access_key", "id_token"]
NAMES += ["Authorization", "openai_api_key", "session_token", "private_key", "Cookie"]
JSON_TYPE = "application/json"
FORM = "application/x-www-form-urlencoded"


def header(name, value):
    """The value of one header after redaction."""
    return Redaction().headers(Headers.of([(name, value)])).get(name.lower())


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "proxy-authorization"])
def test_credentials_keep_their_scheme(name):
    """The kind of credential is kept, the credential is not."""
    shown = placeholder(name)

    assert header(name, f"Bearer {SECRET}") == f"Bearer {shown}"
    assert header(name, f"basic {SECRET}") == f"basic {shown}"
    assert header(name, SECRET) == shown
    assert header(name, f"AWS4-HMAC-SHA256 Credential={SECRET}, Signature=x") == (
        f"AWS4-HMAC-SHA256 {shown}"
    )


@pytest.mark.parametrize(
    "name",
    [
        "x-api-key",
        "X-API-Key",
        "api-key",
        "apikey",
        "x-goog-api-key",
        "Ocp-Apim-Subscription-Key",
        "x-amz-security-token",
        "x-auth-token",
        "X-Subscription-Token",
        "private-token",
        "key",
        "x-functions-key",
        "x-hub-signature",
    ],
)
def test_header_keys_are_redacted(name):
    """Headers of keys are known by their names, in any case."""
    assert header(name, SECRET) == placeholder(name)


@pytest.mark.parametrize(
    "name", ["content-type", "x-request-key-id", "idempotency-key", "max-tokens", "etag", "accept"]
)
def test_other_headers_are_left_alone(name):
    """A name that merely resembles one is none."""
    assert header(name, SECRET) == SECRET


def test_cookies_keep_their_names():
    """Values of cookies go, names and attributes stay."""
    assert header("Cookie", f"a={SECRET}; b={SECRET}=x") == "a=<A>; b=<B>"
    assert header("Set-Cookie", f"sid={SECRET}; Path=/; HttpOnly; Max-Age=5") == (
        "sid=<SID>; Path=/; HttpOnly; Max-Age=5"
    )


def test_joined_cookies_are_redacted_one_by_one():
    """requests joins Set-Cookie fields with commas, and dates hold commas too."""
    joined = f"a={SECRET}; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, b={SECRET}; Secure"

    assert header("set-cookie", joined) == (
        "a=<A>; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, b=<B>; Secure"
    )


def test_links_are_redacted_as_addresses():
    """Headers that hold addresses lose what is secret in them, and nothing else."""
    address = f"https://u:{SECRET}@h/p?page=2&api_key={SECRET}"
    safe = "https://<USER>:<PASSWORD>@h/p?page=2&api_key=<API_KEY>"

    assert header("location", address) == safe
    assert header("link", f'<{address}>; rel="next", <https://h/?a=1>; rel="x"') == (
        f'<{safe}>; rel="next", <https://h/?a=1>; rel="x"'
    )
    assert header("location", f"https://h/cb#access_token={SECRET}&state=1") == (
        "https://h/cb#access_token=<ACCESS_TOKEN>&state=1"
    )


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (f"https://h/p?key={SECRET}&q=1", "https://h/p?key=<KEY>&q=1"),
        (f"https://h/p?q=1&sig={SECRET}#f", "https://h/p?q=1&sig=<SIG>#f"),
        (f"https://h/?API_KEY={SECRET}", "https://h/?API_KEY=<API_KEY>"),
        (f"https://h/?api%5Fkey={SECRET}", "https://h/?api%5Fkey=<API_KEY>"),
        (f"https://h/?X-Amz-Signature={SECRET}", "https://h/?X-Amz-Signature=<X_AMZ_SIGNATURE>"),
        (f"https://user:{SECRET}@h/p", "https://<USER>:<PASSWORD>@h/p"),
        (f"https://{SECRET}@h/p", "https://<USER>@h/p"),
        ("https://h/p?monkey=1&q=a@b", "https://h/p?monkey=1&q=a@b"),
        ("https://h/@handle?keyword=x", "https://h/@handle?keyword=x"),
        ("https://h/p?key=&q=1", "https://h/p?key=&q=1"),
    ],
)
def test_addresses_are_redacted(url, safe):
    """Query parameters and userinfo, all else as it was."""
    assert Redaction().url(url) == safe


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dumps", [json.dumps, lambda value: json.dumps(value, indent=2)])
def test_json_fields_are_redacted_at_any_depth(name, dumps):
    """The value is replaced, wherever it is; the style is kept."""
    value = {"a": [{"b": {name: SECRET, "c": 1.50}}], name: f'with "quotes" and \\ {SECRET}\\'}
    shown = placeholder(name)

    safe = Redaction().body(dumps(value).encode(), JSON_TYPE)

    assert safe.decode() == dumps({"a": [{"b": {name: shown, "c": 1.50}}], name: shown})


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_json_inside_text_of_json_is_redacted(levels):
    """Arguments of tools are JSON in a string of JSON, and may hold such again."""
    text = json.dumps({"password": f'a"b\\{SECRET}"', "q": "x"})
    want = json.dumps({"password": "<PASSWORD>", "q": "x"})
    for _ in range(levels):
        text, want = json.dumps({"arguments": text}), json.dumps({"arguments": want})

    assert Redaction().body(text.encode(), JSON_TYPE).decode() == want


def test_streams_are_redacted():
    """Events hold JSON too."""
    raw = f'data: {{"a":1}}\n\ndata: {{"api_key": "{SECRET}"}}\n\n'.encode()

    assert Redaction().body(raw, "text/event-stream") == (
        b'data: {"a":1}\n\ndata: {"api_key": "<API_KEY>"}\n\n'
    )


def test_pieces_of_text_are_no_tokens():
    """The "token" of a list of log probabilities is a piece of text."""
    pieces = [
        {"token": "Hello", "logprob": -0.1, "bytes": [72]},
        {"token": "Hi", "bytes": None, "logprob": -2},
        {"logprob": -0.5, "token": "He"},
        {"token": "x", "logProbability": -0.5},
        {"token": "y", "tokenId": 5},
    ]
    raw = json.dumps({"content": pieces, "max_tokens": 5, "next_page_token": "abc"}).encode()

    assert Redaction().body(raw, JSON_TYPE) == raw
    assert SECRET.encode() not in Redaction().body(
        json.dumps({"token": SECRET, "type": "bearer"}).encode(), JSON_TYPE
    )


def test_value_in_an_object_of_its_own_is_redacted():
    """Realtime APIs wrap a secret in an object."""
    raw = json.dumps({"client_secret": {"value": SECRET, "expires_at": 1}}).encode()

    assert json.loads(Redaction().body(raw, JSON_TYPE)) == {
        "client_secret": {"value": "<CLIENT_SECRET>", "expires_at": 1}
    }


def test_form_fields_are_redacted():
    """Names of a form are read as names, brackets and escapes undone."""
    raw = f"grant_type=x&client_secret={SECRET}&user%5Bpassword%5D={SECRET}&scope=".encode()

    assert Redaction().body(raw, FORM) == (
        b"grant_type=x&client_secret=%3CCLIENT_SECRET%3E"
        b"&user%5Bpassword%5D=%3CUSER_PASSWORD%3E&scope="
    )


def test_json_in_a_form_field_is_redacted():
    """A form may carry a document."""
    raw = b"payload=%7B%22token%22%3A+%22s3cr3t%22%7D&a=1"

    assert Redaction().body(raw, FORM) == (b"payload=%7B%22token%22%3A+%22%3CTOKEN%3E%22%7D&a=1")


def test_multipart_fields_are_redacted():
    """A part that is a secret field, or holds one, loses it; the boundary stays."""
    raw = (
        f'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n{SECRET}\r\n'
        f"--b\r\nContent-Type: application/json\r\n\r\n"
        f'{{"password":"{SECRET}","a":1}}\r\n--b--\r\n'
    ).encode()

    safe = Redaction().body(raw, "multipart/form-data; boundary=b")

    assert SECRET.encode() not in safe
    assert b'{"password":"<PASSWORD>","a":1}\r\n--b--\r\n' in safe
    assert safe.startswith(
        b'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n<API_KEY>'
    )


def test_more_names_can_be_given_and_taken_back():
    """Settings add globs, and those with an exclamation mark except."""
    mine = Redaction(["x-tenant*", "!password"])

    assert mine.headers(Headers((("x-tenant-id", "1"),))).get("x-tenant-id") == "<X_TENANT_ID>"
    assert mine.body(b'{"x-tenant":"1","password":"2"}', JSON_TYPE) == (
        b'{"x-tenant":"<X_TENANT>","password":"2"}'
    )
    assert mine.url("https://h/?x-tenant=1") == "https://h/?x-tenant=<X_TENANT>"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("apiKey", "<API_KEY>"), ("api-key", "<API_KEY>"), ("x.y", "<X_Y>"), ("1", "<SECRET_1>")],
)
def test_placeholder_is_made_of_the_name(name, shown):
    """One name in any spelling has one placeholder."""
    assert placeholder(name) == shown


SECRETIVE = st.dictionaries(st.sampled_from([*NAMES, "a", "b"]), JSON | st.just(SECRET), max_size=4)
TYPES = st.sampled_from([JSON_TYPE, FORM, "text/event-stream", "", "multipart/mixed; boundary=b"])
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            b'"',
            b"\\",
            b'"token"',
            b'"password":"',
            b'\\"secret\\":\\"',
            b":",
            b",",
            b"{",
            b"}",
            b"x",
            b'"value":"',
            b"&",
            b"=",
            b"token=",
            b"%22",
            b"--b\r\n",
            b"\r\n",
            b"--b--\r\n",
            b" ",
            b'name="token"',
            b'"logprob":1',
            b"\n",
        ]
    ),
    max_size=25,
).map(b"".join)


@given(SECRETIVE.map(lambda value: json.dumps(value).encode()) | FRAGMENTS, TYPES)
def test_redacting_again_changes_nothing(raw, content_type):
    """A cassette passes through redaction again when it is matched."""
    once = Redaction().body(raw, content_type)

    assert Redaction().body(once, content_type) == once


@given(SECRETIVE)
def test_json_stays_json(value):
    """Redaction changes values of text, never the structure."""
    raw = json.dumps(value).encode()

    safe = json.loads(Redaction().body(raw, JSON_TYPE))

    assert list(safe) == list(value)
    assert SECRET not in [each for name, each in safe.items() if name in NAMES]


@given(
    st.text(st.sampled_from("abc=&?#/:@;,<> %key\"'"), max_size=40),
    st.sampled_from(["cookie", "set-cookie", "location", "link", "authorization", "x-api-key"]),
)
def test_redacting_headers_again_changes_nothing(value, name):
    """Likewise for headers and addresses of any form."""
    once = Redaction().headers(Headers(((name, value),)))

    assert Redaction().headers(once) == once
    safe = Redaction().url(value)
    assert Redaction().url(safe) == safe


@pytest.mark.parametrize("name", ["key", "api_key", "access_token"])
def test_request_matches_whatever_its_secret_was(name):
    """The placeholder is made of the name alone."""

    def request(secret):
        return Request(
            "POST",
            f"https://u:{secret}@h/?{name}={secret}",
            Headers((("authorization", f"Bearer {secret}"), ("cookie", f"s={secret}"))),
            json.dumps({"api_key": secret, "a": 1}).encode(),
        )

    matcher = Matcher(Settings(match=("method", "url", "body", "headers")))
    keys = {
        matcher.key(Redaction().request(request(secret))) for secret in ("one-1f", "two-9longer")
    }

    assert len(keys) == 1


def test_style_of_json_is_kept():
    """Content that is not secret keeps its bytes, so structure stays structure."""
    raw = b'{\n  "a": 1.50,\n  "token": "s3cr3t",\n  "u": "\\u00e9"\n}\n'

    safe = Redaction().body(raw, JSON_TYPE)

    assert safe == raw.replace(b'"s3cr3t"', b'"<TOKEN>"')
    assert json_text.structure(safe)[1] == "indent=2 ascii newline"


def test_chunks_follow_the_redacted_body():
    """A chunk that ended inside a secret joins the next one; all others stay."""
    pieces = [
        b'data: {"a":1}\n\n',
        b'data: {"password":"s3',
        b'cr3t","b":',
        b"2}\n\n",
        b"data: x\n\n",
    ]
    body = b"".join(pieces)
    headers = Headers((("content-type", "text/event-stream"),))

    safe = Redaction().response(Response(200, headers, body, chunks=tuple(map(len, pieces))))

    joined = b'data: {"password":"<PASSWORD>","b":'
    assert safe.chunks == (len(pieces[0]), len(joined), len(pieces[3]), len(pieces[4]))
    assert sum(safe.chunks) == len(safe.body)


@given(st.lists(st.integers(1, 40), max_size=20), st.integers(0, 5))
def test_chunks_always_make_the_body(sizes, secrets):
    """However a body is cut, the sizes after redaction add up to it."""
    body = b",".join([b'{"token":"0123456789012345678901234567"}'] * secrets) + b" " * sum(sizes)
    chunks, left = [], len(body)
    for size in sizes:
        if size < left:
            chunks.append(size)
            left -= size
    chunks.append(left)

    safe = Redaction().response(
        Response(200, Headers(), body, chunks=tuple(c for c in chunks if c))
    )

    assert sum(safe.chunks) == len(safe.body)
    assert 0 not in safe.chunks


@pytest.mark.parametrize(
    "piece",
    [
        b"\\",
        b'"',
        b'\\"',
        b'"password":"',
        b'\\"password\\":\\"',
        b'"a":{',
        b'"token":{"value":',
        b'"token":"x","logprob":1,',
        b"a=",
        b"&",
        b'"name":"api_key",',
        b"token,password",
        b"<password><a>",
        b'"' + b"n" * 64,
        b'"secret" ',
        b'\\\\\\"token',
    ],
)
@pytest.mark.slow
@pytest.mark.parametrize("content_type", [JSON_TYPE, FORM, "multipart/mixed; boundary=b"])
def test_no_body_takes_for_ever(piece, content_type):
    """Half a megabyte of anything is read once: going back at each piece would take minutes."""
    assert Redaction().body(piece * ((1 << 19) // len(piece)), content_type)


def test_no_escape_takes_for_ever():
    """So it is where letters may be escaped, and backslashes follow that escape none."""
    assert Redaction().body(rb'{"\u0041":"' + b"\\" * (1 << 19), JSON_TYPE)


@pytest.mark.slow
def test_no_stream_of_keys_in_pieces_takes_for_ever():
    """So it is in a stream with a key in every other event."""
    pair = b'data: {"t":" sk-proj-0123456789a"}\ndata: {"t":"bcdefghijkl0123456 "}\n'

    assert b"sk-proj" not in Redaction().body(pair * 4_000, "text/event-stream")


def test_chunks_are_redacted_in_one_pass(monkeypatch):
    """A body in thousands of chunks is looked through a fixed number of times."""
    passes = []
    named, member = module._PLAIN

    class Counted:
        def finditer(self, raw, *where):
            passes.append(len(raw))
            return named.finditer(raw, *where)

    monkeypatch.setattr(module, "_PLAIN", (Counted(), member))
    body = b'data: {"token":"x"}\n\n' * 2_000
    Redaction().response(Response(200, Headers(), body, chunks=(21,) * 2_000))

    assert len(passes) <= 2


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        (b'{"password":31337}', b'{"password":"<PASSWORD>"}'),
        (b'{"api_key":["a","b"]}', b'{"api_key":["<API_KEY>"]}'),
        (b'{"u":"https://h/?api_key=x&a=1"}', b'{"u":"https://h/?api_key=<API_KEY>&a=1"}'),
        (b'{"u":"https://me:x@h/"}', b'{"u":"https://<USER>:<PASSWORD>@h/"}'),
        (
            b'[{"name":"X-Api-Key","value":"x"}]',
            b'[{"name":"X-Api-Key","value":"<X_API_KEY>"}]',
        ),
        (b"password=x&a=1", b"password=%3CPASSWORD%3E&a=1"),
    ],
)
def test_secrets_that_are_no_plain_field(raw, safe):
    """Numbers, lists, URLs, pairs of name and value, and forms that do not say so."""
    redaction = Redaction()

    assert redaction.body(raw, "application/json") == safe
    assert redaction.body(safe, "application/json") == safe


@pytest.mark.parametrize(
    "raw", [b'{"token":12}', b'{"password":{"type":"string"}}', b'{"eos_token":"</s>"}']
)
def test_what_only_looks_like_a_secret(raw):
    """Ids of tokens, schemas and markers of text stay."""
    assert Redaction().body(raw, "application/json") == raw
