"""The case of header names, on the wire and on the cassette."""

from __future__ import annotations

import pytest

from pytest_agentcache.http.header_names import marked_names, recorded_names, usual_name
from pytest_agentcache.http.messages import Headers


@pytest.mark.parametrize("name", ["ETag", "WWW-Authenticate", "Content-Type", "x-lower"])
def test_usual_names_need_no_mark(name):
    """Registered names in title case, and others in lower case, are what a cassette means."""
    headers = Headers.of([(name, "1")])

    assert headers.unusual == ()
    assert usual_name(name.lower()) == name


@pytest.mark.parametrize(
    ("sent", "marked"),
    [
        (["content-type", "etag", "x-lower"], "lower"),
        (["Content-Type", "etag"], ["etag"]),
        (["Content-Type", "X-Custom", "ETAG"], []),
    ],
)
def test_mark_tells_the_names_that_came_in_lower_case(sent, marked):
    """Names with capitals are written as they came; only lower case needs a mark."""
    headers = Headers.of([(name, "1") for name in sent])
    names = [name for name, _ in headers]

    assert marked_names(names, headers.unusual) == marked
    read = {name.lower(): name for name in recorded_names(names, headers.unusual)}
    assert [read.get(name) or usual_name(name) for name in names] == sent
