"""Paths into JSON values, such as `messages[*].id`, for what matching leaves out."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

_STEP = re.compile(
    r"""(?P<deep>\.\.)(?=[^.]) | \.?(?P<name>[^.\[\]]+) | \[(?P<index>-?\d+|\*)\]
    | \[(?P<quote>['"])(?P<quoted>.+?)(?P=quote)\]""",
    re.VERBOSE,
)


class PathError(ValueError):
    """A text that is not a JSON path."""


def json_path(path: str) -> list[str | int]:
    """Return the steps of a path: names, indices, `*` for either, `**` for any depth.

    Args:
        path: A path such as `messages[*].id`, `**.id`, `messages[-1].content`, `headers['a.b']` or,
            as in JSONPath, `$.messages[0]` or `$..id`.

    Raises:
        PathError: If `path` is not of that form.
    """
    if path.startswith("/"):
        names = (each.replace("~1", "/").replace("~0", "~") for each in path[1:].split("/"))
        steps = [int(name) if name.isdecimal() else name for name in names]
        raise PathError(f"{path!r} is a JSON pointer; write {joined(steps)}")
    rest = path.removeprefix("$").removeprefix("json.")
    found: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise PathError(
                f"{path!r} is not a JSON path; write messages[0].id, messages[*].id or **.id"
            )
        index, name = match["index"], match["name"] or match["quoted"]
        if match["deep"]:
            found.append("**")
        else:
            found.append(name or (index if index == "*" else int(index)))
        at = match.end()
    if not found:
        raise PathError(f"{path!r} names nothing")
    return found


def joined(steps: Iterable[str | int]) -> str:
    """Return the path with these steps, which are names and indices."""
    return functools.reduce(below, steps, "")


def below(path: str, step: str | int) -> str:
    """Return the path of a member or an item, from the path of what holds it."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if re.fullmatch(r"[^.\[\]'\"\s]+", step):
        return f"{path}.{step}" if path else step
    return f"{path}[{step!r}]"


def remove(value: Any, steps: list[str | int]) -> None:
    """Remove what `steps` lead to from `value`, in place."""
    step, rest = steps[0], steps[1:]
    if step == "**" and rest:
        remove(value, rest)
        for each in children(value):
            remove(each, steps)
        return
    if not rest:
        if step in ("*", "**") and isinstance(value, (dict, list)):
            value.clear()
        elif isinstance(value, dict) and isinstance(step, str):
            value.pop(step, None)
        elif _has_item(value, step):
            # Its place stays, or the next path would count from another start.
            value[step] = None
        return
    if step == "*":
        for each in children(value):
            remove(each, rest)
    elif (isinstance(value, dict) and step in value) or _has_item(value, step):
        remove(value[step], rest)


def _has_item(value: Any, step: str | int) -> bool:
    return isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value)


def children(value: Any) -> list[Any]:
    """Return the values of an object or an array; nothing for other values."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []
