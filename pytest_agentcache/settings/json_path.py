"""Paths into JSON values: `messages[*].id`, for what matching shall leave out."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")


class PathError(ValueError):
    """A JSON path that is none."""


def json_path(path: str) -> list[str | int]:
    """The steps of `messages[*].id`: names, indices, `*` for any of both, `**` for any depth.

    Raises:
        PathError: If `path` is not of that form.
    """
    rest = path.removeprefix("$").removeprefix("json.")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise PathError(
                f"{path!r} is not a JSON path; write messages[0].id, messages[*].id or **.id"
            )
        name, index = match.groups()
        steps.append(name if name is not None else index if index == "*" else int(index))
        at = match.end()
    if not steps:
        raise PathError(f"{path!r} names nothing")
    return steps


def remove(value: Any, steps: list[str | int]) -> None:
    """Takes what `steps` lead to out of `value`, in place."""
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
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            # Its place stays, or the next path would count from another start.
            value[step] = None
        return
    if step == "*":
        for each in children(value):
            remove(each, rest)
    elif (isinstance(value, dict) and step in value) or (
        isinstance(value, list) and isinstance(step, int) and step < len(value)
    ):
        remove(value[step], rest)  # type: ignore[index]


def children(value: Any) -> list[Any]:
    """Return the values of an object or an array; nothing for other values."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []
