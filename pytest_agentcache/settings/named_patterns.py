"""Settings that say what something looks like: `NAME => regular expression`, one to a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import SettingsError


def lines_of(name: str, value: Any, source: str) -> list[str]:
    """The lines of a setting that may be a dict, a list or one text.

    Raises:
        SettingsError: If it is none of them.
    """
    pairs = value.items() if isinstance(value, Mapping) else ()
    lines = [f"{each} => {pattern}" for each, pattern in pairs] or value
    if isinstance(lines, str):
        lines = lines.splitlines()
    if not isinstance(lines, Iterable) or isinstance(lines, bytes):
        raise SettingsError(
            f"{source}: {name} is {value!r}; it takes lines NAME => PATTERN or !NAME"
        )
    return [str(line).strip() for line in lines]


def shape(setting: str, line: str, source: str) -> str:
    """A line in its one spelling: `NAME => PATTERN` or `!NAME`.

    Raises:
        SettingsError: If it is neither, or the pattern is none that finds something.
    """
    name, arrow, pattern = line.partition("=>")
    name, pattern = name.strip(), pattern.strip()
    if not (arrow and pattern) and not name.startswith("!"):
        raise SettingsError(f"{source}: {setting} has {line!r}; write NAME => PATTERN or !NAME")
    if not re.fullmatch("!?[A-Z][A-Z0-9_]*", name):
        raise SettingsError(f"{source}: {setting} has the name {name!r}; write it like MY_API_KEY")
    try:
        empty = bool(arrow) and re.compile(pattern.encode()).match(b"") is not None
    except (re.error, ValueError) as error:
        raise SettingsError(
            f"{source}: {setting} has {pattern!r}, which is not a valid regular expression: {error}"
        ) from None
    if empty:
        raise SettingsError(f"{source}: {setting} has {pattern!r}, which matches the empty string")
    return f"{name} => {pattern}" if arrow else name


def ids(value: Any, source: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return the kinds that `stable_ids` names, and the lines for other ids.

    Args:
        value: `true` for all kinds, `false` for none, or lines: words, or a shape each.
        source: Where it was written, for the error.
        kinds: The kinds that there are.

    Raises:
        SettingsError: For a kind that is none, or a line that is no shape.
    """
    if isinstance(value, bool):
        return kinds if value else ()
    shapes: list[str] = []
    chosen: list[str] = []
    without: set[str] = set()
    for line in lines_of("stable_ids", value, source):
        if "=>" in line:
            shapes.append(_id_shape(line, source))
            continue
        for word in line.split():
            if word.lower() in ("true", "false"):
                chosen += kinds if word.lower() == "true" else ()
            elif word.removeprefix("!") not in kinds:
                raise SettingsError(
                    f"{source}: stable_ids has {word!r}; it takes true, false, "
                    f"{', '.join(kinds)}, !KIND, or a line NAME => PATTERN"
                )
            elif word.startswith("!"):
                without.add(word[1:])
            else:
                chosen.append(word)
    return (*(kind for kind in kinds if kind in chosen and kind not in without), *shapes)


def _id_shape(line: str, source: str) -> str:
    line_text = shape("stable_ids", line, source)
    pattern = line_text.partition(" => ")[2]
    if re.compile(pattern.encode()).groups:
        raise SettingsError(
            f"{source}: stable_ids has {pattern!r}, which has a capturing group; the whole "
            "match is the id, so write (?:…)"
        )
    return line_text
