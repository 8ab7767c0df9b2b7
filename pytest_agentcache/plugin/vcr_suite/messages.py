"""Requests and responses in the form in which VCR.py passes them to functions of users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import ParseResult, parse_qsl, urlparse

from ...http.header_names import as_sent
from ...http.messages import Headers, Request, Response

_PORTS = {"https": 443, "http": 80}


class VcrHeaders(MutableMapping[str, str]):
    """Header fields whose names are compared without case, one value each."""

    def __init__(self, headers: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        self._fields: dict[str, tuple[str, str]] = {}
        self.update(headers)

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __setitem__(self, name: str, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            value = value[0]
        known = self._fields.get(name.lower())
        self._fields[name.lower()] = (known[0] if known else name, value)

    def __delitem__(self, name: str) -> None:
        del self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def copy(self) -> VcrHeaders:
        """Return a copy."""
        return VcrHeaders(self)


class VcrRequest:
    """A request with the attributes of `vcr.request.Request`; functions of users may change it."""

    parsed_uri: ParseResult

    def __init__(self, method: str, uri: str, body: Any, headers: Mapping[str, Any]) -> None:
        self.method, self.uri, self.body, self.headers = method, uri, body, VcrHeaders(headers)

    @property
    def uri(self) -> str:
        """The URL."""
        return self._uri

    @uri.setter
    def uri(self, uri: str) -> None:
        self._uri, self.parsed_uri = uri, urlparse(uri)

    url = property(lambda self: self.uri)

    @property
    def body(self) -> bytes | None:
        """The body in bytes; None for an empty one."""
        return self._body

    @body.setter
    def body(self, body: bytes | str | None) -> None:
        self._body = body.encode() if isinstance(body, str) else body

    @property
    def scheme(self) -> str:
        """The scheme of the URL."""
        return self.parsed_uri.scheme

    protocol = scheme

    @property
    def host(self) -> str | None:
        """The host of the URL."""
        return self.parsed_uri.hostname

    @property
    def port(self) -> int | None:
        """The port of the URL, or that of its scheme."""
        return self.parsed_uri.port or _PORTS.get(self.scheme)

    @property
    def path(self) -> str:
        """The path of the URL."""
        return self.parsed_uri.path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query of the URL, sorted by name."""
        return sorted(parse_qsl(self.parsed_uri.query))

    def __repr__(self) -> str:
        return f"<Request ({self.method}) {self.uri}>"


def vcr_request(request: Request) -> VcrRequest:
    """Return a request as VCR.py has it."""
    headers: dict[str, str] = {}
    for name, value in as_sent(request.headers, request.headers.unusual):
        headers.setdefault(name, value)
    return VcrRequest(request.method, request.url, request.body or None, headers)


def changed_request(request: Request, changed: VcrRequest) -> Request:
    """Return `request` with the changes that were made to its counterpart."""
    was = vcr_request(request)
    headers = request.headers
    for name in was.headers:
        if name not in changed.headers:
            headers = headers.without(name.lower())
    for name, value in changed.headers.items():
        if was.headers.get(name) != value:
            headers = headers.plus(name.lower(), str(value))
    body = changed.body or b""
    return Request(changed.method, changed.uri, headers, bytes(body))


def vcr_response(response: Response) -> dict[str, Any]:
    """Return a response as VCR.py has it."""
    headers: dict[str, list[str]] = {}
    for name, value in as_sent(response.headers, response.names):
        headers.setdefault(name, []).append(value)
    return {
        "status": {"code": response.status, "message": response.reason},
        "headers": headers,
        "body": {"string": response.body},
    }


def changed_response(response: Response, changed: dict[str, Any]) -> Response:
    """Return `response` with the changes that were made to its counterpart."""
    if changed == vcr_response(response):
        return response
    body = changed["body"]["string"] or b""
    raw = body.encode() if isinstance(body, str) else bytes(body)
    pairs = [
        (name, value)
        for name, values in changed["headers"].items()
        for value in (values if isinstance(values, (list, tuple)) else [values])
    ]
    return replace(
        response,
        status=changed["status"]["code"],
        reason=changed["status"]["message"] or "",
        headers=Headers.of(pairs),
        body=raw,
        chunks=response.chunks if raw == response.body else (),
    )
