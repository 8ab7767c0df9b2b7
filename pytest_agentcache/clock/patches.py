"""What makes the whole process see stopped time: freezegun, `time.sleep`, event loops, the zone.

Putting freezegun in and out costs a tenth of a second with many modules loaded. So it stays in
between neighbouring tests that are frozen, and tells the real time there.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import loops
from .stopped import REAL, TIME

# What measures tests, or waits for other processes and threads, has to see real time.
_EXEMPT = (
    "_pytest.",
    "concurrent.futures.",
    "coverage.",
    "execnet.",
    "multiprocessing.",
    "pytest_timeout",
    "queue",
    "subprocess",
    "threading",
    "trio.",
    "xdist.",
)


@dataclass(slots=True)
class _PutIn:
    """freezegun while it is in, and the time zone that was set before."""

    freezer: Any = None
    zone: str | None = None


_PUT_IN = _PutIn()


def put_in() -> None:
    """Lets all modules see what `TIME` tells. Idempotent."""
    if _PUT_IN.freezer is not None:
        return
    import freezegun
    from freezegun import api

    loops.install()
    freezer: Any = freezegun.freeze_time("1970-01-01", ignore=list(_EXEMPT), real_asyncio=True)
    freezer.start()
    api.freeze_factories[-1] = TIME.wall  # type: ignore[call-overload]
    # It would give real time to all that is called from the first frames of a thread.
    api.ignore_lists[-1] = ()
    # The last thing it did was to give event loops a clock of its own.
    loop, name, clock = freezer.undo_changes[-1]
    if name == "time":
        loop.time = clock
    _replace_sleep()
    _tell(REAL)
    _PUT_IN.freezer, _PUT_IN.zone = freezer, _set_zone("UTC")


def take_out() -> None:
    """Lets all modules see real time, and its classes, again. Idempotent."""
    TIME.go_on()
    if _PUT_IN.freezer is not None:
        _PUT_IN.freezer.stop()
        _PUT_IN.freezer = None
        _tell(time)
        _set_zone(_PUT_IN.zone)


def _replace_sleep() -> None:
    """Puts the clock's sleep in place of the real one, for good; it really sleeps in real time."""
    if time.sleep is not REAL.sleep:
        return

    def sleep(seconds: float, /) -> None:
        TIME.sleep(seconds)

    sleep.__doc__ = REAL.sleep.__doc__
    vars(time)["sleep"] = sleep
    for name, module in list(sys.modules.items()):
        if name.startswith(_EXEMPT) or module is REAL:
            continue
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if value is REAL.sleep:
                with suppress(AttributeError, TypeError):
                    setattr(module, attribute, sleep)


def _tell(clock: Any) -> None:
    """Gives the modules that need real time `clock` for their module `time`."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_EXEMPT) and getattr(module, "time", None) in (time, REAL):
            module.time = clock  # type: ignore[attr-defined]


def _set_zone(zone: str | None) -> str | None:
    """Sets the local time zone; gives the one that was set before, None for the machine's."""
    before = os.environ.get("TZ")
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    if hasattr(time, "tzset"):
        time.tzset()
    return before
