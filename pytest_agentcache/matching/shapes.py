"""The shapes of responses: what an endpoint returns, apart from the values, and how two differ.

Words of a model differ with every recording and mean nothing. A field that has gone, or has another
type, breaks the programs that read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..http.body import kind_of
from ..http.body.protocol import media_type
from ..http.messages import Interaction, Response
from ..settings.json_path import below
from .stable_ids.finder import IdFinder
from .stable_ids.volatile import ID_FORMATS

_IDS = IdFinder([*{each.kind for each in ID_FORMATS}, "uuid"])
_NUMBER = re.compile(r"\d+")
# As `json_path.below` writes it.
_LAST_STEP = re.compile(r"(?:\.[^.\[\]'\"\s]+|\[(?:\*|'.*?'|\".*?\")\])$")
_OBJECT, _ARRAY, _NULL = "object", "array", "null"
_ORDER = ("error", "warning", "new")


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between the recorded responses of an endpoint and new ones.

    Attributes:
        level: `error` (another status or type), `warning` (something has gone) or `new`.
        endpoint: Method, host and path, with `{id}` for each part that is one.
        text: The difference in words.
    """

    level: str
    endpoint: str
    text: str

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.level}: {self.text}"


@dataclass(slots=True)
class Shapes:
    """The shapes of responses by endpoint, status and media type.

    Attributes:
        found: For each of these, the types of the values at each JSON path.
    """

    found: dict[tuple[str, int, str], dict[str, set[str]]] = field(default_factory=dict)

    def add(self, interaction: Interaction) -> None:
        """Add the shape of a response; that of a stream is the union of its events."""
        response = interaction.response
        key = (
            endpoint_of(interaction.request.method, interaction.request.url),
            response.status,
            media_type(response.content_type),
        )
        types = self.found.setdefault(key, {})
        for document in _documents(response):
            for path, kind in _types(document, "$"):
                types.setdefault(path, set()).add(kind)

    def merge(self, plain: Iterable[list[Any]]) -> None:
        """Add shapes that `plain` returned, in this or another process."""
        for endpoint, status, media, paths in plain:
            types = self.found.setdefault((endpoint, status, media), {})
            for path, kinds in paths.items():
                types.setdefault(path, set()).update(kinds)

    def plain(self) -> list[list[Any]]:
        """Return the shapes as plain values of JSON."""
        return [
            [*key, {path: sorted(kinds) for path, kinds in types.items()}]
            for key, types in self.found.items()
        ]

    @property
    def endpoints(self) -> list[str]:
        """The endpoints, in order."""
        return sorted({endpoint for endpoint, _, _ in self.found})


def endpoint_of(method: str, url: str) -> str:
    """Return method, host and path of a request, with `{id}` for each part that is an id."""
    parts = urlsplit(url)
    steps = ["{id}" if _is_id(step) else step for step in parts.path.split("/")]
    return f"{method} {parts.netloc}{'/'.join(steps)}"


def changes(recorded: Shapes, fresh: Shapes) -> list[Change]:
    """Return the differences between recorded and new shapes, errors first.

    Endpoints that were not asked again are not compared.
    """
    found = [
        change
        for endpoint in fresh.endpoints
        for change in _changes_of(endpoint, recorded.found, fresh.found)
    ]
    return sorted(found, key=lambda change: (_ORDER.index(change.level), change.endpoint))


_Found = dict[tuple[str, int, str], dict[str, set[str]]]


def _changes_of(endpoint: str, recorded: _Found, fresh: _Found) -> Iterator[Change]:
    was = [key for key in recorded if key[0] == endpoint]
    now = [key for key in fresh if key[0] == endpoint]
    if not was:
        yield Change("new", endpoint, "is on no cassette")
        return
    for what, at in (("status", 1), ("content type", 2)):
        before, after = {key[at] for key in was}, {key[at] for key in now}
        for value in sorted(after - before, key=str):
            old = ", ".join(map(str, sorted(before, key=str)))
            yield Change("error", endpoint, f"{what} was {old}, is {value}")
    for key in now:
        if key in recorded:
            yield from _changes_of_body(endpoint, recorded[key], fresh[key])


def _changes_of_body(
    endpoint: str, was: dict[str, set[str]], now: dict[str, set[str]]
) -> Iterator[Change]:
    for path in sorted(was.keys() | now.keys()):
        before, after = was.get(path, set()), now.get(path, set())
        if not before or not after:
            holder = _holder(path)
            # Else what holds it is gone or new itself, or has another type.
            if {_OBJECT, _ARRAY} & was.get(holder, set()) & now.get(holder, set()):
                level, text = ("new", "is new") if after else ("warning", "is gone")
                yield Change(level, endpoint, f"{path} {text}")
        elif (changed := after - before - {_NULL}) and (before := before - {_NULL}):
            yield Change("error", endpoint, f"{path} was {_either(before)}, is {_either(changed)}")


def _holder(path: str) -> str:
    """Return the path of the object or array that has the member or item at `path`."""
    return _LAST_STEP.sub("", path)


def _either(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


def _is_id(step: str) -> bool:
    return bool(_NUMBER.fullmatch(step)) or any(True for _ in _IDS.find(step.encode()))


def _documents(response: Response) -> Iterator[Any]:
    kind = kind_of(response.body, response.content_type)
    texts = [data for _, data in kind.events(response.body)] if kind.is_stream else [response.body]
    for text in texts:
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            continue


def _types(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            yield path, _OBJECT
            for name, member in value.items():
                yield from _types(member, below(path, name))
        case list():
            yield path, _ARRAY
            for item in value:
                yield from _types(item, f"{path}[*]")
        case None:
            yield path, _NULL
        case bool():
            yield path, "boolean"
        case int() | float():
            yield path, "number"
        case _:
            yield path, "string"
