"""`agentcache show`."""

from __future__ import annotations

import json
import subprocess

import pytest

from pytest_agentcache.http.messages import CANCELLED, Headers, Interaction, Request, Response

from .conftest import JSON, chat, get, write

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
}


def agent() -> list[Interaction]:
    """A conversation in which the model calls a tool and uses its result."""
    start = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Rain in Paris?"},
    ]
    url = "https://api.openai.example/v1/chat/completions"
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    calls = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    stream = "".join(
        f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': word}}]})}\n\n"
        for word in ("No, it ", "is dry.")
    )
    return [
        Interaction(
            Request(
                "POST",
                url,
                JSON,
                json.dumps({"model": "m", "messages": start, "tools": tools}).encode(),
            ),
            Response(200, JSON, json.dumps({"choices": [{"index": 0, "message": calls}]}).encode()),
        ),
        Interaction(
            Request(
                "POST",
                url,
                JSON,
                json.dumps(
                    {
                        "model": "m",
                        "messages": [
                            *start,
                            calls,
                            {"role": "tool", "tool_call_id": "call_1", "content": "dry"},
                        ],
                    }
                ).encode(),
            ),
            Response(
                200,
                Headers((("content-type", "text/event-stream"),)),
                (stream + "data: [DONE]\n\n").encode(),
            ),
        ),
    ]


def test_conversation_is_shown_as_one(folder, run):
    """A conversation is shown with roles and tool calls, and its history only once."""
    write(folder / "a.yaml", *agent())

    lines = [line.strip() for line in run("show", "a.yaml").out.splitlines()]

    assert "system     Be brief." in lines
    assert lines.count("user       Rain in Paris?") == 1
    assert "tools: get_weather" in lines
    assert 'assistant  → get_weather(city="Paris")' in lines
    assert "↑ 3 messages as in 1" in lines
    assert "tool       ← get_weather: dry" in lines
    assert "assistant  No, it is dry." in lines


def test_single_interaction_is_complete(folder, run):
    """A single interaction is shown with its whole history."""
    write(folder / "a.yaml", *agent())

    out = run("show", "a.yaml", 2).out

    assert "Rain in Paris?" in out
    assert "as in" not in out


def test_other_traffic_is_readable(folder, run):
    """Traffic other than a conversation is shown as request and response."""
    write(folder / "a.yaml", get("/now?city=Paris", {"sky": "rain", "celsius": 12}))

    out = run("show", "a.yaml").out

    assert "GET api.weather.example/now?city=Paris → 200 OK" in out
    assert "< {sky: rain, celsius: 12}" in out


def given_up() -> list[Interaction]:
    """A request without a response, and one with the first part of a response."""
    request = Request("GET", "https://api.example/slow")
    return [
        Interaction(request, CANCELLED),
        Interaction(request, Response(200, JSON, b'{"a": 1}', cancelled=True)),
    ]


def test_cancelled_request_is_shown_as_such(folder, run):
    """Without a response there is no status; part of a response is marked."""
    write(folder / "a.yaml", *given_up())

    out = run("show", "a.yaml").out
    assert "GET api.example/slow → cancelled ──" in out
    assert "GET api.example/slow → 200 OK cancelled ──" in out

    shown = json.loads(run("show", "a.yaml", "--json").out)["interactions"]
    assert [each["response"]["status"] for each in shown] == [None, 200]
    assert [each["cancelled"] for each in shown] == [True, True]


def test_diff_of_a_cancelled_request(folder, run):
    """A response in place of none is a change of its status."""
    cancelled, partial = given_up()
    write(folder / "a.yaml", cancelled)
    write(folder / "b.yaml", partial)
    write(folder / "c.yaml", get("/slow"))

    assert "response status  [-cancelled-] {+200+}" in run("diff", "a.yaml", "b.yaml").out
    assert "cancelled" in run("diff", "a.yaml", "c.yaml").out


def test_curl_runs_in_a_shell(folder, run):
    """The curl command sends the same request, with environment variables for secrets."""
    body = json.dumps({"text": 'it\'s $HOME `x` "y"\n'}).encode()
    headers = Headers((("authorization", "Bearer <API_KEY>"), ("content-type", "application/json")))
    asked = Request("PUT", "https://h.example/a?b=c&key=<KEY>", headers, body)
    write(folder / "a.yaml", Interaction(asked, Response(200)))

    command = run("show", "a.yaml", "--curl").out

    output = subprocess.run(
        ["sh", "-c", "curl() { for word; do printf '%s\\0' \"$word\"; done; }\n" + command],
        env={"API_KEY": "k1", "KEY": "k2"},
        capture_output=True,
        check=True,
    ).stdout.decode()
    words = output.split("\0")[:-1]
    assert words[:3] == ["-X", "PUT", "https://h.example/a?b=c&key=k2"]
    assert "authorization: Bearer k1" in words
    assert json.loads(words[-1]) == json.loads(body)


def test_body_is_written_unchanged(folder, spawn):
    """`--body` writes the bytes of the body, for jq for example."""
    write(folder / "a.yaml", get("/now", {"sky": "rain"}))

    assert json.loads(spawn("show", "a.yaml", 1, "--body").out) == {"sky": "rain"}


def test_json_holds_conversation_and_answer(folder, run):
    """`--json` has the turns of the conversation, the model's answer, and the bodies."""
    write(folder / "a.yaml", *agent())

    second = run("show", "a.yaml", "--json").json["interactions"][1]

    assert [turn["role"] for turn in second["conversation"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert second["says"] == [{"kind": "text", "text": "No, it is dry."}]
    assert second["model"] == "m"


def test_json_without_nan(folder, run):
    """NaN and infinity in a response are text in the output, which stays valid JSON."""
    body = b'{"a": NaN, "b": [1e999, 1.5]}'
    answer = Response(200, JSON, body)
    write(folder / "x.yaml", Interaction(Request("GET", "https://h.example/"), answer))

    def refuse(name):
        raise AssertionError(name)

    found = json.loads(run("show", "x.yaml", "--json").out, parse_constant=refuse)

    assert found["interactions"][0]["response"]["json"] == {"a": "nan", "b": ["inf", 1.5]}


def test_control_characters_are_escaped(folder, run):
    """Control characters in a recorded response are escaped."""
    write(folder / "a.yaml", chat(("user", "\x1b]0;title\x07 hi"), answer="\x1b[2Jgone\r\x08"))

    out = run("show", "a.yaml").out

    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\r" not in out
    assert "\x08" not in out
    assert "\\x1b[2Jgone" in out


@pytest.mark.parametrize("width", [40, 80])
def test_lines_fit_the_terminal(folder, run, monkeypatch, width):
    """Text is wrapped to the width of the terminal, even with wide characters."""
    monkeypatch.setenv("COLUMNS", str(width))
    long = "weather 天気 in Paris 🌧️ " * 20 + "x" * 200
    write(folder / "a.yaml", chat(("system", long), ("user", long), answer=long))

    lines = run("show", "a.yaml", "--full").out.splitlines()

    from pytest_agentcache.cli.terminal import columns

    assert max(map(columns, lines)) <= width


def test_output_to_a_pipe_is_not_wrapped(folder, run, monkeypatch):
    """A file or a log has lines as they are, with whole paths, so that they can be searched."""
    monkeypatch.delenv("COLUMNS")
    long, name = "weather in Paris " * 40, "test_" + "long_" * 40
    path = f"cassettes/test_t/{name}.yaml"
    write(folder / path, chat(("user", long), answer=long))

    shown, listed = run("show", path, "--full").out, run("list").out
    assert shown.count(long.strip()) == 2
    assert f"{path}\n" in shown
    assert f"{name}.yaml " in listed


def test_long_message_is_cut(folder, run):
    """A long message is cut, with the number of lines that are left out."""
    text = "\n".join(f"line {n}" for n in range(50))
    write(folder / "a.yaml", chat(("user", text)), get())

    short, full = run("show", "a.yaml").out, run("show", "a.yaml", "--full").out

    assert "line 49" not in short
    assert "… 39 more lines (--full)" in short
    assert "line 49" in full


@pytest.mark.parametrize(
    ("environment", "flags", "coloured"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_use_of_colours(folder, run, monkeypatch, environment, flags, coloured):
    """Outside a terminal there are no colours by default; NO_COLOR overrides FORCE_COLOR."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write(folder / "a.yaml", get())

    assert ("\x1b[" in run("show", "a.yaml", *flags).out) is coloured
