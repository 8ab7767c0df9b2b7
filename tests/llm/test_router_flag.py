"""The flags of a request about caching, and their meaning for the router."""

from __future__ import annotations

import json

import pytest

from pytest_agentcache import AutoCacheError, Headers, Request
from pytest_agentcache.llm.router_flag import (
    caches,
    document,
    is_prompt,
    model_of,
    provider_of,
    without_flag,
)
from pytest_agentcache.settings.settings import Settings

CHAT = {"model": "anthropic/claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}
URL = "https://router.requesty.ai/v1/chat/completions"


def asked(fields, *headers, url=URL, method="POST"):
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return Request(method, url, Headers(headers), body)


def flagged(flag, **beside):
    return CHAT | {"requesty": {"auto_cache": flag, **beside}}


@pytest.mark.parametrize("flag", [True, False])
def test_the_flag_decides(flag):
    """True uses the cache and false bypasses it, for every origin."""
    assert caches(asked(flagged(flag)), Settings()) is flag
    assert caches(asked(flagged(flag), ("x-title", "Cline")), Settings()) is flag


@pytest.mark.parametrize(
    "fields",
    [CHAT, CHAT | {"requesty": {}}, CHAT | {"requesty": {"tags": ["a"]}}, flagged(None)],
)
def test_without_a_flag_nothing_is_decided(fields):
    """A prompt of unknown origin that says nothing is the cache's own affair; null says nothing."""
    assert caches(asked(fields), Settings()) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http-referer", "https://cline.bot"),
        ("x-title", "Cline"),
        ("user-agent", "Cline/3.36.1"),
        ("http-referer", "https://github.com/RooVetGit/Roo-Cline"),
        ("http-referer", "https://github.com/RooCodeInc/Roo-Code"),
        ("x-title", "Roo Code"),
        ("user-agent", "RooCode/3.29.0"),
    ],
)
def test_origins_that_cache(name, value):
    """Cline and Roo Code are known by what they send, in any of the three headers."""
    assert caches(asked(CHAT, (name, value)), Settings()) is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-title", "Recline"),
        ("user-agent", "declined/1.0"),
        ("user-agent", "python-requests/2.34"),
        ("x-agent", "Cline"),
        ("http-referer", "https://example.org"),
    ],
)
def test_other_origins_do_not_cache(name, value):
    """A name inside another word does not count, and no other header names the origin."""
    assert caches(asked(CHAT, (name, value)), Settings()) is None


def test_origins_are_a_setting():
    """Only the configured origins use the cache."""
    settings = Settings(auto_cache_origins=("my-agent", "*.example.org"))

    assert caches(asked(CHAT, ("user-agent", "My-Agent/2.0")), settings) is True
    assert caches(asked(CHAT, ("http-referer", "https://app.example.org/x")), settings) is True
    assert caches(asked(CHAT, ("x-title", "Cline")), settings) is None
    assert caches(asked(CHAT, ("x-title", "Cline")), Settings(auto_cache_origins=())) is None


@pytest.mark.parametrize(
    "request_",
    [
        asked(b"", ("x-title", "Cline"), method="GET"),
        asked(b"no JSON {", ("x-title", "Cline")),
        asked(b'{"model": "m", "messages": ', ("x-title", "Cline")),
        asked([CHAT], ("x-title", "Cline")),
        asked({"query": "weather"}, ("x-title", "Cline")),
        asked({"model": "m", "messages": 5}, ("x-title", "Cline")),
        asked({"messages": []}, ("x-title", "Cline"), url="https://tool.example/search"),
        asked(b"[" * 100_000, ("x-title", "Cline")),
        asked(b'{"a":' * 100_000, ("x-title", "Cline")),
    ],
)
def test_what_is_no_prompt_is_left_alone(request_):
    """An origin counts for prompts alone."""
    assert caches(request_, Settings()) is None


@pytest.mark.parametrize(
    ("flag", "text"),
    [("true", "'true'"), (1, "1"), (0, "0"), ([], r"\[\]"), ({"on": True}, r"\{'on': True\}")],
)
def test_a_flag_that_is_no_boolean_is_an_error(flag, text):
    """The error names the request without its query, the place and the value."""
    message = rf"^POST {URL}: requesty.auto_cache is {text}; it takes true or false$"
    with pytest.raises(AutoCacheError, match=message) as caught:
        caches(asked(flagged(flag), url=f"{URL}?key=s3cret"), Settings())

    assert caught.value.value == flag


def test_a_prompt_whose_requesty_is_no_object_is_an_error():
    """Its flag would be passed over in silence."""
    with pytest.raises(AutoCacheError, match="requesty is True; it takes an object"):
        caches(asked(CHAT | {"requesty": True}), Settings())
    assert caches(asked({"requesty": True}), Settings()) is None


@pytest.mark.parametrize(
    ("model", "providers", "counts"),
    [
        ("anthropic/claude-sonnet-4-5", ("anthropic", "gemini"), True),
        ("vertex/anthropic/claude-3-7-sonnet", ("anthropic",), True),
        ("bedrock/claude-sonnet-4-5@eu-central-1", ("anthropic",), True),
        ("bedrock/claude-sonnet-4-5@eu-central-1", ("bedrock",), True),
        ("claude-opus-5", ("Anthropic",), True),
        ("google/gemini-2.5-pro", ("gemini",), True),
        ("gemini-2.5-pro", ("google",), True),
        ("openai/gpt-5", ("anthropic", "gemini"), False),
        ("gpt-5", ("openai",), True),
        ("mistral/large", ("mis*",), True),
        ("some-model", ("anthropic",), False),
        ("openai/gpt-5", (), True),
        ("some-model", (), True),
    ],
)
def test_providers(model, providers, counts):
    """The flag is inert for providers that are not named, its origin's default too."""
    settings = Settings(auto_cache_providers=providers)

    for flag in (True, False):
        wanted = flag if counts else None
        assert caches(asked(flagged(flag) | {"model": model}), settings) is wanted
    cline = asked(CHAT | {"model": model}, ("x-title", "Cline"))
    assert caches(cline, settings) is (True if counts else None)


@pytest.mark.parametrize(
    ("fields", "url", "model"),
    [
        ({"model": "m", "messages": []}, URL, "m"),
        ({"model": "m", "input": "text"}, URL, "m"),
        ({"model": "m", "prompt": "text"}, URL, "m"),
        ({"contents": []}, "https://g.example/v1beta/models/gemini-2.5-pro:generateContent", None),
        ({"messages": []}, "https://b.example/model/eu.anthropic.claude-x-v2%3A0/converse", None),
    ],
)
def test_prompts_of_all_apis_are_known(fields, url, model):
    """OpenAI's three, Gemini's, and Bedrock's, whose model is in the path."""
    request = asked(fields, url=url)
    named = model or {"g": "gemini-2.5-pro", "b": "eu.anthropic.claude-x-v2:0"}[url[8]]

    assert document(request) == fields
    assert is_prompt(request, fields)
    assert model_of(request, fields) == named


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("anthropic/claude-x", "anthropic"),
        ("vertex/anthropic/claude-x", "vertex"),
        ("claude-x", "anthropic"),
        ("eu.anthropic.claude-x-v2:0", "anthropic"),
        ("gemini-2.5-pro", "google"),
        ("gpt-5-mini", "openai"),
        ("llama", ""),
    ],
)
def test_provider(model, provider):
    """The prefix tells the provider; without one, the family does."""
    assert provider_of(model) == provider


def same(*fields):
    return len({without_flag(json.dumps(each).encode()) for each in fields}) == 1


def test_the_key_knows_nothing_of_flag_and_trace():
    """Volatile fields do not change the key, nor does the absence of a flag."""
    traced = flagged(True, trace_id="a", user_id="u", tags=["x"], extra={"country": "ca"})

    assert same(flagged(True), flagged(True, trace_id="b"), traced, flagged(None))
    assert json.loads(without_flag(json.dumps(traced).encode())) == CHAT


def test_the_key_knows_all_else():
    """The other fields are part of the request."""
    assert not same(flagged(True), flagged(True, prompt_id="p1"))
    assert same(flagged(True, prompt_id="p1"), flagged(False, prompt_id="p1", trace_id="t"))
    assert not same(flagged(True), flagged(True) | {"model": "other"})


@pytest.mark.parametrize(
    "body", [b'{"a": 1}', b'"requesty"', b'{"requesty": ', b'{"requesty": "x"}', b""]
)
def test_bodies_without_flags_stay_as_they_are(body):
    """To the byte, so that no key but the router's moves."""
    assert without_flag(body) == body
