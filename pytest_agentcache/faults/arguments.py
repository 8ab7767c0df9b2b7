"""The arguments of what plans faults, and what is said of wrong ones."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..errors import FaultError
from ..settings.durations import duration

P = ParamSpec("P")
R = TypeVar("R")
# What tests know it by.
NAME = "agentcache_upstream"


def checked(method: Callable[P, R]) -> Callable[P, R]:
    """`method`, which says what it takes if it is given something else."""
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
    """`value` where `optional` takes one."""
    if not isinstance(value, bool):
        raise FaultError(f"{where}: optional is {value!r}; it takes True or False")
    return value


def seconds_of(value: Any, where: str) -> float:
    """`value` as a number of seconds, where it is a span of time that is not negative."""
    try:
        return duration(value).total_seconds()
    except (TypeError, ValueError):
        takes = "a number from 0 on, or a timedelta"
        raise FaultError(f"{where}: seconds is {value!r}; it takes {takes}") from None
