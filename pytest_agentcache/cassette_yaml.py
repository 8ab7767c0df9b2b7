"""YAML in one canonical form that people read, and the strict reader of it.

The writer is our own because no emitter keeps what a reviewer needs at once: short collections
on one line, long text as a block, nothing folded, emoji as they are (PyYAML folds, and libyaml's
emitter escapes what lies beyond the basic plane). The reader is libyaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Self

import yaml

WIDTH = 100
# libyaml refuses a simple key past 1024 characters, quotes and escapes included, and recursion has
# to end somewhere.
LONGEST_KEY = 1000
DEEPEST = 100
_DEEPEST_READ = 500

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
# YAML 1.2 reads these as numbers, YAML 1.1 as text; quotes make it text in both.
_NUMBER_ELSEWHERE = re.compile(
    r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?|0[ox][\da-fA-F]+"
)
_PLAIN_BLOCK = re.compile(
    r"(?![-?:,\[\]{}#&*!|>'\"%@` ])(?!---|\.\.\.)"
    r"(?:[^\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff:#]|:(?! |$)|(?<! )#)+"
    r"(?<! )"
)
_PLAIN_FLOW = re.compile(r"[\w/.<$+(~=\u00a1-\u1fff][\w/.<>$+()~=;*@^|&% \u00a1-\u1fff-]*(?<! )")
_NOT_IN_QUOTES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_NOT_IN_BLOCK = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
_HALF = re.compile("[\ud800-\udfff]")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\\": "\\\\", '"': '\\"'}


class Number(float):
    """A float that remembers how it was written: `1.0`, `5e-7`, `1.50`."""

    literal: str

    def __new__(cls, literal: str) -> Self:
        number = super().__new__(cls, literal)
        number.literal = literal
        return number


class UnwritableError(ValueError):
    """A value that has no place in the canonical form (too deep, too long a key)."""


class UnreadableError(ValueError):
    """Text that is no YAML, or not the YAML that we write.

    Args:
        problem: What is wrong.
        line: Line, counted from 1, if known.
    """

    def __init__(self, problem: str, line: int | None) -> None:
        self.problem, self.line = problem, line
        super().__init__(problem)


def dump(value: Any, indent: int = 0) -> str:
    """A dict or list (of dicts, lists and JSON's scalars) as canonical YAML, ending in a newline.

    Raises:
        UnwritableError: If it is nested deeper than 100 levels, or has a key past 1000 characters
            or text with half of a surrogate pair.
    """
    return "\n".join(_block(value, indent, 0)) + "\n"


def dump_entry(key: str, value: Any, indent: int = 0) -> str:
    """`key: value` as canonical YAML, ending in a newline; for files written piece by piece."""
    return "\n".join(_entry(key, value, indent, 0)) + "\n"


def dump_item(value: Any) -> str:
    """`- value` as canonical YAML in column 0, ending in a newline."""
    return "\n".join(_item(value, 0, 0)) + "\n"


def writable(value: Any, room: int = DEEPEST) -> bool:
    """Whether `dump` takes `value` where `room` levels of nesting are left."""
    if room < 0:
        return False
    if isinstance(value, dict):
        return all(
            writable(key)
            # No character takes more than six in quotes.
            and (len(key) * 6 < LONGEST_KEY or len(_string(key, _PLAIN_BLOCK)) <= LONGEST_KEY)
            and writable(each, room - 1)
            for key, each in value.items()
        )
    if isinstance(value, list):
        return all(writable(each, room - 1) for each in value)
    if isinstance(value, str) and not value.isascii():
        return _HALF.search(value) is None
    return True


def _block(value: Any, indent: int, depth: int) -> list[str]:
    """Lines of a collection from column `indent` on, the first one indented too."""
    one_line = _flow(value, WIDTH - indent)
    return _opened(value, indent, depth) if one_line is None else [" " * indent + one_line]


def _opened(value: Any, indent: int, depth: int) -> list[str]:
    """Lines of a collection, an item or an entry each."""
    if depth > DEEPEST:
        raise UnwritableError(f"nested deeper than {DEEPEST} levels")
    lines: list[str] = []
    if isinstance(value, dict):
        for key, each in value.items():
            lines += _entry(key, each, indent, depth)
    else:
        for each in value:
            lines += _item(each, indent, depth)
    return lines


def _entry(key: str, value: Any, indent: int, depth: int) -> list[str]:
    name = _scalar(key, flow=False)
    if len(name) > LONGEST_KEY:
        raise UnwritableError(f"a key of {len(key)} characters")
    head = f"{' ' * indent}{name}:"
    if isinstance(value, str):
        if "\n" in value and (text := _literal(value, indent + 2)):
            return [f"{head} {text[0]}", *text[1:]]
        return [f"{head} {_scalar(value, flow=False)}"]
    if not isinstance(value, (dict, list)):
        return [f"{head} {_scalar(value, flow=False)}"]
    one_line = _flow(value, WIDTH - len(head) - 1)
    if one_line is not None:
        return [f"{head} {one_line}"]
    # A list stands in the column of its key, a mapping two further in.
    inside = indent if isinstance(value, list) else indent + 2
    return [head, *_opened(value, inside, depth + 1)]


def _item(value: Any, indent: int, depth: int) -> list[str]:
    dash = " " * indent + "- "
    if isinstance(value, str):
        if "\n" in value and (text := _literal(value, indent + 2)):
            return [dash + text[0], *text[1:]]
        return [dash + _scalar(value, flow=False)]
    if not isinstance(value, (dict, list)):
        return [dash + _scalar(value, flow=False)]
    lines = _block(value, indent + 2, depth + 1)
    return [dash + lines[0][indent + 2 :], *lines[1:]]


def _flow(value: Any, room: int) -> str | None:
    """`value` on one line of at most `room` columns, or None where it does not fit."""
    if isinstance(value, (dict, list)):
        if not value:
            # Opened up it would be nothing, so it stands on its line however long that gets.
            return "{}" if isinstance(value, dict) else "[]"
        if len(value) * 3 > room:
            return None
        parts: list[str] = []
        left = room - 2
        pairs = value.items() if isinstance(value, dict) else ((None, each) for each in value)
        for key, each in pairs:
            start = ""
            if key is not None:
                if len(key) > left:
                    return None
                start = _scalar(key, flow=True) + ": "
            text = _flow(each, left - len(start))
            if text is None:
                return None
            left -= len(start) + len(text) + 2
            if left < -2:
                return None
            parts.append(start + text)
        inner = ", ".join(parts)
        return "{" + inner + "}" if isinstance(value, dict) else "[" + inner + "]"
    if isinstance(value, str) and (len(value) > room or "\n" in value):
        return None
    text = _scalar(value, flow=True)
    return text if len(text) <= room else None


def _scalar(value: Any, *, flow: bool) -> str:
    if isinstance(value, str):
        return _string(value, _PLAIN_FLOW if flow else _PLAIN_BLOCK)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        literal = value.literal if isinstance(value, Number) else repr(value)
        # What YAML 1.1 would take for text needs the tag; safe_load knows it.
        return literal if _resolves_to(literal, "float") else f"!!float {literal}"
    raise UnwritableError(f"a value of type {type(value).__name__}")


def _resolves_to(text: str, kind: str) -> bool:
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return tag.endswith(":" + kind)
    return False


def _string(text: str, plain: re.Pattern[str]) -> str:
    if plain.fullmatch(text) and not _means_something_else(text):
        return text
    if _NOT_IN_QUOTES.search(text):
        escaped = (_escape(char) for char in text)
        return '"' + "".join(escaped) + '"'
    return "'" + text.replace("'", "''") + "'"


def _means_something_else(text: str) -> bool:
    if _NUMBER_ELSEWHERE.fullmatch(text) or text.lower() in ("y", "n"):
        return True
    return any(pattern.match(text) for _, pattern in _RESOLVERS.get(text[:1], ()))


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if not _NOT_IN_QUOTES.match(char):
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise UnwritableError("half of a surrogate pair")
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _literal(text: str, indent: int) -> list[str] | None:
    """`text` as a literal block: its indicator, then its lines; None where YAML would change it."""
    if _NOT_IN_BLOCK.search(text) or not text.strip("\n"):
        return None
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    # Without the digit a leading blank would be taken for indentation.
    digit = "2" if body[0] in " \n\t" else ""
    chomp = {0: "-", 1: ""}.get(ends, "+")
    pad = " " * indent
    lines = [pad + line if line else "" for line in body.split("\n")]
    return [f"|{digit}{chomp}", *lines, *[""] * (ends - 1)]


def load(text: str) -> Any:
    """The one document in `text`.

    Raises:
        UnreadableError: If it is no YAML, more than one document, or holds tags of Python,
            aliases, merges or repeated keys.
    """
    try:
        return _built(yaml.parse(text, Loader=_Parser))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What is missing at the end is missing on the last line, not behind it.
        line = min(mark.line, text.rstrip("\n").count("\n")) + 1 if mark else None
        raise UnreadableError(str(error.problem or error.context), line) from None
    except yaml.reader.ReaderError as error:
        # libyaml counts in bytes.
        line = text.encode("utf-8", "replace").count(b"\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise UnreadableError(f"the character U+{code:04X}: {error.reason}", line) from None


def _built(events: Iterable[Any]) -> Any:
    """The value that events make.

    Built here and not by PyYAML: it takes a third of the time, knows the line of everything, and
    does not compose on the C stack, which a file that is nested deeply would end.
    """
    document: Any = None
    documents = 0
    # The open collections, and beside each mapping the key whose value comes next.
    inside: list[Any] = []
    keys: list[Any] = []
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            inside.pop()
            keys.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise _unused(event, "another document")
            continue
        value = _value_of(event)
        if not inside:
            document = value
        elif isinstance(inside[-1], list):
            inside[-1].append(value)
        elif keys[-1] is not _NO_KEY:
            inside[-1][keys[-1]] = value
            keys[-1] = _NO_KEY
        else:
            _check_key(event, value, inside[-1])
            keys[-1] = value
        if isinstance(value, (dict, list)):
            if len(inside) == _DEEPEST_READ:
                raise UnreadableError("nested too deeply", _line(event))
            inside.append(value)
            keys.append(_NO_KEY)
    return document


def _check_key(event: Any, key: Any, mapping: dict[Any, Any]) -> None:
    if isinstance(key, (dict, list)):
        raise UnreadableError("a key that is no text", _line(event))
    if key in mapping:
        raise UnreadableError(f"the key {key!r} twice", _line(event))


def _value_of(event: Any) -> Any:
    """A scalar, or the collection that begins here, still empty."""
    if isinstance(event, yaml.ScalarEvent):
        return _scalar_of(event)
    if isinstance(event, yaml.AliasEvent):
        raise _unused(event, "an alias")
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
    """What YAML 1.1 takes unquoted text for."""
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        # A date is text: JSON has no dates.
        if pattern.match(text) and not tag.endswith(":timestamp"):
            return _tagged(tag, text)
    return text


def _tagged(tag: str, text: str) -> Any:
    """The value of `text` under `tag`; a `KeyError` for a tag that is none of JSON's types."""
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
    """Line, counted from 1, of what stands at `path` (keys and indices) in `text`."""
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
    return line
