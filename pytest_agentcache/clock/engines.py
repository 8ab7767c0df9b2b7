"""The engines that freeze time for the process: time-machine, or freezegun as its substitute."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any, Protocol
from unittest import mock

from ..errors import ClockError
from ..state import on_reset
from . import loops, waits
from .frozen_time import TIME

ENGINES = ("time-machine", "freezegun")


class Engine(Protocol):
    """An engine patches the date and the wall clock, so that they show what `TIME` says."""

    def start(self) -> None:
        """Patch them."""

    def stop(self) -> None:
        """Restore them."""


class _TimeMachine:
    """The functions of `time` and `datetime` are patched in C: types stay themselves."""

    def start(self) -> None:
        import time_machine

        if not time_machine.traveller_stack and _freezes_by_freezegun():
            # Its classes are in place, in front of what can be patched.
            return
        self._travel = time_machine.travel(0, tick=False)
        self._travel.start()
        self._traveller = time_machine.traveller_stack[-1] = _traveller(TIME.wall_ns)

    def stop(self) -> None:
        import time_machine

        stack = time_machine.traveller_stack
        if getattr(self, "_traveller", None) in stack:
            # To the top: what the test left frozen stays below.
            stack.remove(self._traveller)
            stack.append(self._traveller)
            self._travel.stop()


def _traveller(wall_ns: Any) -> Any:
    import time_machine

    class Traveller(time_machine.Traveller):
        def __init__(self) -> None:
            super().__init__(0, None, False)

        def time_ns(self) -> int:
            now: int = wall_ns(sys._getframe(1))
            return now

    return Traveller()


class _Freezegun:
    """The classes of `datetime` are replaced in all modules."""

    def start(self) -> None:
        import freezegun
        from freezegun import api

        self._freezer = None
        if api.freeze_factories:
            return
        self._freezer = freezegun.freeze_time("1970-01-01", ignore=list(_IGNORED))
        # Counters are not its business: some measure work, and the others are wrapped.
        names = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
        kept = {f"fake_{name}": getattr(time, name) for name in names}
        with mock.patch.multiple(api, **kept):
            self._freezer.start()
        api.freeze_factories[-1] = _date_for_freezegun  # type: ignore[call-overload]
        # `TIME` looks at who asks. This list would look at who called that, too.
        api.ignore_lists[-1] = ()
        _keep_working(api)

    def stop(self) -> None:
        from freezegun import api

        if self._freezer is not None and _date_for_freezegun in api.freeze_factories:
            _forget(_date_for_freezegun)
            _push(_date_for_freezegun)
            self._freezer.stop()


def _keep_working(api: Any) -> None:
    """Make freezegun's classes work after the test, for modules that were imported in it."""
    today = api.get_current_time

    def offset(_: Any) -> timedelta:
        return api.tz_offsets[-1] if api.tz_offsets else timedelta(0)

    api.FakeDatetime._tz_offset = api.FakeDate._tz_offset = classmethod(offset)
    api.FakeDate._date_to_freeze = staticmethod(
        lambda: today() if api.freeze_factories else api.real_datetime.now()
    )


# Freezegun would replace the functions of those that need real time.
_IGNORED = (
    *("_pytest.", "concurrent.futures.", "coverage.", "execnet.", "hypothesis.", "xdist."),
    *("multiprocessing.", "pytest_timeout", "queue", "subprocess", "threading", "trio."),
)


def _date_for_freezegun() -> datetime:
    return _naive(TIME.wall_ns(sys._getframe(1)))


def _real_date() -> datetime:
    return _naive(TIME.real_ns())


def _naive(nanoseconds: int) -> datetime:
    at: datetime = _DATETIME(1970, 1, 1) + timedelta(microseconds=nanoseconds // 1000)
    return at


_DATETIME: Any = datetime


class _Installed:
    """The engine that is in use, and the time zone that was set before."""

    engine: Engine | None = None
    zone: str | None = None


def put_in(name: str, *, below: bool = False) -> None:
    """Make all code see what `TIME` says. Idempotent.

    Args:
        name: The engine, one of `ENGINES`.
        below: Whether time that is frozen already, by a fixture of a wider scope or a decorator of
            the class, stays in front.

    Raises:
        ClockError: If the engine is not installed.
    """
    waits.install()
    if _Installed.engine is not None:
        return
    if find_spec(name.replace("-", "_")) is None:
        other = next(each for each in ENGINES if each != name)
        raise ClockError(
            f"the clock's engine {name} is not installed for this Python: pip install {name}, or "
            f"set agentcache_clock_engine = {other}"
        )
    loops.install()
    engine: Engine = _TimeMachine() if name == "time-machine" else _Freezegun()
    stack = _travellers()
    below = below and bool(stack or _freezes_by_freezegun())
    engine.start()
    if below and stack:
        stack.insert(0, stack.pop())
    elif not below and name == "time-machine" and _freezes_by_freezegun():
        _push(_date_for_freezegun)
    TIME.carry = _carry
    zone = os.environ.get("TZ")
    _Installed.engine, _Installed.zone = engine, zone
    # Code that froze time before chose the zone as well.
    _set_zone(zone if below else "UTC")


def take_out() -> None:
    """Make all code see real time again. Idempotent."""
    TIME.go_on()
    engine, _Installed.engine = _Installed.engine, None
    if engine is not None:
        engine.stop()
        _forget(_date_for_freezegun)
        _set_zone(_Installed.zone)


@on_reset("clock.engines._Installed.engine")
@on_reset("clock.engines._Installed.zone")
def _reset() -> None:
    take_out()
    _Installed.zone = None


@contextmanager
def real_time() -> Iterator[None]:
    """Show real time to all code, in spite of any freeze."""
    stack = _travellers()
    real = _traveller(lambda frame: TIME.real_ns()) if stack else None
    if real is not None:
        stack.append(real)
    guns = _freezes_by_freezegun()
    if guns:
        _push(_real_date)
    zone = _set_zone(_Installed.zone) if _Installed.engine else None
    try:
        yield
    finally:
        if _Installed.engine:
            _set_zone(zone)
        if guns:
            _forget(_real_date)
        if real in stack:
            stack.remove(real)
        # Or it would make no id before the last one, which was made in real time.
        setattr(uuid, "_last_timestamp", None)  # noqa: B010 - it is private


def _carry(moved: int) -> None:
    """Move the ticking clocks that a test has put on top of its own."""
    for each in _travellers():
        if getattr(each, "_tick", False):
            each.shift(timedelta(microseconds=moved / 1000))
    api: Any = sys.modules.get("freezegun.api")
    for each in api.freeze_factories if api else ():
        if isinstance(each, api.TickingDateTimeFactory):
            each.time_to_freeze += timedelta(microseconds=moved / 1000)


def _travellers() -> list[Any]:
    machine = sys.modules.get("time_machine")
    return machine.traveller_stack if machine else []


def _freezes_by_freezegun() -> bool:
    api = sys.modules.get("freezegun.api")
    return bool(api and api.freeze_factories)


def _push(factory: Any) -> None:
    """Put `factory` in front of all that is frozen with freezegun."""
    from freezegun import api

    layers = (api.freeze_factories, api.ignore_lists, api.tick_flags, api.tz_offsets)
    for known, value in zip(layers, (factory, (), False, timedelta(0)), strict=True):
        known.append(value)  # type: ignore[attr-defined]


def _forget(factory: Any) -> None:
    """Undo `_push`, if it was not undone already."""
    api = sys.modules.get("freezegun.api")
    if api is None or factory not in api.freeze_factories:
        return
    at = api.freeze_factories.index(factory)
    for known in (api.freeze_factories, api.ignore_lists, api.tick_flags, api.tz_offsets):
        del known[at]


def _set_zone(zone: str | None) -> str | None:
    """Set the local time zone, None for the machine's. Return the one that was set before."""
    before = os.environ.get("TZ")
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    if hasattr(time, "tzset"):
        time.tzset()
    return before
