"""The writer of canonical YAML.

It is our own because no emitter keeps what a reviewer needs at once: short collections on one
line, long text as a block, nothing folded, emoji as they are (PyYAML folds, and libyaml's emitter
escapes characters beyond the basic plane).
"""

from __future__ import annotations

from typing import Any

from .flow import flow
from .scalars import PLAIN_BLOCK, block, is_half, scalar, string
from .values import DEEPEST, LONGEST_KEY, UnwritableError

WIDTH = 100
# More lines than this are opened up, however many that takes.
_MOST_LINES = 5
# The last level of a frame takes one line or is opened up; a body or the headers directly in it
# take at most two, because readers look for their parts.
_FRAME_LINES = (1, 2)
# What is opened up for the reader's sake, though it could be filled, takes less than this many
# times the lines.
_WORTH_FILLING = 1.4


def dump(value: Any, indent: int = 0) -> str:
    """Return a dict or list (of JSON values) as canonical YAML that ends in a newline.

    Raises:
        UnwritableError: If it is nested deeper than 100 levels, or has a key past 1000 characters
            or text with half of a surrogate pair.
    """
    lines, is_flow = _collection(value, WIDTH - indent, indent + 2, indent, 0)
    return " " * (indent if is_flow else 0) + "\n".join(lines) + "\n"


def dump_entry(key: str, value: Any, indent: int = 0) -> str:
    """Return `key: value` as canonical YAML, for files that are written piece by piece."""
    return "\n".join(_entry(key, value, indent, len(_FRAME_LINES) - 1)) + "\n"


def dump_item(value: Any, *, frame: int = 0) -> str:
    """Return `- value` as canonical YAML in column 0 that ends in a newline.

    Args:
        value: The item.
        frame: How many levels, its own the first, are opened up where they need more than a line.
    """
    return "\n".join(_item(value, 0, -frame if frame else len(_FRAME_LINES) - 1)) + "\n"


def writable(value: Any, room: int = DEEPEST) -> bool:
    """Return whether `dump` can write `value` with `room` levels of nesting left."""
    if room < 0:
        return False
    if isinstance(value, dict):
        return all(
            writable(key)
            # No character takes more than six in quotes.
            and (len(key) * 6 < LONGEST_KEY or len(string(key, PLAIN_BLOCK)) <= LONGEST_KEY)
            and writable(each, room - 1)
            for key, each in value.items()
        )
    if isinstance(value, list):
        return all(writable(each, room - 1) for each in value)
    if isinstance(value, str) and not value.isascii():
        return not is_half(value)
    return True


def _collection(
    value: Any, columns: int, column: int, inside: int, depth: int, above: int = 0
) -> tuple[list[str], bool]:
    """Return the lines of a collection, and whether they are in flow style (the first unindented).

    Args:
        value: A dict or list.
        columns: How many columns are left on the line where it begins.
        column: Where the lines after that begin in flow style.
        inside: Where what it holds begins if it is opened up.
        depth: Its depth, from 0 at the end of the frame.
        above: How many lines more it takes if it is opened up.
    """
    most = _FRAME_LINES[max(depth, 0)] if depth < len(_FRAME_LINES) else _MOST_LINES
    filled = flow(value, columns, WIDTH - column, most)
    lines: list[str] = []
    if filled is not None:
        lines = [filled[0], *[" " * column + line for line in filled[1:]]]
        if len(lines) == 1 or len(lines) > _MOST_LINES:
            return lines, True
    opened = _opened(value, inside, depth)
    if not lines or _is_of_several(value):
        return opened, False
    worth = len(lines) * _WORTH_FILLING <= len(opened) + above
    return (lines, True) if worth else (opened, False)


def _is_of_several(value: Any) -> bool:
    """Return whether each item begins a line, as in a list of messages."""
    return isinstance(value, list) and sum(isinstance(each, (dict, list)) for each in value) > 1


def _opened(value: Any, indent: int, depth: int) -> list[str]:
    """Return the lines of a collection, item by item or entry by entry."""
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
    name = scalar(key, flow=False)
    if len(name) > LONGEST_KEY:
        raise UnwritableError(f"a key of {len(key)} characters")
    head = f"{' ' * indent}{name}:"
    if not isinstance(value, (dict, list)):
        return _with_scalar(head, value, indent)
    # A list starts in the column of its key, a mapping two columns further in.
    inside = indent if isinstance(value, list) else indent + 2
    # Opened up it leaves its key a line to itself.
    lines, is_flow = _collection(
        value, WIDTH - len(head) - 1, indent + 2, inside, depth + 1, above=1
    )
    return [f"{head} {lines[0]}", *lines[1:]] if is_flow else [head, *lines]


def _item(value: Any, indent: int, depth: int) -> list[str]:
    dash = " " * indent + "-"
    if not isinstance(value, (dict, list)):
        return _with_scalar(dash, value, indent)
    column = indent + 2
    lines, is_flow = _collection(value, WIDTH - column, column + 2, column, depth + 1)
    return [f"{dash} {lines[0] if is_flow else lines[0][column:]}", *lines[1:]]


def _with_scalar(head: str, value: Any, indent: int) -> list[str]:
    if isinstance(value, str) and "\n" in value and (lines := block(value, indent + 2)):
        return [f"{head} {lines[0]}", *lines[1:]]
    return [f"{head} {scalar(value, flow=False)}"]
