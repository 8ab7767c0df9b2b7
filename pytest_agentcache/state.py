"""Every process-wide state of the package, in one list, with `reset()`.

Two kinds of state outlive a test: values at module level, and attributes that the plugin sets on
objects of other libraries. A module that holds one of the first kind registers how it is reset:

    @on_reset("replay.dispatcher.DISPATCHER")
    def _reset() -> None: ...

Patches of clients are not state: they are installed once per process and stay.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

STATES = {
    "clients.children.CHILDREN": "the offline run that closes the processes that it starts",
    "clock.engines._Installed.engine": "the engine that freezes time now",
    "clock.engines._Installed.zone": "the local time zone from before it was frozen",
    "clock.frozen_time.TIME": "frozen time: where it is, and what reads it",
    "clock.runs.CLIENT": "whether the current context sends requests of a client",
    "clock.runs.CLOCKS": "the clocks of event loops",
    "clock.runs._UNDER_WAY": "the requests to upstream that event loops wait for",
    "clock.threads._QUEUED": "the work given to pools that no thread has begun",
    "clock.threads._Test.number": "the number of the running test",
    "plugin.offline.PROCESS_END": "the exit status of the run that this process is for",
    "redaction.dummies._HELD": "the variables that hold their placeholder for a test",
    "redaction.environment._SEARCHED": "the environments that were searched for secrets last",
    "replay.dispatcher._BLOCKS": "the blocks of `use_cassette` around the current context",
    "replay.dispatcher.DISPATCHER": "the responders in charge, the network guard, late misses",
    "replay.ordering.lanes._LANE": "the lane of the current context",
    "replay.ordering.lanes._MAIN": "the lane of the main thread",
    "replay.run_state.SURROUNDINGS": "the run and the settings around a `use_cassette`",
    "standalone._RUN": "the run of a process without pytest",
}
"""What each module-level state holds, by its module and name."""

_resets: dict[str, Callable[[], None]] = {}


def on_reset(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function that puts the state called `name` back as it was at import.

    Raises:
        KeyError: If `STATES` does not list the name.
    """
    _ = STATES[name]

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _resets[name] = function
        return function

    return register


def registered() -> frozenset[str]:
    """Return the names of the states that `reset` covers, of the modules loaded so far."""
    return frozenset(_resets)


def reset() -> None:
    """Put every state of the loaded modules back as it was at import, between tests."""
    for function in list(_resets.values()):
        function()
    for thread in threading.enumerate():
        for attribute in ATTRIBUTES:
            attribute.pop(thread)


_LOCKS: weakref.WeakSet[Any] = weakref.WeakSet()


def fork_safe(lock: T) -> T:
    """Return `lock`, which a forked child finds open even if a thread of its parent held it."""
    _LOCKS.add(lock)
    return lock


def _open_locks() -> None:
    for lock in list(_LOCKS):
        lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_locks)


class Attribute:
    """An attribute that the plugin sets on an object of another library.

    Args:
        name: Its name; it starts with `agentcache` or `_agentcache`.
        meaning: The class that carries it, and what it says.
    """

    def __init__(self, name: str, meaning: str) -> None:
        self.name, self.meaning = name, meaning

    def get(self, holder: object, default: Any = None) -> Any:
        """Return its value on `holder`, `default` if it has none."""
        return getattr(holder, self.name, default)

    def set(self, holder: object, value: Any) -> None:
        """Set it on `holder`."""
        setattr(holder, self.name, value)

    def setdefault(self, holder: object, value: Any) -> Any:
        """Return its value on `holder`, after setting `value` there if it had none."""
        return vars(holder).setdefault(self.name, value)

    def pop(self, holder: object, default: Any = None) -> Any:
        """Take it off `holder` and return its value, `default` if it had none."""
        return getattr(holder, "__dict__", {}).pop(self.name, default)


CACHE_ISOLATION = Attribute("agentcache_isolation", "requests_cache.BaseCache: the test it is of")
ERROR_FAULT = Attribute("agentcache_fault", "an error of a client: the fault that it comes from")
CLIENT_DECISION = Attribute(
    "_agentcache_decided", "http.client.HTTPConnection: its request, and what was decided for it"
)
CLIENT_REQUEST = Attribute("_agentcache_sent", "http.client.HTTPConnection: the bytes sent so far")
CLIENT_TUNNEL = Attribute("_agentcache_tunnel", "urllib3's connection: its tunnel was skipped")
HANDED_ON = Attribute("agentcache_handed_on", "requests.Response: not a response of a mock")
THREAD_LANE = Attribute("agentcache_lane", "threading.Thread: the lane of its requests")
THREAD_OWNER = Attribute(
    "agentcache_owner", "threading.Thread: the responder that its requests use"
)
THREAD_TEST = Attribute("agentcache_test", "threading.Thread: the number of its test")
TRANSPORT_OF_CLIENT = Attribute(
    "_agentcache_client", "asyncio's transport: true if the clock knows its client's requests"
)
WRAPPED = Attribute("_agentcache_wrapped", "a wrapper in `time` or `threading`: the original")
TEST_REPORT = Attribute("agentcache", "pytest.TestReport: what the run summary needs of the test")

ATTRIBUTES = tuple(value for value in list(vars().values()) if isinstance(value, Attribute))
"""Every attribute that the plugin sets on objects of other libraries."""
