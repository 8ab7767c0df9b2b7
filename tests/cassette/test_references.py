import json
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_agentcache.cassette import Cassette, read, render
from pytest_agentcache.cassette.references import (
    MARK,
    BrokenReferenceError,
    LooksLikeReferenceError,
    ReferenceReader,
    ReferenceWriter,
)
from pytest_agentcache.errors import CassetteError
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from ..values import JSON, same

JSON_TYPE = Headers((("content-type", "application/json"),))
TOOLS = [
    {"type": "function", "name": name, "description": "What it does. " * 8}
    for name in ("first", "second", "third")
]
SYSTEM = {"role": "system", "content": "You are an agent.\nYou use tools.\nYou are brief.\n"}


def user(text):
    """A message of the user."""
    return {"role": "user", "content": text}


def spoken(*bodies):
    """Interactions of these pairs of JSON bodies."""
    return tuple(
        Interaction(
            Request("POST", "https://h.example/v1", JSON_TYPE, json.dumps(asked).encode()),
            Response(200, JSON_TYPE, json.dumps(answered).encode(), "OK"),
        )
        for asked, answered in bodies
    )


def written(tmp_path, *bodies):
    """The file of a cassette of these bodies, and what `yaml.safe_load` sees of it."""
    path = tmp_path / "c.yaml"
    path.write_text(render(Cassette(path, None, spoken(*bodies)), {}), encoding="utf-8")
    return path, yaml.safe_load(path.read_text("utf-8"))["interactions"]


def shortened(*bodies):
    """These bodies, shortened one by one."""
    references = ReferenceWriter()
    return [references.shorten(f"request {n}", body) for n, body in enumerate(bodies, 1)]


def restored(*bodies):
    """The inverse of `shortened`."""
    reader = ReferenceReader()
    return [reader.restore(f"request {n}", body) for n, body in enumerate(bodies, 1)]


def test_a_conversation_is_written_once(tmp_path):
    """Repeated content is a reference to its place, in the words of the file."""
    answer = {"role": "assistant", "content": "Which city?\nAnd which day?\nTell me.\n"}
    first = [SYSTEM, user("Will it rain?")]
    second = [*first, answer, user("Paris, today.")]
    path, items = written(
        tmp_path,
        ({"messages": first, "tools": TOOLS}, {"choices": [{"index": 0, "message": answer}]}),
        ({"messages": second, "tools": TOOLS}, {"instructions": SYSTEM["content"], "n": 1}),
    )

    assert items[1]["request"]["json"] == {
        "messages": [
            {"same as": "messages[0] to [1] of request 1"},
            {"same as": "choices[0].message of response 1"},
            user("Paris, today."),
        ],
        "tools": {"same as": "tools of request 1"},
    }
    assert items[1]["response"]["json"] == {
        "instructions": {"same as": "messages[0].content of request 1"},
        "n": 1,
    }
    found = read(path).interactions
    assert json.loads(found[1].request.body) == {"messages": second, "tools": TOOLS}
    assert json.loads(found[1].response.body) == {"instructions": SYSTEM["content"], "n": 1}


def test_an_answer_that_echoes_its_request_refers_to_it(tmp_path):
    """The part of a response that repeats its request refers to it."""
    path, items = written(tmp_path, ({"tools": TOOLS}, {"tools": TOOLS, "id": 1}))

    assert items[0]["response"]["json"]["tools"] == {"same as": "tools of request 1"}
    assert (
        read(path).interactions[0].response.body == json.dumps({"tools": TOOLS, "id": 1}).encode()
    )


def test_a_third_turn_refers_to_the_second():
    """The longest history is taken, and that is the latest."""
    first = [SYSTEM, user("a")]
    second = [*first, user("b")]
    third = [*second, user("c")]

    found = shortened({"input": first}, {"input": second}, {"input": third})

    assert found[1] == {"input": [{MARK: "input[0] to [1] of request 1"}, user("b")]}
    assert found[2] == {"input": [{MARK: "input[0] to [2] of request 2"}, user("c")]}


def test_of_two_equal_runs_the_first_is_taken():
    """If two earlier lists begin alike, the reference leads to the first of them."""
    first = [SYSTEM, user("a")]

    found = shortened(
        {"input": first}, {"input": [*first, user("b")]}, {"input": [*first, user("c")]}
    )

    assert found[2] == {"input": [{MARK: "input[0] to [1] of request 1"}, user("c")]}


def test_a_whole_body_is_one_reference():
    """A retry sends the same again."""
    assert shortened({"tools": TOOLS}, {"tools": TOOLS})[1] == {MARK: "request 1"}


def test_what_is_short_is_written_out():
    """A reference costs more to read than a line or two."""
    body = {"model": "m", "input": [user("a" * 60)], "text": "one line\n"}

    assert shortened(body, body | {"model": "n"})[1] == body | {"model": "n"}


@pytest.mark.parametrize(
    "other",
    [
        [1.0, *TOOLS],
        [True, *TOOLS],
        ["1", *TOOLS],
        [1, *[dict(reversed(tool.items())) for tool in TOOLS]],
    ],
)
def test_only_what_is_the_same_to_the_byte_is_referred_to(other):
    """Types and the order of keys tell values apart."""
    repeats = shortened({"a": [1, *TOOLS]}, {"a": other})

    assert same(restored(*repeats)[1], {"a": other})


def test_a_name_that_no_path_spells_is_not_referred_to():
    """Below a key with a blank or a dot everything is written out."""
    odd = {"a b": TOOLS, "c.d": TOOLS, "0": TOOLS}

    assert shortened(odd, {"tools": TOOLS})[1] == {"tools": TOOLS}
    assert shortened({"tools": TOOLS}, odd)[1]["a b"] == {MARK: "tools of request 1"}


PARTS = st.sampled_from([SYSTEM, user("a"), user("b" * 300), TOOLS[0], TOOLS[1], 1, 1.0, "1", None])
BODIES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "messages": st.lists(PARTS, max_size=6),
            "tools": st.lists(PARTS, max_size=3),
            "odd name": st.lists(PARTS, max_size=3),
            "inner": st.fixed_dictionaries({"content": st.lists(PARTS, max_size=4)}),
            "any": JSON,
        },
    ),
    max_size=6,
)


@given(BODIES)
def test_what_was_shortened_is_restored(bodies):
    """To the type and the order of keys, and shortening it again changes nothing."""
    short = shortened(*bodies)

    found = restored(*short)

    assert same(found, bodies)
    assert same(shortened(*found), short)


@settings(max_examples=50)
@given(BODIES)
def test_a_cassette_with_references_is_canonical(tmp_path_factory, bodies):
    """Bytes of answers come back exactly, and writing what was read gives the same file."""
    path = tmp_path_factory.getbasetemp() / "repeats.yaml"
    spoke = spoken(*zip(bodies, bodies[::-1], strict=True))
    text = render(Cassette(path, None, spoke), {})
    path.write_bytes(text.encode())

    found = read(path)

    assert [each.response for each in found.interactions] == [each.response for each in spoke]
    assert [json.loads(each.request.body) for each in found.interactions] == bodies
    assert render(found, {}) == text


def test_json_that_looks_like_a_reference_is_text(tmp_path):
    """It is kept to the byte, and nothing is put in its place."""
    body = {"tools": TOOLS, "data": {"same as": "request 1"}}
    path, items = written(tmp_path, ({"tools": TOOLS}, body), (body, {"tools": TOOLS}))

    assert "json" not in items[0]["response"]
    assert "json" not in items[1]["request"]
    found = read(path).interactions
    assert json.loads(found[0].response.body) == body
    assert json.loads(found[1].request.body) == body
    with pytest.raises(LooksLikeReferenceError):
        ReferenceWriter().shorten("request 1", body)


def test_an_edit_is_an_edit_of_all_that_refers_to_it(tmp_path):
    """An edit of the first tool changes it everywhere."""
    path, _ = written(tmp_path, ({"tools": TOOLS}, {}), ({"tools": TOOLS}, {}))
    path.write_text(path.read_text("utf-8").replace("name: first", "name: edited", 1), "utf-8")

    assert json.loads(read(path).interactions[1].request.body)["tools"][0]["name"] == "edited"


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("tools of request 7", "there is no JSON of request 7 above"),
        ("tools of request 2", "there is no JSON of request 2 above"),
        ("tools of response 1", "response 1 has no such thing"),
        ("tool of request 1", "request 1 has no such thing"),
        ("tools[3] of request 1", "request 1 has no such thing"),
        ("tools.name of request 1", "request 1 has no such thing"),
        ("tools[0][0] of request 1", "request 1 has no such thing"),
        ("tools..name of request 1", "request 1 has no such thing"),
        ("'tools[0] to [1] of request 1'", "names several items, but this is not a list"),
        ("the first one", "is not a reference like"),
        ("request 1 and more", "is not a reference like"),
        ("3", "is not a reference like"),
        ("[tools of request 1]", "is not a reference like"),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error_with_its_line(tmp_path, reference, problem):
    """The error has its line and a remedy, and nothing is replayed."""
    path, _ = written(tmp_path, ({"tools": TOOLS}, "text"), ({"tools": TOOLS}, {}))
    text = path.read_text("utf-8")
    assert "{same as: request 1}" in text
    path.write_text(
        text.replace("{same as: request 1}", f"\n      tools:\n        same as: {reference}"),
        "utf-8",
    )

    with pytest.raises(CassetteError, match="same as") as caught:
        read(path)

    assert problem in str(caught.value)
    assert "Write the value itself" in str(caught.value)
    assert f"{path}:{text[: text.index('{same as')].count(chr(10)) + 2}" in str(caught.value)


def items_of(text):
    """The head of a cassette, and each of its interactions with its caption."""
    head, *items = re.split(r"(?m)^(?=# \d+ · )", text)
    return head, items


@pytest.mark.parametrize(
    ("order", "line", "message"),
    [
        ((1, 2, 3), 4, "interaction 2 is at position 1"),
        ((0, 2, 1, 3), 0, "interaction 3 is at"),
    ],
)
def test_wrong_numbers_are_an_error(tmp_path, order, line, message):
    """If an interaction was removed, references do not lead to a wrong one."""
    more = [{"type": "tool", "name": name * 90} for name in "ab"]
    path, _ = written(
        tmp_path,
        ({"tools": TOOLS}, {}),
        ({"tools": more}, {}),
        ({"tools": TOOLS * 2}, {}),
        ({"tools": more}, {}),
    )
    head, items = items_of(path.read_text("utf-8"))
    assert "same as" in items[3]
    path.write_text(head + "".join(items[at] for at in order), "utf-8")

    with pytest.raises(CassetteError, match=message) as caught:
        read(path)

    assert "Put back what was removed or moved" in str(caught.value)
    assert not line or f"{path}:{line}:" in str(caught.value)


def test_without_references_interactions_may_be_removed(tmp_path):
    """Only what is named by number needs its number."""
    path, _ = written(tmp_path, ({"a": 1}, {}), ({"b": 2}, {}))
    head, items = items_of(path.read_text("utf-8"))
    path.write_text(head + items[1], "utf-8")

    assert json.loads(read(path).interactions[0].request.body) == {"b": 2}


@pytest.mark.parametrize(
    "reference",
    ["tools[1] to [3] of request 1", "tools[2] to [1] of request 1", "tools to [1] of request 1"],
)
def test_a_run_that_is_none_is_an_error(reference):
    """A range with missing items gives no items."""
    with pytest.raises(BrokenReferenceError, match="no such thing"):
        restored({"tools": TOOLS}, {"tools": [{MARK: reference}]})


def test_references_cannot_be_made_to_explode():
    """Each of these lines would expand to four times the one before."""
    bodies = [{"a": ["x" * 1000] * 4}]
    bodies += [{"a": [{MARK: f"a of request {number}"}] * 4} for number in range(1, 30)]

    with pytest.raises(BrokenReferenceError, match="too large"):
        restored(*bodies)
