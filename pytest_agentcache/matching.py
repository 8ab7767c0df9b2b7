"""When two requests are the same: a key for a dict, and the difference for a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import blake2b
from itertools import zip_longest
from json import dumps
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .body import form, is_json, json_text, multipart, sse
from .cassette_yaml import DEEPEST
from .header_policy import request_headers
from .interaction import Request
from .settings import Settings

Key = tuple[Any, ...]
_PORTS = {"http": 80, "https": 443}
_ABSENT = object()
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")


class PathError(ValueError):
    """A JSON path that is none."""


class Matcher:
    """Makes keys of requests that are equal where the settings call the requests the same.

    Args:
        settings: Of these `match`, `ignore_json`, `ignore_query`, `ignore_form` and the header
            settings are used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._paths = [json_path(path) for path in settings.ignore_json]

    def key(self, request: Request) -> Key:
        """The key of a redacted, normalised request."""
        parts: list[Any] = []
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
            try:
                value = json_text.parse(raw)
            except ValueError:
                value = _ABSENT
            # Deeper down it would depend on the stack whether a request can be compared.
            if value is not _ABSENT and _is_within(value, DEEPEST):
                for path in self._paths:
                    _remove(value, path)
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
            yield {"headers": _by_name(headers), "content": content}


def _is_within(value: Any, levels: int) -> bool:
    return levels > 0 and all(_is_within(each, levels - 1) for each in _children(value))


def _is_named(name: str, globs: Iterable[str]) -> bool:
    # `ids[0]` is a name as well as a glob.
    return any(name == glob or fnmatchcase(name, glob) for glob in globs)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two requests differ, and both values as short text."""

    place: str
    recorded: str
    asked: str


def differences(matcher: Matcher, recorded: Request, asked: Request) -> list[Difference]:
    """What tells `asked` from `recorded`, in the order method, URL, headers, body.

    Of what the settings leave out of matching nothing is told.
    """
    found: list[Difference] = []
    compared = matcher.compared
    if "method" in compared and recorded.method.upper() != asked.method.upper():
        found.append(Difference("method", recorded.method, asked.method))
    if "url" in compared:
        found += _compare_urls(matcher.url(recorded.url), matcher.url(asked.url))
    for part in compared:
        if part.startswith("header"):
            left, right = (
                _by_name(matcher.headers(request, part)) for request in (recorded, asked)
            )
            found += _compare("headers", left, right)
    if "body" in compared:
        found += _compare_bodies("", matcher.body(recorded), matcher.body(asked))
    return found


def _compare_urls(was: Key, now: Key) -> list[Difference]:
    found: list[Difference] = []
    if was[:3] != now[:3]:
        found.append(Difference("host", _origin(was), _origin(now)))
    if was[3] != now[3]:
        found.append(Difference("path", "/".join(was[3]), "/".join(now[3])))
    return found + _compare("query", _by_name(was[4]), _by_name(now[4]))


def _compare_bodies(place: str, was: Any, now: Any) -> list[Difference]:
    kinds = [each[0] if isinstance(each, list) else type(each) for each in (was, now)]
    if kinds[0] != kinds[1]:
        return [Difference(place or "body", short(was), short(now))]
    if kinds[0] == "json":
        return _compare(f"{place}.json" if place else "json", was[1], now[1])
    if kinds[0] == "form":
        return _compare(f"{place}.form" if place else "form", _by_name(was[1:]), _by_name(now[1:]))
    if kinds[0] == "multipart":
        return _compare_parts(f"{place}.multipart" if place else "multipart", was[1:], now[1:])
    return _compare(place or "body", was, now)


def _compare_parts(place: str, was: list[Any], now: list[Any]) -> list[Difference]:
    found = []
    for index, (left, right) in enumerate(zip_longest(was, now)):
        here = f"{place}[{index}]"
        if left is None or right is None:
            there = ["(absent)" if part is None else "(a part)" for part in (left, right)]
            found.append(Difference(here, *there))
            continue
        found += _compare(f"{here}.headers", left["headers"], right["headers"])
        found += _compare_bodies(here, left["content"], right["content"])
    return found


def _compare(place: str, was: Any, now: Any) -> list[Difference]:
    if isinstance(was, dict) and isinstance(now, dict):
        names = [*was, *(name for name in now if name not in was)]
        return [
            difference
            for name in names
            for difference in _compare(
                f"{place}.{name}", was.get(name, _ABSENT), now.get(name, _ABSENT)
            )
        ]
    if isinstance(was, list) and isinstance(now, list):
        longest = max(len(was), len(now))
        return [
            difference
            for index in range(longest)
            for difference in _compare(
                f"{place}[{index}]",
                was[index] if index < len(was) else _ABSENT,
                now[index] if index < len(now) else _ABSENT,
            )
        ]
    if _same(was, now):
        return []
    if isinstance(was, str) and isinstance(now, str):
        return [Difference(place, *_around(was, now))]
    return [Difference(place, short(was), short(now))]


def _same(was: Any, now: Any) -> bool:
    # JSON tells true from 1 and 1 from 1.0, Python does not.
    kinds = [float if isinstance(each, float) else type(each) for each in (was, now)]
    return kinds[0] is kinds[1] and bool(was == now)


def _around(was: str, now: str, width: int = 60) -> tuple[str, str]:
    """Both texts cut to where they begin to differ."""
    same = next(
        (at for at, (a, b) in enumerate(zip(was, now, strict=False)) if a != b),
        min(len(was), len(now)),
    )
    start = max(0, same - width // 3)

    def cut(text: str) -> str:
        piece = text[start : start + width]
        return (
            ("…" if start else "") + repr(piece)[1:-1] + ("…" if len(text) > start + width else "")
        )

    return f"'{cut(was)}'", f"'{cut(now)}'"


def short(value: Any, width: int = 60) -> str:
    """`value` on a line of at most `width` columns."""
    if value is _ABSENT:
        return "(absent)"
    if value is None:
        return "null"
    if isinstance(value, list) and value and value[0] in ("json", "form", "multipart"):
        value = value[1:]
    text = repr(value) if isinstance(value, str) else dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= width else text[: width - 1] + "…"


def _origin(url: Key) -> str:
    return f"{url[0]}://{url[1]}:{url[2]}"


def _by_name(pairs: Iterable[Iterable[str]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in pairs:
        named[name] = value if name not in named else [*_as_list(named[name]), value]
    return named


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def json_path(path: str) -> list[str | int]:
    """The steps of `messages[*].id`: names, indices, `*` for any of both, `**` for any depth.

    Raises:
        PathError: If `path` is not of that form.
    """
    rest = path.removeprefix("$").removeprefix("json.")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise PathError(
                f"{path!r} is no JSON path; write messages[0].id, messages[*].id or **.id"
            )
        name, index = match.groups()
        steps.append(name if name is not None else index if index == "*" else int(index))
        at = match.end()
    if not steps:
        raise PathError(f"{path!r} names nothing")
    return steps


def _remove(value: Any, steps: list[str | int]) -> None:
    step, rest = steps[0], steps[1:]
    if step == "**" and rest:
        _remove(value, rest)
        for each in _children(value):
            _remove(each, steps)
        return
    if not rest:
        if step in ("*", "**") and isinstance(value, (dict, list)):
            value.clear()
        elif isinstance(value, dict) and isinstance(step, str):
            value.pop(step, None)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            # Its place stays, or the next path would count from another start.
            value[step] = None
        return
    if step == "*":
        for each in _children(value):
            _remove(each, rest)
    elif (isinstance(value, dict) and step in value) or (
        isinstance(value, list) and isinstance(step, int) and step < len(value)
    ):
        _remove(value[step], rest)  # type: ignore[index]


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []
