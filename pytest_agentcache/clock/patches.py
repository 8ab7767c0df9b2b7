"""What makes the whole process see stopped time: freezegun, `time.sleep`, event loops, the zone.

Putting freezegun in and out costs a tenth of a second with many modules loaded. So it stays in
between neighbouring tests that are frozen, and tells the real time there.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
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
    # What it puts in reaches those as well that are imported later, and these need real time.
    for name in ("concurrent.futures.process", "multiprocessing.pool"):
        with suppress(ImportError):
            import_module(name)
    _mend(api)
    freezer: Any = freezegun.freeze_time("1970-01-01", ignore=list(_EXEMPT), real_asyncio=True)
    freezer.start()
    api.freeze_factories[-1] = TIME.wall  # type: ignore[call-overload]
    # It would give real time to all that is called from the first frames of a thread.
    api.ignore_lists[-1] = ()
    # The last thing it did was to give event loops a clock of its own.
    if freezer.undo_changes and freezer.undo_changes[-1][1] == "time":
        loop, _, clock = freezer.undo_changes[-1]
        loop.time = clock
    _replace_sleep()
    _tell(REAL)
    _PUT_IN.freezer, _PUT_IN.zone = freezer, _set_zone("UTC")


def take_out() -> None:
    """Lets time go on, and all modules see it, and its classes, again. Idempotent.

    What others froze meanwhile, with freezegun too, goes first: until then they have it.
    """
    TIME.go_on()
    if _PUT_IN.freezer is None or _layers(_ours() + 1):
        return
    if _layers(_ours()):
        _PUT_IN.freezer.stop()
    _PUT_IN.freezer = None
    _tell(time)
    _set_zone(_PUT_IN.zone)


def leave() -> None:
    """Takes out what was put into a freeze of somebody else's, who counts on being the last."""
    if _PUT_IN.freezer is not None and not _PUT_IN.freezer.undo_changes:
        take_out()


def set_aside() -> Callable[[], None]:
    """Lets time go on, and so what others froze since it stopped.

    Returns:
        What puts it all back.
    """
    if _PUT_IN.freezer is None:
        return lambda: None
    above = _layers(_ours() + 1)
    for known, layers in above:
        del known[-len(layers) :]
    take_out()

    def put_back() -> None:
        put_in()
        for known, layers in above:
            known.extend(layers)

    return put_back


def _ours() -> int:
    """Where we are among all that froze time with freezegun; behind them if we are not."""
    from freezegun import api

    known: list[Any] = api.freeze_factories
    return known.index(TIME.wall) if TIME.wall in known else len(known)


def _layers(start: int) -> list[tuple[list[Any], list[Any]]]:
    """What was frozen from `start` on: freezegun's lists, and what stands in each."""
    from freezegun import api

    lists: list[Any] = [api.freeze_factories, api.ignore_lists, api.tick_flags, api.tz_offsets]
    return [(known, known[start:]) for known in lists if known[start:]]


def _mend(api: Any) -> None:
    """Changes what freezegun tells, for good; where it is not in, nothing asks it."""
    by_date, today = api._get_fake_monotonic, api.get_current_time
    if by_date.__module__ == __name__:
        return

    def is_ours() -> bool:
        return bool(api.freeze_factories) and api.freeze_factories[-1] == TIME.wall

    def monotonic() -> float:
        # By the date it would go back and forth, and stand still for servers in their threads.
        return TIME.monotonic() if is_ours() else float(by_date())

    api._get_fake_monotonic = monotonic
    api._get_fake_monotonic_ns = lambda: int(monotonic() * 1e9)

    # Made from a date they would say nothing of their zone.
    for name in ("fake_localtime", "fake_gmtime"):
        setattr(api, name, _with_zone(api, name, is_ours))

    # What is imported while time stands still may keep these classes for ever, as a default.
    def offset(_: Any) -> timedelta:
        return api.tz_offsets[-1] if api.tz_offsets else timedelta(0)

    api.FakeDatetime._tz_offset = api.FakeDate._tz_offset = classmethod(offset)
    api.FakeDate._date_to_freeze = staticmethod(
        lambda: today() if api.freeze_factories else api.real_datetime.now()
    )


def _with_zone(api: Any, name: str, is_ours: Callable[[], bool]) -> Any:
    fake, real = getattr(api, name), getattr(api, name.replace("fake", "real"))

    @functools.wraps(fake)
    def told(seconds: float | None = None) -> Any:
        return real(api.fake_time()) if seconds is None and is_ours() else fake(seconds)

    return told


def _replace_sleep() -> None:
    """Puts the clock's sleep in place of the real one, for good; it really sleeps in real time."""
    if time.sleep is not REAL.sleep:
        return

    def sleep(seconds: float, /) -> None:
        TIME.sleep(seconds)

    sleep.__doc__ = REAL.sleep.__doc__
    setattr(time, "sleep", sleep)  # noqa: B010
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
