"""The filters of VCR.py, which change a request before it is matched and recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlunparse

from ...http.messages import Request
from .messages import VcrRequest, changed_request, vcr_request

Filter = Callable[[VcrRequest], VcrRequest | None]
_LOCAL = ("localhost", "0.0.0.0", "127.0.0.1", "::1")  # noqa: S104 - nothing is bound


def request_filter(config: Mapping[str, Any]) -> Callable[[Request], Request | None] | None:
    """Return the function that filters a request as `vcr_config` says; None if nothing does.

    It returns None for a request that is not recorded.
    """
    filters = [*_filters(config)]
    if not filters:
        return None

    def filtered(request: Request) -> Request | None:
        changed: VcrRequest | None = vcr_request(request)
        for each in filters:
            if changed is None:
                return None
            changed = each(changed)
        return None if changed is None else changed_request(request, changed)

    return filtered


def ignored_hosts(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the hosts that `vcr_config` ignores."""
    named = [each for each in config.get("ignore_hosts") or () if isinstance(each, str)]
    return (*named, *(_LOCAL if config.get("ignore_localhost") else ()))


def functions(value: Any) -> list[Callable[..., Any]]:
    """Return the functions in a value of `vcr_config`, which is one or a list of them."""
    if value is None:
        return []
    return list(value) if isinstance(value, Iterable) else [value]


def _filters(config: Mapping[str, Any]) -> Iterable[Filter]:
    if headers := _replacements(config, "filter_headers"):
        yield lambda request: _filter_headers(request, headers)
    if query := _replacements(config, "filter_query_parameters"):
        yield lambda request: _filter_query(request, query)
    if fields := _replacements(config, "filter_post_data_parameters"):
        nested = bool(config.get("filter_nested_post_data_parameters"))
        yield lambda request: _filter_body(request, fields, nested=nested)
    if patterns := [each for each in config.get("ignore_hosts") or () if not isinstance(each, str)]:
        yield lambda request: None if _is_ignored(request, patterns) else request
    yield from functions(config.get("before_record_request") or config.get("before_record"))


def _replacements(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(
        each if isinstance(each, tuple) else (each, None) for each in config.get(name) or ()
    )


def _is_ignored(request: VcrRequest, patterns: Iterable[re.Pattern[str]]) -> bool:
    return any(pattern.fullmatch(request.host or "") for pattern in patterns)


def _replaced(replacement: Any, name: str, value: Any, request: VcrRequest) -> Any:
    """Return the text that replaces a value; None if it is removed."""
    if callable(replacement):
        return replacement(key=name, value=value, request=request)
    return replacement


def _filter_headers(request: VcrRequest, replacements: Mapping[str, Any]) -> VcrRequest:
    for name, replacement in replacements.items():
        if name in request.headers:
            value = _replaced(replacement, name, request.headers.pop(name), request)
            if value is not None:
                request.headers[name] = value
    return request


def _filter_query(request: VcrRequest, replacements: Mapping[str, Any]) -> VcrRequest:
    kept = []
    for name, value in request.query:
        new = value
        if name in replacements:
            new = _replaced(replacements[name], name, value, request)
        if new is not None:
            kept.append((name, new))
    request.uri = urlunparse(request.parsed_uri._replace(query=urlencode(kept)))
    return request


def _filter_body(
    request: VcrRequest, replacements: Mapping[str, Any], *, nested: bool
) -> VcrRequest:
    if not request.body:
        return request
    content_type = request.headers.get("Content-Type", "")
    if content_type == "application/json":
        document = _filter_json(json.loads(request.body), replacements, request, nested=nested)
        request.body = json.dumps(document).encode()
    elif boundary := _boundary(content_type):
        request.body = _filter_parts(request.body, boundary, replacements, request)
    else:
        try:
            request.body = _filter_form(request.body, replacements, request)
        except UnicodeError:
            # Not a form.
            return request
    return request


def _filter_json(
    value: Any, replacements: Mapping[str, Any], request: VcrRequest, *, nested: bool
) -> Any:
    if isinstance(value, list) and nested:
        return [_filter_json(each, replacements, request, nested=nested) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, each in value.items():
        if name not in replacements:
            new = _filter_json(each, replacements, request, nested=nested) if nested else each
        elif (new := _replaced(replacements[name], name, each, request)) is None:
            continue
        kept[name] = new
    return kept


def _filter_form(body: bytes, replacements: Mapping[str, Any], request: VcrRequest) -> bytes:
    kept = []
    for field in body.split(b"&"):
        name, equals, value = field.partition(b"=")
        key = name.decode()
        key = key if key in replacements else unquote_plus(key)
        if not equals or key not in replacements:
            kept.append(field)
        elif (new := _replaced(replacements[key], key, value.decode(), request)) is not None:
            kept.append(name + equals + str(new).encode())
    return b"&".join(kept)


def _boundary(content_type: str) -> bytes | None:
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    found = re.search(r'boundary="?([^";]+)"?', content_type, re.IGNORECASE)
    return found[1].encode() if found else None


def _filter_parts(
    body: bytes, boundary: bytes, replacements: Mapping[str, Any], request: VcrRequest
) -> bytes:
    preamble, *parts = body.split(b"--" + boundary)
    kept = [preamble]
    for part in parts:
        head, blank, content = part.partition(b"\r\n\r\n")
        found = re.search(rb';\s*name="([^"]*)"', head)
        name = found[1].decode("utf-8", "replace") if found else ""
        if not blank or name not in replacements:
            kept.append(part)
            continue
        value = content.removesuffix(b"\r\n")
        text = value.decode("utf-8", "replace")
        if (new := _replaced(replacements[name], name, text, request)) is not None:
            raw = new.encode() if isinstance(new, str) else new
            kept.append(head + blank + raw + content[len(value) :])
    return (b"--" + boundary).join(kept)
