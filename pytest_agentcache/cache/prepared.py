"""Requests as `requests` prepares them, and as everything else speaks of them."""

from __future__ import annotations

from typing import Any

from ..http.headers import WIRE
from ..http.messages import Headers, Request
from ..http.wire import content_of

# About one connection, or made anew from the body; which host and proxies it names is kept.
_FRAMING = {*WIRE} - {"host", "http2-settings", "via"}


def asked(prepared: Any) -> Request:
    """What a `requests.PreparedRequest` asks for; a body that can be read but once stays there."""
    body: Any = prepared.body or b""
    if not isinstance(body, (str, bytes)):
        # What can be read but once is read here, and sent from what was read.
        body = prepared.body = content_of(body)
        # Nothing is left to be wound back for a redirect.
        prepared._body_position = None
    raw = body.encode("utf-8") if isinstance(body, str) else body
    return Request(prepared.method, prepared.url, Headers.of(prepared.headers.items()), raw)


def prepared(request: Request) -> Any:
    """`request` as a `requests.PreparedRequest` to which no session has added anything."""
    from requests import PreparedRequest
    from requests.cookies import RequestsCookieJar
    from requests.structures import CaseInsensitiveDict

    made: Any = PreparedRequest()
    made.method, made.url, made.body = request.method, request.url, request.body or None
    made.headers = CaseInsensitiveDict()
    for name, value in request.headers:
        if name not in _FRAMING:
            joint = "; " if name == "cookie" else ", "
            known = made.headers.get(name)
            # Names as browsers write them: some servers know no others.
            made.headers[name.title()] = value if known is None else f"{known}{joint}{value}"
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        made.headers["Content-Length"] = str(len(request.body))
    made._cookies = RequestsCookieJar()
    for pair in request.headers.get("cookie").split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            made._cookies.set(name, value)
    return made
