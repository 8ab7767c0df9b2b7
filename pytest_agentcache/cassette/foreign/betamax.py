"""Read cassettes of betamax and of VCR for Ruby, which share a format."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ...http.messages import Interaction, Request, standard_reason
from ..model import Cassette
from . import message
from .source import Place, Source

_LOST = "�"


def read(source: Source) -> Cassette:
    """Return the cassette in a file of betamax.

    Raises:
        CassetteError: If the cassette is incomplete, or lost bytes when it was written.
    """
    return message.cassette_of(source, "http_interactions", _interaction)


def _interaction(source: Source, item: Any, place: Place) -> Interaction:
    asked, answer = source.pair(item, place)
    here = (*place, "request")
    sent = message.headers(source, asked.get("headers"), (*here, "headers"))
    request = Request(
        source.method(asked.get("method"), (*here, "method")).upper(),
        source.address(asked.get("uri"), (*here, "uri")),
        sent,
        _body(source, asked.get("body"), (*here, "body")),
    )
    here = (*place, "response")
    fields = message.headers(source, answer.get("headers"), (*here, "headers"))
    if "status_code" in answer:
        code, reason = source.status(answer["status_code"], (*here, "status_code")), None
    else:
        status = source.mapping(answer.get("status"), (*here, "status"))
        code = source.status(status.get("code"), (*here, "status", "code"))
        reason = status.get("message")
    raw = _body(source, answer.get("body"), (*here, "body"))
    body, kept = message.answered(raw, fields, method=request.method)
    if body == raw and _LOST.encode() in raw and "content-encoding" in fields:
        raise source.error(
            (*here, "body"),
            "the body was compressed, and betamax wrote it as text, which lost some of its bytes",
            "Record it again with preserve_exact_body_bytes, or remove the interaction",
        )
    reason = reason if isinstance(reason, str) else standard_reason(code)
    return Interaction(request, message.response(code, kept, body, reason))


def _body(source: Source, value: Any, place: Place) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict):
        return b""
    coded, text = value.get("base64_string"), value.get("string")
    try:
        if coded is not None:
            return base64.b64decode("".join(str(coded).split()), validate=True)
        if isinstance(text, bytes):
            return text
        charset = value.get("encoding")
        return _encoded(text or "", charset if isinstance(charset, str) else "utf-8")
    except (binascii.Error, TypeError, AttributeError) as error:
        raise source.error(place, f"`body` is invalid: {error}") from None


def _encoded(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset)
    except (LookupError, UnicodeEncodeError):
        # Ruby has other names for charsets, and ASCII-8BIT is not a charset.
        return text.encode()
