"""The conversion between prepared requests of `requests` and our `Request`."""

from __future__ import annotations

from typing import Any

from ..http.headers import WIRE
from ..http.messages import Headers, Request
from ..http.wire import content_of

# Headers of one connection, or derived from the body. The host and the proxies are kept.
_FRAMING = {*WIRE} - {"host", "http2-settings", "via"}


def from_prepared(prepared: Any) -> Request:
    """Return the `Request` of a `requests.PreparedRequest`, whose body stays readable."""
    body: Any = prepared.body or b""
    if not isinstance(body, (str, bytes)):
        # A body that can be read only once is read here, and its bytes are sent instead.
        body = prepared.body = content_of(body)
        # A redirect does not have to rewind it.
        prepared._body_position = None
    raw = body.encode("utf-8") if isinstance(body, str) else body
    return Request(prepared.method, prepared.url, Headers.of(prepared.headers.items()), raw)


def to_prepared(request: Request) -> Any:
    """Return the `requests.PreparedRequest` of `request`, without the defaults of a session."""
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
            # Capitalised as browsers do, because some servers need that.
            made.headers[name.title()] = value if known is None else f"{known}{joint}{value}"
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        made.headers["Content-Length"] = str(len(request.body))
    made._cookies = RequestsCookieJar()
    for pair in request.headers.get("cookie").split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            made._cookies.set(name, value)
    return made
