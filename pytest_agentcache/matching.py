"""When two requests are the same: a key for a dict, and the difference for a person."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from hashlib import blake2b
from json import dumps
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .body import form, is_json, json_text, multipart, sse
from .cassette_yaml import DEEPEST
from .header_policy import request_headers
from .interaction import Request
from .json_path import children, json_path, remove
from .settings import Settings

Key = tuple[Any, ...]
_PORTS = {"http": 80, "https": 443}


class Matcher:
    """Makes keys of requests that are equal where the settings call the requests the same.

    Args:
        settings: Of these `match`, `ignore_json`, `ignore_query`, `ignore_form` and the header
            settings are used.
        prepare: Gives a request the form in which it is compared; by default it has it already.
    """

    def __init__(
        self, settings: Settings, prepare: Callable[[Request], Request] = lambda request: request
    ) -> None:
        self._settings, self.prepare = settings, prepare
        self._paths = [json_path(path) for path in settings.ignore_json]

    def key(self, request: Request) -> Key:
        """The key of a redacted, normalised request."""
        parts: list[Any] = []
        request = self.prepare(request)
        for matcher in self._settings.match:
            match matcher:
                case "method":
                    parts.append(request.method.upper())
                case "url":
                    parts.append(self.url(request.url))
                case "body":
                    content = dumps(self.body(request), sort_keys=True, ensure_ascii=True)
                    parts.append(blake2b(content.encode(), digest_size=16).digest())
                case _:
                    parts.append(tuple(self.headers(request, matcher)))
        return tuple(parts)

    @property
    def compared(self) -> tuple[str, ...]:
        """What is compared: some of `method`, `url`, `body`, `headers`, `header:NAME`."""
        return self._settings.match

    def url(self, url: str) -> Key:
        """Scheme, host, port, path and query sorted by name, escapes undone."""
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
        # Each step by itself, or an escaped slash would pass for one that parts two steps.
        path = tuple(
            unquote(step, errors="backslashreplace") for step in (parts.path or "/").split("/")
        )
        # The order of the values of one name means something, that of the names does not.
        query.sort(key=lambda pair: pair[0])
        return (scheme, (parts.hostname or "").lower(), port, path, tuple(query))

    def headers(self, request: Request, matcher: str) -> Iterator[tuple[str, str]]:
        """The headers that `headers` or `header:NAME` compares."""
        if matcher == "headers":
            settings = self._settings
            yield from request_headers(
                request.headers, settings.drop_headers, settings.keep_headers
            )
        else:
            name = matcher.partition(":")[2].lower()
            yield from (pair for pair in request.headers if pair[0] == name)

    def body(self, request: Request) -> Any:
        """The body as plain values: JSON as JSON, a form by name, parts without boundary."""
        return self._content(request.body, request.content_type)

    def _content(self, raw: bytes, content_type: str) -> Any:
        if not raw:
            return None
        if form.is_form(content_type):
            pairs = form.pairs(raw)
            ignored = self._settings.ignore_form
            kept = [[name, value] for name, value in pairs if not _is_named(name, ignored)]
            return ["form", *sorted(kept, key=lambda pair: pair[0])]
        if boundary := multipart.boundary_of(content_type):
            raw = multipart.neutral(raw, boundary)
            if parts := multipart.split(raw, multipart.BOUNDARY):
                return ["multipart", *self._parts(parts)]
        if is_json(content_type) or raw.lstrip()[:1] in (b"{", b"["):
            with contextlib.suppress(ValueError):
                value = json_text.parse(raw)
                # Deeper down it would depend on the stack whether a request can be compared.
                if _is_within(value, DEEPEST):
                    for path in self._paths:
                        remove(value, path)
                    return ["json", value]
        if sse.is_stream(content_type):
            raw = raw.replace(b"\r\n", b"\n")
        return raw.decode("latin-1")

    def _parts(self, parts: Iterable[multipart.Part]) -> Iterator[dict[str, Any]]:
        for part in parts:
            if part.name and _is_named(part.name, self._settings.ignore_form):
                continue
            headers = sorted((name.lower(), value) for name, value in part.headers)
            content = self._content(part.content, part.header("content-type"))
            yield {"headers": by_name(headers), "content": content}


def _is_within(value: Any, levels: int) -> bool:
    return levels > 0 and all(_is_within(each, levels - 1) for each in children(value))


def _is_named(name: str, globs: Iterable[str]) -> bool:
    # `ids[0]` is a name as well as a glob.
    return any(name == glob or fnmatchcase(name, glob) for glob in globs)


def by_name(pairs: Iterable[Iterable[str]]) -> dict[str, Any]:
    """Values by their names, those of one name in a list."""
    named: dict[str, Any] = {}
    for name, value in pairs:
        named[name] = value if name not in named else [*_as_list(named[name]), value]
    return named


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
