"""What an LLM's answer says of its tokens, whoever answered and however it was read.

What the provider's prompt cache has of a prompt is told by OpenAI, Requesty and Gemini as a part of
the input, and by Anthropic and Bedrock beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from ..errors import UsageError
from ..http.body import sse


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one answer; None where the answer does not say.

    Attributes:
        input_tokens: All tokens of the prompt, those read from and written to the provider's
            prompt cache included. Anthropic counts them apart; here they are added up.
        output_tokens: All tokens of the answer, those of its reasoning included.
        cache_read_tokens: Tokens of the prompt that came from the provider's prompt cache.
        cache_write_tokens: Tokens of the prompt that were written to it.
        cost: What the router charges, in US dollars (Requesty, OpenRouter).
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost: float | None = None


def usage_of(answer: Any) -> Usage:
    """The usage that `answer` tells.

    Args:
        answer: An answer of OpenAI (chat, responses), Anthropic, Gemini, Requesty, Bedrock, Cohere
            or Ollama: what an SDK made of it, the response of requests, requests-cache, httpx,
            aiohttp or urllib3 once it was read, a dict, the text or bytes of its JSON or its event
            stream. A streamed one may be the list of its chunks or events.

    Raises:
        UsageError: If it is none, an error, or a body that nobody kept.
    """
    if isinstance(answer, Usage):
        return answer
    plain = _plain(answer)
    if isinstance(plain, (bytes, str)):
        plain = _parsed(plain)
    told: dict[str, Any] = {}
    known = False
    for part in plain if isinstance(plain, list) else [plain]:
        if isinstance(part, Mapping):
            known = _is_answer(part) or known
            told |= told_by(part)
    if not known:
        raise UsageError(f"{_short(plain)} is no answer of an LLM")
    return counted(told)


def _plain(answer: Any) -> Any:
    """`answer` as bytes, text, or the plain values of JSON."""
    if isinstance(answer, (bytes, bytearray, memoryview)):
        return bytes(answer)
    if answer is None or isinstance(answer, (str, Mapping)):
        return answer
    if isinstance(answer, Sequence):
        parts = [_plain(part) for part in answer]
        if parts and all(isinstance(part, (bytes, str)) for part in parts):
            return b"".join(p.encode() if isinstance(p, str) else p for p in parts)
        return parts
    if callable(dump := getattr(answer, "model_dump", None)):
        return dump(warnings=False)
    return _body(answer)


def _body(answer: Any) -> Any:
    """The body of a client's response."""
    # What OpenAI's and Anthropic's `with_raw_response` give.
    answer = getattr(answer, "http_response", answer)
    for name in ("_body", "content", "body", "data"):
        try:
            body = getattr(answer, name, None)
        except RuntimeError as error:
            raise UsageError(
                f"the body of {answer!r} was streamed and not kept; "
                "pass the list of its chunks, or read it whole first"
            ) from error
        if isinstance(body, (bytes, str)):
            return body
    if hasattr(answer, "__aiter__") or hasattr(answer, "__iter__") or hasattr(answer, "read"):
        raise UsageError(
            f"{answer!r} has no body that was read and kept; "
            "pass the list of its chunks, or read it whole first"
        )
    raise UsageError(f"{answer!r} is no answer of an LLM")


def _parsed(text: bytes | str) -> Any:
    """The values in the text of a document, or of a stream of events."""
    raw = text.encode() if isinstance(text, str) else text
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        pass
    found = []
    for event in sse.split(raw.replace(b"\r\n", b"\n")):
        lines = [line[5:] for line in event.split(b"\n") if line.startswith(b"data:")]
        try:
            found.append(json.loads(b"\n".join(lines)))
        except (ValueError, RecursionError):
            # `[DONE]`, a comment, or the last event of a stream that broke off.
            continue
    return found or text


_ANSWERS = ("choices", "candidates", "usage", "usageMetadata", "usage_metadata", "promptFeedback")


def _is_answer(part: Mapping[str, Any]) -> bool:
    """Whether `part` is an answer of an LLM, or a piece of one."""
    if isinstance(error := part.get("error"), (str, Mapping)):
        told = error.get("message", error) if isinstance(error, Mapping) else error
        raise UsageError(f"this is no answer of an LLM but an error: {told}")
    kind = part.get("type")
    typed = isinstance(kind, str) and kind.startswith(("message", "content_block", "response."))
    named = part.get("object") in ("response", "chat.completion", "chat.completion.chunk")
    return typed or named or any(name in part for name in _ANSWERS) or bool(_counters(part))


_HOLDERS = ("message", "response", "delta", "x_groq")
_USAGES = ("usage", "usageMetadata", "usage_metadata", "amazon-bedrock-invocationMetrics")


def told_by(part: Mapping[str, Any]) -> dict[str, Any]:
    """The counters of an answer or of a piece of one, wherever they stand, without nulls.

    Those of the pieces of one answer are merged, a later over an earlier, and then `counted`.
    """
    return {name: value for name, value in _told(part).items() if value is not None}


def _told(part: Mapping[str, Any]) -> Mapping[str, Any]:
    for holder in (part, *(part.get(name) for name in _HOLDERS)):
        if isinstance(holder, Mapping):
            for name in _USAGES:
                if isinstance(found := holder.get(name), Mapping):
                    return found
    return _counters(part)


def _counters(part: Mapping[str, Any]) -> dict[str, Any]:
    """`part` itself, if it is what answers have as their usage."""
    return dict(part) if any(name in part for name in _COUNTERS) else {}


_INPUT = (
    *("prompt_tokens", "promptTokenCount", "prompt_token_count"),
    # Ollama's, and Bedrock's for Titan and for whatever it streams.
    *("prompt_eval_count", "inputTextTokenCount", "inputTokenCount"),
)
# Anthropic and Bedrock count what the cache has beside, OpenAI's responses within.
_INPUT_BESIDE = ("input_tokens", "inputTokens")
_READ_BESIDE = ("cache_read_input_tokens", "cacheReadInputTokens")
_WRITE_BESIDE = ("cache_creation_input_tokens", "cacheWriteInputTokens")
_OUTPUT = (
    *("completion_tokens", "output_tokens", "outputTokens", "eval_count"),
    *("tokenCount", "generation_token_count", "outputTokenCount"),
)
# More than anybody ever paid for: such a number is no count.
_MOST = 10**15
# Gemini's, where it is asked to count.
_COUNTED = "totalTokens"
_COUNTERS = (*_INPUT, *_INPUT_BESIDE, *_OUTPUT, _COUNTED)


def counted(told: Mapping[str, Any]) -> Usage:
    """The usage that the counters of one answer make, in whichever provider's words."""
    if isinstance(inner := told.get("tokens"), Mapping):
        # Cohere has what it bills beside what it counted.
        told = inner
    details = next(
        (
            dict(told[name])
            for name in ("prompt_tokens_details", "input_tokens_details")
            if isinstance(told.get(name), Mapping)
        ),
        {},
    )
    gemini = ("cachedContentTokenCount", "cached_content_token_count")
    read = _first(details, "cached_tokens")
    read = _first(told, *_READ_BESIDE, *gemini) if read is None else read
    write = _first(details, "caching_tokens", "cache_write_tokens")
    write = _first(told, *_WRITE_BESIDE) if write is None else write
    cost = next((told[name] for name in ("cost", "total_cost") if name in told), None)
    return Usage(
        input_tokens=_input(told, details),
        output_tokens=_output(told),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cost=float(cost) if _is_number(cost) else None,
    )


def _input(told: Mapping[str, Any], details: Mapping[str, Any]) -> int | None:
    whole = _first(told, *_INPUT)
    if whole is not None:
        return whole + (_first(told, "toolUsePromptTokenCount", "tool_use_prompt_token_count") or 0)
    beside = _first(told, *_INPUT_BESIDE)
    if beside is None and _output(told) is None:
        return _first(told, _COUNTED)
    if beside is None or details:
        return beside
    cached = _first(told, *_READ_BESIDE) or 0, _first(told, *_WRITE_BESIDE) or 0
    return beside + sum(cached)


def _output(told: Mapping[str, Any]) -> int | None:
    whole = _first(told, *_OUTPUT)
    if whole is not None:
        return whole
    said = _first(told, "candidatesTokenCount", "candidates_token_count")
    thought = _first(told, "thoughtsTokenCount", "thoughts_token_count")
    return None if said is None and thought is None else (said or 0) + (thought or 0)


def _is_number(value: Any) -> TypeGuard[int | float]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and -_MOST < value < _MOST


def _first(told: Mapping[str, Any], *names: str) -> int | None:
    """The first counter that is there."""
    for name in names:
        value = told.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST:
            return value
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
