"""Read and write cassettes of VCR.py and pytest-recording: version 1, in YAML and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import yaml

from ...errors import CassetteError
from ...http.body.kinds import FORM
from ...http.messages import Headers, Interaction, Request, Response, standard_reason
from ..model import Cassette
from . import message
from .source import Place, Source
from .yaml_text import pieces_joined

VERSION = 1
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(source: Source) -> Cassette:
    """Return the cassette in a file of VCR.py.

    Raises:
        CassetteError: If it has another version, or is incomplete.
    """
    document = source.mapping(source.document, ())
    # Old or edited cassettes have no version, which VCR.py itself ignores.
    version = document.get("version", VERSION)
    if version != VERSION:
        raise source.error(
            ("version",),
            f"version {version!r} of VCR.py's cassettes is not supported; version {VERSION} is",
            "Update pytest-agentcache",
        )
    return message.cassette_of(source, "interactions", _interaction)


def _interaction(source: Source, item: Any, place: Place) -> Interaction:
    asked, answer = source.pair(item, place)
    here = (*place, "request")
    sent = message.headers(source, asked.get("headers"), (*here, "headers"))
    body = _request_body(source, asked, sent, here)
    if "chunked" in sent.get("transfer-encoding").lower():
        body = message.dechunked(body)
    # Versions before 1.0 called it `url`, and people who write by hand still do.
    address = source.address(asked.get("uri", asked.get("url")), (*here, "uri"))
    request = Request(source.method(asked.get("method"), (*here, "method")), address, sent, body)
    return Interaction(request, _response(source, answer, request.method, (*place, "response")))


def _request_body(source: Source, asked: dict[str, Any], sent: Headers, place: Place) -> bytes:
    if "parsed_body" in asked:
        # What serializers write that people share, for JSON.
        return json.dumps(asked["parsed_body"]).encode()
    value: Any = asked.get("body")
    if isinstance(value, dict) and set(value) in ({"string"}, {"string", "encoding"}):
        value = value["string"]
    if (raw := _bytes(value)) is not None:
        return raw
    # aiohttp's own arguments: `json=` or `data=`, and nothing that tells which.
    try:
        if FORM.has_type(sent.get("content-type")) or _is_form(value):
            return urlencode(value, doseq=True).encode()
        return json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        raise source.error((*place, "body"), f"`body` is invalid: {error}") from None


def _is_form(value: Any) -> bool:
    # JSON has neither tuples nor bytes.
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, tuple) for each in value)
    return isinstance(value, Mapping) and any(isinstance(each, bytes) for each in value.values())


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if hasattr(value, "read"):
        return _bytes(value.read())
    if hasattr(value, "__next__") or (
        isinstance(value, list) and value and all(isinstance(each, bytes) for each in value)
    ):
        return pieces_joined(value)
    return None


def _response(source: Source, answer: dict[str, Any], method: str, place: Place) -> Response:
    fields = message.headers(source, answer.get("headers"), (*place, "headers"))
    status, reason = answer.get("status"), None
    if "status_code" in answer:
        # As VCR.py before 6.0 wrote it for httpx, the body decoded by its client.
        code = source.status(answer["status_code"], (*place, "status_code"))
        value = answer.get("content")
    else:
        status = source.mapping(status, (*place, "status"))
        code = source.status(status.get("code"), (*place, "status", "code"))
        reason = status.get("message")
        value = answer.get("body")
        if isinstance(value, dict):
            value = value.get("string")
    if "parsed_body" in answer:
        raw: bytes | None = json.dumps(answer["parsed_body"]).encode()
    else:
        raw = _bytes(value)
    if raw is None:
        raise source.error((*place, "body"), "`body` is neither text nor binary")
    body, kept = message.answered(raw, fields, method=method)
    # Null is what recorders write that never saw it; an empty one was seen.
    if not isinstance(reason, str):
        reason = standard_reason(code)
    return message.response(code, kept, body, reason)


def document_of(cassette: Cassette) -> dict[str, Any]:
    """Return a cassette as VCR.py's serializers take it, with bodies as text if possible."""
    items = [_item(each) for each in cassette.interactions]
    if cassette.recorded_at:
        # In each of them, as betamax has it. VCR.py looks past it; not so its own `metadata`, which
        # pytest-recording stumbles over.
        instant = cassette.recorded_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        items = [item | {"recorded_at": instant} for item in items]
    return {"interactions": items, "version": VERSION}


def _item(interaction: Interaction) -> dict[str, Any]:
    request, response = interaction.request, interaction.response
    return {
        "request": {
            "body": _text(request.body) if request.body else None,
            "headers": _grouped(request.headers.pairs),
            "method": request.method,
            "uri": request.url,
        },
        "response": {
            "body": {"string": _text(response.body)},
            "headers": _grouped(message.exported(interaction)),
            "status": {"code": response.status, "message": response.reason},
        },
    }


def as_yaml(cassette: Cassette) -> str:
    """Return a YAML cassette of VCR.py, as VCR.py would write it."""
    document = document_of(cassette)
    return str(yaml.dump(document, Dumper=_Plain, sort_keys=False))


def as_json(cassette: Cassette) -> str:
    """Return a JSON cassette of VCR.py.

    Raises:
        CassetteError: If a body is no text, which JSON cannot hold.
    """
    document = document_of(cassette)
    for number, item in enumerate(document["interactions"], 1):
        if isinstance(item["request"]["body"], bytes) or isinstance(
            item["response"]["body"]["string"], bytes
        ):
            raise CassetteError(
                cassette.path,
                f"cannot be written as JSON: a body of interaction {number} is binary",
                "Give the new file a name that ends in .yaml",
            )
    return json.dumps(document, indent=4) + "\n"


class _Plain(_Dumper):  # type: ignore[misc]
    """A dumper without aliases, which people cannot read."""

    def ignore_aliases(self, _: Any) -> bool:
        """Return True: a repeated value is written each time."""
        return True


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _grouped(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(name, []).append(value)
    return grouped
