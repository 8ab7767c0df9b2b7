"""Values under names with several meanings: secrets are replaced, and nothing else is."""

from __future__ import annotations

import json
import random
import string

import pytest

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.matching.matcher import Matcher
from pytest_agentcache.redaction import Redaction
from pytest_agentcache.settings.settings import Settings

JSON = Headers.of([("content-type", "application/json")])
FORM = Headers.of([("content-type", "application/x-www-form-urlencoded")])
HARMLESS = ["ETH", "BTC-USD", "BRK.B", "1INCH", "name", "sort_order", "sortOrder", "true", "null"]
HARMLESS += ["7", "12345", "0.5", "en", "Authorization", "created at", "next-page", "continue"]
HARMLESS += ["2026-11-21", "2026-11", "sha256", "hmac-sha1", "HS256"]
CREDENTIALS = ["hunter2", "s3cr3t", "123456", "98765432", "a1b2c3d4e5", "qzxkvjwpthgf", "xK9-aa11"]
CREDENTIALS += [
    "correcthorsebatterystaple",
    "sk-t3st",
    "AbCdEfGhIj",
    "ABCDE-12345-FGHIJ",
    "QZXKVJWP",
]


def request(url="https://h/p", headers=(), body=b""):
    return Request("POST", url, Headers(tuple(headers)), body)


@pytest.mark.parametrize("name", ["token", "key", "sig", "signature", "auth", "hmac", "csrf"])
@pytest.mark.parametrize("value", HARMLESS)
def test_a_value_that_cannot_be_a_credential_stays(name, value):
    """It is compared as it is, in a query."""
    from urllib.parse import quote_plus

    url = f"https://h/p?{name}={quote_plus(value)}"

    assert Redaction().url(url) == url


@pytest.mark.parametrize("value", HARMLESS)
def test_it_stays_in_bodies_and_headers_too(value):
    """JSON, JSON inside JSON, a form, multipart, XML and a header of that name."""
    redaction, plain = Redaction(), json.dumps({"token": value, "csrf": value}).encode()
    form = b"token=" + value.replace(" ", "+").encode()
    part = (
        f'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n{value}\r\n--b--\r\n'.encode()
    )

    assert redaction.body(plain, "application/json") == plain
    nested = json.dumps({"arguments": plain.decode()}).encode()
    assert redaction.body(nested, "application/json") == nested
    assert redaction.body(form, "application/x-www-form-urlencoded") == form
    assert redaction.body(part, "multipart/form-data; boundary=b") == part
    xml = f"<a><token>{value}</token></a>".encode()
    assert redaction.body(xml, "application/xml") == xml
    headers = Headers((("token", value), ("key", value)))
    assert redaction.headers(headers) == headers


@pytest.mark.parametrize("name", ["token", "key", "sig", "signature", "auth", "hmac", "csrf"])
@pytest.mark.parametrize("value", CREDENTIALS)
def test_a_credential_is_replaced(name, value):
    """Long, mixed or unpronounceable values look like credentials under every name."""
    assert value not in Redaction().url(f"https://h/p?{name}={value}")
    if name in ("token", "csrf"):
        body = json.dumps({name: value}).encode()
        assert value.encode() not in Redaction().body(body, "application/json")


@pytest.mark.parametrize("name", ["api_key", "password", "client_secret", "access_token", "secret"])
@pytest.mark.parametrize("value", HARMLESS)
def test_under_a_name_with_one_meaning_every_text_is_replaced(name, value):
    """A password may be a word."""
    body = json.dumps({name: value}).encode()

    assert json.loads(Redaction().body(body, "application/json")) == {name: f"<{name.upper()}>"}
    assert Redaction().url(f"https://h/?{name}=x").endswith(f"=<{name.upper()}>")


def test_random_letters_are_rarely_words():
    """Nearly all random lower-case keys of twelve letters or more are replaced."""
    draw = random.Random(5)
    for size, most in ((12, 30), (16, 6), (17, 0)):
        keys = ["".join(draw.choices(string.ascii_lowercase, k=size)) for _ in range(1000)]
        kept = [key for key in keys if key in Redaction().url(f"https://h/?token={key}")]
        assert len(kept) <= most


@pytest.mark.parametrize("value", ["hunter", "ETHER", "letmein"])
def test_a_value_known_from_the_environment_is_replaced(value):
    """A short password in a variable is a credential, although it is a word."""
    redaction = Redaction(environment={"ACME_TOKEN": value})

    assert redaction.url(f"https://h/?token={value}") == "https://h/?token=<TOKEN>"


def test_a_setting_decides_where_the_look_deceives():
    """`redact = token` replaces every value, `!token` none."""
    assert Redaction(["token"]).url("https://h/?token=ETH") == "https://h/?token=<TOKEN>"
    address = "https://h/?token=0xdAC17F958D2ee523a2206206994597C13D831ec7"
    assert Redaction(["!token"]).url(address) == address


@pytest.mark.parametrize(
    "name", ["api_keys", "passwords", "credentials", "client_secrets", "api_key_id"]
)
def test_a_count_stays_a_number(name):
    """A JSON number under a plural is a count; a PIN under `password` is a secret."""
    raw = json.dumps({name: 2}).encode()

    assert Redaction().body(raw, "application/json") == raw
    assert (
        Redaction().body(b'{"password": 1234}', "application/json") == b'{"password": "<PASSWORD>"}'
    )
    assert json.loads(Redaction([name]).body(raw, "application/json")) == {
        name: f"<{name.upper()}>"
    }


def key(recorded, sent):
    """Return the keys of a recorded request, and of one sent while its cassette is loaded."""
    redaction = Redaction()
    redaction.continue_behind([Interaction(recorded, Response(200, Headers(()), b""))])
    matcher = Matcher(Settings(), redaction.comparable)
    return matcher.key(recorded), matcher.key(redaction.request(sent))


@pytest.mark.parametrize("value", ["test", "ETH", "k3y-of-another-machine", "1"])
@pytest.mark.parametrize(
    "make",
    [
        lambda value: request(f"https://h/p?token={value}"),
        lambda value: request(f"https://h/p?q=1&key={value}"),
        lambda value: request(headers=JSON.pairs, body=json.dumps({"token": value}).encode()),
        lambda value: request(headers=FORM.pairs, body=f"token={value}".encode()),
    ],
)
def test_a_placeholder_on_the_cassette_matches_any_value(make, value):
    """Keys differ between machines, and one of them may be a word."""
    recorded = Redaction().request(make("k3y-of-this-machine-77"))
    was, now = key(recorded, make(value))

    assert "k3y" not in recorded.url
    assert was == now


def test_a_value_on_the_cassette_matches_itself_only():
    """`?token=ETH` is not `?token=BTC`, nor a request with a key."""
    eth = request("https://h/p?token=ETH")

    assert len(set(key(eth, eth))) == 1
    assert len(set(key(eth, request("https://h/p?token=BTC")))) == 2
    assert len(set(key(eth, request("https://h/p?token=k3y-of-this-machine")))) == 2


def test_a_count_matches_an_older_cassette():
    """A placeholder in place of a number on an older cassette still matches."""
    recorded = request(headers=JSON.pairs, body=b'{"api_keys": "<API_KEYS>"}')

    assert len(set(key(recorded, request(headers=JSON.pairs, body=b'{"api_keys": 2}')))) == 1
