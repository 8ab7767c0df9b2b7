import pytest

from pytest_agentcache.http.headers import request_headers, response_headers
from pytest_agentcache.http.messages import Headers


def kept(*pairs, status=200, method="GET", **settings):
    """Names of the response headers that stay."""
    return [name for name, _ in response_headers(Headers(pairs), status, method, **settings)]


@pytest.mark.parametrize(
    "name",
    [
        "connection",
        "content-length",
        "transfer-encoding",
        "date",
        "server",
        "cf-ray",
        "openai-processing-ms",
        "openai-organization",
        "alt-svc",
        "strict-transport-security",
        "access-control-allow-origin",
        "x-envoy-upstream-service-time",
        "keep-alive",
        "nel",
        "report-to",
    ],
)
def test_noise_is_dropped(name):
    """Headers that change every time, or concern the connection or browsers, are dropped."""
    assert kept((name, "x"), ("content-type", "a/b")) == ["content-type"]


@pytest.mark.parametrize(
    "name",
    [
        "content-encoding",
        "content-type",
        "etag",
        "last-modified",
        "cache-control",
        "expires",
        "age",
        "vary",
        "location",
        "retry-after",
        "link",
        "www-authenticate",
        "set-cookie",
        "content-disposition",
        "accept-ranges",
        "openai-version",
        "x-should-retry",
        "warning",
    ],
)
def test_what_clients_and_caches_act_on_is_kept(name):
    """Headers that control retries, redirects and lifetimes are kept."""
    assert kept((name, "x")) == [name]


@pytest.mark.parametrize(
    "name", ["x-request-id", "x-amz-id-2", "x-ratelimit-remaining-tokens", "ratelimit-reset"]
)
def test_only_the_name_of_what_differs_each_time_is_kept(name):
    """Request ids and rate limits are read by clients, and mean nothing to a reviewer."""
    found = response_headers(Headers(((name, "x1"), (name, "x2"))), 200, "GET")

    assert found.pairs == ((name, "…"),)


def test_refusal_keeps_its_counters():
    """On a refusal the rate limits say how long to wait."""
    counter = ("x-ratelimit-reset-tokens", "6s")

    assert response_headers(Headers((counter,)), 429, "GET").pairs == (counter,)


def test_length_of_a_head_answer_is_kept():
    """For HEAD the length is the answer."""
    assert kept(("content-length", "5")) == []
    assert kept(("content-length", "5"), method="HEAD") == ["content-length"]


@pytest.mark.parametrize("name", ["__cf_bm", "_cfuvid", "bm_sz", "AWSALB", "awsalbcors"])
def test_cookies_of_bot_managers_are_dropped(name):
    """They change on every answer, and nobody asked for them."""
    assert kept(("set-cookie", f"{name}=x; Path=/"), ("set-cookie", "session=1")) == ["set-cookie"]


def test_request_noise_is_dropped():
    """Headers that describe the client differ between clients and versions."""
    noise = [
        "user-agent",
        "host",
        "connection",
        "accept-encoding",
        "content-length",
        "x-stainless-os",
    ]
    noise += ["traceparent", "x-amz-date", "amz-sdk-request", "idempotency-key", "sec-fetch-mode"]
    pairs = [(name, "x") for name in noise]

    found = request_headers(Headers((*pairs, ("accept", "*/*"), ("x-mine", "1"))))

    assert found.pairs == (("x-mine", "1"),)


def test_telling_accept_is_kept():
    """An accept header that asks for something stays."""
    assert request_headers(Headers((("accept", "text/csv"),))).pairs


def test_order_is_fixed_and_repeats_stay():
    """Names are sorted; fields of one name keep their order."""
    headers = Headers((("vary", "b"), ("link", "2"), ("vary", "a"), ("link", "1")))

    assert response_headers(headers, 200, "GET").pairs == (
        ("link", "2"),
        ("link", "1"),
        ("vary", "b"),
        ("vary", "a"),
    )


def test_settings_drop_and_keep():
    """Globs take more away and give back, in both directions."""
    assert kept(("x-a", "1"), ("x-b", "1"), drop=("x-*",), keep=("x-b",)) == ["x-b"]
    assert kept(("date", "x"), keep=("date",)) == ["date"]
    headers = Headers((("user-agent", "me"), ("x-a", "1")))
    assert request_headers(headers, ("x-a",), ("user-agent",)).pairs == (("user-agent", "me"),)


def test_boundary_of_a_request_is_neutral():
    """The boundary of a request is new each time; that of a response is needed to read it."""
    pair = ("content-type", "multipart/form-data; boundary=abc")

    assert request_headers(Headers((pair,))).get("content-type") == (
        "multipart/form-data; boundary=agentcache-boundary"
    )
    assert response_headers(Headers((pair,)), 200, "GET").pairs == (pair,)
