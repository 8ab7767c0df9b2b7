"""A request, its response, and the two together: the values that all rooms share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from .header_names import lower_and_unusual


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order, names in lower case, repeats kept (RFC 9110, section 5).

    Attributes:
        pairs: Names and values.
        unusual: The names that were not sent in their usual case, as they were sent.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    unusual: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str | bytes, str | bytes]]) -> Headers:
        """Return headers from the pairs of any client; bytes are read as Latin-1."""
        sent = [
            (
                name if type(name) is str else _text(name),
                value if type(value) is str else _text(value),
            )
            for name, value in pairs
        ]
        names, unusual = lower_and_unusual(tuple([name for name, _ in sent]))
        return cls(tuple(zip(names, [value for _, value in sent], strict=True)), unusual)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __contains__(self, name: str) -> bool:
        return any(name == known for known, _ in self.pairs)

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of the field `name` (lower case), or `default`."""
        return next((value for known, value in self.pairs if known == name), default)

    def without(self, *names: str) -> Headers:
        """Return these headers without the fields `names`."""
        return replace(self, pairs=tuple(pair for pair in self.pairs if pair[0] not in names))

    def plus(self, name: str, value: str) -> Headers:
        """Return these headers with the field `name` replaced, at the end."""
        return replace(self, pairs=(*self.without(name).pairs, (name, value)))

    def all(self, name: str) -> list[str]:
        """Return the values of every field called `name` (lower case)."""
        return [value for known, value in self.pairs if known == name]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class Request:
    """A request: method, absolute URL, headers and the whole body in bytes."""

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """Media type with its parameters, or the empty string."""
        return self.headers.get("content-type")


@dataclass(frozen=True, slots=True)
class Response:
    """A response, whole, its body decoded.

    Attributes:
        status: Status code.
        headers: Header fields without framing. `content-encoding` names the codings in which the
            client gets the body.
        body: The body in bytes, without its content codings unless `encoded` says otherwise.
        reason: Reason phrase.
        chunks: The sizes in bytes in which the body arrived, where that means something to the
            client. Without them, an event stream arrives event by event, anything else in blocks.
        encoded: Whether the body is as it was sent, because it is not in the content coding that
            the headers name, or because it can be neither decoded nor encoded here.
        names: The header names that were not sent in their usual case, as they were sent.
        http_version: `HTTP/2`, or another version than HTTP/1.1; empty for HTTP/1.1.
        cancelled: Whether the caller gave up before the end of the body.
    """

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    reason: str = ""
    chunks: tuple[int, ...] = ()
    encoded: bool = False
    names: tuple[str, ...] = ()
    http_version: str = ""
    cancelled: bool = False

    @property
    def content_type(self) -> str:
        """Media type with its parameters, or the empty string."""
        return self.headers.get("content-type")

    def with_headers(self, headers: Headers) -> Response:
        """Return this response with other headers, faster than by `dataclasses.replace`."""
        return Response(
            self.status,
            headers,
            self.body,
            self.reason,
            self.chunks,
            self.encoded,
            self.names,
            self.http_version,
            self.cancelled,
        )

    @property
    def codings(self) -> tuple[str, ...]:
        """The content codings in which the client gets the body, in the order of their use."""
        return () if self.encoded or not self.body else codings_of(self.headers)


def codings_of(headers: Headers) -> tuple[str, ...]:
    """Return the content codings that headers name, in the order of their use (RFC 9110, 8.4)."""
    if not (values := headers.all("content-encoding")):
        return ()
    listed = ",".join(values).lower().split(",")
    return tuple(each.strip() for each in listed if each.strip() not in ("", "identity"))


CANCELLED = Response(0)
"""The placeholder for the response to a request that its caller gave up on."""


def standard_reason(status: int) -> str:
    """Return the reason phrase of `status` in RFC 9110, or the empty string."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request and the response upstream gave, or `CANCELLED`."""

    request: Request
    response: Response

    @property
    def cancelled(self) -> bool:
        """True if the caller gave up before the response had arrived."""
        return self.response.status == CANCELLED.status
