"""Write a cassette as an HTTP archive (HAR 1.2) for browsers, proxies and load testers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ... import __version__
from ...http.body import form
from ...http.body.kinds import FORM
from ...http.body.text import charset_of
from ...http.messages import Interaction, Request
from ..caption import caption
from ..model import Cassette
from .message import exported

_COOKIE = re.compile(r"\s*([^=;\s]+)=([^;]*)")


def as_har(cassette: Cassette) -> str:
    """Return the text of a HAR. Times are those of the cassette; durations are unknown."""
    instant = (cassette.recorded_at or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
    entries = [
        _entry(number, each, instant) for number, each in enumerate(cassette.interactions, 1)
    ]
    creator = {"name": "pytest-agentcache", "version": __version__}
    log = {"version": "1.2", "creator": creator, "pages": [], "entries": entries}
    return json.dumps({"log": log}, ensure_ascii=False, indent=2) + "\n"


def _entry(number: int, interaction: Interaction, instant: str) -> dict[str, Any]:
    return {
        "startedDateTime": instant,
        "time": 0,
        "request": _request(interaction.request),
        "response": _response(interaction),
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        "comment": caption(number, interaction).removeprefix("# "),
    }


def _request(request: Request) -> dict[str, Any]:
    query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    written: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [
            _named(*pair)
            for name, value in request.headers
            if name == "cookie"
            for pair in _COOKIE.findall(value)
        ],
        "headers": _fields(request.headers.pairs),
        "queryString": [_named(*pair) for pair in query],
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        written["postData"] = _posted(request)
    return written


def _posted(request: Request) -> dict[str, Any]:
    text, coding = _text(request.body, request.content_type)
    posted: dict[str, Any] = {"mimeType": request.content_type, "text": text}
    if coding:
        # HAR 1.2 has no field for this here; names with an underscore are free to use.
        posted["_encoding"] = coding
    if FORM.detect(request.body, request.content_type):
        posted["params"] = [_named(*pair) for pair in form.pairs(request.body)]
    return posted


def _response(interaction: Interaction) -> dict[str, Any]:
    response = interaction.response
    content: dict[str, Any] = {"size": len(response.body), "mimeType": response.content_type}
    if response.body:
        content["text"], coding = _text(response.body, response.content_type)
        if coding:
            content["encoding"] = coding
    return {
        "status": response.status,
        "statusText": response.reason,
        "httpVersion": "HTTP/1.1",
        "cookies": [_cookie(value) for name, value in response.headers if name == "set-cookie"],
        "headers": _fields(exported(interaction)),
        "content": content,
        "redirectURL": response.headers.get("location"),
        "headersSize": -1,
        "bodySize": len(response.body),
    }


def _text(raw: bytes, content_type: str) -> tuple[str, str]:
    """Return `raw` as text that a reader turns into the same bytes, and its encoding, if any."""
    charset = charset_of(content_type) or "utf-8"
    try:
        text = raw.decode(charset)
        if text.encode(charset) == raw and text.encode("utf-8"):
            return text, ""
    except (LookupError, UnicodeError):
        pass
    return base64.b64encode(raw).decode("ascii"), "base64"


def _fields(headers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [_named(name, value) for name, value in headers]


def _named(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _cookie(value: str) -> dict[str, Any]:
    pair = _COOKIE.match(value)
    cookie: dict[str, Any] = _named(*pair.groups()) if pair else _named("", value)
    for attribute in value.split(";")[1:]:
        name, _, value = attribute.strip().partition("=")
        match name.lower():
            case "path" | "domain" as key:
                cookie[key] = value
            case "httponly":
                cookie["httpOnly"] = True
            case "secure":
                cookie["secure"] = True
    return cookie
