"""The SDKs of model providers, and boto3, against a fake on loopback."""

from __future__ import annotations

import asyncio
import json

import anthropic
import boto3
import openai
import pytest
from botocore.config import Config

from pytest_agentcache import Usage, use_cassette
from pytest_agentcache.llm.usage import usage_of

from .upstream import Answer

JSON = [("Content-Type", "application/json")]
SSE = [("Content-Type", "text/event-stream")]


def chat_chunk(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: %s\n\n" % json.dumps(chunk | {"choices": [choice]}).encode()


CALL = {
    "id": "t1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
}
COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": None, "tool_calls": [CALL]},
        }
    ],
}
CHAT_STREAM = [
    chat_chunk({"role": "assistant", "content": "It is "}),
    chat_chunk({"content": "dry."}),
    chat_chunk({"tool_calls": [{"index": 0, **CALL}]}),
    chat_chunk({}, "tool_calls"),
    b"data: [DONE]\n\n",
]
CHAT = {
    "model": "m",
    "messages": [{"role": "user", "content": "Rain in Paris?"}],
    "tools": [
        {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    ],
}


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


USE = {"type": "tool_use", "id": "u1", "name": "weather", "input": {"city": "Paris"}}
MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "It is dry."}, USE],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
MESSAGE_STREAM = [
    event("message_start", message=MESSAGE | {"content": [], "stop_reason": None}),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "It is "}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "dry."}),
    event("content_block_stop", index=0),
    event("content_block_start", index=1, content_block=USE | {"input": {}}),
    event(
        "content_block_delta",
        index=1,
        delta={"type": "input_json_delta", "partial_json": '{"city": "Paris"}'},
    ),
    event("content_block_stop", index=1),
    event(
        "message_delta",
        delta={"stop_reason": "tool_use", "stop_sequence": None},
        usage={"output_tokens": 9},
    ),
    event("message_stop"),
]
ASK = {
    "model": "m",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Rain in Paris?"}],
    "tools": [{"name": "weather", "input_schema": {"type": "object"}}],
}


def openai_plain(base):
    with openai.OpenAI(api_key="sk-s3cret", base_url=base, max_retries=1) as client:
        return client.chat.completions.create(**CHAT).model_dump()


def openai_stream(base):
    with openai.OpenAI(api_key="sk-s3cret", base_url=base, max_retries=1) as client:
        return [chunk.model_dump() for chunk in client.chat.completions.create(**CHAT, stream=True)]


def openai_async_plain(base):
    async def go():
        async with openai.AsyncOpenAI(api_key="sk-s3cret", base_url=base, max_retries=1) as client:
            return (await client.chat.completions.create(**CHAT)).model_dump()

    return asyncio.run(go())


def openai_async_stream(base):
    async def go():
        async with openai.AsyncOpenAI(api_key="sk-s3cret", base_url=base, max_retries=1) as client:
            stream = await client.chat.completions.create(**CHAT, stream=True)
            return [chunk.model_dump() async for chunk in stream]

    return asyncio.run(go())


def anthropic_plain(base):
    with anthropic.Anthropic(api_key="sk-s3cret", base_url=base, max_retries=1) as client:
        return client.messages.create(**ASK).model_dump()


def anthropic_stream(base):
    with (
        anthropic.Anthropic(api_key="sk-s3cret", base_url=base, max_retries=1) as client,
        client.messages.stream(**ASK) as stream,
    ):
        return list(stream.text_stream), stream.get_final_message().model_dump()


def anthropic_async_plain(base):
    async def go():
        async with anthropic.AsyncAnthropic(
            api_key="sk-s3cret", base_url=base, max_retries=1
        ) as client:
            return (await client.messages.create(**ASK)).model_dump()

    return asyncio.run(go())


def anthropic_async_stream(base):
    async def go():
        async with (
            anthropic.AsyncAnthropic(api_key="sk-s3cret", base_url=base, max_retries=1) as client,
            client.messages.stream(**ASK) as stream,
        ):
            texts = [text async for text in stream.text_stream]
            return texts, (await stream.get_final_message()).model_dump()

    return asyncio.run(go())


SDKS = {
    "openai": openai_plain,
    "openai-stream": openai_stream,
    "openai-async": openai_async_plain,
    "openai-async-stream": openai_async_stream,
    "anthropic": anthropic_plain,
    "anthropic-stream": anthropic_stream,
    "anthropic-async": anthropic_async_plain,
    "anthropic-async-stream": anthropic_async_stream,
}


@pytest.fixture(params=SDKS)
def sdk(request, upstream):
    streams = request.param.endswith("stream")
    framing = "chunked" if streams else "length"
    headers = SSE if streams else JSON
    chat = CHAT_STREAM if streams else json.dumps(COMPLETION).encode()
    message = MESSAGE_STREAM if streams else json.dumps(MESSAGE).encode()
    upstream.serve("/chat/completions", Answer(chat, headers=headers, framing=framing))
    upstream.serve("/v1/messages", Answer(message, headers=headers, framing=framing))
    return lambda: SDKS[request.param](upstream.url)


def test_sdk(upstream, journey, cassette, sdk):
    """An SDK makes the same of a recorded answer, text and tool call, as of a live one."""
    recorded, replayed = journey(sdk)

    assert "weather" in json.dumps(recorded)
    assert "Paris" in json.dumps(recorded)
    assert replayed == recorded
    assert upstream.hits == 1
    assert "s3cret" not in cassette.read_text()
    assert "x-stainless" not in cassette.read_text().lower()


def test_sdk_gives_up_at_once_on_a_miss(upstream, cassette, sdk):
    """SDKs obey `x-should-retry: false`, so a miss costs one request and no backoff."""
    errors = (openai.InternalServerError, anthropic.InternalServerError)
    block = use_cassette(cassette, mode="offline", on_miss="respond")
    with block as harness, pytest.raises(errors) as caught:
        sdk()

    assert caught.value.status_code == 504
    assert "is not on the cassette" in str(caught.value)
    assert [miss.count for miss in harness.misses] == [1]
    assert upstream.hits == 0


def aws(service, upstream):
    return boto3.client(
        service,
        endpoint_url=upstream.url,
        region_name="eu-west-1",
        aws_access_key_id="AKIAS3CRET",
        aws_secret_access_key="s3cret",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def test_bedrock(upstream, journey, cassette):
    """boto3 converses through the cassette, its signature left out of it."""
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "It is dry."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    }
    upstream.serve("/model/m/converse", Answer(json.dumps(answer).encode(), headers=JSON))

    def act():
        messages = [{"role": "user", "content": [{"text": "Rain?"}]}]
        client = aws("bedrock-runtime", upstream)
        said = client.converse(modelId="m", messages=messages)
        client.close()
        return said["output"], said["ResponseMetadata"]["HTTPStatusCode"]

    assert journey(act) == ((answer["output"], 200),) * 2
    assert upstream.hits == 1
    assert "s3cret" not in cassette.read_text().lower()


def test_s3(upstream, journey):
    """An object is put from a file and read as a stream."""
    content = bytes(range(256)) * 500
    upstream.serve(
        "/bucket/key",
        Answer(b"", headers=[("ETag", '"e"')]),
        Answer(content, headers=[("ETag", '"e"')]),
    )

    def act():
        client = aws("s3", upstream)
        client.put_object(Bucket="bucket", Key="key", Body=b"what is put")
        got = client.get_object(Bucket="bucket", Key="key")
        body = got["Body"]
        found = [body.read(10), *body.iter_chunks(100_000)]
        body.close()
        client.close()
        return got["ContentLength"], got["ETag"], found

    expected = (len(content), '"e"', [content[:10], content[10:100_010], content[100_010:]])
    assert journey(act) == (expected, expected)


PROMPT = {
    "model": "anthropic/claude-sonnet-4-5",
    "messages": [{"role": "user", "content": "Rain in Paris?"}],
}
USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 9,
    "total_tokens": 1209,
    "prompt_tokens_details": {"cached_tokens": 1000, "caching_tokens": 100},
    "cost": 0.0042,
}
COUNTED = Usage(1200, 9, 1000, 100, 0.0042)
COUNTED_STREAM = [
    *CHAT_STREAM[:-1],
    chat_chunk({}).replace(b"}\n\n", b', "usage": %b}\n\n' % json.dumps(USAGE).encode()),
    CHAT_STREAM[-1],
]


def ask(base, *, streams, asynchronous):
    """Send one prompt with the flag through the OpenAI SDK, with a new trace each time."""
    cls = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    client = cls(api_key="sk-s3cret", base_url=base, max_retries=1)

    def create(flag, trace):
        body = {"requesty": {"auto_cache": flag, "trace_id": trace}}
        return client.chat.completions.create(**PROMPT, stream=streams, extra_body=body)

    async def go():
        async with client:
            answers = [await create(True, "a"), await create(True, "b"), await create(False, "c")]
            return [[each async for each in one] if streams else one for one in answers]

    if asynchronous:
        return asyncio.run(go())
    with client:
        answers = [create(True, "a"), create(True, "b"), create(False, "c")]
        return [list(each) if streams else each for each in answers]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("streams", [False, True])
def test_auto_cache_by_the_openai_sdk(upstream, cassette, streams, asynchronous):
    """Sent through `extra_body` the flag rules the SDK's requests, streamed or not."""
    whole = json.dumps(COMPLETION | {"usage": USAGE}).encode()
    framing = "chunked" if streams else "length"
    body = COUNTED_STREAM if streams else whole
    headers = SSE if streams else JSON
    upstream.serve("/chat/completions", Answer(body, headers=headers, framing=framing))
    came = []
    for mode in ("record", "replay", "offline"):
        with use_cassette(cassette, mode=mode, router=True) as harness:
            answers = ask(upstream.url, streams=streams, asynchronous=asynchronous)
            came.append(([harness.usage(each) for each in answers], harness.prompt_cache))
        assert harness.unused == ()
        upstream.stop()

    usages, calls = came[0]
    assert came[0] == came[1] == came[2]
    assert usages == [COUNTED] * 3
    assert [call.from_cache for call in calls] == [False, True, False]
    assert [call.auto_cache for call in calls] == [True, True, False]
    assert [call.usage for call in calls] == usages
    assert all(call.kept_prefix for call in calls)
    assert upstream.hits == 2


def test_prompt_cache_of_the_anthropic_sdk(upstream, journey):
    """Without a router, too, calls are known: what was read, and where a prompt moved."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 95, "output_tokens": 2}
    answer = json.dumps(MESSAGE | {"usage": usage}).encode()
    upstream.serve("/v1/messages", Answer(answer, headers=JSON))

    def act():
        with anthropic.Anthropic(api_key="sk-s3cret", base_url=upstream.url) as client:
            for minute in (41, 42):
                client.messages.create(**ASK, system=f"It is 10:{minute}.")

    journey(act)

    for harness in (journey.recorded, journey.replayed):
        first, second = harness.prompt_cache
        assert (first.usage, first.from_cache) == (Usage(100, 2, 95), False)
        assert (first.kept_prefix, second.kept_prefix, second.moved) == (True, False, "system")


def test_prompt_cache_of_bedrock(upstream, journey):
    """The model is in the path, and boto3's responses are read as they are."""
    usage = {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7, "cacheReadInputTokens": 95}
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "It is dry."}]}},
        "stopReason": "end_turn",
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }
    model = "eu.anthropic.claude-x-v1:0"
    upstream.serve(
        "/model/eu.anthropic.claude-x-v1%3A0/converse",
        Answer(json.dumps(answer).encode(), headers=JSON),
    )

    def act():
        client = aws("bedrock-runtime", upstream)
        messages = [{"role": "user", "content": [{"text": "Rain?"}]}]
        said = client.converse(modelId=model, messages=messages)
        client.close()
        return usage_of(said)

    assert journey(act) == (Usage(100, 2, 95),) * 2
    [call] = journey.replayed.prompt_cache
    assert (call.model, call.provider, call.usage) == (model, "anthropic", Usage(100, 2, 95))
