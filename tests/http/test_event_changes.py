"""Streams on a cassette: the first event of a kind in full, of the others only the changes."""

import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.http import body
from pytest_agentcache.http.body import BodyError
from pytest_agentcache.http.body.event_changes import restored, shortened

from ..values import JSON, TEXT

CHAT = (
    '{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"end":null}]}\n'
    '{"id":"c1","choices":[{"index":0,"delta":{"content":"It is"},"end":null}]}\n'
    '{"id":"c1","choices":[{"index":0,"delta":{"content":" dry"},"end":null}]}\n'
    '{"id":"c1","choices":[{"index":0,"delta":{"content":" in Paris."},"end":null}]}\n'
    '{"id":"c1","choices":[{"index":0,"delta":{},"end":"stop"}]}\n'
    "[DONE]\n"
)
SHORT_CHAT = (
    '{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"end":null}]}\n'
    '{"id":"c1","choices":[{"index":0,"delta":{"content":"It is"},"end":null}]}\n'
    '~ content=" dry"\n'
    '~ content=" in Paris."\n'
    '~ delta={} end="stop"\n'
    "[DONE]\n"
)
EDGE = '{"a":1,"b":2}\n'


def test_words_are_below_each_other():
    """Events of a kind differ in a few fields, and only those are written."""
    assert shortened(CHAT) == SHORT_CHAT
    assert restored(SHORT_CHAT) == CHAT


@pytest.mark.parametrize(
    ("full", "short"),
    [
        # The whole name where its end is not enough.
        (
            '{"type":"a","delta":{"type":"b","text":"1"}}\n{"type":"c","delta":{"type":"d","text":"1"}}',
            '{"type":"a","delta":{"type":"b","text":"1"}}\n~ type="c" delta.type="d"',
        ),
        # An event that is repeated.
        ('{"type": "ping"}\n{"type": "ping"}', '{"type": "ping"}\n~'),
        # Names that need quotes.
        ('{"a b":{"c.d":1}}\n{"a b":{"c.d":2}}', '{"a b":{"c.d":1}}\n~ ["a b"]["c.d"]=2'),
        # Escapes and numbers stay as they were written.
        (
            '{"a":"\\u00e9","b":1.0}\n{"a":"\\/","b":1e5}',
            '{"a":"\\u00e9","b":1.0}\n~ a="\\/" b=1e5',
        ),
        # The blanks of Anthropic, and the alphabet of Bedrock.
        ('{"a":{"b":1}  }\n{"a":{"b":2}    }', '{"a":{"b":1}  }\n~ b=2 pad 4'),
        ('{"a":{"b":1}  }\n{"a":{"b":2}}', '{"a":{"b":1}  }\n~ b=2 pad 0'),
        ('x {"a":"1","p":"ab"}\nx {"a":"2","p":"abcd"}', 'x {"a":"1","p":"ab"}\n~ a="2" pad 4'),
        ('{"pad":1}\n{"pad":2}', '{"pad":1}\n~ pad=2'),
        ('{"a":"b"}\n{"a":" pad 5"}', '{"a":"b"}\n~ a=" pad 5"'),
        # The event above is the nearest one that has all of the fields.
        (
            '{"a":1,"b":"long enough"}\n{"c":1,"d":"long enough"}\n{"a":2,"b":"long enough"}',
            '{"a":1,"b":"long enough"}\n{"c":1,"d":"long enough"}\n~ a=2',
        ),
    ],
)
def test_event_is_written_as_a_change(full, short):
    """A change names what differs, and nothing else."""
    assert shortened(full) == short
    assert restored(short) == full


@pytest.mark.parametrize(
    "full",
    [
        "",
        "hello\nhello",
        "[DONE]\n[DONE]",
        '{"a":1}\n{"b":1}',
        # A name that repeats has no path of its own.
        '{"a":1,"a":2}\n{"a":1,"a":3}',
        # The white space differs.
        '{"a":1}\n{"a": 2}',
        # A nearer event has the same field.
        '{"a":1,"b":1}\n{"c":{"a":1}}\n{"a":2,"b":1}',
        # This only resembles JSON.
        '{"a":1}\n{"a":nope}',
        '{"a":1}\n{"a":01}',
        '{"a":"x"}\n{"a":"\\q"}',
        '{"a":1\n{"a":2',
    ],
)
def test_event_that_needs_it_is_in_full(full):
    """An event without a shorter form that is exact stays as it is."""
    assert shortened(full) == full


def test_event_like_a_change_makes_the_stream_text():
    """Data that begins like a change cannot be read as one."""
    raw = b"data: ~ a=1\n\n"

    assert body.to_fields(raw, "text/event-stream") == {"text": raw.decode()}


def test_stream_in_full_is_read():
    """Cassettes that were recorded before are read as they are."""
    assert restored(CHAT) == CHAT
    raw = body.from_fields({"sse": CHAT})
    assert raw == body.from_fields({"sse": SHORT_CHAT})
    assert body.to_fields(raw, "text/event-stream") == {"sse": SHORT_CHAT}


def test_lines_of_json_have_changes_too():
    """Events stay text if no other form is shorter."""
    raw = b'{"response":"It is","done":false}\n{"response":" dry.","done":false}\n'

    fields = body.to_fields(raw, "application/x-ndjson")

    assert fields == {"json_lines": '{"response":"It is","done":false}\n~ response=" dry."\n'}
    assert body.from_fields(fields) == raw
    assert body.to_fields(b'{"a":1}\n{"b":2}\n', "application/x-ndjson") == {
        "text": '{"a":1}\n{"b":2}\n'
    }


def test_person_may_name_fields_in_any_order_and_in_full():
    """An edited line is read by the same rules."""
    assert restored('{"a":{"b":1},"c":2}\n~ c=3 a.b=[1, 2]\n') == (
        '{"a":{"b":1},"c":2}\n{"a":{"b":[1, 2]},"c":3}\n'
    )


def test_line_can_be_removed_without_its_neighbours():
    """Changes do not depend on each other."""
    lines = SHORT_CHAT.split("\n")

    for at in (2, 3, 4):
        assert restored("\n".join(lines[:at] + lines[at + 1 :])).split("\n") == (
            CHAT.split("\n")[:at] + CHAT.split("\n")[at + 1 :]
        )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("~ c=1", "no event above '~ c=1' has c"),
        ("~ a=1 c=1", "no event above '~ a=1 c=1' has a and c"),
        ("~ a=1,b=2", "'~ a=1,b=2' is not a change like"),
        ("~a=1", "'~a=1' is not a change like"),
        ("~ a 1", "'~ a 1' is not a change like"),
        ("~ a=yes", "the value of a in '~ a=yes' is not JSON"),
        ('~ a="x', "the value of a in '~ a=\"x' is not JSON"),
        ("~ a=1 a=2", "a is changed twice"),
        ("~ a=1 pad x", "'~ a=1 pad x' is not a change like"),
    ],
)
def test_edited_line_is_checked(line, problem):
    """The error has the line and what is wrong with it."""
    with pytest.raises(BodyError) as caught:
        body.from_fields({"sse": f"{EDGE}[DONE]\n{line}\n"})

    assert problem in caught.value.problem
    assert caught.value.row == 2


def test_change_without_an_event_above():
    """The first event cannot be a change."""
    with pytest.raises(BodyError, match="no event above '~' has any field"):
        body.from_fields({"json_lines": "~\n"})


def test_deep_and_strange_streams_are_exact():
    """Neither the depth of an event nor the number of their kinds is a problem."""
    deep = [f'{{"a":{value}}}' for value in ("1", "2", "[3]")]
    for _ in range(400):
        deep = [f'{{"a":{each}}}' for each in deep]
    many = [json.dumps({"a": number, f"b{number % 700}": {"c": "x" * 9}}) for number in range(2000)]

    for full in ("\n".join(deep), "\n".join(many)):
        short = shortened(full)
        assert len(short) <= len(full)
        assert restored(short) == full


EVENTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"t": st.just("a"), "d": st.fixed_dictionaries({"text": JSON})}),
        st.fixed_dictionaries({"t": st.just("b"), "n": st.integers(), "p": TEXT}),
        st.fixed_dictionaries({"t": TEXT, "d": st.dictionaries(TEXT, JSON, max_size=3)}),
        JSON,
    ),
    max_size=12,
)
STYLES = st.sampled_from([{}, {"separators": (",", ":")}, {"ensure_ascii": False}])


@given(EVENTS, STYLES, st.lists(st.integers(0, 5), min_size=12, max_size=12))
def test_any_stream_comes_back_to_the_byte(events, style, pads):
    """The form never changes what a client receives, and it is canonical."""
    lines = [json.dumps(each, **style) for each in events]
    lines = [
        f"{line[:-1]}{' ' * pad}}}" if line.endswith("}") else line
        for line, pad in zip(lines, pads, strict=False)
    ]
    raw = "".join(f"data: {line}\n\n" for line in lines).encode()

    fields = body.to_fields(raw, "text/event-stream")

    assert body.from_fields(fields, None, "text/event-stream") == raw
    full = "\n".join(lines)
    assert restored(shortened(full)) == full
    assert shortened(restored(shortened(full))) == shortened(full)
    assert len(shortened(full)) <= len(full)


@given(st.lists(st.text('{}[]",:\\ ~=ap01ub.\t', max_size=25), max_size=5))
def test_text_that_resembles_json_comes_back(lines):
    """Neither broken JSON nor any other text is changed."""
    full = "\n".join(lines)

    short = shortened(full)

    assert short is None or restored(short) == full


def test_git_merges_edits_of_two_people(tmp_path):
    """Two branches change different words of a stream, and one drops an event."""

    def git(*words):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    words = [f'~ content=" {number}"' for number in range(12)]
    start = SHORT_CHAT.split("\n")[:2]
    file = tmp_path / "stream"
    ours, theirs, both = words.copy(), words.copy(), words.copy()
    ours[2] = both[2] = '~ content=" two"'
    theirs[9] = both[9] = '~ content=" nine"'
    del theirs[6], both[6]

    def commit(lines):
        file.write_text("\n".join([*start, *lines, ""]))
        git("add", ".")
        git("commit", "-q", "-m", "edit")

    git("init", "-q", "-b", "main")
    commit(words)
    git("checkout", "-q", "-b", "theirs")
    commit(theirs)
    git("checkout", "-q", "main")
    commit(ours)
    git("merge", "-q", "theirs", "-m", "merge")

    assert file.read_text() == "\n".join([*start, *both, ""])
    assert restored(file.read_text()).count("\n") == 13
