"""Stand-ins for request ids and rate limits, whose values a cassette leaves out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pytest_agentcache.http.headers import response_headers
from pytest_agentcache.http.messages import Headers
from pytest_agentcache.http.stand_ins import LEFT_OUT, filled

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
OPENAI = [
    f"x-ratelimit-{what}-{unit}"
    for what in ("limit", "remaining", "reset")
    for unit in ("requests", "tokens")
]
GITHUB = [f"x-ratelimit-{what}" for what in ("limit", "remaining", "reset", "resource", "used")]


def value_of(name, seed="GET https://api.example/", now=NOW):
    """Return the stand-in for a header."""
    return filled(Headers(((name, LEFT_OUT),)), seed, now).get(name)


@pytest.mark.parametrize(
    ("names", "glob"), [(OPENAI, "x-ratelimit-*-*"), (GITHUB, "x-ratelimit-*")]
)
def test_complete_family_is_one_entry(names, glob):
    """The rate limits that a provider always sends are one entry, and come back as they were."""
    sent = Headers(tuple((name, "7") for name in names))
    kept = response_headers(sent, 200, "GET")

    assert kept.pairs == ((glob, LEFT_OUT),)
    assert {name for name, _ in filled(kept, "", NOW)} == {*names, "date"}


def test_incomplete_family_lists_its_members():
    """A rate limit that comes without the others is named itself."""
    kept = response_headers(Headers(((OPENAI[0], "7"),)), 200, "GET")

    assert kept.pairs == ((OPENAI[0], LEFT_OUT),)


def test_request_id_depends_on_the_request_alone():
    """The same request gets the same id on every replay; another one gets another."""
    one = value_of("x-request-id", "GET https://api.example/1")

    assert one == value_of("x-request-id", "GET https://api.example/1", NOW.replace(year=2027))
    assert one != value_of("x-request-id", "GET https://api.example/2")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x-ratelimit-remaining", "10000"),
        ("x-ratelimit-used", "0"),
        ("x-ratelimit-reset", str(int(NOW.timestamp()) + 3600)),
        ("x-ratelimit-reset-tokens", "1s"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-28T12:01:00Z"),
    ],
)
def test_rate_limits_have_the_form_of_their_provider(name, expected):
    """Clients parse these values."""
    assert value_of(name) == expected


def test_value_written_by_hand_is_given():
    """A value that a person writes in place of `…` reaches the client."""
    written = Headers((("x-request-id", "req_mine"), ("date", "Thu, 01 Jan 2026 00:00:00 GMT")))

    assert filled(written, "", NOW).pairs == written.pairs


def test_date_is_that_of_the_clock():
    """Each response is dated by the clock of the test."""
    assert filled(Headers(), "", NOW).get("date") == "Sat, 28 Nov 2026 12:00:00 GMT"
