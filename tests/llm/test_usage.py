"""The tokens of a response, from the counters of each provider."""

from __future__ import annotations

import json

import pytest
from anthropic.types import Message, RawMessageDeltaEvent, RawMessageStartEvent
from openai.types import CompletionUsage
from openai.types import responses as openai_responses
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from pytest_agentcache import Headers, Response, Usage, UsageError
from pytest_agentcache.llm.reading import read_output
from pytest_agentcache.llm.usage import usage_of

CHAT = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    ],
    "usage": {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920},
    },
}
REQUESTY = CHAT | {
    "usage": CHAT["usage"]
    | {"prompt_tokens_details": {"cached_tokens": 1900, "caching_tokens": 100}, "cost": 0.0125}
}
RESPONSES = {
    "id": "r1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 81,
        "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 16},
        "output_tokens": 1035,
        "output_tokens_details": {"reasoning_tokens": 832},
        "total_tokens": 1116,
    },
}
ANTHROPIC = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 50,
        "cache_read_input_tokens": 100_000,
        "cache_creation_input_tokens": 248,
        "output_tokens": 503,
    },
}
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}}],
    "usageMetadata": {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 900,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "toolUsePromptTokenCount": 7,
        "totalTokenCount": 1057,
    },
}
BEDROCK = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "usage": {
        "inputTokens": 5,
        "cacheReadInputTokens": 70,
        "cacheWriteInputTokens": 25,
        "outputTokens": 9,
        "totalTokens": 109,
    },
}
USAGES = {
    "chat": (CHAT, Usage(2006, 300, 1920)),
    "requesty": (REQUESTY, Usage(2006, 300, 1900, 100, 0.0125)),
    "responses": (RESPONSES, Usage(81, 1035, 64, 16)),
    "anthropic": (ANTHROPIC, Usage(100_298, 503, 100_000, 248)),
    "gemini": (GEMINI, Usage(1007, 50, 900)),
    "bedrock": (BEDROCK, Usage(100, 9, 70, 25)),
}


def stream(*events, typed=False):
    kinds = (f"event: {each['type']}\n" if typed else "" for each in events)
    lines = (
        f"{kind}data: {json.dumps(each)}\n\n" for kind, each in zip(kinds, events, strict=True)
    )
    return "".join(lines)


def chunk(**fields):
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"} | fields


CHAT_EVENTS = [
    chunk(choices=[{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}], usage=None),
    chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None),
    chunk(choices=[], usage=REQUESTY["usage"]),
]
ANTHROPIC_EVENTS = [
    {
        "type": "message_start",
        "message": ANTHROPIC
        | {"content": [], "stop_reason": None, "usage": ANTHROPIC["usage"] | {"output_tokens": 1}},
    },
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 503, "cache_read_input_tokens": None},
    },
    {"type": "message_stop"},
]
RESPONSES_EVENTS = [
    {"type": "response.created", "response": RESPONSES | {"usage": None}},
    {"type": "response.output_text.delta", "delta": "Hi"},
    {"type": "response.completed", "response": RESPONSES},
]
GEMINI_EVENTS = [
    {"candidates": [], "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 2}},
    GEMINI,
]
COHERE = {
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
    "usage": {
        "billed_units": {"input_tokens": 1, "output_tokens": 2},
        "tokens": {"input_tokens": 542, "output_tokens": 63},
    },
}
OLLAMA = {
    "model": "llama3.2",
    "message": {"role": "assistant", "content": "Hi"},
    "done": True,
    "prompt_eval_count": 26,
    "eval_count": 298,
}
USAGES |= {"cohere": (COHERE, Usage(542, 63)), "ollama": (OLLAMA, Usage(26, 298))}
STREAMED = {
    "chat": (CHAT_EVENTS, USAGES["requesty"][1]),
    "anthropic": (ANTHROPIC_EVENTS, USAGES["anthropic"][1]),
    "responses": (RESPONSES_EVENTS, USAGES["responses"][1]),
    "gemini": (GEMINI_EVENTS, USAGES["gemini"][1]),
}


@pytest.mark.parametrize("api", USAGES)
def test_answers(api):
    """Each API's words mean the same, as a dict, as text and in bytes."""
    answer, usage = USAGES[api]

    assert usage_of(answer) == usage
    assert usage_of(json.dumps(answer)) == usage
    assert usage_of(json.dumps(answer, indent=2).encode()) == usage


@pytest.mark.parametrize("number", [10**400, -1, True, 1.5, "7", None])
def test_what_is_no_count_is_none(number):
    """A count or a price that is not a number is ignored."""
    counters = {"prompt_tokens": number, "completion_tokens": 5, "cost": 10**400}

    assert usage_of({"choices": [], "usage": counters}) == Usage(None, 5)


@pytest.mark.parametrize("api", USAGES)
def test_comments_and_commands_count_alike(api):
    """The usage of a recorded response equals `usage_of`, as a document and as a stream."""
    answer, usage = USAGES[api]
    json_type = Headers((("content-type", "application/json"),))
    sse_type = Headers((("content-type", "text/event-stream"),))

    assert read_output(Response(200, json_type, json.dumps(answer).encode())).usage == usage
    if api in STREAMED:
        events, usage = STREAMED[api]
        raw = stream(*events, typed="type" in events[0]).encode()
        assert read_output(Response(200, sse_type, raw)).usage == usage


@pytest.mark.parametrize("api", STREAMED)
def test_streams(api):
    """A stream tells the same as its text, in pieces, or as the list of its events."""
    events, usage = STREAMED[api]
    text = stream(*events, typed="type" in events[0])
    raw = (text + ("data: [DONE]\n\n" if api == "chat" else "")).encode()

    assert usage_of(events) == usage
    assert usage_of(text) == usage
    assert usage_of(raw) == usage
    assert usage_of(raw.replace(b"\n", b"\r\n")) == usage
    assert usage_of([raw[:40], raw[40:90], raw[90:]]) == usage


def test_what_sdks_make_of_answers():
    """The objects of the OpenAI and Anthropic SDKs are read as they are."""
    assert usage_of(ChatCompletion.model_validate(REQUESTY)) == USAGES["requesty"][1]
    response = openai_responses.Response.model_validate(RESPONSES)
    assert usage_of(response) == USAGES["responses"][1]
    assert usage_of(Message.model_validate(ANTHROPIC)) == USAGES["anthropic"][1]
    chunks = [ChatCompletionChunk.model_validate(each) for each in CHAT_EVENTS]
    assert usage_of(chunks) == USAGES["requesty"][1]
    start = RawMessageStartEvent.model_validate(ANTHROPIC_EVENTS[0])
    end = RawMessageDeltaEvent.model_validate(ANTHROPIC_EVENTS[3])
    assert usage_of((start, end)) == USAGES["anthropic"][1]


def test_usage_by_itself():
    """The usage object of a response is accepted too, and so is a `Usage`."""
    assert usage_of(REQUESTY["usage"]) == USAGES["requesty"][1]
    assert usage_of(ANTHROPIC["usage"]) == USAGES["anthropic"][1]
    assert usage_of(CompletionUsage.model_validate(CHAT["usage"])) == USAGES["chat"][1]
    assert usage_of(USAGES["chat"][1]) == USAGES["chat"][1]


def test_what_google_genai_makes_of_answers():
    """Its objects dump in snake case."""
    metadata = {
        "prompt_token_count": 10,
        "cached_content_token_count": 4,
        "candidates_token_count": 3,
        "thoughts_token_count": None,
    }
    assert usage_of({"candidates": None, "usage_metadata": metadata}) == Usage(10, 3, 4)


def test_recorded_answers():
    """An interaction's response tells it too."""
    assert usage_of(Response(200, Headers(), json.dumps(CHAT).encode())) == USAGES["chat"][1]


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"choices": []}, Usage()),
        (CHAT | {"usage": {"prompt_tokens": 0, "completion_tokens": 2}}, Usage(0, 2)),
        (
            CHAT | {"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 0}}},
            Usage(9, None, 0),
        ),
        (CHAT | {"usage": {"prompt_tokens": 9, "prompt_tokens_details": None}}, Usage(9)),
        (ANTHROPIC | {"usage": {"input_tokens": 3, "output_tokens": 4}}, Usage(3, 4)),
        (GEMINI | {"usageMetadata": {"promptTokenCount": 3}}, Usage(3)),
        (CHAT | {"usage": {"prompt_tokens": 1, "cost": 2, "total_cost": 3}}, Usage(1, cost=2.0)),
        (CHAT | {"usage": {"prompt_tokens": 1, "total_cost": 3}}, Usage(1, cost=3.0)),
        (CHAT | {"usage": {"prompt_tokens": "many", "cost": "free"}}, Usage()),
    ],
)
def test_what_is_not_said_is_none(answer, usage):
    """Nothing said is None, and not 0, which is something said."""
    assert usage_of(answer) == usage


def test_a_stream_that_breaks_off_tells_what_it_told():
    """Half an event at the end does no harm."""
    raw = stream(*ANTHROPIC_EVENTS, typed=True)
    cut = raw[: raw.index('"type": "message_delta"') + 30]

    assert usage_of(cut) == Usage(100_298, 1, 100_000, 248)


@pytest.mark.parametrize(
    "other",
    [None, 5, "", b"", "text", b"\x00\xff", {}, [], {"sky": "rain"}, [1, 2], object(), [None]],
)
def test_what_is_no_answer_is_an_error(other):
    """Nothing is made up for what no model said."""
    with pytest.raises(UsageError, match="is not the response of an LLM"):
        usage_of(other)


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "no credit left", "type": "billing"}},
        {"type": "error", "error": {"type": "overloaded_error", "message": "no credit left"}},
        {"error": "no credit left"},
        'data: {"error": {"message": "no credit left"}}\n\n',
    ],
)
def test_an_error_of_upstream_is_an_error(error):
    """It says what upstream said."""
    with pytest.raises(UsageError, match="but an error: no credit left"):
        usage_of(error)


def test_what_nobody_read_is_an_error():
    """An iterator of chunks is not used up by asking."""
    with pytest.raises(UsageError, match="pass the list of its chunks, or read it whole first"):
        usage_of(iter(CHAT_EVENTS))
