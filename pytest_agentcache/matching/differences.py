"""The differences between two requests, place by place, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest
from json import dumps
from typing import Any

from ..http.body.form import by_name
from ..http.messages import Request
from ..settings.checks import URL_PARTS
from ..settings.json_path import below
from .matcher import Key, Matcher

_ABSENT = object()
# Longer lists, such as vectors, are compared item by item: aligning them may take minutes.
_MOST_ALIGNED = 250_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two requests differ.

    Attributes:
        place: The place, such as `json.messages[0].content`.
        recorded: The value of the recorded request, as short text.
        asked: The value of the other request, as short text.
        values: Both values in full, if the place has a value of its own in both.
    """

    place: str
    recorded: str
    asked: str
    values: tuple[Any, Any] = field(default=(None, None), compare=False)


def differences(matcher: Matcher, recorded: Request, asked: Request) -> list[Difference]:
    """Return the differences between two requests, in the order method, URL, headers, body.

    Parts that the settings exclude from matching are not compared.
    """
    found: list[Difference] = []
    recorded, asked = matcher.side_by_side(recorded, asked)
    compared = matcher.compared
    if "method" in compared and recorded.method.upper() != asked.method.upper():
        found.append(Difference("method", recorded.method, asked.method))
    parts = URL_PARTS if "url" in compared else [each for each in URL_PARTS if each in compared]
    found += _compare_urls(matcher.url(recorded.url), matcher.url(asked.url), parts)
    for part in compared:
        if part.startswith("header"):
            left, right = (by_name(matcher.headers(request, part)) for request in (recorded, asked))
            found += _compare("headers", left, right)
    if "body" in compared:
        found += _compare_bodies("", matcher.body(recorded), matcher.body(asked))
    return found


def _compare_urls(was: Key, now: Key, parts: Iterable[str]) -> list[Difference]:
    found: list[Difference] = []
    left, right = ({part: url[URL_PARTS.index(part)] for part in parts} for url in (was, now))
    if any(left.get(part) != right.get(part) for part in ("scheme", "host", "port")):
        found.append(Difference("host", _origin(was), _origin(now)))
    if left.get("path") != right.get("path"):
        found.append(Difference("path", "/".join(was[3]), "/".join(now[3])))
    if "query" in left:
        found += _compare("query", by_name(was[4]), by_name(now[4]))
    return found


def _compare_bodies(place: str, was: Any, now: Any) -> list[Difference]:
    kinds = [each[0] if isinstance(each, list) else type(each) for each in (was, now)]
    if kinds[0] != kinds[1]:
        return [Difference(place or "body", short(was), short(now))]
    if kinds[0] == "json":
        return _compare(f"{place}.json" if place else "json", was[1], now[1])
    if kinds[0] == "form":
        return _compare(f"{place}.form" if place else "form", was[1], now[1])
    if kinds[0] == "multipart":
        return _compare_parts(f"{place}.multipart" if place else "multipart", was[1:], now[1:])
    return _compare(place or "body", was, now)


def _compare_parts(place: str, was: list[Any], now: list[Any]) -> list[Difference]:
    found = []
    for index, (left, right) in enumerate(zip_longest(was, now)):
        here = f"{place}[{index}]"
        if left is None or right is None:
            only = ("(absent)", "(a part)") if left is None else ("(a part)", "(absent)")
            found.append(Difference(here, *only))
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
                below(place, name), was.get(name, _ABSENT), now.get(name, _ABSENT)
            )
        ]
    if isinstance(was, list) and isinstance(now, list):
        return [
            difference
            for index, left, right in _aligned(was, now)
            for difference in _compare(f"{place}[{index}]", left, right)
        ]
    if _same(was, now):
        return []
    if isinstance(was, str) and isinstance(now, str):
        return [Difference(place, *_around(was, now), (was, now))]
    return [Difference(place, short(was), short(now), (was, now))]


def _aligned(was: list[Any], now: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Yield the items that differ in pairs with their index; an inserted item has no other.

    The index is that of the item in `now`, or in `was` if it is only there.
    """
    if len(was) * len(now) > _MOST_ALIGNED:
        pairs = zip_longest(was, now, fillvalue=_ABSENT)
        yield from ((index, *pair) for index, pair in enumerate(pairs))
        return
    texts = [[dumps(each, sort_keys=True, default=repr) for each in items] for items in (was, now)]
    blocks = SequenceMatcher(None, texts[0], texts[1], autojunk=False).get_opcodes()
    for kind, start, end, first, last in blocks:
        if kind == "equal":
            continue
        for index in range(max(end - start, last - first)):
            left = was[start + index] if start + index < end else _ABSENT
            right = now[first + index] if first + index < last else _ABSENT
            yield (start if right is _ABSENT else first) + index, left, right


def _same(was: Any, now: Any) -> bool:
    # JSON distinguishes true, 1 and 1.0; Python does not.
    kinds = [float if isinstance(each, float) else type(each) for each in (was, now)]
    return kinds[0] is kinds[1] and bool(was == now)


def _around(was: str, now: str, width: int = 60) -> tuple[str, str]:
    """Return both texts, cut to the place where they begin to differ."""
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
    """Return `value` on a line of at most `width` columns."""
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
