"""Dummy values for variables that hold secrets where a cassette was recorded, and are not set here.

A client needs a key to start, although no upstream sees it on replay.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ..http.messages import Interaction
from ..state import on_reset
from . import numbering
from .environment import names_secret
from .names import MARK

# boto3 refuses one without the other, and the second is never sent.
_TOGETHER = {"AWS_ACCESS_KEY_ID": "AWS_SECRET_ACCESS_KEY"}
# The variables that hold their placeholder now, with the number of tests and blocks that need it.
_HELD: Counter[str] = Counter()
on_reset("redaction.dummies._HELD")(_HELD.clear)


def variables_of(interactions: Iterable[Interaction], extra: Iterable[str] = ()) -> set[str]:
    """Return the variables that the placeholders in recorded requests name: `<OPENAI_API_KEY>`.

    Args:
        interactions: The interactions of a cassette.
        extra: Globs of further variables that hold secrets (`redact_env`).
    """
    extra = tuple(extra)
    marks = {mark for each in interactions for mark in MARK.findall(numbering.sent(each.request))}
    names = {name for mark in marks if names_secret(name := mark[1:-1].decode(), extra)}
    return names | {_TOGETHER[name] for name in names if name in _TOGETHER}


def hold(names: Iterable[str]) -> set[str]:
    """Set each variable that is not set to its placeholder, which matches every cassette.

    Returns:
        The variables that now hold their placeholder; pass them to `release`.
    """
    held = set()
    for name in names:
        if os.environ.setdefault(name, f"<{name}>") == f"<{name}>":
            _HELD[name] += 1
            held.add(name)
    return held


def release(names: Iterable[str]) -> None:
    """Remove variables that `hold` has set, unless another test needs them or has changed them."""
    for name in names:
        _HELD[name] -= 1
        if _HELD[name] <= 0:
            del _HELD[name]
            if os.environ.get(name) == f"<{name}>":
                del os.environ[name]


def set_for_run(values: Mapping[str, str]) -> Callable[[], None]:
    """Set variables that are not set yet, for a whole run, and return a function that undoes it.

    Args:
        values: Values by the names of the variables.
    """
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})

    def undo() -> None:
        for name in added:
            os.environ.pop(name, None)

    return undo
