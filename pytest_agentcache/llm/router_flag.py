"""The router's flag `auto_cache`, which decides whether a request may use the cache. No I/O.

`{"requesty": {"auto_cache": true}}` in the JSON body of a request turns the cache on, `false` turns
it off. Without the flag, the origin of the request decides (Requesty's documentation, "Auto
Caching" and "Request Metadata").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import AutoCacheError
from ..http.body import looks_like_object
from ..http.messages import Request
from ..settings.settings import Settings
from .providers import PROVIDERS

# The headers by which agents name themselves.
_ORIGIN = ("http-referer", "x-title", "user-agent")
# Fields beside the flag, and the flag, that do not influence the response.
VOLATILE = ("auto_cache", "trace_id", "user_id", "tags", "extra")
# The fields of a request that hold the prompt.
PROMPTS = tuple(
    dict.fromkeys(
        name
        for provider in PROVIDERS
        if provider.caches_prompts
        for name in provider.message_fields
    )
)
_IN_PATH = re.compile(r"/models?/([^/:]+(?::\d+)?)")
_VENDORS = {
    family: provider.vendors for provider in PROVIDERS for family in provider.model_families
}


def document(request: Request) -> dict[str, Any] | None:
    """Return the JSON object in the body of a request; None if the body is something else."""
    if not looks_like_object(request.body):
        return None
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_prompt(request: Request, fields: dict[str, Any]) -> bool:
    """Return whether a request, whose body is `fields`, sends a prompt to a model."""
    has_prompt = any(isinstance(fields.get(name), (str, list)) for name in PROMPTS)
    return request.method.upper() == "POST" and has_prompt and bool(model_of(request, fields))


def model_of(request: Request, fields: dict[str, Any]) -> str:
    """Return the model that the body names, else the path (Gemini, Bedrock); empty if unknown."""
    named = fields.get("model")
    if isinstance(named, str) and named:
        return named
    found = _IN_PATH.search(unquote(urlsplit(request.url).path))
    return found[1] if found else ""


def provider_of(model: str) -> str:
    """Return a model's provider: its prefix, else the maker of its family; empty if unknown."""
    prefix, slash, _ = model.partition("/")
    return prefix if slash else next(iter(_vendors(model)), "")


def _vendors(model: str) -> tuple[str, ...]:
    # Bedrock calls it `eu.anthropic.claude-…`.
    words = re.split(r"[-.@:]", model.lower())
    return next((_VENDORS[word] for word in words if word in _VENDORS), ())


def flag_of(request: Request, fields: dict[str, Any]) -> bool | None:
    """Return the flag of a request; None if there is none or it is null.

    Raises:
        AutoCacheError: If the flag is not true, false or null.
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
    """Return whether the response to a request may come from the cache and be kept there.

    Args:
        request: The request of a client.
        settings: The settings, of which `auto_cache_origins` and `auto_cache_providers` are used.

    Returns:
        True for the cache, False for upstream alone. None if the cache's own settings decide: for
        bodies that are not JSON, for other providers, and for prompts without the flag from other
        origins.

    Raises:
        AutoCacheError: If the flag is not a boolean.
    """
    fields = document(request)
    if fields is None:
        return None
    flag = flag_of(request, fields)
    if not _is_listed(model_of(request, fields), settings.auto_cache_providers):
        return None
    if flag is None and is_prompt(request, fields) and _has_origin(request, settings):
        return True
    return flag


def _is_listed(model: str, providers: Iterable[str]) -> bool:
    """Return whether the flag applies to a model: to all of them, unless providers are named."""
    listed = [provider.lower() for provider in providers]
    prefixes = model.lower().split("/")[:-1]
    names = {*prefixes, *_vendors(model.rpartition("/")[2])}
    return not listed or any(fnmatchcase(name, glob) for name in names for glob in listed)


def _has_origin(request: Request, settings: Settings) -> bool:
    """Return whether a header names an origin that caches, as a word of its own."""
    origins = [f" {value.lower()} " for name, value in request.headers if name in _ORIGIN]
    globs = [f"*[!a-z0-9]{origin.lower()}[!a-z0-9]*" for origin in settings.auto_cache_origins]
    return any(fnmatchcase(value, glob) for value in origins for glob in globs)


def without_flag(body: bytes) -> bytes:
    """Return a body without the flag and its volatile neighbours, for the key of the cache."""
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
        # The key is the same as without the object.
        del fields["requesty"]
    return json.dumps(fields).encode()
