"""The network of a whole run in offline mode: closed from the plugin's start to the process's end.

What reaches for it outside any test is a miss of the run. Every run of pytest imports this, so it
must stay light.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from ..replay.run_state import SURROUNDINGS
from ..state import on_reset

if TYPE_CHECKING:
    from ..replay.misses import Miss
    from ..replay.responder import Responder
    from ..settings.settings import Settings


_STARTED: pytest.StashKey[str] = pytest.StashKey()


@dataclass(slots=True)
class ProcessEnd:
    """The state in which a run left its process.

    Attributes:
        status: The exit status of the run; None until it is known.
    """

    status: int | None = None


PROCESS_END = ProcessEnd()


@on_reset("plugin.offline.PROCESS_END")
def _reset() -> None:
    PROCESS_END.status = None


def start(config: pytest.Config, settings: Settings) -> None:
    """Close the network of this process if the run is offline; it stays closed to its exit.

    A run inside a test of another run opens it again at its own end. Does nothing at the second
    call: the plugin may be loaded too late for the first.
    """
    if config.stash.get(_STARTED, None) == settings.mode:
        return
    config.stash[_STARTED] = settings.mode
    clients: Any = sys.modules.get("pytest_agentcache.clients")
    is_inner = SURROUNDINGS.run is not None
    if settings.mode != "offline":
        if clients is not None and not is_inner:
            # An earlier run in this process may have been offline.
            clients.DISPATCHER.guard = clients.DISPATCHER.outside = None
            clients.CHILDREN.open()
        return
    from ..clients import CHILDREN, DISPATCHER, install
    from ..clients.sockets import guard_for
    from ..replay.responder import Responder
    from ..settings.hosts import LOOPBACK

    install()
    DISPATCHER.note_folder()
    before = DISPATCHER.guard, DISPATCHER.outside

    def restore() -> None:
        DISPATCHER.guard, DISPATCHER.outside = before

    if is_inner:
        config.add_cleanup(restore)
    else:
        CHILDREN.open()
        PROCESS_END.status = None
        # Registered first, it runs after the functions that conftest files register.
        atexit.unregister(report_at_exit)
        atexit.register(report_at_exit)
    DISPATCHER.outside = outside = Responder(
        replace(settings, on_miss="fail"),
        direct=(*LOOPBACK, *settings.allowed_hosts),
        environment=dict(os.environ),
    )
    DISPATCHER.guard = guard = guard_for(settings)
    if settings.close_children:
        undo = CHILDREN.close(guard.allowed, outside)
        if is_inner:
            config.add_cleanup(undo)


def hear_children(test: str = "", responder: Responder | None = None) -> list[Miss]:
    """Note what child processes have tried since the last call, as misses.

    Args:
        test: The node id of the running test, empty outside any.
        responder: The responder of its requests, if it has one.

    Returns:
        The misses of the running test, if it has no responder.
    """
    clients: Any = sys.modules.get("pytest_agentcache.clients")
    if clients is None or (run := clients.CHILDREN.run) is None:
        return []
    if not (attempts := list(run.attempts())):
        return []
    from ..errors import MissError
    from ..http.messages import Request
    from ..replay.misses import Miss, noted
    from ..settings.telemetry import is_ignored

    found: list[Miss] = []
    for attempt in attempts:
        owner = test if attempt.test is None else attempt.test
        around = responder if owner == test and responder else run.responder
        if is_ignored(f"//{attempt.target}", around.settings.ignore_hosts):
            continue
        # Command lines may hold keys.
        process = replace(attempt.process, command=around.redaction.text(attempt.process.command))
        request = Request("CONNECT", attempt.target)
        if owner != test and owner:
            clients.DISPATCHER.late_misses.append(Miss(request, "late", process))
        elif owner and responder is None:
            noted(found, Miss(request, "socket", process))
        else:
            # Under `on_miss="raise"` it is too late to raise; the test fails all the same.
            with suppress(MissError):
                around.miss(request, "socket", process)
    return found


def misses_outside() -> Iterator[str]:
    """Yield the misses outside any test, in this process, since the last call."""
    for miss in _take("outside"):
        yield _sentence(miss)


def late_misses() -> Iterator[str]:
    """Yield the misses after the end of their tests, in this process, since the last call."""
    from ..replay.misses import sentence

    for miss in _take("late"):
        yield sentence(miss) + (f", {miss.caller.phrase}" if miss.caller else "")


def _take(kind: str) -> list[Miss]:
    clients: Any = sys.modules.get("pytest_agentcache.clients")
    if clients is None:
        return []
    hear_children()
    found: list[Miss] = (
        clients.DISPATCHER.take_late_misses()
        if kind == "late"
        else clients.DISPATCHER.take_misses_outside()
    )
    return found


def _sentence(miss: Miss) -> str:
    text = f"{miss.request.method} {miss.request.url} was refused"
    if miss.count > 1:
        text += f" {miss.count} times"
    return text + (f", {miss.caller.phrase}" if miss.caller else "")


def remaining() -> list[str]:
    """Return the lines about what has been missed since the summary was written."""
    return [
        *(f"late: {line}" for line in late_misses()),
        *(f"outside any test: {line}" for line in misses_outside()),
    ]


def report_at_exit() -> None:
    """Report what was missed after the end of the run, and make a green run red for it."""
    lines = remaining()
    if (clients := sys.modules.get("pytest_agentcache.clients")) is not None:
        clients.CHILDREN.open()
    if not lines:
        return
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - pytest's own terminal is gone
    if PROCESS_END.status == pytest.ExitCode.OK:
        # Nothing else changes the exit status at this point. The functions of `atexit` that have
        # not run yet were registered before pytest started; logging's is the common one.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(pytest.ExitCode.TESTS_FAILED)
