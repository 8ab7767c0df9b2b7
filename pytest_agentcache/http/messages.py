"""A request, its response, and the two together: the values that all rooms share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order, names in lower case, repeats kept (RFC 9110, section 5)."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str | bytes, str | bytes]]) -> Headers:
        """Return headers from the pairs of any client; bytes are read as Latin-1."""
        return cls(tuple((_text(name).lower(), _text(value)) for name, value in pairs))

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
        return Headers(tuple(pair for pair in self.pairs if pair[0] not in names))

    def plus(self, name: str, value: str) -> Headers:
        """Return these headers with the field `name` replaced, at the end."""
        return Headers((*self.without(name).pairs, (name, value)))


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
    """A response with its whole body, decoded.

    `chunks` holds the sizes in bytes in which the body arrived, if they mean something to the
    caller. Without them an event stream arrives event by event, and any other body in blocks.
    """

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    reason: str = ""
    chunks: tuple[int, ...] = ()

    @property
    def content_type(self) -> str:
        """Media type with its parameters, or the empty string."""
        return self.headers.get("content-type")


def standard_reason(status: int) -> str:
    """Return the reason phrase of `status` in RFC 9110, or the empty string."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request and the response upstream gave."""

    request: Request
    response: Response
