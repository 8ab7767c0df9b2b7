"""The table of providers: each has a sample, and each sample needs its provider."""

import json

import pytest

from pytest_agentcache.cassette.caption import caption
from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.llm import conversation, reading
from pytest_agentcache.llm.counters import Usage, UsageFields
from pytest_agentcache.llm.output import ModelOutput
from pytest_agentcache.llm.providers import PROVIDERS
from pytest_agentcache.llm.usage import usage_of

URL = "https://h.example/v1/x"
JSON = Headers((("content-type", "application/json"),))
MESSAGE = {"role": "user", "content": "Rain?"}
CALL = "calls rain(city=Paris)"

# By provider: a request, its tools and the text of its last message; a response, its caption and
# its usage. None for what a provider does not have.
SAMPLES = {
    "openai_chat": (
        {
            "model": "gpt-5-mini",
            "messages": [MESSAGE],
            "tools": [{"type": "function", "function": {"name": "rain"}}],
        },
        (["rain"], "Rain?"),
        {
            "choices": [
                {
                    "message": {
                        "tool_calls": [
                            {
                                "id": "1",
                                "function": {"name": "rain", "arguments": '{"city":"Paris"}'},
                            }
                        ]
                    },
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        },
        f"{CALL} · 3→2 tokens",
        Usage(3, 2),
    ),
    "openai_responses": (
        {
            "instructions": "Be brief.",
            "input": "Rain?",
            "tools": [{"type": "function", "name": "rain"}],
        },
        (["rain"], "Rain?"),
        {
            "object": "response",
            "output": [{"type": "function_call", "name": "rain", "arguments": '{"city":"Paris"}'}],
            "usage": {
                "input_tokens": 3,
                "output_tokens": 2,
                "input_tokens_details": {"cached_tokens": 1},
            },
        },
        f"{CALL} · 3→2 tokens",
        Usage(3, 2, 1),
    ),
    "anthropic": (
        {"system": "Be brief.", "messages": [MESSAGE], "tools": [{"name": "rain"}]},
        (["rain"], "Rain?"),
        {
            "type": "message",
            "content": [
                {"type": "tool_use", "id": "1", "name": "rain", "input": {"city": "Paris"}}
            ],
            "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 4},
        },
        f"{CALL} · 7→2 tokens",
        Usage(7, 2, 4),
    ),
    "gemini": (
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "Rain?"}]}],
            "tools": [{"functionDeclarations": [{"name": "rain"}]}],
        },
        (["rain"], "Rain?"),
        {
            "candidates": [
                {
                    "content": {
                        "parts": [{"functionCall": {"name": "rain", "args": {"city": "Paris"}}}]
                    }
                }
            ],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
        },
        f"{CALL} · 3→2 tokens",
        Usage(3, 2),
    ),
    "bedrock": (
        {
            "messages": [{"role": "user", "content": [{"text": "Rain?"}]}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "rain"}}]},
        },
        (["rain"], "Rain?"),
        {
            "output": {
                "message": {"content": [{"toolUse": {"name": "rain", "input": {"city": "Paris"}}}]}
            },
            "stopReason": "tool_use",
            "usage": {"inputTokens": 3, "outputTokens": 2},
        },
        f"{CALL} · 3→2 tokens",
        Usage(3, 2),
    ),
    "cohere": (
        {
            "preamble": "Be brief.",
            "chat_history": [{"role": "CHATBOT", "message": "Hello."}],
            "message": "Rain?",
        },
        ([], "Rain?"),
        {
            "message": {
                "tool_calls": [
                    {"id": "1", "function": {"name": "rain", "arguments": '{"city":"Paris"}'}}
                ]
            },
            "finish_reason": "TOOL_CALL",
            "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}},
        },
        f"{CALL} · 3→2 tokens",
        Usage(3, 2),
    ),
    "ollama": (
        {"model": "llama3.2", "prompt": "Rain?"},
        ([], "Rain?"),
        {"response": "Dry.", "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2},
        '"Dry." · 3→2 tokens',
        Usage(3, 2),
    ),
    "hugging_face": (None, None, [{"generated_text": "Dry."}], '"Dry."', None),
    "services": (
        None,
        None,
        {"object": "list", "data": [{"object": "embedding", "embedding": [0.5] * 8}]},
        "1 embedding of 8",
        None,
    ),
}


def interaction(sample):
    """The interaction of a sample."""
    request, _, response, _, _ = sample
    body = b"" if request is None else json.dumps(request).encode()
    return Interaction(
        Request("POST", URL, JSON, body), Response(200, JSON, json.dumps(response).encode())
    )


def test_each_provider_has_a_sample():
    """A provider without a sample is not tested, and a sample without a provider is stale."""
    assert SAMPLES.keys() == {provider.name for provider in PROVIDERS}
    assert len(PROVIDERS) == len(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_read(name):
    """Each provider's request is a conversation; its response has a caption and a usage."""
    _, expected, response, said, usage = SAMPLES[name]
    sample = interaction(SAMPLES[name])

    assert caption(1, sample).endswith(f"→ 200 · {said}")
    if expected is not None:
        found = conversation.conversation_of(sample)
        assert (list(found.tools), found.turns[-1].parts[-1].text) == expected
    if usage is not None:
        assert usage_of(response) == usage


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.name)
def test_a_sample_needs_its_provider(provider, monkeypatch):
    """Without its provider, a sample has no caption: the others do not read it by accident."""
    sample = interaction(SAMPLES[provider.name])
    whole = caption(1, sample)
    others = tuple(each for each in PROVIDERS if each is not provider)
    monkeypatch.setattr(reading, "PROVIDERS", others)

    assert caption(1, sample) != whole


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.name)
def test_an_entry_is_complete(provider):
    """A provider of conversations names its requests, its counters and its reasons to end."""
    reads_requests = bool(provider.message_fields)
    assert reads_requests == (provider.usage != UsageFields())
    assert reads_requests == (SAMPLES[provider.name][0] is not None)
    assert all(end == end.lower() for end in provider.usual_ends)
    for kind in provider.event_types:
        output = ModelOutput(reading.read_output_parts, UsageFields(), frozenset())
        # An event that the provider does not know is skipped.
        provider.read_event(output, {"type": f"{kind}unknown"})
        assert output == ModelOutput(reading.read_output_parts, UsageFields(), frozenset())
