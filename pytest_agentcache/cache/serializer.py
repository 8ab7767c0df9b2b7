"""Cached responses as YAML, with bodies in the same form as on cassettes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from requests_cache.serializers import CattrStage, SerializerPipeline, Stage

from .. import canonical_yaml as cassette_yaml
from ..http import body
from ..http.messages import Headers
from ..redaction import Redaction, placeholder

# The most interesting fields first; other fields of requests-cache follow.
_ORDER = ("status_code", "reason", "url", "created_at", "expires", "elapsed", "headers")


def fields_of(unstructured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a file for an unstructured response of requests-cache."""
    rest = dict(unstructured)
    fields = {name: rest.pop(name) for name in _ORDER if rest.get(name) is not None}
    fields |= _headers(fields)
    content = rest.pop("_content", None)
    fields |= body.to_fields(content or b"", _content_type(unstructured))
    if request := rest.pop("request", None):
        fields["request"] = _request_fields(request)
    if following := rest.pop("_next", None):
        fields["next"] = _request_fields(following)
    if history := rest.pop("history", None):
        fields["history"] = [fields_of(each) for each in history]
    return fields | {name: value for name, value in rest.items() if value is not None}


def _request_fields(request: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(request)
    content = rest.pop("body", None)
    fields: dict[str, Any] = {
        name: rest.pop(name) for name in ("method", "url", "headers") if name in rest
    }
    fields |= _headers(fields)
    return fields | body.to_fields(content or b"", _content_type(request)) | rest


def _headers(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the header fields of `part` as text; requests allows bytes as well."""
    headers = part.get("headers")
    if not headers:
        return {}
    return {"headers": {_text(name): _text(value) for name, value in headers.items()}}


def unstructured(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the unstructured response of requests-cache for the fields of a file.

    Raises:
        ValueError: If the fields are invalid.
    """
    rest = dict(fields)
    taken: dict[str, Any] = {"_content": body.from_fields(rest, None, _content_type(fields))}
    if request := rest.pop("request", None):
        taken["request"] = _request(request)
    if following := rest.pop("next", None):
        taken["_next"] = _request(following)
    if history := rest.pop("history", None):
        taken["history"] = [unstructured(each) for each in history]
    return taken | _without_body(rest)


def _request(fields: Mapping[str, Any]) -> dict[str, Any]:
    content = body.from_fields(fields, None, _content_type(fields))
    return _without_body(fields) | ({"body": content} if content else {})


def _without_body(fields: Mapping[str, Any]) -> dict[str, Any]:
    known = (*body.KEYS, *body.STYLES)
    return {name: value for name, value in fields.items() if name not in known}


def _content_type(part: Mapping[str, Any]) -> str:
    headers = part.get("headers") or {}
    return next(
        (_text(value) for name, value in headers.items() if _text(name).lower() == "content-type"),
        "",
    )


def redacted(unstructured: Mapping[str, Any], redaction: Redaction) -> dict[str, Any]:
    """Return an unstructured response of requests-cache without its secrets."""
    safe = dict(unstructured)
    if "url" in safe:
        # requests-cache turns a missing URL into bytes.
        safe["url"] = redaction.url(_text(safe["url"]))
    if safe.get("reason"):
        safe["reason"] = redaction.text(_text(safe["reason"]))
    for content in ("_content", "body"):
        if safe.get(content):
            safe[content] = redaction.body(safe[content], _content_type(unstructured))
    if "headers" in safe:
        names = list(safe["headers"])
        plain = Headers.of((name, _text(safe["headers"][name])) for name in names)
        safe["headers"] = {
            name: value for name, (_, value) in zip(names, redaction.headers(plain), strict=True)
        }
    if "cookies" in safe:
        safe["cookies"] = {name: placeholder(name) for name in safe["cookies"]}
    for part in ("request", "_next"):
        if safe.get(part):
            safe[part] = redacted(safe[part], redaction)
    if safe.get("history"):
        safe["history"] = [redacted(each, redaction) for each in safe["history"]]
    return safe


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


STRUCTURE = CattrStage()


def to_yaml(value: Any) -> bytes:
    """Return the bytes of the file for an unstructured response of requests-cache.

    Other values in a cache are stored under the key `value`.
    """
    fields = fields_of(value) if isinstance(value, Mapping) else {"value": value}
    return cassette_yaml.dump(fields).encode("utf-8")


def from_yaml(raw: bytes | Mapping[str, Any]) -> Any:
    """Return the value for the bytes of a file; a remembered response is returned unchanged.

    Raises:
        ValueError: If `raw` is not one of our files, which is a cache miss for requests-cache.
    """
    if isinstance(raw, Mapping):
        return raw
    fields = cassette_yaml.load(raw.decode("utf-8"))
    if isinstance(fields, dict) and fields.keys() == {"value"}:
        return fields["value"]
    status = fields.get("status_code") if isinstance(fields, dict) else None
    if not isinstance(status, int):
        raise ValueError("not a cached response")  # noqa: TRY004 - requests-cache catches ValueError
    return unstructured(fields)


yaml_serializer = SerializerPipeline(
    [STRUCTURE, Stage(dumps=to_yaml, loads=from_yaml)], name="yaml", is_binary=True
)
