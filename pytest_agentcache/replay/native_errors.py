"""Link the errors that clients raise to the decisions that caused them.

Libraries wrap errors in errors of their own. The router finds the decision inside them, so that
the client that sent the request can raise its own error for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from ..state import ERROR_FAULT
from .decisions import Fail, Truncate

E = TypeVar("E", bound=BaseException)


def caused_by(decision: Fail | Truncate, error: E, cause: BaseException | None = None) -> E:
    """Return `error`, with the decision that causes it as its `agentcache_fault`.

    Args:
        decision: The decision for which a client raises the error.
        error: The client's own error.
        cause: The error that becomes its `__cause__`, if there is one.
    """
    ERROR_FAULT.set(error, decision)
    if cause is not None:
        error.__cause__ = cause
    return error


def decision_in(error: BaseException) -> Fail | Truncate | None:
    """Return the decision that caused `error`, however clients have wrapped it."""
    found = (ERROR_FAULT.get(each) for each in chain(error))
    return next((each for each in found if each is not None), None)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all errors that it wraps."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]
