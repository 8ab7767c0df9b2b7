import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache import canonical_yaml as cassette_yaml
from pytest_agentcache.canonical_yaml import UnreadableError, UnwritableError, dump, load
from pytest_agentcache.canonical_yaml.scalars import PLAIN_BLOCK
from pytest_agentcache.http.body import json_text

from ..values import COLLECTIONS, STRINGS, TEXT_OF_LINES, same


@given(COLLECTIONS)
def test_what_is_written_is_read(value):
    """Any JSON value comes back from our reader, types and order of keys included."""
    assert same(load(dump(value)), value)


@given(COLLECTIONS)
def test_safe_load_reads_what_is_written(value):
    """Any YAML 1.1 reader gets the same, libyaml or not."""
    text = dump(value)

    assert same(yaml.safe_load(text), value)
    assert same(yaml.load(text, Loader=yaml.CSafeLoader), value)


@given(COLLECTIONS)
def test_writing_is_canonical(value):
    """Writing what was read gives the same text."""
    text = dump(value)

    assert dump(load(text)) == text


@given(COLLECTIONS)
def test_a_file_is_cut_into_items_by_its_lines(value):
    """An item begins where a line begins with a dash in column 0, and nowhere else."""
    items = [value, {"a": value}, [value]]
    text = "".join(cassette_yaml.dump_item(item) for item in items)

    cuts = [at for at, line in enumerate(text.split("\n")) if line.startswith("- ")]

    lines = text.split("\n")
    ends = [*cuts[1:], len(lines) - 1]
    # Line ends count: text may end in empty lines.
    found = [load("\n".join(lines[a:b]) + "\n") for a, b in zip(cuts, ends, strict=True)]
    assert same([each[0] for each in found], items)


@given(STRINGS)
def test_text_survives_in_every_place(text):
    """As key, value, item, on one line and opened up, text stays what it is."""
    wide = "x" * 100
    value = {"value": text, "keys": {text: 1}, "flow": [text, text], "open": [text, wide, [text]]}

    assert load(dump(value)) == value
    assert yaml.safe_load(dump(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "Yes",
        "on",
        "off",
        "null",
        "~",
        "12:30:45",
        "2024-01-01",
        "0x1f",
        "1_000",
        "=",
        "<<",
        "1e-7",
        "1e5",
        "0o17",
        "017",
        "y",
        "N",
        "true",
        "1.5",
        "-3",
        ".inf",
        ".NaN",
    ],
)
def test_text_that_means_something_else_is_quoted(text):
    """Text that a YAML 1.1 or 1.2 reader would take for another type is quoted."""
    assert dump({"a": text}) == f"a: '{text}'\n".replace("a: ", "{a: ").replace("\n", "}\n")


@pytest.mark.parametrize("text", ["it is", "a/b", "gpt-4o", "日本語", "😀", "3 apples", "a-b:c"])
def test_harmless_text_is_plain(text):
    """Text that can mean nothing else needs no quotes."""
    assert cassette_yaml.dump_entry("a", text) == f"a: {text}\n"


@pytest.mark.parametrize(
    "literal",
    [
        "1.0",
        "1e5",
        "1E5",
        "1e-7",
        "5e-324",
        "1.50",
        "-0.0",
        "0.1",
        "1e+2",
        "123456789.125",
        "-0",
        "0",
        "7",
        str(10**40),
        str(-(10**40)),
        "1E+02",
        "1.7976931348623157e308",
    ],
)
def test_numbers_keep_the_way_they_are_written(literal):
    """JSON's numbers come back to the digit, and any reader sees the same number."""
    raw = f"[{literal}]".encode()
    found = json_text.structure(raw)
    if found is None:
        assert literal == "-0"
        return
    value, style = found

    text = dump({"n": value})

    assert json_text.text(load(text)["n"], style) == raw
    seen = yaml.safe_load(text)["n"][0]
    assert (type(seen), seen) == (type(json.loads(literal)), json.loads(literal))


@pytest.mark.parametrize("raw", [b"[1E400]", b"[-1e999]", b"[NaN]", b"[Infinity]"])
def test_numbers_beyond_a_float_are_no_structure(raw):
    """Numbers that Python cannot represent exactly stay text."""
    assert json_text.structure(raw) is None


def test_short_collection_stands_on_one_line():
    """Up to 100 columns a collection takes one line."""
    fits = ["x" * 45, "y" * 51]
    assert dump(fits) == f"[{fits[0]}, {fits[1]}]\n"
    assert len(dump(fits)) == 101

    assert dump([fits[0], fits[1] + "y"]) == f"- {fits[0]}\n- {fits[1]}y\n"


def test_empty_collection_is_never_opened():
    """Opened up it would read as null, so it stays on one line at any width."""
    value = {"x" * 200: [], "y" * 200: {}, "z": [[], {}, "w" * 100]}

    assert yaml.safe_load(dump(value)) == value


def test_nothing_is_folded():
    """A long text of one line stays on one line."""
    assert dump({"a": "word " * 100 + "end"}).count("\n") == 1


def test_text_of_several_lines_is_a_block():
    """Text with line ends reads as it is."""
    assert dump({"a": "one\n\n  two\n"}) == "a: |\n  one\n\n    two\n"
    assert dump({"a": "one\ntwo"}) == "a: |-\n  one\n  two\n"
    assert dump({"a": "one\ntwo\n\n"}) == "a: |+\n  one\n  two\n\n"
    assert dump({"a": " one\ntwo"}) == "a: |2-\n   one\n  two\n"
    assert dump(["one\ntwo"]) == "- |-\n  one\n  two\n"


@given(TEXT_OF_LINES)
def test_text_of_several_lines_is_always_a_block(text):
    """With any content, its lines are lines of the file, and every reader gets it exactly."""
    for written in (dump({"a": text}), dump([text]), dump({"a": {"b": [text, text]}})):
        value = load(written)
        assert same(yaml.safe_load(written), value)
        assert same(yaml.load(written, Loader=yaml.CSafeLoader), value)
        assert dump(value) == written

    assert load(dump({"a": text})) == {"a": text}
    lines = cassette_yaml.dump_entry("a", text).removesuffix("\n").split("\n")
    assert len(lines) > text.rstrip("\n").count("\n")
    assert lines[0][:4] in ("a: |", 'a: "')
    assert all(line[:2] in ("", "  ") for line in lines[1:])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("one \n\ttwo\t\n", "|\n  one \n  \ttwo\t\n"),
        ("😀\nsun", "|-\n  😀\n  sun\n"),
        ("one\u2028two\nthree", "|-\n  one\u2028  two\n  three\n"),
        ("one\u2029\ntwo", "|-\n  one\u2029\n  two\n"),
        ("one\r\n  two\r\n", '"\\\n  one\\r\\n\\\n  \\  two\\r\\n"\n'),
        ("\ufeffone\n\x1b[1mtwo\\n", '"\\\n  \\ufeffone\\n\\\n  \\x1b[1mtwo\\\\n"\n'),
        ("\u2028one\n\ntwo\x85", '"\\\n  \\u2028one\\n\\\n  \\n\\\n  two\\x85"\n'),
    ],
)
def test_what_blocks_look_like(text, written):
    """A literal block; where YAML would change that, lines in quotes, escapes in sight."""
    assert cassette_yaml.dump_entry("a", text) == f"a: {written}"
    assert yaml.safe_load(f"a: {written}") == {"a": text}


def test_lines_are_counted_as_an_editor_counts_them():
    """A line separator is a line end for YAML, and none for who looks for the line."""
    text = dump({"a": "one\u2028two\nthree", "b": 1, "c": {"d": "x"}}) + "b: 2\n"

    with pytest.raises(UnreadableError) as caught:
        load(text)

    assert caught.value.line == text.count("\n")
    assert cassette_yaml.line_of(dump({"a": "one\u2028two\nthree", "b": 1}), ("b",)) == 4


def test_a_collection_is_filled_where_that_saves_a_third():
    """Over five lines at most, cut as far outside as that number of lines allows."""
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("city", "country", "population")},
        "required": ["city", "country", "population"],
    }

    assert cassette_yaml.dump_entry("tool", schema) == (
        "tool: {type: object, properties: {city: {type: string}, country: {type: string},\n"
        "  population: {type: string}}, required: [city, country, population]}\n"
    )
    assert cassette_yaml.dump_entry(
        "tool", {"strict": True, "description": "x" * 40, **schema}
    ) == (
        f"tool: {{strict: true, description: {'x' * 40}, type: object,\n"
        "  properties: {city: {type: string}, country: {type: string}, "
        "population: {type: string}},\n"
        "  required: [city, country, population]}\n"
    )
    assert cassette_yaml.dump_entry("a", {"b": "x" * 60, "c": "y" * 60}) == (
        f"a: {{b: {'x' * 60},\n  c: {'y' * 60}}}\n"
    )
    inner = {"x": "x" * 60, "in": {"p": "p" * 20, "q": "q" * 60}}
    assert cassette_yaml.dump_entry("a", inner) == (
        f"a: {{x: {'x' * 60},\n  in: {{p: {'p' * 20}, q: {'q' * 60}}}}}\n"
    )
    six = {f"key{n}": "x" * 80 for n in range(6)}
    assert cassette_yaml.dump_entry("a", six).startswith("a:\n  key0: x")


def test_items_of_a_list_begin_a_line_each():
    """Messages stay apart, though together they would fill fewer lines."""
    messages = [{"role": "user", "content": "x" * 20}] * 3

    assert dump({"messages": messages}).count("\n- {role: user, content:") == 3


def test_sentences_are_not_cut_and_words_may_be_wide():
    """A long sentence has its own line below its key; data that nobody reads does not."""
    sentence, word = "word " * 30 + "end", "A" * 300

    assert cassette_yaml.dump_entry("a", {"b": sentence, "c": 1}).startswith("a:\n  b: word word")
    assert cassette_yaml.dump_entry("a", {"id": 1, "key": word, "d": 2, "e": 3}) == (
        f"a: {{id: 1,\n  key: {word},\n  d: 2, e: 3}}\n"
    )


def test_numbers_are_filled_however_many():
    """A vector is no reading; it takes the lines it fills."""
    text = dump({"embedding": [n / 1000 for n in range(1536)]})

    assert text.count("\n") < 120
    assert max(map(len, text.split("\n"))) <= 100
    assert load(text) == {"embedding": [n / 1000 for n in range(1536)]}


def test_a_frame_is_opened_up():
    """The levels of a frame are never filled; content that fits is on one line."""
    value = {"response": {"status": 200, "json": {"a": "x" * 50, "b": "y" * 50}}}

    assert cassette_yaml.dump_item(value, frame=2) == (
        f"- response:\n    status: 200\n    json: {{a: {'x' * 50},\n      b: {'y' * 50}}}\n"
    )
    assert cassette_yaml.dump_item({"a": {"b": 1}}, frame=2) == "- {a: {b: 1}}\n"


def test_emoji_and_tabs_are_shown_as_they_are():
    """Only what a terminal cannot show is escaped."""
    assert cassette_yaml.dump_entry("a", "😀 é\tx") == 'a: "😀 é\\tx"\n'
    assert cassette_yaml.dump_entry("a", "\x00\x85\u2028\ufeff") == (
        'a: "\\0\\x85\\u2028\\ufeff"\n'
    )


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: !!python/object:os.system x\n", 2, "python/object"),
        ("a: &x 1\nb: 2\nc: *x\n", 3, "alias"),
        ("a: &x [1]\n\nc: [*x]\n", 3, "alias"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' twice"),
        ("a:\n- b: 1\n  b: 2\n", 3, "'b' twice"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("é: é\nb: \x01\n", 2, r"U\+0001"),
        ("a: [1\n", 1, "expected"),
        ("a: b: c\n", 1, "mapping values"),
        ("a:\n\t- b\n", 2, "token"),
        ("? [a]\n: 1\n", 1, "no text"),
        ("a: 1\n<<: {b: 1}\n", 2, "merge"),
        ("a: 1\nb: " + "[" * 600 + "]" * 600 + "\n", 2, "deeply"),
        ("a: 1\nb:\n" + "- " * 600 + "x\n", 3, "deeply"),
    ],
)
def test_unreadable_text_is_refused_with_its_line(text, line, problem):
    """YAML features that cassettes do not use are errors with a line number."""
    with pytest.raises(UnreadableError, match=problem) as caught:
        load(text)

    assert caught.value.line == line


@pytest.mark.parametrize("nested", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000])
def test_hostile_nesting_does_not_end_the_process(nested):
    """Depth that would end the stack of libyaml's binding is refused before it gets there."""
    with pytest.raises(UnreadableError):
        load(nested)


def test_too_deep_a_value_is_not_written():
    """Writing ends where reading would."""
    value = []
    for _ in range(300):
        value = [value]

    with pytest.raises(UnwritableError, match="deeper"):
        dump(value)
    assert not cassette_yaml.writable(value)


@pytest.mark.parametrize("key", ["x" * 1001, "'" * 600, "\x01" * 300, "\u2028" * 200])
def test_too_long_a_key_is_not_written(key):
    """A key that libyaml would not read back is refused, quotes and escapes counted."""
    assert not cassette_yaml.writable({key: 1})
    with pytest.raises(UnwritableError, match="key"):
        dump({key: "x" * 100})


@pytest.mark.parametrize("key", ["x" * 990, "'" * 490, "\x01" * 240, "\u2028" * 160])
def test_a_long_key_is_read_back(key):
    """Up to the limit keys of any kind come back."""
    assert cassette_yaml.writable({key: 1})
    assert load(dump({key: "x" * 100})) == {key: "x" * 100}


def test_half_a_surrogate_pair_is_not_written():
    """YAML has no way to say it."""
    assert not cassette_yaml.writable(["\ud800"])
    with pytest.raises(UnwritableError, match="surrogate"):
        dump(["\ud800"])


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_other_types_are_not_written(value):
    """Only JSON's types have a place."""
    with pytest.raises(UnwritableError, match="type"):
        dump([value])


def test_yaml_numbers_of_a_person_are_read_for_their_value():
    """Number forms that JSON does not know become the number, not broken JSON."""
    found = load("[1_000.5, +1.5, .5, 1., 1:30.5]")

    assert json_text.text(found, "") == b"[1000.5,1.5,0.5,1.0,90.5]"


def test_lines_are_found_by_path():
    """The line of a key, an item, or of the last step that is there."""
    text = "a: 1\nb:\n- x: 1\n- y:\n    z: 2\n"

    assert cassette_yaml.line_of(text, ("b", 1, "y", "z")) == 5
    assert cassette_yaml.line_of(text, ("b", 1, "missing")) == 4
    assert cassette_yaml.line_of(text, ("b", 7)) == 2
    assert cassette_yaml.line_of(text, ("a", "deeper")) == 1
    assert cassette_yaml.line_of(text, ()) is None


@given(st.text(st.sampled_from("ab :#-.\n\t\u2028\xa0é'\"\ud800\r"), max_size=8))
def test_plain_text_is_the_same_by_runs_and_by_characters(text):
    """Runs of safe characters accept what one character after the other accepts."""
    one_by_one = (
        r"(?![-?:,\[\]{}#&*!|>'\"%@` ])(?!---|\.\.\.)(?:[^\x00-\x1f\x7f-\xa0\u2028\u2029"
        r"\ud800-\udfff\ufeff\ufffe\uffff:#]|:(?! |$)|(?<! )#)+(?<! )"
    )

    assert bool(PLAIN_BLOCK.fullmatch(text)) == bool(re.fullmatch(one_by_one, text))
