"""Spans of a body and their replacement."""

import pytest

from pytest_agentcache.http.body.spans import Span, merged, replaced


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span(0, 4, b"a"), Span(2, 6, b"b")], [Span(0, 6, b"a")]),
        ([Span(2, 6, b"b"), Span(0, 4, b"a")], [Span(0, 6, b"a")]),
        ([Span(0, 6, b"a"), Span(2, 4, b"b")], [Span(0, 6, b"a")]),
        ([Span(0, 4, b"a"), Span(2, 6, b"b"), Span(5, 8, b"c")], [Span(0, 8, b"a")]),
        ([Span(0, 6, b"a"), Span(1, 3, b"b"), Span(5, 8, b"c")], [Span(0, 8, b"a")]),
        ([Span(0, 2, b"a"), Span(0, 4, b"b")], [Span(0, 4, b"b")]),
        ([Span(0, 2, b"a"), Span(0, 2, b"b")], [Span(0, 2, b"a")]),
        ([Span(0, 2, b"a"), Span(2, 4, b"b")], [Span(0, 2, b"a"), Span(2, 4, b"b")]),
    ],
)
def test_overlapping_spans_become_one(spans, expected):
    """The first grows to the end of all that overlap it, and keeps its text."""
    assert merged(spans) == expected


def test_nothing_of_overlapping_spans_is_left():
    """Replacing merged spans removes every byte of each of them."""
    spans = merged([Span(1, 4, b"<A>"), Span(3, 7, b"<B>")])

    assert replaced(b"0123456789", spans) == b"0<A>789"
