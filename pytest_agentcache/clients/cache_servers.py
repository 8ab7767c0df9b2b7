"""Caches on servers: each test uses its own names there, and their traffic is not recorded.

A cache such as DynamoDB's may use HTTP. These requests do not belong to the code under test, so
they are not recorded or replayed, and planned faults do not apply to them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from ..replay.dispatcher import DISPATCHER

_SERVERS = ("redis", "mongodb", "gridfs", "dynamodb")
# Of requests-cache's own backends, only DynamoDB's uses HTTP.
_NO_HTTP = ("requests_cache.", "pytest_agentcache.")


def install(backends: Any) -> None:
    """Patch the backends of `requests_cache` for the rest of the process."""
    for name in _SERVERS:
        cls = backends.BACKEND_CLASSES[name]
        # If its package is not installed, a placeholder replaces the backend.
        if issubclass(cls, backends.BaseCache):
            cls.__init__ = _prefixed(cls.__init__)
    _lead_past(backends.DynamoDbDict)
    for base in (backends.BaseStorage, backends.BaseCache):
        for cls in _all_below(base):
            _lead_past_if_foreign(cls)
        _lead_past_what_comes(base)


def _prefixed(init: Any) -> Any:
    """Return `init` of a cache with its first argument, a name, replaced by the test's own."""
    signature = inspect.signature(init)
    name = list(signature.parameters)[1]

    @functools.wraps(init)
    def init_prefixed(*args: Any, **kwargs: Any) -> None:
        if (caches := DISPATCHER.caches) is not None:
            bound = signature.bind(*args, **kwargs)
            wanted = bound.arguments.get(name, signature.parameters[name].default)
            bound.arguments[name] = caches.namespace(wanted)
            args, kwargs = bound.args, bound.kwargs
        init(*args, **kwargs)

    return init_prefixed


def _all_below(base: Any) -> Iterator[Any]:
    for cls in base.__subclasses__():
        yield cls
        yield from _all_below(cls)


def _lead_past_if_foreign(cls: Any) -> None:
    if not cls.__module__.startswith(_NO_HTTP):
        _lead_past(cls)


def _lead_past_what_comes(base: Any) -> None:
    """Patch the backends that users write, when they are defined."""
    init_subclass = base.__init_subclass__

    def init_subclass_led(cls: Any, /, **kwargs: Any) -> None:
        init_subclass(**kwargs)
        _lead_past_if_foreign(cls)

    base.__init_subclass__ = classmethod(init_subclass_led)


def _lead_past(cls: Any) -> None:
    """Let all requests of the methods of `cls` go straight to the network."""
    for name, method in list(vars(cls).items()):
        if inspect.isfunction(method) and name != "__del__":
            setattr(cls, name, _led_past(method))


def _led_past(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def whole(*args: Any, **kwargs: Any) -> Any:
        with DISPATCHER.pass_through():
            return method(*args, **kwargs)

    @functools.wraps(method)
    def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
        # Between two steps, the caller may send requests of its own.
        inner = method(*args, **kwargs)
        while True:
            with DISPATCHER.pass_through():
                try:
                    value = next(inner)
                except StopIteration:
                    return
            yield value

    return steps if inspect.isgeneratorfunction(method) else whole
