"""The strict reader of YAML: libyaml, without aliases, repeated keys, dates and tags of Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any

import yaml

from .values import RESOLVERS, Number, UnreadableError

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DEEPEST_READ = 500
_SEPARATOR = re.compile("[\x85\u2028\u2029]")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_SCALAR = yaml.ScalarEvent
_BEGINS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str) -> Any:
    """Return the one document in `text`.

    Raises:
        UnreadableError: If it is no YAML, more than one document, or holds tags of Python,
            aliases, merges or repeated keys.
    """
    try:
        parser = _Parser(text)
        try:
            # Not by `yaml.parse`, which asks twice for each event.
            return _built(iter(parser.get_event, None))
        finally:
            parser.dispose()
    except UnreadableError as error:
        if error.line is not None:
            error.line = _shown(text, error.line)
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # Something missing at the end is missing on the last line, not after it.
        line = min(_shown(text, mark.line + 1), text.rstrip("\n").count("\n") + 1) if mark else None
        raise UnreadableError(str(error.problem or error.context), line) from None
    except yaml.reader.ReaderError as error:
        # libyaml counts in bytes.
        line = text.encode("utf-8", "replace").count(b"\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise UnreadableError(f"the character U+{code:04X}: {error.reason}", line) from None


def _shown(text: str, line: int) -> int:
    """Return the line number in an editor for that of YAML, which counts separators as well."""
    if text.isascii() or not _SEPARATOR.search(text):
        return line
    ends = islice(_LINE_END.finditer(text), line - 1)
    return 1 + sum(end[0].endswith("\n") for end in ends)


def _built(events: Iterable[Any]) -> Any:
    """Return the value that events make.

    Built here and not by PyYAML: it takes a third of the time, knows the line of everything, and
    does not compose on the C stack, which a file that is nested deeply would end.
    """
    document: Any = None
    documents = 0
    # The open collections, and beside each mapping the key whose value comes next.
    inside: list[Any] = []
    keys: list[Any] = []
    for event in events:
        # A parser makes these very classes, whose comparison is faster than `isinstance`.
        kind = event.__class__
        if kind is _SCALAR:
            value = _scalar_of(event)
        elif kind in _ENDS:
            inside.pop()
            keys.pop()
            continue
        elif kind in _BEGINS:
            value = _begun(event)
        else:
            documents += kind is yaml.DocumentStartEvent
            _check_used(event, documents)
            continue
        if not inside:
            document = value
        elif (around := inside[-1]).__class__ is list:
            around.append(value)
        elif keys[-1] is not _NO_KEY:
            around[keys[-1]] = value
            keys[-1] = _NO_KEY
        else:
            _check_key(event, value, around)
            keys[-1] = value
        if kind is not _SCALAR:
            if len(inside) == _DEEPEST_READ:
                raise UnreadableError("nested too deeply", _line(event))
            inside.append(value)
            keys.append(_NO_KEY)
    return document


def _check_used(event: Any, documents: int) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _unused(event, "an alias")
    if documents > 1:
        raise _unused(event, "another document")


def _check_key(event: Any, key: Any, mapping: dict[Any, Any]) -> None:
    if isinstance(key, (dict, list)):
        raise UnreadableError("a key that is no text", _line(event))
    if key in mapping:
        raise UnreadableError(f"the key {key!r} twice", _line(event))


def _begun(event: Any) -> Any:
    """Return the collection that begins here, still empty."""
    kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
    if event.tag not in (None, "!", f"tag:yaml.org,2002:{kind}"):
        raise _unused(event, f"the tag {event.tag}")
    return {} if kind == "map" else []


def _scalar_of(event: Any) -> Any:
    if event.tag is None and not event.implicit[0]:
        return event.value
    try:
        if event.tag is None:
            return _plain(event.value)
        return _tagged(event.tag, event.value)
    except KeyError as error:
        raise _unused(event, f"the tag {error.args[0]}") from None
    except ValueError as error:
        raise UnreadableError(str(error), _line(event)) from None


@lru_cache(maxsize=4096)
def _plain(text: str) -> Any:
    """Return the tag that YAML 1.1 gives to unquoted text."""
    for tag, pattern in RESOLVERS.get(text[:1], ()):
        # A date is text: JSON has no dates.
        if pattern.match(text) and not tag.endswith(":timestamp"):
            return _tagged(tag, text)
    return text


def _tagged(tag: str, text: str) -> Any:
    """Return the value of `text` under `tag`; a tag that is not of a JSON type is a `KeyError`."""
    if tag in ("!", "tag:yaml.org,2002:str"):
        return text
    value = _SCALARS[tag](yaml.ScalarNode(tag, text))
    # What only YAML can say (`1_000.5`, `+1.`) is read for its value.
    if isinstance(value, float) and repr(value) != text and _JSON_NUMBER.fullmatch(text):
        return Number(text)
    return value


_YAML = yaml.constructor.SafeConstructor()
_SCALARS: dict[str, Any] = {
    "tag:yaml.org,2002:null": _YAML.construct_yaml_null,
    "tag:yaml.org,2002:bool": _YAML.construct_yaml_bool,
    "tag:yaml.org,2002:int": _YAML.construct_yaml_int,
    "tag:yaml.org,2002:float": _YAML.construct_yaml_float,
}
_NO_KEY = object()


def _unused(event: Any, what: str) -> UnreadableError:
    return UnreadableError(f"{what}, which cassettes do not use", _line(event))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """Return the line, from 1, of the value at `path` (keys and indices) in `text`."""
    node = yaml.compose(text, Loader=_Parser)
    line = None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == step), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                break
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return None if line is None else _shown(text, line)
