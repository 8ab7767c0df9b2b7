"""Read other tools' YAML: with binary, aliases, and the few Python tags that VCR.py uses.

Nothing is constructed that a file could name: a tag is one of those below, or an error.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from ...canonical_yaml import UnreadableError

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML = "tag:yaml.org,2002:"
_DEEPEST = 200
# How many values a document may have once its aliases are written out.
_MOST_VALUES = 5_000_000


def load(text: str) -> Any:
    """Return the only document in `text`. Dates stay text, `!!binary` becomes bytes.

    Raises:
        UnreadableError: If it is no YAML, or holds what no cassette does.
    """
    try:
        return _Builder().build(yaml.parse(text, Loader=_Parser))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.rstrip("\n").count("\n")) + 1 if mark else None
        raise UnreadableError(str(error.problem or error.context), line) from None
    except yaml.reader.ReaderError as error:
        line = text.encode("utf-8", "replace").count(b"\n", 0, error.position) + 1
        raise UnreadableError(str(error.reason), line) from None


class _Open:
    """A collection that has not ended yet."""

    def __init__(self, event: Any, value: Any) -> None:
        self.event, self.value = event, value
        self.key: Any = _NO_KEY
        self.weight = 1


class _Builder:
    """Builds values from events without recursion, because deep nesting overflows the stack."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._document: Any = None

    def build(self, events: Iterable[Any]) -> Any:
        """Return the value of the events."""
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise UnreadableError("another document", _line(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._anchors:
                    raise UnreadableError(f"no anchor for the alias *{event.anchor}", _line(event))
                self._add(event, *self._anchors[event.anchor])
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(self._open) == _DEEPEST:
                    raise UnreadableError("nested too deeply", _line(event))
                is_map = isinstance(event, yaml.MappingStartEvent)
                self._open.append(_Open(event, {} if is_map else []))
            elif isinstance(event, yaml.ScalarEvent):
                value = _scalar(event)
                if event.anchor:
                    self._anchors[event.anchor] = value, 1
                self._add(event, value, 1)
        return self._document

    def _close(self) -> None:
        done = self._open.pop()
        value = _tagged(done.event, done.value)
        if done.event.anchor:
            self._anchors[done.event.anchor] = value, done.weight
        self._add(done.event, value, done.weight)

    def _add(self, event: Any, value: Any, weight: int) -> None:
        if not self._open:
            self._document = value
            return
        into = self._open[-1]
        into.weight += weight
        if into.weight > _MOST_VALUES:
            raise UnreadableError("aliases that expand to too many values", _line(event))
        if isinstance(into.value, list):
            into.value.append(value)
        elif into.key is not _NO_KEY:
            into.value[into.key] = value
            into.key = _NO_KEY
        else:
            if isinstance(value, (dict, list)):
                raise UnreadableError("a key that is not text", _line(event))
            into.key = value


def _scalar(event: Any) -> Any:
    tag = event.tag
    if tag is None and not event.implicit[0]:
        return event.value
    if tag is None:
        tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))
    try:
        make = _SCALARS[tag]
    except KeyError:
        raise UnreadableError(f"the tag {tag}", _line(event)) from None
    try:
        return make(yaml.ScalarNode(tag, event.value))
    except (ValueError, LookupError) as error:
        raise UnreadableError(str(error), _line(event)) from None


def _text(node: yaml.ScalarNode) -> str:
    return str(node.value)


def _binary(node: yaml.ScalarNode) -> bytes:
    return base64.b64decode("".join(node.value.split()), validate=True)


_NO_KEY = object()
_RESOLVER: Any = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_SCALARS: dict[str, Callable[[yaml.ScalarNode], Any]] = {
    "!": _text,
    f"{_YAML}str": _text,
    f"{_YAML}timestamp": _text,
    f"{_YAML}value": _text,
    f"{_YAML}python/str": _text,
    f"{_YAML}python/unicode": _text,
    f"{_YAML}binary": _binary,
    f"{_YAML}python/bytes": _binary,
    # Ruby's.
    "!binary": _binary,
    f"{_YAML}null": _CONSTRUCTOR.construct_yaml_null,
    f"{_YAML}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_YAML}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_YAML}float": _CONSTRUCTOR.construct_yaml_float,
}


def _tagged(event: Any, value: Any) -> Any:
    """Return a collection that has ended, converted by its tag."""
    match event.tag:
        case None | "!" | "tag:yaml.org,2002:map" | "tag:yaml.org,2002:seq":
            return value
        case "tag:yaml.org,2002:python/tuple":
            return tuple(value)
        # How VCR.py writes the body of a request that was a file, or came from a generator.
        case "tag:yaml.org,2002:python/object/new:_io.BytesIO":
            return pieces_joined([*_items(value, "state"), b""][:1])
        case "tag:yaml.org,2002:python/object/apply:builtins.iter":
            return pieces_joined([*_items(value, "args"), []][0])
    raise UnreadableError(f"the tag {event.tag}", _line(event))


def _items(value: Any, name: str) -> Iterable[Any]:
    found = value.get(name) if isinstance(value, dict) else value
    return found if isinstance(found, (list, tuple)) else ()


def pieces_joined(pieces: Iterable[Any]) -> bytes:
    """Return a body from its pieces: bytes, text, or single bytes as numbers."""
    done = bytearray()
    for piece in pieces:
        if isinstance(piece, int):
            done.append(piece & 0xFF)
        else:
            done += piece.encode() if isinstance(piece, str) else bytes(piece or b"")
    return bytes(done)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
