"""The router's `auto_cache`: whether a request may be answered from the cache. No I/O.

`{"requesty": {"auto_cache": true}}` in the JSON body of a request asks for caching, `false` for an
answer that is fetched afresh; where a prompt says nothing, its origin does (Requesty's
documentation, "Auto Caching" and "Request Metadata").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import AutoCacheError
from ..http.messages import Request
from ..settings.settings import Settings

# What agents say of themselves in the headers that tell a request's origin.
_ORIGIN = ("http-referer", "x-title", "user-agent")
# Beside the flag, what differs on each request and has no part in what is answered.
VOLATILE = ("auto_cache", "trace_id", "user_id", "tags", "extra")
# Where APIs have the prompt itself: chat and Anthropic, OpenAI's responses, Gemini, completions.
PROMPTS = ("messages", "input", "contents", "prompt")
_IN_PATH = re.compile(r"/models?/([^/:]+(?::\d+)?)")
_FAMILIES = {
    "claude": ("anthropic",),
    "gemini": ("google", "gemini"),
    "gpt": ("openai",),
    "chatgpt": ("openai",),
    "o1": ("openai",),
    "o3": ("openai",),
    "o4": ("openai",),
}


def document(request: Request) -> dict[str, Any] | None:
    """The JSON object that is the body of `request`; None if it is anything else."""
    if request.body.lstrip()[:1] != b"{":
        return None
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_prompt(request: Request, fields: dict[str, Any]) -> bool:
    """Whether `request`, of which `fields` is the body, asks a model for something."""
    asks = any(isinstance(fields.get(name), (str, list)) for name in PROMPTS)
    return request.method.upper() == "POST" and asks and bool(model_of(request, fields))


def model_of(request: Request, fields: dict[str, Any]) -> str:
    """The model as the body names it, else the path (Gemini, Bedrock); empty if neither does."""
    named = fields.get("model")
    if isinstance(named, str) and named:
        return named
    found = _IN_PATH.search(unquote(urlsplit(request.url).path))
    return found[1] if found else ""


def provider_of(model: str) -> str:
    """Who answers for a model: its prefix, else who made its family; empty if neither is known."""
    prefix, slash, _ = model.partition("/")
    return prefix if slash else next(iter(_family(model)), "")


def _family(model: str) -> tuple[str, ...]:
    # Bedrock writes `eu.anthropic.claude-…`.
    words = re.split(r"[-.@:]", model.lower())
    return next((_FAMILIES[word] for word in words if word in _FAMILIES), ())


def flag_of(request: Request, fields: dict[str, Any]) -> bool | None:
    """The flag that was sent; None if there is none, or a null.

    Raises:
        AutoCacheError: If it is anything but true, false or null.
    """
    sent = fields.get("requesty")
    if not isinstance(sent, dict):
        if sent is not None and is_prompt(request, fields):
            raise AutoCacheError(_named(request), "requesty", sent, "an object")
        return None
    flag = sent.get("auto_cache")
    if flag is not None and not isinstance(flag, bool):
        raise AutoCacheError(_named(request), "requesty.auto_cache", flag, "true or false")
    return flag


def _named(request: Request) -> str:
    return f"{request.method} {request.url.partition('?')[0]}"


def caches(request: Request, settings: Settings) -> bool | None:
    """Whether `request` is to be answered from the cache, and its answer kept there.

    Args:
        request: What a client asks for.
        settings: Of these `auto_cache_origins` and `auto_cache_providers` are used.

    Returns:
        True for the cache, False for upstream alone, None where the router has no say and the
        cache's own settings hold: for all that is no JSON, for other providers, and for prompts
        without the flag that come from elsewhere.

    Raises:
        AutoCacheError: If the flag is no boolean.
    """
    fields = document(request)
    if fields is None:
        return None
    flag = flag_of(request, fields)
    if not _counts(model_of(request, fields), settings.auto_cache_providers):
        return None
    if flag is None and is_prompt(request, fields) and _is_from(request, settings):
        return True
    return flag


def _counts(model: str, providers: Iterable[str]) -> bool:
    """Whether the flag means anything for `model`: for all of them, unless some are named."""
    listed = [provider.lower() for provider in providers]
    prefixes = model.lower().split("/")[:-1]
    names = {*prefixes, *_family(model.rpartition("/")[2])}
    return not listed or any(fnmatchcase(name, glob) for name in names for glob in listed)


def _is_from(request: Request, settings: Settings) -> bool:
    """Whether a header that tells the origin has one of those that cache, as words of its own."""
    told = [f" {value.lower()} " for name, value in request.headers if name in _ORIGIN]
    globs = [f"*[!a-z0-9]{origin.lower()}[!a-z0-9]*" for origin in settings.auto_cache_origins]
    return any(fnmatchcase(value, glob) for value in told for glob in globs)


def without_flag(body: bytes) -> bytes:
    """`body` without the flag and what is volatile beside it, for the key of the cache."""
    if b'"requesty"' not in body:
        return body
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(fields, dict) or not isinstance(fields.get("requesty"), dict):
        return body
    kept = {name: value for name, value in fields["requesty"].items() if name not in VOLATILE}
    fields |= {"requesty": kept}
    if not kept:
        # So that it is the same as if nothing had been said.
        del fields["requesty"]
    return json.dumps(fields).encode()
