import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.cassette.caption import caption, says
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response

from ..values import JSON


def answer(body, content_type="application/json", status=200):
    """A response."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, Headers((("content-type", content_type),)), raw)


def stream(*events, newline="\n", named=False):
    """A response of server-sent events."""
    lines = []
    for event in events:
        data = event if isinstance(event, str) else json.dumps(event)
        name = f"event: {event['type']}{newline}" if named and isinstance(event, dict) else ""
        lines.append(f"{name}data: {data}{newline}{newline}")
    return answer("".join(lines).encode(), "text/event-stream")


def call(name, arguments, index=0, **more):
    """A tool call of OpenAI's chat API."""
    return {"index": index, "function": {"name": name, "arguments": arguments}, **more}


def chunk(**delta):
    """A chunk of OpenAI's chat API."""
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}


OPENAI = {"choices": [{"message": {"role": "assistant", "content": "It is\n dry."}}]}
OPENAI_TOOL = {
    "choices": [
        {
            "message": {
                "content": None,
                "tool_calls": [
                    {"function": {"name": "get_weather", "arguments": '{"city": "Paris", "n": 2}'}},
                    {"function": {"name": "get_time", "arguments": "{}"}},
                ],
            }
        }
    ]
}
ANTHROPIC = {
    "type": "message",
    "role": "assistant",
    "content": [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "name": "get_weather", "input": {"city": "Paris"}},
    ],
}
RESPONSES = {
    "object": "response",
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "Dry."}]},
        {"type": "function_call", "name": "get_weather", "arguments": '{"city":"Paris"}'},
    ],
}
USAGE = {"prompt_tokens": 1234, "completion_tokens": 85}
GEMINI = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "hidden", "thought": True},
                    {"text": "Dry."},
                    {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}},
                ]
            }
        }
    ]
}
BEDROCK = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": "Dry."},
                {"toolUse": {"name": "get_weather", "input": {"city": "Paris"}}},
            ],
        }
    }
}


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (answer(OPENAI), '"It is dry."'),
        (answer(OPENAI_TOOL), "calls get_weather(city=Paris, n=2) · calls get_time()"),
        (answer({"choices": [{"text": "legacy"}]}), '"legacy"'),
        (answer({"choices": [{"message": {"refusal": "No."}}]}), 'refuses "No."'),
        (
            answer({"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]}),
            '"x"',
        ),
        (answer(ANTHROPIC), '"I look." · calls get_weather(city=Paris)'),
        (answer(RESPONSES), '"Dry." · calls get_weather(city=Paris)'),
        (answer(GEMINI), '"Dry." · calls get_weather(city=Paris)'),
        (
            answer([GEMINI, GEMINI]),
            '"Dry. Dry." · calls get_weather(city=Paris) · calls get_weather(city=Paris)',
        ),
        (answer(BEDROCK), '"Dry." · calls get_weather(city=Paris)'),
        (answer(b"\n" + json.dumps(OPENAI).encode()), '"It is dry."'),
        (
            answer({"error": {"message": "Rate\nlimit", "type": "x"}}, status=429),
            'error "Rate limit"',
        ),
        (answer({"type": "error", "error": {"type": "overloaded"}}), 'error "overloaded"'),
        (answer({"error": "bad"}), 'error "bad"'),
        (answer({"temperature": 21}), ""),
        (answer(b"no json", "text/plain"), ""),
        (answer(b"", "text/plain"), ""),
        (answer(b"{broken"), ""),
    ],
)
def test_what_an_answer_says(response, said):
    """Text in quotes, tool calls by name and arguments, errors by their message."""
    assert says(response) == said


STREAMS = [
    (
        stream(
            chunk(role="assistant", content=""),
            chunk(content="No, it is "),
            chunk(content="dry."),
            "[DONE]",
        ),
        '"No, it is dry."',
    ),
    (
        stream(
            chunk(tool_calls=[call("get_weather", "")]),
            chunk(tool_calls=[call(None, '{"ci')]),
            chunk(tool_calls=[call(None, 'ty":"Paris"}')]),
            chunk(tool_calls=[call("get_time", "{}", 1)]),
            {"choices": [], "usage": {}},
            "[DONE]",
        ),
        "calls get_weather(city=Paris) · calls get_time()",
    ),
    (
        stream(
            {"type": "response.created", "response": {}},
            {"type": "response.output_text.delta", "delta": "Dr"},
            {"type": "response.output_text.delta", "delta": "y."},
            {
                "type": "response.output_item.done",
                "output_index": 1,
                "item": {"type": "function_call", "name": "f", "arguments": '{"a":1}'},
            },
            {"type": "response.completed", "response": RESPONSES},
            named=True,
        ),
        '"Dry." · calls f(a=1)',
    ),
    (
        stream(
            {"type": "message_start", "message": {"role": "assistant", "content": []}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Dry."},
            },
            {"type": "ping"},
            {
                "type": "content_block_start",
                "index": 1,
                "content_block": {"type": "tool_use", "name": "get_weather", "input": {}},
            },
            {"type": "content_block_delta", "index": 1, "delta": {"partial_json": '{"city":'}},
            {"type": "content_block_delta", "index": 1, "delta": {"partial_json": '"Paris"}'}},
            {"type": "message_stop"},
            named=True,
        ),
        '"Dry." · calls get_weather(city=Paris)',
    ),
    (stream(GEMINI, newline="\r\n"), '"Dry." · calls get_weather(city=Paris)'),
    (
        stream({"type": "error", "error": {"message": "overloaded"}}, named=True),
        'error "overloaded"',
    ),
    (stream(chunk(content="kept"), "{broken"), '"kept"'),
    (stream(chunk(content="kept"), {"choices": [3]}), '"kept"'),
    (answer(b"", "text/event-stream"), ""),
]


@pytest.mark.parametrize(("response", "said"), STREAMS)
def test_what_a_stream_says(response, said):
    """The pieces of a stream are put together."""
    assert says(response) == said


def line(response=None, url="https://h.example/v1/chat?q=1", method="POST", number=1):
    """The comment above an interaction."""
    return caption(number, Interaction(Request(method, url), response or Response(200)))


def test_line_says_what_was_asked_and_answered():
    """Number, method, host and path, status, and what was said."""
    assert line(answer(OPENAI)) == '# 1 · POST h.example/v1/chat?q=1 → 200 · "It is dry."'
    assert line(STREAMS[0][0], number=3, method="GET") == (
        '# 3 · GET h.example/v1/chat?q=1 → 200 stream · "No, it is dry."'
    )
    assert line(Response(404)) == "# 1 · POST h.example/v1/chat?q=1 → 404"


def test_line_is_cut():
    """120 columns at most, and neither the address nor the words hide the rest."""
    long = line(answer({"choices": [{"text": "word " * 100}], "usage": USAGE}))
    assert len(long) == 120
    assert long.endswith("word … · 1.2k→85 tokens")

    far = line(answer(OPENAI, status=404), url="https://h.example/" + "p" * 200 + "/end")
    assert far == f'# 1 · POST h.example/…{"p" * 39}/end → 404 · "It is dry."'
    host = line(answer(OPENAI), url=f"https://{'h' * 200}.example/v1/chat/completions")
    assert host == f'# 1 · POST {"h" * 26}…/v1/chat/completions → 200 · "It is dry."'
    arguments = json.dumps({"text": "t" * 200})
    call = {
        "choices": [
            {"message": {"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}}
        ]
    }
    assert says(answer(call)) == f"calls f(text={'t' * 23}…)"


def test_a_stream_has_room_for_what_it_says():
    """A stream is hard to read, so its text is above it, on separate lines if it is long."""
    short = line(stream(chunk(content="It is "), chunk(content="dry."), {"usage": USAGE}))
    assert short == '# 1 · POST h.example/v1/chat?q=1 → 200 stream · "It is dry." · 1.2k→85 tokens'

    text = " ".join(f"word{n}" for n in range(40))
    long = line(stream(chunk(content=text), {"usage": USAGE})).split("\n")
    assert long[0] == "# 1 · POST h.example/v1/chat?q=1 → 200 stream · 1.2k→85 tokens"
    assert " ".join(each.removeprefix("#     ") for each in long[1:]) == f'"{text}"'
    assert all(len(each) <= 100 for each in long)

    endless = line(stream(chunk(content="word " * 1000))).split("\n")
    assert len(endless) == 7
    assert endless[-1].endswith(" …")


def test_line_is_one_line():
    """Characters that cannot be printed cannot break out of the comment."""
    said = line(answer({"choices": [{"text": "a\x00\u2028b\x1b[31m"}]}))

    assert said.isprintable()
    assert line(url="http://[broken").startswith("# 1 · POST [broken")


KEYS = st.sampled_from(
    [
        "choices",
        "message",
        "delta",
        "content",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "type",
        "index",
        "candidates",
        "parts",
        "functionCall",
        "args",
        "output",
        "item",
        "toolUse",
        "input",
        "error",
        "text",
        "content_block",
        "partial_json",
        "response",
        "role",
        "refusal",
    ]
)
WORDS = st.sampled_from(
    [
        "content_block_start",
        "content_block_delta",
        "response.output_text.delta",
        "message",
        "response.output_item.done",
        "function_call",
        "tool_use",
        "assistant",
        "{}",
        "[1]",
    ]
)
BUILT_LIKE = st.recursive(
    WORDS | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(JSON | BUILT_LIKE)
def test_nothing_that_is_json_breaks_it(value):
    """Every response has a caption, with any structure."""
    for response in (answer(value), stream(value, value)):
        first, *more = line(response).split("\n")
        assert first.startswith("# 1 · POST ")
        assert len(first) <= 120
        assert len(more) <= 6
        assert all(each.startswith("#     ") and len(each) <= 100 for each in more)
        assert all(each.isprintable() for each in (first, *more))


@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_nesting_breaks_nothing(depth):
    """Nor does depth."""
    assert says(answer(b'{"choices":' + b"[" * depth + b"]" * depth + b"}")) == ""
