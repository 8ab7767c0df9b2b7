"""The writer of canonical YAML.

It is our own because no emitter keeps what a reviewer needs at once: short collections on one
line, long text as a block, nothing folded, emoji as they are (PyYAML folds, and libyaml's emitter
escapes what lies beyond the basic plane).
"""

from __future__ import annotations

import re
from typing import Any

from .values import DEEPEST, LONGEST_KEY, RESOLVERS, Number, UnwritableError

WIDTH = 100
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
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\\": "\\\\", '"': '\\"'}


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
    for tag, pattern in RESOLVERS.get(text[:1], ()):
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
    return any(pattern.match(text) for _, pattern in RESOLVERS.get(text[:1], ()))


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
