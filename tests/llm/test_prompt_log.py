"""The place where a prompt differs from the previous one, and the list of a test's calls."""

from __future__ import annotations

import json

import pytest

from pytest_agentcache import Headers, PromptCall, Request, Response, Usage
from pytest_agentcache.llm.prompt_log import PromptLog, moved

URL = "https://router.requesty.ai/v1/chat/completions"
SYSTEM = {"role": "system", "content": "You are a weather agent."}
ASKED = {"role": "user", "content": "Rain in Paris?"}
SAID = {"role": "assistant", "content": "Yes."}
MORE = {"role": "user", "content": "And in London?"}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CHAT = {"model": "m", "tools": [TOOL], "messages": [SYSTEM, ASKED]}


def text(words, **beside):
    return [{"type": "text", "text": words, **beside}]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (CHAT, CHAT),
        (CHAT, CHAT | {"messages": [SYSTEM, ASKED, SAID, MORE]}),
        (CHAT, CHAT | {"temperature": 1, "requesty": {"trace_id": "t"}}),
        ({"messages": []}, {"messages": [ASKED]}),
        ({"prompt": "Once"}, {"prompt": "Once upon a time"}),
        ({"input": "Hi"}, {"input": [{"role": "user", "content": "Hi"}, SAID, MORE]}),
        (
            {"instructions": "Be brief.", "input": [ASKED]},
            {"instructions": "Be brief.", "input": [MORE], "previous_response_id": "r1"},
        ),
        (
            {"systemInstruction": {"parts": [{"text": "s"}]}, "contents": [{"parts": []}]},
            {
                "systemInstruction": {"parts": [{"text": "s"}]},
                "contents": [{"parts": []}, {"parts": [{"text": "more"}]}],
            },
        ),
        # The mark of where to cache moves on with each turn.
        (
            {
                "system": "s",
                "messages": [
                    ASKED | {"content": text("Hi", cache_control={"type": "ephemeral"})},
                ],
            },
            {
                "system": text("s", cache_control={"type": "ephemeral"}),
                "messages": [ASKED | {"content": "Hi"}, SAID],
            },
        ),
        (
            {"messages": [{"content": [{"text": "Hi"}, {"cachePoint": {"type": "default"}}]}]},
            {"messages": [{"content": [{"text": "Hi"}]}, {"content": [{"text": "more"}]}]},
        ),
    ],
)
def test_kept(before, now):
    """A prompt that begins with all of the one before it has kept it."""
    assert moved(before, now) == ""


@pytest.mark.parametrize(
    ("now", "place"),
    [
        (
            {"messages": [SYSTEM | {"content": "It is 10:42."}, ASKED, SAID]},
            "messages[0].content",
        ),
        ({"messages": [SYSTEM, SAID]}, "messages[1].role"),
        ({"messages": [SYSTEM]}, "messages[1]"),
        ({"messages": [SYSTEM, ASKED | {"name": "Jo"}]}, "messages[1].name"),
        ({"messages": None}, "messages"),
        ({"tools": []}, "tools[0]"),
        ({"tools": [TOOL, TOOL]}, "tools[1]"),
        ({"tools": None}, "tools"),
        (
            {"tools": [{"type": "function", "function": {"name": "time"}}], "messages": []},
            "tools[0].function.name",
        ),
        ({"system": "new"}, "system"),
    ],
)
def test_moved(now, place):
    """The first place that differs is reported: tools before system before messages."""
    assert moved(CHAT, CHAT | now) == place


def test_moved_in_blocks_and_text():
    """For blocks it names the block, for the text of a completion the text."""
    before = {"messages": [{"role": "user", "content": [*text("a"), *text("b")]}]}
    now = {"messages": [{"role": "user", "content": [*text("a"), *text("c")]}]}

    assert moved(before, now) == "messages[0].content[1].text"
    assert moved({"prompt": "Once upon"}, {"prompt": "Twice upon"}) == "prompt"
    assert moved({"input": "Hi"}, {"input": [{"role": "user", "content": "Ho"}]}) == (
        "input[0].content"
    )


def asked(fields, method="POST", url=URL):
    return Request(method, url, Headers(), json.dumps(fields).encode())


def answer(tokens):
    usage = {"choices": [], "usage": {"prompt_tokens": tokens, "completion_tokens": 1}}
    return Response(200, Headers(), json.dumps(usage).encode())


def test_calls_in_order():
    """A call tells its model, its flag, its answer's usage, and whether its prefix was kept."""
    log = PromptLog()
    flagged = CHAT | {"model": "anthropic/claude-x", "requesty": {"auto_cache": True}}
    longer = flagged | {"messages": [SYSTEM, ASKED, SAID], "requesty": {"auto_cache": False}}
    log.answered(asked(flagged), lambda: answer(5))
    log.answered(asked(longer), lambda: answer(7))

    first = PromptCall(
        URL, "anthropic/claude-x", "anthropic", True, False, 200, Usage(5, 1), moved=""
    )
    second = PromptCall(
        URL, "anthropic/claude-x", "anthropic", False, False, 200, Usage(7, 1), moved=""
    )
    assert log.calls() == (first, second)
    assert all(call.kept_prefix for call in log.calls())


def test_each_model_has_a_prefix_of_its_own():
    """A prompt to another model in between is ignored, because caches belong to a model."""
    log = PromptLog()
    for fields in (CHAT, CHAT | {"model": "other", "messages": [MORE]}, CHAT, CHAT | {"tools": []}):
        log.answered(asked(fields), lambda: None)

    assert [call.moved for call in log.calls()] == ["", "", "", "tools[0]"]
    assert [call.kept_prefix for call in log.calls()] == [True, True, True, False]


def test_only_prompts_are_told():
    """A request other than a POST of a JSON prompt is not listed."""
    log = PromptLog()
    for request in (
        asked({"query": "x"}),
        asked({"model": "m"}),
        asked(CHAT, "PUT"),
        asked([CHAT]),
        Request("POST", URL, Headers(), b"{ no JSON"),
        Request("GET", URL),
    ):
        log.answered(request, lambda: answer(1))

    assert log.calls() == ()


def test_answers_come_late_or_never():
    """Until it is there, and where it is an error, an answer has no usage."""
    log = PromptLog()
    found = []
    log.answered(asked(CHAT), lambda: found[0] if found else None)
    log.answered(asked(CHAT), lambda: Response(503, body=b'{"error": {"message": "busy"}}'))

    assert [(call.status, call.usage) for call in log.calls()] == [(None, None), (503, None)]
    found.append(answer(3))
    assert log.calls()[0].usage == Usage(3, 1)


def test_a_wrong_flag_is_told_as_none():
    """The error was raised where it was sent."""
    log = PromptLog()
    log.answered(asked(CHAT | {"requesty": {"auto_cache": "yes"}}), lambda: None)

    assert log.calls()[0].auto_cache is None


def test_what_a_session_asks_is_one_call():
    """Redirects, retries and refreshes below a session are no calls of their own."""
    log = PromptLog()
    with log.session(asked(CHAT)):
        assert log.inside
        with log.refresh():
            log.answered(asked(CHAT), lambda: answer(1))
        with log.session(asked(CHAT, url=f"{URL}/elsewhere")):
            log.answered(asked(CHAT), lambda: answer(2))
        log.answered(asked(CHAT), lambda: answer(3), from_cache=True)
        log.answered(asked(CHAT), lambda: answer(4), unless_known=True)

    assert not log.inside
    assert [(call.from_cache, call.usage) for call in log.calls()] == [(True, Usage(3, 1))]
