"""The processes that an offline run starts: closed as the run itself, and heard by it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..network.closing import (
    TEST,
    VARIABLE,
    Closing,
    as_text,
    patch_process_starts,
    proxies_of,
)
from ..network.proxy import Proxy
from ..replay.dispatcher import DISPATCHER
from ..replay.responder import Responder
from ..serving.sender import Process, process_of
from ..state import fork_safe, on_reset


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection that a child process has tried.

    Attributes:
        target: The host, or host:port.
        process: The child.
        test: The node id of the test that started it; empty outside any test, None if unknown.
    """

    target: str
    process: Process
    test: str | None


class ClosedRun:
    """The children of one offline run.

    Args:
        allowed: The hosts that they may reach, unless a test allows others.
        responder: The responder of what is sent outside any test.
    """

    def __init__(self, allowed: tuple[str, ...], responder: Responder) -> None:
        self.responder = responder
        self._closing = Closing(allowed, _new_log(), replaced=proxies_of(os.environ))
        self._proxy: Proxy | None = None
        self._is_starting = False
        self._lock = fork_safe(threading.RLock())
        self._read = 0
        # The test of a run around this one is not a test of this run.
        self._outer_test = os.environ.get(TEST)
        added = (VARIABLE, "PYTHONPATH")
        self._before = {name: os.environ.get(name) for name in added}
        # What starts a process past the patches closes at least a Python child.
        closed = self._closing.environment(os.environ)
        os.environ.update({name: closed[name] for name in added})

    def open(self) -> None:
        """Forget what closes children; those that run stay closed."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self._proxy is not None:
            self._proxy.stop()
        with suppress(OSError):
            Path(self._closing.log).unlink()

    def closing(self, allowed: tuple[str, ...]) -> Closing:
        """Return what closes a child that may reach `allowed`."""
        found = self._closing
        with self._lock:
            # Started for the first child; it is one itself.
            if os.name == "posix" and self._proxy is None and not self._is_starting:
                self._is_starting = True
                self._proxy = Proxy(found)
        url = self._proxy.url if self._proxy else ""
        return Closing(allowed, found.log, url, found.replaced)

    def attempts(self) -> Iterator[Attempt]:
        """Yield what children have tried since the last call."""
        log = Path(self._closing.log)
        try:
            if log.stat().st_size == self._read:
                return
            lines = log.read_bytes()[self._read :].splitlines(keepends=True)
        except OSError:
            # Something has cleaned up the folder of temporary files.
            return
        for line in lines:
            self._read += len(line)
            facts = json.loads(line)
            test = "" if facts["test"] == self._outer_test else facts["test"]
            # "test_agent.py::test_one (call)"
            test = test and test.rpartition(" (")[0]
            pid = facts["pid"]
            process = Process() if pid is None else process_of(pid, facts["command"])
            yield Attempt(facts["target"], process, test)


def _new_log() -> str:
    """Return the path of an empty file; without a place for one, of a file that is not there."""
    try:
        number, path = tempfile.mkstemp(prefix="agentcache-", suffix=".jsonl")
    except OSError:
        return os.path.join(os.devnull, "agentcache")  # noqa: PTH118 - there is no such path
    os.close(number)
    return path


@dataclass(frozen=True, slots=True)
class ChildEnvironment:
    """The additions to the environment of a child.

    Attributes:
        closing: What closes its network, in an offline run.
        variables: Returns the variables that lead it to the server of its test, given its others.
    """

    closing: Closing | None
    variables: Callable[[Mapping[str, str]], Mapping[str, str]] | None

    def environment(self, given: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the environment of a child that would start with `given`."""
        found = as_text(given)
        if self.closing is not None:
            found = self.closing.environment(found)
        return found | dict(self.variables(found)) if self.variables is not None else found


@dataclass(slots=True)
class Children:
    """The children of this process.

    Attributes:
        run: The offline run that closes them, if there is one.
    """

    patched: bool = False
    run: ClosedRun | None = None

    def close(self, allowed: tuple[str, ...], responder: Responder) -> Callable[[], None]:
        """Close the children of this process; arguments as for `ClosedRun`.

        Returns:
            The function that undoes it.
        """
        self.patch()
        # See `network/site`: this process may be a child itself, such as a worker of xdist.
        if closed := getattr(sys.modules.get("_agentcache_network"), "closed", None):
            closed.hand_over()
        before, self.run = self.run, ClosedRun(allowed, responder)

        def undo() -> None:
            self.open()
            self.run = before

        return undo

    def patch(self) -> None:
        """Complete the environment of every child from now on. Idempotent."""
        if not self.patched:
            self.patched = True
            patch_process_starts(self.completes)
            if hasattr(os, "register_at_fork"):
                # A forked child could not start the proxy for its own children.
                os.register_at_fork(before=self.closing)

    def open(self) -> None:
        """End the run that closes children, if there is one."""
        if self.run is not None:
            self.run.open()
        self.run = None

    def closing(self) -> Closing | None:
        """Return what closes a child that is about to start; None for nothing."""
        if self.run is None:
            return None
        guard = DISPATCHER.guard
        return self.run.closing(guard.allowed if guard is not None else ())

    def completes(self) -> ChildEnvironment | None:
        """Return what completes the environment of a child; None for nothing."""
        closing, variables = self.closing(), DISPATCHER.variables_of_children
        return ChildEnvironment(closing, variables) if closing or variables else None


CHILDREN = Children()


@on_reset("clients.children.CHILDREN")
def _reset() -> None:
    # What is patched stays patched.
    CHILDREN.open()
