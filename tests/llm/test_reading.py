"""The captions of the responses of each provider, as a document and as a stream."""

import base64
import gzip
import json

import pytest

from pytest_agentcache.cassette.caption import caption
from pytest_agentcache.http.body import aws_events
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.llm.reading import read_output

URL = "https://h.example/v1/x"


def answer(body, content_type="application/json", status=200):
    """A response."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, Headers((("content-type", content_type),)), raw)


def sse(*events):
    """A response of server-sent events."""
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return answer((data + "data: [DONE]\n\n").encode(), "text/event-stream")


def aws(*events):
    """A response of AWS events."""
    lines = "".join(f"{kind} {json.dumps(value)}\n" for kind, value in events)
    return answer(aws_events.text(lines), aws_events.MEDIA)


def ndjson(*lines):
    """A response of JSON lines."""
    return answer(
        "".join(json.dumps(each) + "\n" for each in lines).encode(), "application/x-ndjson"
    )


def caption_of(response):
    """Return the caption after the status."""
    lines = caption(1, Interaction(Request("POST", URL), response)).split("\n")
    head = lines[0].partition(f"→ {response.status}")[2].removeprefix(" stream")
    more = [each.removeprefix("#     ") for each in lines[1:]]
    return " ".join([head.removeprefix(" · "), *more])


def chat(message, reason="stop", **usage):
    """An answer of OpenAI's chat."""
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {"choices": [choice], "usage": usage}


def item(kind, **fields):
    """An item of the output of OpenAI's responses."""
    return {"type": kind, **fields}


PNG = base64.b64encode(bytes(24_000)).decode()
VECTOR = [0.5] * 8

OPENAI_CHAT = [
    (chat({"content": "Hi"}, prompt_tokens=3, completion_tokens=1), '"Hi" · 3→1 tokens'),
    (chat({"content": "cut"}, "length"), '"cut" · ends by length'),
    (chat({"content": "", "reasoning_content": "Hm."}), 'thinks "Hm."'),
    (chat({"content": None, "refusal": "I will not."}), 'refuses "I will not."'),
    (chat({"content": None, "audio": {"transcript": "Spoken.", "data": PNG}}), '"Spoken." · audio'),
    (
        chat({"content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}}),
        "calls f(a=1)",
    ),
    (
        chat({"content": "", "images": [{"image_url": {"url": f"data:image/png;base64,{PNG}"}}]}),
        "image/png 24 kB",
    ),
    (
        {"choices": [{"index": 0, "message": {"content": "a"}}, {"index": 1, "text": "b"}]},
        '"a" · "b"',
    ),
    # Mistral.
    (
        chat(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                    {"type": "text", "text": "Four."},
                ]
            }
        ),
        '"Four."',
    ),
]
RESPONSES = [
    (
        {
            "object": "response",
            "output": [
                item("reasoning", summary=[], content=[{"type": "reasoning_text", "text": "Hm."}]),
                item("web_search_call", action={"type": "search", "query": "rain"}),
                item("message", content=[{"type": "output_text", "text": "Dry."}]),
                item("function_call", name="f", arguments='{"a":1}'),
            ],
            "usage": {"input_tokens": 12_345, "output_tokens": 2_000_000},
        },
        '"Dry." · calls web_search(type=search, query=rain) · calls f(a=1) · 12.3k→2M tokens',
    ),
    ({"output": [item("reasoning", summary=[{"text": "Hm."}])]}, 'thinks "Hm."'),
    (
        {"output": [item("message", content=[{"type": "refusal", "refusal": "No."}])]},
        'refuses "No."',
    ),
    ({"output": [item("image_generation_call", result=PNG)]}, "image/png 24 kB"),
    ({"output": [item("mcp_call", name="m", arguments="{}")]}, "calls m()"),
    (
        {
            "output": [],
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
        },
        "ends by max_output_tokens",
    ),
    ({"object": "response.input_tokens", "input_tokens": 18}, "18 tokens"),
]
ANTHROPIC = [
    (
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm."},
                {"type": "text", "text": "I look."},
                {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {"q": "x"}},
                {"type": "web_search_tool_result", "content": [{"title": "hidden"}]},
                {"type": "text", "text": "Dry."},
            ],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 1000, "output_tokens": 7},
        },
        '"I look. Dry." · calls web_search(q=x) · 1k→7 tokens',
    ),
    (
        {"type": "message", "role": "assistant", "content": [], "stop_reason": "refusal"},
        "ends by refusal",
    ),
    ({"input_tokens": 14}, "14 tokens"),
]
GEMINI = [
    (
        {
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {"text": "Hm.", "thought": True},
                            {"executableCode": {"language": "PYTHON", "code": "1+1"}},
                            {"text": "Two."},
                            {"inlineData": {"mimeType": "image/png", "data": PNG}},
                        ]
                    },
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {
                "promptTokenCount": 6,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 10,
            },
        },
        '"Two." · calls code(code=1+1) · image/png 24 kB · 6→15 tokens',
    ),
    ({"candidates": [{"content": {}, "finishReason": "MAX_TOKENS"}]}, "ends by max_tokens"),
    ({"promptFeedback": {"blockReason": "SAFETY"}}, "ends by blocked: safety"),
    ({"totalTokens": 31}, "31 tokens"),
    ({"embedding": {"values": VECTOR}}, "1 embedding of 8"),
    ({"embeddings": [{"values": VECTOR}, {"values": VECTOR}]}, "2 embeddings of 8"),
    ({"models": [{"name": "models/a"}, {"name": "models/b"}]}, "2 models"),
    ({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PNG}]}, "image/png 24 kB"),
]
BEDROCK = [
    (
        {
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
                        {"text": "Dry."},
                        {"toolUse": {"name": "f", "input": {"a": 1}}},
                    ],
                }
            },
            "stopReason": "tool_use",
            "usage": {"inputTokens": 8, "outputTokens": 3, "totalTokens": 11},
        },
        '"Dry." · calls f(a=1) · 8→3 tokens',
    ),
    (
        {"results": [{"outputText": "Titan.", "tokenCount": 2}], "inputTextTokenCount": 4},
        '"Titan." · 4→2 tokens',
    ),
    ({"generation": "Llama.", "prompt_token_count": 4}, '"Llama." · 4 tokens'),
    ({"embedding": VECTOR, "inputTextTokenCount": 4}, "1 embedding of 8 · 4 tokens"),
]
OTHERS = [
    # Cohere.
    (
        {
            "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
            "finish_reason": "COMPLETE",
            "usage": {
                "billed_units": {"input_tokens": 1, "output_tokens": 2},
                "tokens": {"input_tokens": 542, "output_tokens": 63},
            },
        },
        '"Hi." · 542→63 tokens',
    ),
    ({"embeddings": {"float": [VECTOR, VECTOR, VECTOR]}}, "3 embeddings of 8"),
    ({"results": [{"index": 0, "relevance_score": 0.5}]}, "1 result"),
    # Ollama.
    (
        {
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "f", "arguments": {"city": "Paris"}}}],
            },
            "done": True,
            "prompt_eval_count": 9,
            "eval_count": 4,
        },
        "calls f(city=Paris) · 9→4 tokens",
    ),
    ({"response": "Hello.", "done": True, "done_reason": "stop"}, '"Hello."'),
    # Hugging Face.
    ([{"generated_text": "Once."}], '"Once."'),
    # OpenAI's other services.
    (
        {"object": "list", "data": [{"object": "embedding", "embedding": VECTOR}] * 3},
        "3 embeddings of 8",
    ),
    (
        {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "embedding": base64.b64encode(bytes(1536 * 4)).decode(),
                }
            ],
            "usage": {"prompt_tokens": 5, "total_tokens": 5},
        },
        "1 embedding of 1536 · 5 tokens",
    ),
    ({"created": 1, "data": [{"b64_json": PNG}]}, "image/png 24 kB"),
    ({"created": 1, "data": [{"url": "https://h.example/1.png"}]}, "image"),
    ({"object": "list", "data": [{"id": "m", "object": "model"}] * 12}, "12 models"),
    ([{"model_id": "a"}, {"model_id": "b"}], "2 models"),
    ({"text": "Hello world."}, '"Hello world."'),
    ({"results": [{"flagged": True}]}, "flagged"),
    ({"temperature": 21}, ""),
    ([1, 2], ""),
]


@pytest.mark.parametrize(
    ("body", "said"), [*OPENAI_CHAT, *RESPONSES, *ANTHROPIC, *GEMINI, *BEDROCK, *OTHERS]
)
def test_a_document_says(body, said):
    """Text, thoughts where there is nothing else, refusals, calls, images and tokens."""
    assert caption_of(answer(body)) == said


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (answer({"error": {"message": "Busy", "type": "x"}}, status=429), 'error "Busy"'),
        (answer({"error": "bad"}, status=400), 'error "bad"'),
        (answer({"message": "No model."}, status=400), 'error "No model."'),
        (answer({"Message": "Denied."}, status=403), 'error "Denied."'),
        (answer({"detail": "Not found"}, status=404), 'error "Not found"'),
        (answer({"detail": [{"msg": "too long"}]}, status=422), 'error "too long"'),
        (answer({"errors": [{"message": "first"}]}, status=400), 'error "first"'),
        (answer([{"error": {"message": "Gemini's"}}], status=400), 'error "Gemini\'s"'),
        (answer(b"Bad gateway\n", "text/plain", 502), 'error "Bad gateway"'),
        (answer(b"<html>", "text/html", 502), ""),
        (answer({"message": "fine"}, status=200), ""),
    ],
)
def test_an_error_says(response, said):
    """The message of an error is found in every structure."""
    assert caption_of(response) == said


def test_media_are_named():
    """Images and audio have a type and a size."""
    assert caption_of(answer(bytes(26_400), "audio/mpeg")) == "audio/mpeg 26 kB"
    assert caption_of(answer(bytes(700), "image/png; x=1")) == "image/png 700 B"
    assert caption_of(answer(bytes(1_500_000), "video/mp4")) == "video/mp4 1.5 MB"


def test_a_compressed_body_is_read():
    """A body that is still compressed after decoding is read."""
    packed = gzip.compress(json.dumps(chat({"content": "Hi"})).encode())

    assert caption_of(answer(packed)) == '"Hi"'
    assert caption_of(answer(packed[:20])) == ""


def block(index, **delta):
    """A delta of Anthropic's stream."""
    return {"type": "content_block_delta", "index": index, "delta": delta}


def starts(index, **content):
    """The start of a block of Anthropic's stream."""
    return {"type": "content_block_start", "index": index, "content_block": content}


def piece(**delta):
    """A chunk of OpenAI's chat."""
    return {"choices": [{"index": 0, "delta": delta}]}


STREAMS = [
    (
        sse(
            piece(reasoning_content="Hm"),
            piece(reasoning_content="."),
            piece(content="It is "),
            piece(content="dry."),
            {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9}},
        ),
        '"It is dry." · 3→9 tokens',
    ),
    (sse(piece(reasoning="H"), piece(reasoning="m.")), 'thinks "Hm."'),
    (sse(piece(refusal="I will"), piece(refusal=" not.")), 'refuses "I will not."'),
    (sse(piece(content="half"), {"error": {"message": "Token limit"}}), 'error "Token limit"'),
    (
        sse(
            piece(tool_calls=[{"index": 0, "id": "1", "function": {"name": "f", "arguments": ""}}]),
            piece(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
            piece(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
            piece(tool_calls=[{"index": 1, "id": "2", "function": {"name": "g"}}]),
        ),
        "calls f(a=1) · calls g()",
    ),
    (
        sse(
            {"type": "response.reasoning_summary_text.delta", "delta": "Hm."},
            {
                "type": "response.output_item.added",
                "output_index": 1,
                "item": {"type": "function_call", "name": "f", "arguments": ""},
            },
            {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a"'},
            {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": ":1}"},
        ),
        "calls f(a=1)",
    ),
    (
        sse(
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": {"type": "function_call", "name": "f"},
            },
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
            {
                "type": "response.output_item.done",
                "output_index": 0,
                "item": {"type": "function_call", "name": "f", "arguments": "{}"},
            },
            {
                "type": "response.completed",
                "response": {"usage": {"input_tokens": 5, "output_tokens": 6}},
            },
        ),
        "calls f() · 5→6 tokens",
    ),
    (
        sse(
            {
                "type": "response.failed",
                "response": {"error": {"code": "server_error", "message": "Sorry"}},
            }
        ),
        'error "Sorry"',
    ),
    (sse({"type": "response.refusal.delta", "delta": "No."}), 'refuses "No."'),
    (sse({"type": "error", "message": "Broken", "code": "x"}), 'error "Broken"'),
    (
        sse(
            {
                "type": "message_start",
                "message": {
                    "usage": {
                        "input_tokens": 4,
                        "cache_creation_input_tokens": 10,
                        "output_tokens": 1,
                    }
                },
            },
            starts(0, type="thinking", thinking=""),
            block(0, type="thinking_delta", thinking="Hm."),
            starts(1, type="text", text=""),
            block(1, type="text_delta", text="I lo"),
            block(1, type="text_delta", text="ok."),
            starts(2, type="tool_use", id="t", name="f", input={}),
            block(2, type="input_json_delta", partial_json='{"a"'),
            block(2, type="input_json_delta", partial_json=":1}"),
            {
                "type": "message_delta",
                "delta": {"stop_reason": "max_tokens"},
                "usage": {"output_tokens": 50},
            },
        ),
        '"I look." · calls f(a=1) · ends by max_tokens · 14→50 tokens',
    ),
    (
        sse(
            starts(0, type="thinking", thinking=""),
            block(0, type="thinking_delta", thinking="H"),
            block(0, type="thinking_delta", thinking="m."),
        ),
        'thinks "Hm."',
    ),
    (
        sse(
            {"candidates": [{"content": {"parts": [{"text": "H", "thought": True}]}}]},
            {"candidates": [{"content": {"parts": [{"text": "Dr"}]}}]},
            {
                "candidates": [{"content": {"parts": [{"text": "y."}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 3},
            },
        ),
        '"Dry." · 2→3 tokens',
    ),
    (
        answer(
            [
                {"candidates": [{"content": {"parts": [{"text": "Dr"}]}}]},
                {"candidates": [{"content": {"parts": [{"text": "y."}]}}]},
            ]
        ),
        '"Dry."',
    ),
    # Cohere.
    (
        sse(
            {"type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}},
            {"type": "content-delta", "delta": {"message": {"content": {"thinking": "Hm."}}}},
            {"type": "content-delta", "delta": {"message": {"content": {"text": "Dr"}}}},
            {"type": "content-delta", "delta": {"message": {"content": {"text": "y."}}}},
            {
                "type": "tool-call-start",
                "index": 0,
                "delta": {
                    "message": {
                        "tool_calls": {"id": "1", "function": {"name": "f", "arguments": ""}}
                    }
                },
            },
            {
                "type": "tool-call-delta",
                "index": 0,
                "delta": {"message": {"tool_calls": {"function": {"arguments": '{"a":1}'}}}},
            },
            {
                "type": "message-end",
                "delta": {
                    "finish_reason": "COMPLETE",
                    "usage": {"tokens": {"input_tokens": 7, "output_tokens": 8}},
                },
            },
        ),
        '"Dry." · calls f(a=1) · 7→8 tokens',
    ),
    (
        sse(
            {"type": "transcript.text.delta", "delta": "Hel"},
            {"type": "transcript.text.delta", "delta": "lo."},
            {"type": "transcript.text.done", "text": "Hello."},
        ),
        '"Hello."',
    ),
    # Ollama.
    (
        ndjson(
            {"message": {"content": "", "thinking": "Hm."}, "done": False},
            {"message": {"content": "Dr"}, "done": False},
            {"message": {"content": "y."}, "done": False},
            {"message": {"content": ""}, "done": True, "prompt_eval_count": 1, "eval_count": 2},
        ),
        '"Dry." · 1→2 tokens',
    ),
    # Bedrock.
    (
        aws(
            ("messageStart", {"role": "assistant"}),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm."}}},
            ),
            ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Dr"}}),
            ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "y."}}),
            (
                "contentBlockStart",
                {"contentBlockIndex": 2, "start": {"toolUse": {"name": "f", "toolUseId": "1"}}},
            ),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"a"'}}},
            ),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 2, "delta": {"toolUse": {"input": ":1}"}}},
            ),
            ("messageStop", {"stopReason": "tool_use"}),
            ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 4}}),
        ),
        '"Dry." · calls f(a=1) · 3→4 tokens',
    ),
    (
        aws(
            *(
                ("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})
                for event in (
                    starts(0, type="text", text=""),
                    block(0, type="text_delta", text="Dr"),
                    block(0, type="text_delta", text="y."),
                )
            )
        ),
        '"Dry."',
    ),
    (aws(("!throttlingException", {"message": "Slow"})), 'error "throttlingException: Slow"'),
]


@pytest.mark.parametrize(("response", "said"), STREAMS)
def test_a_stream_says(response, said):
    """Text, thoughts, refusals and the arguments of calls are put together from their pieces."""
    assert caption_of(response) == said


def test_the_thoughts_of_a_stream_are_put_together():
    """They are kept, but not shown beside text."""
    assert read_output(STREAMS[0][0]).thoughts == "Hm."


@pytest.mark.parametrize("cut", [1, 13, 40, 200])
def test_half_a_stream_of_aws_is_read(cut):
    """A truncated stream raises no error."""
    whole = STREAMS[-3][0]
    half = answer(whole.body[:-cut], aws_events.MEDIA)

    assert caption_of(half).startswith('"Dry."')
