"""The key of a request: two requests match if their keys are equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from hashlib import blake2b
from json import dumps
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from ..http.body import Plain, plain
from ..http.headers import request_headers
from ..http.messages import Request
from ..settings.checks import URL_PARTS
from ..settings.json_path import json_path, remove
from ..settings.settings import Settings

Key = tuple[Any, ...]
Ids = tuple[bytes, ...]
_PORTS = {"http": 80, "https": 443}


class Volatile(Protocol):
    """The ids that differ on each run (`stable_ids`); false if no ids are searched for."""

    def __bool__(self) -> bool: ...

    def pattern(self, text: bytes) -> tuple[bytes, Ids]:
        """Return `text` with each id replaced by its look and order, and the ids in order."""
        ...

    def in_terms_of(self, recorded: Ids, sent: Ids, request: Request) -> Request:
        """Return a request with the ids of the cassette instead of its own."""
        ...


class Matcher:
    """Makes keys of requests, which are equal if the requests match by the settings.

    Args:
        settings: Only `match`, `ignore_json`, `ignore_query`, `ignore_form` and the settings of
            headers are used.
        prepare: Returns a request in the form in which it is compared; unchanged by default.
        volatile: The ids that differ on each run; None for none.
        alike: Compares two requests in addition to the settings; None for no comparison.
    """

    def __init__(
        self,
        settings: Settings,
        prepare: Callable[[Request], Request] = lambda request: request,
        volatile: Volatile | None = None,
        alike: Callable[[Request, Request], bool] | None = None,
    ) -> None:
        self._settings, self._prepare, self._volatile = settings, prepare, volatile or None
        self._paths = [json_path(path) for path in settings.ignore_json]
        self._alike, self._examples = alike, list[Request]()

    def key(self, request: Request) -> Key:
        """Return the key of a redacted, normalised request."""
        return self.key_and_ids(request)[0]

    def key_and_ids(self, request: Request) -> tuple[Key, Ids]:
        """Return a key that is independent of volatile ids, and those ids in a fixed order.

        Two requests match if their keys are equal and their ids correspond.
        """
        request = self._prepare(request)
        if self._volatile is None:
            return tuple(self._matched(request)), ()
        content = dumps(self._ordered(list(self._matched(request, digested=False))))
        pattern, ids = self._volatile.pattern(content.encode())
        return (_digest(pattern),), ids

    def side_by_side(self, recorded: Request, asked: Request) -> tuple[Request, Request]:
        """Return two requests in the form in which they are compared."""
        if self._volatile is not None:
            ids, own = (self.key_and_ids(request)[1] for request in (recorded, asked))
            asked = self._volatile.in_terms_of(ids, own, asked)
        return self._prepare(recorded), self._prepare(asked)

    def _matched(self, request: Request, *, digested: bool = True) -> Iterator[Any]:
        if self._alike is not None:
            yield self._group(request, self._alike)
        for matcher in self._settings.match:
            match matcher:
                case "method":
                    yield request.method.upper()
                case "url":
                    yield self.url(request.url)
                case part if part in URL_PARTS:
                    yield self.url(request.url)[URL_PARTS.index(part)]
                case "body":
                    body = self.body(request)
                    yield _digest(dumps(body, sort_keys=True).encode()) if digested else body
                case _:
                    yield tuple(self.headers(request, matcher))

    def _group(self, request: Request, alike: Callable[[Request, Request], bool]) -> int:
        """Return the number of the first request that is like `request`, which may be itself."""
        for number, example in enumerate(self._examples):
            if alike(request, example):
                return number
        self._examples.append(request)
        return len(self._examples) - 1

    def _ordered(self, value: Any) -> Any:
        """Return `value` with its names in an order that does not depend on ids in them."""
        if isinstance(value, dict):
            assert self._volatile is not None
            named = [(self._volatile.pattern(name.encode())[0], name) for name in value]
            named.sort(key=lambda pair: pair[0])
            return {name: self._ordered(value[name]) for _, name in named}
        if isinstance(value, (list, tuple)):
            return [self._ordered(each) for each in value]
        return value

    @property
    def compared(self) -> tuple[str, ...]:
        """The parts to compare, as `match` lists them."""
        return self._settings.match

    def url(self, url: str) -> Key:
        """Return scheme, host, port, path and query (sorted by name), without escapes."""
        parts = urlsplit(url)
        query = [
            pair
            for pair in parse_qsl(parts.query, keep_blank_values=True, errors="backslashreplace")
            if not _is_named(pair[0], self._settings.ignore_query)
        ]
        scheme = parts.scheme.lower()
        try:
            port = parts.port or _PORTS.get(scheme)
        except ValueError:
            port = None
        # Each segment by itself, or an escaped slash would count as a separator.
        path = tuple(
            unquote(step, errors="backslashreplace") for step in (parts.path or "/").split("/")
        )
        # The order of the values of one name matters, the order of the names does not.
        query.sort(key=lambda pair: pair[0])
        return (scheme, (parts.hostname or "").lower(), port, path, tuple(query))

    def compared_headers(self, request: Request) -> Iterator[tuple[str, str]]:
        """Yield the headers of a request that are compared."""
        for matcher in self._settings.match:
            if matcher.startswith("header"):
                yield from self.headers(request, matcher)

    def headers(self, request: Request, matcher: str) -> Iterator[tuple[str, str]]:
        """Yield the headers that `headers` or `header:NAME` compares."""
        if matcher == "headers":
            settings = self._settings
            yield from request_headers(
                request.headers, settings.drop_headers, settings.keep_headers
            )
        else:
            name = matcher.partition(":")[2].lower()
            yield from (pair for pair in request.headers if pair[0] == name)

    def body(self, request: Request) -> Any:
        """Return the body as plain values: JSON as JSON, a form by name, parts without boundary."""
        return self._content(plain(request.body, request.content_type)) if request.body else None

    def _content(self, found: Plain | None) -> Any:
        """Return what is compared of plain values, after the name of their kind."""
        if found is None:
            return None
        match found.kind:
            case "json":
                for path in self._paths:
                    remove(found.value, path)
                value = _without_nulls(found.value) if self._settings.ignore_null else found.value
                return ["json", value]
            case "form":
                ignored = self._settings.ignore_form
                kept = {n: v for n, v in found.value.items() if not _is_named(n, ignored)}
                return ["form", kept]
            case "multipart":
                return ["multipart", *self._parts(found.value)]
        return found.value

    def _parts(self, parts: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for part in parts:
            if not (part["name"] and _is_named(part["name"], self._settings.ignore_form)):
                yield {"headers": part["headers"], "content": self._content(part["content"])}


def _without_nulls(value: Any) -> Any:
    """Return JSON without the members of objects that are null."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def _is_named(name: str, globs: Iterable[str]) -> bool:
    # `ids[0]` is a name as well as a glob.
    return any(name == glob or fnmatchcase(name, glob) for glob in globs)
