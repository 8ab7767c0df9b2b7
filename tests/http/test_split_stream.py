"""Texts of streams that are found by the form of their events, and by reading each event."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.http.body import split_stream
from pytest_agentcache.http.body.kinds import EVENT_STREAM

TEXTS = st.sampled_from(("", "a", "x y", "é", 'q"', "b\\s", "nl\n", ": ", '{"a":1}', "index"))
NAMES = st.sampled_from(("index", "output_index", "a", "b", "c d", "é"))
VALUES = st.recursive(
    TEXTS | st.integers(0, 2) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
WRITTEN = st.builds(
    lambda value, spaced, ascii_only, cut: json.dumps(
        value, ensure_ascii=ascii_only, separators=(", ", " : ") if spaced else (",", ":")
    )[: None if cut else -1].replace('"b"', '"a"' if spaced else '"b"'),
    VALUES,
    st.booleans(),
    st.booleans(),
    st.sampled_from((True, True, True, False)),
)


@given(st.lists(WRITTEN, min_size=1, max_size=3), st.integers(1, 2))
def test_events_of_one_form_are_read_once_with_the_same_result(events, times):
    """Places that are remembered for a form are those that reading the event finds."""
    raw = "".join(f"data: {event}\n\n" for event in events * times).encode()

    read = {}
    for start, stop in EVENT_STREAM.payloads(raw):
        if raw.startswith(split_stream._JSON, start):
            for place, piece in split_stream._parsed(raw, start, stop):
                read.setdefault(place, []).append(piece)
        else:
            piece = split_stream._Piece(start, stop, raw[start:stop], is_json=False)
            read.setdefault((), []).append(piece)

    assert list(split_stream._places(raw, EVENT_STREAM)) == list(read.values())


def test_five_hundred_events_of_one_form_are_parsed_once(monkeypatch):
    """One event of each form in a stream is read as JSON."""
    parsed, read = [], json.loads
    monkeypatch.setattr(split_stream.json, "loads", lambda raw: parsed.append(raw) or read(raw))
    event = '{"choices":[{"index":0,"delta":{"content":"word%d"}}]}'
    raw = "".join(f"data: {event % at}\n\n" for at in range(500)).encode()

    [pieces] = split_stream._places(raw, EVENT_STREAM)

    assert len(pieces) == 500
    assert len(parsed) == 1
