"""Read the usage of a response, in every form that a program has it in.

OpenAI, Requesty and Gemini count the tokens of the prompt cache as a part of the input; Anthropic
and Bedrock count them separately.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UsageError
from .counters import Usage
from .providers import PROVIDERS, USAGE
from .reading import event_data

__all__ = ["Usage", "usage_of"]

_FIELDS = tuple(name for provider in PROVIDERS for name in provider.response_fields)
_OBJECTS = tuple(name for provider in PROVIDERS for name in provider.response_objects)
_TYPES = ("message", *(name for provider in PROVIDERS for name in provider.event_types))


def usage_of(response: Any) -> Usage:
    """Return the usage of a response of a language model.

    Args:
        response: A response of OpenAI (chat, responses), Anthropic, Gemini, Requesty, Bedrock,
            Cohere or Ollama: the object of an SDK, the response of requests, requests-cache,
            httpx, aiohttp or urllib3 after it was read, a dict, or the text or bytes of its JSON or
            its event stream. A streamed response may be the list of its chunks or events.

    Raises:
        UsageError: If it is something else, an error, or a stream whose body was not kept.
    """
    if isinstance(response, Usage):
        return response
    plain = _plain(response)
    if isinstance(plain, (bytes, str)):
        plain = _parsed(plain)
    counters: dict[str, Any] = {}
    known = False
    for part in plain if isinstance(plain, list) else [plain]:
        if isinstance(part, Mapping):
            known = _is_response(part) or known
            counters |= USAGE.find(part)
    if not known:
        raise UsageError(f"{_short(plain)} is not the response of an LLM")
    return USAGE.count(counters)


def _plain(response: Any) -> Any:
    """Return a response as bytes, text, or the plain values of JSON."""
    if isinstance(response, (bytes, bytearray, memoryview)):
        return bytes(response)
    if response is None or isinstance(response, (str, Mapping)):
        return response
    if isinstance(response, Sequence):
        parts = [_plain(part) for part in response]
        if parts and all(isinstance(part, (bytes, str)) for part in parts):
            return b"".join(p.encode() if isinstance(p, str) else p for p in parts)
        return parts
    if callable(dump := getattr(response, "model_dump", None)):
        return dump(warnings=False)
    return _body(response)


def _body(response: Any) -> bytes | str:
    """Return the body of a client's response."""
    # OpenAI's and Anthropic's `with_raw_response` wrap the response of httpx.
    response = getattr(response, "http_response", response)
    for name in ("_body", "content", "body", "data"):
        try:
            body = getattr(response, name, None)
        except RuntimeError as error:
            raise UsageError(
                f"the body of {response!r} was streamed and not kept; "
                "pass the list of its chunks, or read it whole first"
            ) from error
        if isinstance(body, (bytes, str)):
            return body
    if any(hasattr(response, name) for name in ("__aiter__", "__iter__", "read")):
        raise UsageError(
            f"the body of {response!r} was not read yet, or not kept; "
            "pass the list of its chunks, or read it whole first"
        )
    raise UsageError(f"{response!r} is not the response of an LLM")


def _parsed(text: bytes | str) -> Any:
    """Return the values of a document or of an event stream, or the text if it is neither."""
    raw = text.encode() if isinstance(text, str) else text
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        pass
    found = []
    for data in event_data(raw):
        try:
            found.append(json.loads(data))
        except (ValueError, RecursionError):
            # A comment, or the last event of a stream that broke off.
            continue
    return found or text


def _is_response(part: Mapping[str, Any]) -> bool:
    """Return whether `part` is a response of a model, or a piece of one."""
    if isinstance(error := part.get("error"), (str, Mapping)):
        message = error.get("message", error) if isinstance(error, Mapping) else error
        raise UsageError(f"this is not the response of an LLM but an error: {message}")
    kind = part.get("type")
    return (
        (isinstance(kind, str) and kind.startswith(_TYPES))
        or part.get("object") in _OBJECTS
        or any(name in part for name in (*_FIELDS, *USAGE.counters))
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
