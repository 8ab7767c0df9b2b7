"""Read HTTP archives (HAR 1.2) of browsers, proxies and other tools.

Source: http://www.softwareishard.com/blog/har-12-spec/
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from ...http.body import Part, multipart
from ...http.body.text import charset_of
from ...http.messages import Headers, Interaction, Request, Response, standard_reason
from ..model import Cassette
from . import message
from .source import Place, Source

_FLAGS = (("httpOnly", "HttpOnly"), ("secure", "Secure"))
_ATTRIBUTES = (
    ("path", "Path"),
    ("domain", "Domain"),
    ("expires", "Expires"),
    ("sameSite", "SameSite"),
)


def read(source: Source) -> Cassette:
    """Return the interactions of a HAR, except those without HTTP or without a response.

    Raises:
        CassetteError: If it has another version, or lacks the content of a body.
    """
    log = source.mapping(source.mapping(source.document, ())["log"], ("log",))
    version = str(log.get("version", "1.2"))
    if not re.fullmatch(r"1(\.\d+)?", version):
        raise source.error(
            ("log", "version"),
            f"version {version!r} of HAR is not supported; version 1.2 is",
            "Export it as HAR 1.2",
        )
    entries = source.sequence(log.get("entries"), ("log", "entries"))
    found: list[Interaction] = []
    started: list[Any] = []
    for at, entry in enumerate(entries):
        place = ("log", "entries", at)
        asked, answer = source.pair(entry, place)
        address = source.address(asked.get("url"), (*place, "request", "url"))
        # Browsers write 0 if there was no response.
        if answer.get("status") == 0 or not address.startswith(("http://", "https://")):
            continue
        request = _request(source, asked, address, (*place, "request"))
        found.append(Interaction(request, _response(source, answer, request, (*place, "response"))))
        started.append(entry.get("startedDateTime"))
    return Cassette(source.path, message.recorded_at(started, found), tuple(found))


def _request(source: Source, asked: dict[str, Any], address: str, place: Place) -> Request:
    sent = _headers(source, asked, place)
    cookies = [pair for pair in _pairs(source, asked, "cookies", place) if pair[0]]
    if cookies and "cookie" not in sent:
        sent = sent.plus("cookie", "; ".join(f"{name}={value}" for name, value in cookies))
    posted = asked.get("postData")
    body = b""
    if posted is not None:
        here = (*place, "postData")
        posted = source.mapping(posted, here)
        kind = posted.get("mimeType")
        if isinstance(kind, str) and kind and "content-type" not in sent:
            sent = sent.plus("content-type", kind)
        body = _posted(source, posted, sent.get("content-type"), asked.get("bodySize"), here)
    method = source.method(asked.get("method"), (*place, "method"))
    return Request(method, address.partition("#")[0], sent, body)


def _posted(
    source: Source, posted: dict[str, Any], content_type: str, size: Any, place: Place
) -> bytes:
    if posted.get("text"):
        coding = posted.get("encoding", posted.get("_encoding"))
        return _content(source, posted["text"], coding, content_type, size, place)
    params = posted.get("params") or []
    if not params:
        return b""
    if boundary := multipart.boundary_of(content_type):
        return multipart.join(_parts(source, params, (*place, "params")), boundary)
    return urlencode(list(_pairs(source, posted, "params", place))).encode()


def _parts(source: Source, params: Any, place: Place) -> Iterator[Part]:
    for at, given in enumerate(source.sequence(params, place)):
        param = source.mapping(given, (*place, at))
        disposition = f'form-data; name="{param.get("name", "")}"'
        if file := param.get("fileName"):
            disposition += f'; filename="{file}"'
        headers = [("Content-Disposition", disposition)]
        if kind := param.get("contentType"):
            headers.append(("Content-Type", str(kind)))
        yield Part(tuple(headers), str(param.get("value", "")).encode())


def _response(source: Source, answer: dict[str, Any], request: Request, place: Place) -> Response:
    code = source.status(answer.get("status"), (*place, "status"))
    fields = _headers(source, answer, place)
    if "set-cookie" not in fields:
        cookies = answer.get("cookies") or []
        set_cookies = tuple(("set-cookie", _set_cookie(each)) for each in cookies)
        fields = replace(fields, pairs=(*fields.pairs, *set_cookies))
    here = (*place, "content")
    content = source.mapping(answer.get("content") or {}, here)
    text, size = content.get("text"), content.get("size")
    if text is None and isinstance(size, int) and size > 0 and request.method != "HEAD":
        raise source.error(
            here,
            f"the {size} bytes of the response to {request.method} {request.url} were not exported",
            "Export the HAR with its content, or remove the entry",
        )
    kind = fields.get("content-type") or str(content.get("mimeType") or "")
    if kind and "content-type" not in fields and text:
        fields = fields.plus("content-type", kind)
    # The format stores decoded content, even if the headers name an encoding.
    raw = _content(source, text, content.get("encoding"), kind, size, here) if text else b""
    wire = ["transfer-encoding", "content-encoding"]
    fields = fields.without(*wire, *([] if request.method == "HEAD" else ["content-length"]))
    reason = answer.get("statusText")
    reason = reason if isinstance(reason, str) else standard_reason(code)
    return message.response(code, fields, raw, reason)


def _content(
    source: Source, text: Any, coding: Any, content_type: str, size: Any, place: Place
) -> bytes:
    if not isinstance(text, str):
        raise source.error((*place, "text"), "`text` is not text")
    if coding == "base64":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except binascii.Error as error:
            raise source.error((*place, "text"), f"`text` is not base64: {error}") from None
    # A HAR is always UTF-8. The size of the content shows what was sent over the wire.
    charset = charset_of(content_type)
    found = []
    for each in [charset] if charset else ["utf-8", "latin-1"]:
        with contextlib.suppress(LookupError, UnicodeEncodeError):
            found.append(text.encode(each))
    fitting = [raw for raw in found if len(raw) == size]
    return [*fitting, *found, text.encode("utf-8", "replace")][0]


def _headers(source: Source, part: dict[str, Any], place: Place) -> Headers:
    pairs = _pairs(source, part, "headers", place)
    # HTTP/2 and HTTP/3 have pseudo-header fields for method, path, host and status.
    return Headers.of((name, value) for name, value in pairs if not name.startswith(":"))


def _pairs(
    source: Source, part: dict[str, Any], key: str, place: Place
) -> Iterator[tuple[str, str]]:
    for at, given in enumerate(source.sequence(part.get(key) or [], (*place, key))):
        each = source.mapping(given, (*place, key, at))
        name = each.get("name")
        if not isinstance(name, str):
            raise source.error((*place, key, at), "`name` is missing or is not text")
        yield name, str(each.get("value") or "")


def _set_cookie(cookie: Any) -> str:
    if not isinstance(cookie, dict):
        return ""
    parts = [f"{cookie.get('name', '')}={cookie.get('value', '')}"]
    parts += [f"{name}={cookie[key]}" for key, name in _ATTRIBUTES if cookie.get(key)]
    parts += [name for key, name in _FLAGS if cookie.get(key)]
    return "; ".join(parts)
