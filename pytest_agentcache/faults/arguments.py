"""Checks of the arguments with which a test plans faults."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..errors import FaultError
from ..settings.durations import duration

P = ParamSpec("P")
R = TypeVar("R")
# The name of the fixture, which errors start with.
NAME = "agentcache_upstream"


def checked(method: Callable[P, R]) -> Callable[P, R]:
    """Wrap `method` so that wrong arguments raise a `FaultError` with the list of arguments."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            takes = ", ".join(list(signature.parameters)[1:])
            raise FaultError(f"{NAME}.{method.__name__}(): {error}; it takes {takes}") from None
        return method(*args, **kwargs)

    return call


def truth_of(value: Any, where: str) -> bool:
    """Return the value of `optional`, which must be a boolean."""
    if not isinstance(value, bool):
        raise FaultError(f"{where}: optional is {value!r}; it takes True or False")
    return value


def seconds_of(value: Any, where: str) -> float:
    """Return a duration, which must not be negative, in seconds."""
    try:
        return duration(value).total_seconds()
    except (TypeError, ValueError):
        takes = "a number from 0 on, or a timedelta"
        raise FaultError(f"{where}: seconds is {value!r}; it takes {takes}") from None
