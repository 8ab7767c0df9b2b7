"""A secret is found in each place where its name is beside it."""

import json

import pytest

from pytest_agentcache.http.messages import Headers, Request
from pytest_agentcache.redaction import Redaction

SECRET = "S3cretPassw0rd" + "XY"
JSON, XML = "application/json", "text/xml"
URL = f"https://a.example/cb?x=1&token={SECRET}"
ONCE = f"/login?next=https%3A%2F%2Fa.example%2Fcb%3Ftoken%3D{SECRET}%26x%3D1"
TWICE = ONCE.replace("%", "%25")
HEADERS = {
    "URL": ("x-callback", URL),
    "userinfo": ("x-repo", f"https://bot:{SECRET}@git.example/x.git"),
    "encoded URL": ("x-next", ONCE),
    "JSON": ("x-context", json.dumps({"password": SECRET, "n": 1})),
}
BODIES = {
    "encoded once": (json.dumps({"next": ONCE}), JSON),
    "encoded twice": (json.dumps({"next": TWICE}), JSON),
    "escaped for HTML": (f'<a href="{URL.replace("&", "&amp;")}">', "text/html"),
    "element with attributes": (f'<w:Password Type="PasswordText">{SECRET}</w:Password>', XML),
    "CDATA": (f"<password><![CDATA[{SECRET}]]></password>", XML),
    "attribute in single quotes": (f"<db name='x' password='{SECRET}'/>", XML),
    "value before its name": (json.dumps({"env": [{"value": SECRET, "name": "API_KEY"}]}), JSON),
    "upper case": (json.dumps([{"Key": "DbPassword", "Value": SECRET}]), JSON),
    "upper case, reversed": (json.dumps([{"Value": SECRET, "Key": "DbPassword"}]), JSON),
    "JSON in a string": (json.dumps({"a": json.dumps({"value": SECRET, "key": "jwt"})}), JSON),
}


@pytest.mark.parametrize("place", HEADERS)
def test_secret_in_a_header(place):
    """In any header; redacting twice changes nothing more."""
    redaction, (name, value) = Redaction(), HEADERS[place]

    safe = redaction.headers(Headers(((name, value),)))

    assert SECRET not in safe.get(name)
    assert safe.get(name)[:2] == value[:2]
    assert redaction.headers(safe) == safe
    assert (
        redaction.request(Request("GET", "https://h/", Headers(((name, value),)))).headers == safe
    )


@pytest.mark.parametrize("place", BODIES)
def test_secret_in_a_body(place):
    """JSON stays JSON; redacting twice changes nothing more."""
    redaction, (text, media) = Redaction(), BODIES[place]

    safe = redaction.body(text.encode(), media)

    assert SECRET.encode() not in safe
    assert redaction.body(safe, media) == safe
    if media == JSON:
        json.loads(safe)


def test_session_in_the_path_of_a_url():
    """The text after it stays."""
    url = Redaction().url(f"https://h/a;jsessionid={SECRET}?x=1")

    assert url == "https://h/a;jsessionid=<JSESSIONID>?x=1"


@pytest.mark.parametrize(
    ("text", "media"),
    [
        (json.dumps({"next": "/a?u=https%3A%2F%2Fa.example%2F%3Fpage%3D2%26token%3DETH"}), JSON),
        (json.dumps([{"value": "S3cretary", "name": "title"}]), JSON),
        ("<Key class='a'>reports/2026.csv</Key>", XML),
        ('<td class="x">S3cretary99</td>', "text/html"),
    ],
)
def test_other_values_stay(text, media):
    """A coin under `token`, titles, and names of objects."""
    assert Redaction().body(text.encode(), media).decode() == text
