"""`agentcache diff`."""

from __future__ import annotations

import json

import pytest

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from .conftest import JSON, chat, get, write


def diff(folder, run, was, now, *flags):
    write(folder / "was.yaml", *was)
    write(folder / "now.yaml", *now)
    return run("diff", "was.yaml", "now.yaml", *flags)


def headlines(done) -> list[str]:
    return [line for line in done.out.splitlines() if line[:2] in ("~ ", "+ ", "- ", "↕ ")]


def test_same_is_silent(folder, run):
    """Without differences, nothing is written and the code is 0."""
    done = diff(folder, run, [get()], [get()])

    assert (done.code, done.out) == (0, "")


def test_changed_word_is_one_line(folder, run):
    """A changed word of the prompt and of the answer are described on one line."""
    was = [
        get(),
        chat(("system", "Be brief."), ("user", "Rain in Paris?"), answer="It is dry."),
        get("/b"),
    ]
    now = [
        get(),
        chat(("system", "Be brief."), ("user", "Rain in London?"), answer="It is wet."),
        get("/b"),
    ]

    done = diff(folder, run, was, now, "--brief")

    (line,) = headlines(done)
    assert line.startswith("~ 2 · POST …/v1/chat/completions · ")
    assert line.endswith(" · messages[1].content 'Paris' → 'London'; answer 'dry' → 'wet'")
    assert "1 of 3 interactions changed" in done.out
    assert done.code == 1


def test_prompts_are_compared_word_by_word(folder, run):
    """Below the line are the place and the changed words in their text."""
    done = diff(
        folder,
        run,
        [chat(("user", "Rain in Paris today?"))],
        [chat(("user", "Rain in London today?"))],
    )

    assert "request json.messages[0].content" in done.out
    assert "Rain in [-Paris-]{+London+} today?" in done.out


def test_streams_are_compared_by_what_they_say(folder, run):
    """Streams are compared by the assembled answer, not by their events."""

    def stream(ident, *words):
        events = [
            {"id": ident, "choices": [{"index": 0, "delta": {"content": word}}]} for word in words
        ]
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        request = get("/stream").request
        return Interaction(
            request, Response(200, Headers((("content-type", "text/event-stream"),)), body.encode())
        )

    done = diff(folder, run, [stream("a", "It is ", "dry.")], [stream("b", "It ", "is ", "wet.")])

    assert headlines(done)[0].endswith("answer 'dry' → 'wet'")
    assert "choices" not in done.out


def test_order_alone_is_moved(folder, run):
    """An interaction at another position is moved, not changed."""
    a, b, c = get("/a"), get("/b"), get("/c")

    done = diff(folder, run, [a, b, c], [c, a, b])

    assert headlines(done) == ["↕ 3→1 · GET api.weather.example/c · moved, otherwise the same"]
    assert "1 moved" in done.out
    assert "changed" not in done.out


def test_moved_and_changed_is_both(folder, run):
    """An interaction can be moved and changed."""
    was = [get("/a"), get("/b"), chat(("user", "one two three four"))]
    now = [chat(("user", "one two three five")), get("/a"), get("/b")]

    (line,) = headlines(diff(folder, run, was, now))

    assert line.startswith("~ 3→1 · ")
    assert "moved; messages[0].content 'four' → 'five'" in line


def test_added_and_removed_interactions_are_described(folder, run):
    """A new interaction is described by its last message and answer, or its error status."""
    old = get("/old", {"a": 1})
    new = chat(("user", "Rain?"), answer="Slow down.", status=429)

    lines = headlines(diff(folder, run, [get(), old], [get(), new]))

    assert (
        '+ 2 · POST api.openai.example/v1/chat/completions · 429 · "Rain?" ⇒ error "Slow down."'
        in lines
    )
    assert '- 2 · GET api.weather.example/old · {"a": 1}' in lines


def test_volatile_values_are_on_one_line(folder, run):
    """Values that differ in every recording are named on one line; `--all` shows them."""
    was, now = (
        [chat(("user", "Hi"), ident="chatcmpl-aaaaaa1")],
        [chat(("user", "Hi"), ident="chatcmpl-bbbbbb2")],
    )

    done, everything = diff(folder, run, was, now), diff(folder, run, was, now, "--all")

    assert headlines(done)[0].endswith("only id")
    assert "chatcmpl-" not in done.out
    assert "[-chatcmpl-aaaaaa1-]" in everything.out or "[-aaaaaa1-]" in everything.out


@pytest.mark.parametrize("name", ["tooluse", "thread", "conv", "msgbatch"])
def test_ids_of_every_provider_are_no_change(folder, run, name):
    """`diff` knows the same ids as `stable_ids`."""
    was, now = (
        Interaction(
            Request("GET", "https://h.example/v1"),
            Response(200, JSON, json.dumps({"ref": f"{name}_{ident}"}).encode()),
        )
        for ident in ("aB3dE6gH", "xY9zA1bC")
    )

    done = diff(folder, run, [was], [now])

    assert headlines(done)[0].endswith("only ref")


def test_repeated_change_is_shown_once(folder, run):
    """A changed message that a conversation sends again refers to the first change."""

    def talk(city):
        return [
            chat(("user", f"Rain in {city}?"), answer="Where?"),
            chat(("user", f"Rain in {city}?"), ("assistant", "Where?"), ("user", "There.")),
        ]

    done = diff(folder, run, talk("Paris"), talk("London"))

    assert headlines(done)[1].endswith("sends again what changed in 1")
    assert done.out.count("{+London+}") == 1
    assert "as in 1: json.messages[0].content" in done.out


def test_inserted_item_does_not_change_later_ones(folder, run):
    """An inserted message is one change, and the later messages are the same."""
    was = [
        chat(
            ("system", "Be brief."),
            ("user", "Hi there, you"),
            ("assistant", "Yes?"),
            ("user", "Rain?"),
        )
    ]
    now = [
        chat(
            ("system", "Be brief."),
            ("system", "Be kind."),
            ("user", "Hi there, you"),
            ("assistant", "Yes?"),
            ("user", "Rain?"),
        )
    ]

    (pair,) = diff(folder, run, was, now, "--json").json["cassettes"][0]["interactions"]

    assert [change["place"] for change in pair["changes"]] == ["json.messages[1]"]


@pytest.mark.parametrize(
    ("was", "now"), [(1, True), (1, 1.0), ("1", 1), (None, False), ([], {}), ("", None)]
)
def test_json_types_differ(folder, run, was, now):
    """Values that are equal in Python but differ in JSON are a change."""
    done = diff(folder, run, [get("/", {"a": was})], [get("/", {"a": now})], "--json")

    places = [change["place"] for change in done.json["cassettes"][0]["interactions"][0]["changes"]]
    assert places == ["json.a"]


def test_every_difference_is_a_change(folder, run):
    """A different method, URL, header, status or body is a change."""
    base = Interaction(
        Request("POST", "https://h.example/a?x=1", JSON, b'{"k": 1}'),
        Response(200, JSON, b"{}", "", ()),
    )

    def places(now):
        done = diff(folder, run, [base], [now], "--json")
        (pair,) = done.json["cassettes"][0]["interactions"]
        return [change["place"] for change in pair["changes"]]

    from dataclasses import replace

    request, response = base.request, base.response
    assert (
        places(replace(base, request=replace(request, method="PUT", body=b'{"k": 1}')))[0]
        == "method"
    )
    assert places(replace(base, request=replace(request, url="https://h.example/a?x=2"))) == [
        "url.query.x"
    ]
    assert places(replace(base, request=replace(request, headers=JSON.plus("x-a", "1")))) == [
        "headers.x-a"
    ]
    assert places(replace(base, request=replace(request, body=b'{"k": 2}'))) == ["json.k"]
    assert places(replace(base, response=replace(response, status=201))) == ["status"]
    assert places(replace(base, response=replace(response, body=b'{"n": null}'))) == ["json.n"]
    assert places(replace(base, response=replace(response, body=b"{} "))) == ["json (its spelling)"]


def test_folders_are_compared_by_name(folder, run):
    """Cassettes in both folders are compared, and the others are added or removed."""
    write(folder / "was/same.yaml", get())
    write(folder / "now/same.yaml", get())
    write(folder / "was/gone.yaml", get())
    write(folder / "now/new.yaml", get())

    found = run("diff", "was", "now", "--json").json["cassettes"]

    assert {each["path"]: each["kind"] for each in found} == {
        "was/gone.yaml": "removed",
        "now/new.yaml": "added",
    }


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("colour", ["never", "always"])
def test_lines_fit_the_terminal(folder, run, monkeypatch, width, colour):
    """No line is wider than the terminal."""
    import re

    from pytest_agentcache.cli.terminal import columns

    monkeypatch.setenv("COLUMNS", str(width))
    long = "a word after another " * 30
    was = [
        chat(("user", f"{long} Paris {long}"), answer=long + "dry"),
        get("/x", {"a": list(range(90))}),
    ]
    now = [
        chat(("user", f"{long} London {long}"), answer=long + "wet"),
        get("/x", {"a": "b" * 300}),
    ]

    done = diff(folder, run, was, now, "--color", colour)

    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in done.out.splitlines()]
    assert max(map(columns, lines)) <= width
