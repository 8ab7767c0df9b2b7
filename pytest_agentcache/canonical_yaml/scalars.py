"""Text and numbers as canonical YAML: plain if safe, otherwise in quotes or as a block."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .values import RESOLVERS, Number, UnwritableError

# YAML 1.2 reads these as numbers, YAML 1.1 as text; quotes make it text in both.
_NUMBER_ELSEWHERE = re.compile(
    r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?|0[ox][\da-fA-F]+"
)
_SAFE = r"[^\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff:#]*+"
# By runs of safe characters: one by one, a long text would take ten times as long.
PLAIN_BLOCK = re.compile(
    r"(?![-?:,\[\]{}#&*!|>'\"%@` ])(?!---|\.\.\.)(?=.)"
    rf"{_SAFE}(?:(?::(?! |$)|(?<! )#){_SAFE})*+(?<! )"
)
PLAIN_FLOW = re.compile(r"[\w/.<$+(~=\u00a1-\u1fff][\w/.<>$+()~=;*@^|&% \u00a1-\u1fff-]*(?<! )|…")
_NOT_IN_QUOTES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# NEL would be read as a line feed.
_NOT_IN_BLOCK = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
# Line ends for YAML 1.1, which keeps them as they are: what follows one has to be indented.
_SEPARATOR = re.compile("([\u2028\u2029])(?=([\n\u2028\u2029]?))")
_HALF = re.compile("[\ud800-\udfff]")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\\": "\\\\", '"': '\\"'}


def scalar(value: Any, *, flow: bool) -> str:
    """`value` on one line.

    Raises:
        UnwritableError: If it is of no type of JSON, or text with half of a surrogate pair.
    """
    if isinstance(value, str):
        return string(value, PLAIN_FLOW if flow else PLAIN_BLOCK)
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


def string(text: str, plain: re.Pattern[str]) -> str:
    """Return `text` on one line, without quotes if it is `plain` and unambiguous."""
    return _short(text, plain) if len(text) <= _SHORT else _string(text, plain)


def _string(text: str, plain: re.Pattern[str]) -> str:
    if plain.fullmatch(text) and not _means_something_else(text):
        return text
    if _NOT_IN_QUOTES.search(text):
        return '"' + _escaped(text) + '"'
    return "'" + text.replace("'", "''") + "'"


# The same keys and short values come again and again.
_SHORT = 40
_short = lru_cache(maxsize=4096)(_string)


def block(text: str, indent: int) -> list[str] | None:
    """Return `text` of several lines as a block: the indicator after the key, then its lines.

    Returns:
        A literal block; where YAML would change that (carriage returns, control characters, byte
        order marks), the lines of a text in double quotes, its escapes in sight; None for text of
        no more than one line that cannot be a literal block.
    """
    body = text.rstrip("\n")
    pad = " " * indent
    if not body or _NOT_IN_BLOCK.search(text) or body[0] in _EDGES or body[-1] in _EDGES:
        return _quoted_lines(text, pad) if "\n" in body else None
    ends = len(text) - len(body)
    # Without the digit a leading blank would be taken for indentation.
    digit = "2" if body[0] in " \n\t" else ""
    chomp = {0: "-", 1: ""}.get(ends, "+")
    if not body.isascii():
        body = _SEPARATOR.sub(lambda found: found[1] if found[2] else found[1] + pad, body)
    lines = [pad + line if line else "" for line in body.split("\n")]
    return [f"|{digit}{chomp}", *lines, *[""] * (ends - 1)]


# At the ends of a block they would be taken for its line ends.
_EDGES = "\u2028\u2029"


def _quoted_lines(text: str, pad: str) -> list[str]:
    """Return `text` in double quotes, each of its lines on a line that ends in a backslash."""
    # A blank that begins a line would be taken for indentation.
    lines = [pad + ("\\" if line[:1] == " " else "") + _escaped(line) for line in text.split("\n")]
    last = lines.pop()
    done = [line + "\\n\\" for line in lines]
    if last == pad:
        done[-1] = done[-1][:-1] + '"'
    else:
        done.append(last + '"')
    return ['"\\', *done]


def is_half(text: str) -> bool:
    """Return whether `text` holds half of a surrogate pair, which YAML cannot write."""
    return _HALF.search(text) is not None


def _resolves_to(text: str, kind: str) -> bool:
    for tag, pattern in RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return tag.endswith(":" + kind)
    return False


def _means_something_else(text: str) -> bool:
    if _NUMBER_ELSEWHERE.fullmatch(text) or text.lower() in ("y", "n"):
        return True
    return any(pattern.match(text) for _, pattern in RESOLVERS.get(text[:1], ()))


def _escaped(text: str) -> str:
    return "".join([_escape(char) for char in text])


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if not _NOT_IN_QUOTES.match(char):
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise UnwritableError("half of a surrogate pair")
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
