"""A URL that is signed again finds its recording: date and expiry belong to the signature."""

from __future__ import annotations

import json

import pytest

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.matching.matcher import Matcher
from pytest_agentcache.redaction import Redaction
from pytest_agentcache.redaction.signed_urls import SCHEMES
from pytest_agentcache.settings.settings import Settings

KEY = "AKIAABCDEFGHIJKLMNOP"
DAY = {1: "20260101", 2: "20270202"}
SIGNED = {
    "AWS 4": lambda n: (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        f"{KEY}%2F{DAY[n]}%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date={DAY[n]}T000000Z"
        f"&X-Amz-Expires={300 * n}&X-Amz-SignedHeaders=host&X-Amz-Signature={f'a{n}' * 32}"
        + "&X-Amz-Security-Token=FwoGZXIvYXdzEA0"
        * (n - 1)
    ),
    "AWS 2": lambda n: (
        f"AWSAccessKeyId={KEY}&Signature={n}L996eKDvoMo8tzIXF%3D&Expires=179584477{n}"
    ),
    "CloudFront": lambda n: (
        f"Expires=179584477{n}&Signature={n}a-b~c_d9XyZ&Key-Pair-Id=K2JCJMDEHXQW5F"
    ),
    "Google 4": lambda n: (
        "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential="
        f"me%40p.example%2F{DAY[n]}%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date={DAY[n]}T000000Z"
        f"&X-Goog-Expires={300 * n}&X-Goog-SignedHeaders=host&X-Goog-Signature={f'b{n}' * 32}"
    ),
    "Google 2": lambda n: (
        f"GoogleAccessId=me{n}%40p.example&Expires=17958447{n}&Signature={n}x9Xy%2B"
    ),
    "Azure SAS": lambda n: (
        f"sv=2024-11-04&sr=b&sp=r&st={2025 + n}-01-01T00%3A00%3A00Z"
        f"&se={2026 + n}-01-01T00%3A00%3A00Z"
        f"&skt={2025 + n}-01-01&ske={2026 + n}-01-01&sig={n}Xyz0123456789%3D"
    ),
    "OAuth 1": lambda n: (
        f"oauth_consumer_key=ck{n}&oauth_nonce=n{n}&oauth_signature_method=HMAC-SHA1"
        f"&oauth_timestamp=17958447{n}&oauth_token=t0k{n}&oauth_signature={n}abcdef0%3D"
    ),
    "Alibaba OSS 4": lambda n: (
        f"x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-date={DAY[n]}T000000Z&x-oss-expires={n}00"
        f"&x-oss-credential=LTAI%2F{DAY[n]}%2Fcn%2Foss%2Faliyun_v4_request&x-oss-signature={n}abc"
    ),
    "Alibaba OSS 1": lambda n: (
        f"OSSAccessKeyId=LTAI{n}aaaaaaa&Expires=17958447{n}&Signature={n}x9XyZ"
    ),
    "Alibaba API": lambda n: (
        f"AccessKeyId=LTAI{n}aaaaaaa&SignatureNonce=n{n}"
        f"&Timestamp={2025 + n}-01-01&Signature={n}x9XyZ"
    ),
    "Tencent COS": lambda n: (
        f"q-sign-algorithm=sha1&q-ak=AKID{n}&q-sign-time={n}%3B{n}0&q-key-time={n}%3B{n}0"
        f"&q-header-list=host&q-url-param-list=&q-signature={n}abcdef"
    ),
}


def keys(*requests):
    """Return the keys of redacted requests, the first of which is on the cassette."""
    redaction = Redaction()
    first = redaction.request(requests[0])
    redaction.continue_behind([Interaction(first, Response(200, Headers(()), b""))])
    matcher = Matcher(Settings(), redaction.comparable)
    return [matcher.key(redaction.request(each)) for each in requests]


def get(query, path="k"):
    return Request("GET", f"https://h/bucket/{path}?{query}", Headers(()), b"")


def test_every_scheme_has_an_example():
    """A new entry of the table needs one here."""
    assert SIGNED.keys() == SCHEMES.keys()


@pytest.mark.parametrize("scheme", SIGNED)
def test_signed_again_it_is_the_same_request(scheme):
    """A request for another object, or with another parameter, is another one."""
    sign = SIGNED[scheme]
    first, again, other, more = keys(
        get(sign(1)), get(sign(2)), get(sign(1), "other"), get(f"{sign(1)}&versionId=7")
    )

    assert first == again
    assert len({first, other, more}) == 3


@pytest.mark.parametrize("scheme", SIGNED)
def test_the_cassette_has_placeholders(scheme):
    """Volatile parameters are not on the cassette, and redacting it again changes nothing."""
    redaction = Redaction()
    safe = redaction.url(get(SIGNED[scheme](2)).url)

    for parameter in safe.partition("?")[2].split("&"):
        name, _, value = parameter.partition("=")
        entry = SCHEMES[scheme]
        if name.lower() in entry.volatile | entry.optional | {entry.signature}:
            assert value.startswith("<"), parameter
    assert redaction.url(safe) == safe


@pytest.mark.parametrize("scheme", SIGNED)
def test_a_signed_url_in_the_body_matches_too(scheme):
    """A model is sent the URL of a picture in a bucket."""
    if "Security-Token" in SIGNED[scheme](2):
        pytest.skip("the optional token cannot be left out of a body")

    def post(n):
        body = json.dumps({"image_url": get(SIGNED[scheme](n)).url, "q": 1}).encode()
        headers = Headers((("content-type", "application/json"),))
        return Request("POST", "https://h/v1", headers, body)

    assert len(set(keys(post(1), post(2)))) == 1


@pytest.mark.parametrize("query", ["Expires=%d", "Timestamp=%d", "se=%d", "Expires=%d&Signature=a"])
def test_without_a_signature_dates_are_compared(query):
    """They belong to the request."""
    assert len(set(keys(get(query % 1), get(query % 2)))) == 2
