"""The clock of a test: where it starts, what moves it, and what it refuses."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import multiprocessing.connection
import os
import pickle
import queue
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from datetime import UTC, date, datetime, timedelta, timezone
from time import sleep as sleep_of_before

import freezegun
import pytest

from pytest_agentcache import ClockError
from pytest_agentcache.clock import Clock
from pytest_agentcache.clock.frozen_time import TIME
from pytest_agentcache.settings.durations import duration, instant

TEN = datetime(2026, 11, 21, 10, tzinfo=UTC)
AT_TEN = pytest.mark.agentcache(freeze="2026-11-21T10:00:00Z")


@AT_TEN
def test_all_that_tells_time_stands_still(agentcache_clock):
    """Dates, wall clock and counters agree, and none of them moves by itself."""
    assert agentcache_clock.now == agentcache_clock.frozen_at == TEN
    assert agentcache_clock.frozen
    assert datetime.now(UTC) == TEN
    assert datetime.now() == datetime(2026, 11, 21, 10)
    assert date.today() == date(2026, 11, 21)
    assert time.time() == TEN.timestamp() == time.time_ns() / 1e9
    assert time.monotonic() == time.monotonic() == pytest.approx(time.monotonic_ns() / 1e9)


def test_work_is_measured_in_real_time(agentcache_clock):
    """Counters that measure work go on, and what they were given before stays."""
    for counter in (time.perf_counter, time.perf_counter_ns):
        before = counter()
        sum(range(100_000))
        assert counter() > before
    assert time.process_time() > 0
    assert time.thread_time() > 0


@AT_TEN
def test_now_is_of_the_true_class(agentcache_clock):
    """A time taken from the clock is a plain `datetime`."""
    real = type(TEN)

    assert type(agentcache_clock.now) is type(agentcache_clock.frozen_at) is real
    assert type(agentcache_clock.tick(1)) is real
    assert pickle.loads(pickle.dumps(agentcache_clock.now)) == TEN + timedelta(seconds=1)


@pytest.mark.parametrize("delta", [90, 90.0, timedelta(minutes=1, seconds=30)])
@AT_TEN
def test_tick_moves(agentcache_clock, delta):
    """It takes seconds or a timedelta, and returns the new time."""
    before = time.monotonic()

    assert agentcache_clock.tick(delta) == TEN + timedelta(seconds=90) == agentcache_clock.now
    assert time.time() == TEN.timestamp() + 90
    assert time.monotonic() == pytest.approx(before + 90)
    assert agentcache_clock.frozen_at == TEN


@pytest.mark.parametrize(
    "when",
    [
        "2026-11-22T00:00:00Z",
        datetime(2026, 11, 22, tzinfo=UTC),
        "2026-11-22T05:30:00+05:30",
        datetime(2026, 11, 21, 20, 30, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    ],
)
@AT_TEN
def test_move_to_takes_any_zone(agentcache_clock, when):
    """An instant is one, however it is written."""
    assert agentcache_clock.move_to(when) == datetime(2026, 11, 22, tzinfo=UTC)
    assert date.today() == date(2026, 11, 22)


def test_move_to_where_it_stands_is_allowed(agentcache_clock):
    """Standing still is no step back."""
    now = agentcache_clock.now

    assert agentcache_clock.move_to(now) == agentcache_clock.tick(0) == now


@pytest.mark.parametrize(
    ("delta", "message"),
    [
        (-1, "clock.tick(-1): a clock only moves forward, and -1 is negative"),
        (timedelta(seconds=-1), "a clock only moves forward"),
        (True, "clock.tick(True): True is neither a number of seconds nor a timedelta"),
        ("5", "clock.tick('5'): '5' is neither a number of seconds nor a timedelta"),
        (None, "clock.tick(None): None is neither a number of seconds"),
        (float("nan"), "clock.tick(nan): nan seconds is further than a clock can move"),
        (float("inf"), "clock.tick(inf): inf seconds is further than a clock can move"),
        (1e300, "clock.tick(1e+300): 1e+300 seconds is further than a clock can move"),
        (3e11, "on that is further than a clock can move"),
    ],
)
def test_no_span_of_time_moves_nothing(agentcache_clock, delta, message):
    """The error names the value and the reason; the clock does not move."""
    before = agentcache_clock.now

    with pytest.raises(ClockError) as error:
        agentcache_clock.tick(delta)
    assert message in str(error.value)
    assert agentcache_clock.now == before


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("2026-11-21T09:59:59Z", "the clock is at 2026-11-21T10:00:00+00:00 and moves forward"),
        (
            datetime(2026, 11, 22),
            "it has no time zone, so it means a different instant on every machine",
        ),
        (
            "2026-11-22",
            "it has no time zone, so it means a different instant on every machine; add one",
        ),
        ("tomorrow", "clock.move_to('tomorrow'): it takes a time such as 2026-11-21T10:00:00Z"),
        (1800000000, "it takes an aware datetime or a time such as 2026-11-21T10:00:00Z"),
        (date(2026, 11, 22), "it takes an aware datetime"),
        (None, "it takes an aware datetime"),
    ],
)
@AT_TEN
def test_no_instant_ahead_moves_nothing(agentcache_clock, when, message):
    """Nor does an instant that is past, or none, or another one on every machine."""
    with pytest.raises(ClockError) as error:
        agentcache_clock.move_to(when)
    assert message in str(error.value)
    assert agentcache_clock.now == TEN


@pytest.mark.agentcache(freeze=False)
def test_real_time_cannot_be_moved(agentcache):
    """The error says how to freeze."""
    with pytest.raises(ClockError, match=r"time is real here.*freeze=False"):
        agentcache.clock.tick(1)
    with pytest.raises(ClockError, match="time is real here"):
        agentcache.clock.move_to("2999-01-01T00:00:00Z")
    assert not agentcache.clock.frozen
    assert agentcache.clock.frozen_at is None
    assert repr(agentcache.clock).startswith("<Clock real at 2")


def test_sleep_moves(agentcache_clock):
    """Also the one that was imported long before, and it costs nothing."""
    before = agentcache_clock.now
    with agentcache_clock.real():
        began = time.monotonic()
    time.sleep(3600)
    sleep_of_before(1800)

    assert agentcache_clock.now - before == timedelta(hours=1.5)
    with agentcache_clock.real():
        assert time.monotonic() - began < 60


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", None])
def test_sleep_refuses_what_it_always_refused(agentcache_clock, seconds):
    """With the errors of the real one."""
    with pytest.raises((ValueError, TypeError)):
        time.sleep(seconds)


def test_sleep_is_real_where_time_is():
    """Without a frozen clock nothing is faster than it was."""
    began = time.monotonic()
    time.sleep(0.05)

    assert time.monotonic() - began >= 0.05


def test_real_time_in_between(agentcache_clock):
    """`real()` gives real time back, and afterwards the clock is where it was."""
    agentcache_clock.tick(7)
    before, mono = agentcache_clock.now, time.monotonic()
    with agentcache_clock.real():
        assert not agentcache_clock.frozen
        began = time.monotonic()
        time.sleep(0.02)
        assert time.monotonic() - began >= 0.02

    assert agentcache_clock.frozen
    assert agentcache_clock.now == before == datetime.now(UTC)
    assert time.monotonic() >= mono


def test_real_time_survives_an_error(agentcache_clock):
    """A block of real time that fails ends in stopped time all the same."""
    before = agentcache_clock.now
    with pytest.raises(KeyError), agentcache_clock.real():
        raise KeyError

    assert agentcache_clock.frozen
    assert time.time() == before.timestamp()


@AT_TEN
def test_own_freezegun_goes_first(agentcache_clock):
    """A test that freezes time itself sees that, and afterwards the test's clock."""
    with freezegun.freeze_time("2020-02-02") as frozen:
        assert datetime.now() == datetime(2020, 2, 2)
        frozen.tick(60)
        assert time.time() == datetime(2020, 2, 2, 0, 1, tzinfo=UTC).timestamp()
        with agentcache_clock.real():
            assert datetime.now().year >= 2024
            assert datetime.now().year != 2026 or datetime.now(UTC) != TEN
        assert datetime.now() == datetime(2020, 2, 2, 0, 1)

    assert datetime.now(UTC) == TEN == agentcache_clock.now
    agentcache_clock.tick(1)
    assert datetime.now(UTC) == TEN + timedelta(seconds=1)


def test_own_freezegun_in_real_time(agentcache_clock):
    """Inside `real()` freezegun is what it is anywhere."""
    before = agentcache_clock.now
    with agentcache_clock.real(), freezegun.freeze_time("2020-02-02"):
        assert datetime.now() == datetime(2020, 2, 2)

    assert datetime.now(UTC) == before


def test_own_freezegun_around_is_covered():
    """A clock that is frozen inside another freeze is at its own time."""
    clock = Clock()
    with freezegun.freeze_time("2020-02-02"):
        clock.freeze(TEN)
        assert datetime.now(UTC) == TEN
        clock.release()
        assert datetime.now() == datetime(2020, 2, 2)

    assert dt.datetime.__module__ == "datetime"


@AT_TEN
def test_local_zone_is_utc(agentcache_clock):
    """Local time is the same on every machine while the clock is frozen."""
    assert time.localtime().tm_hour == time.gmtime().tm_hour == 10
    assert time.strftime("%H:%M") == "10:00"
    assert datetime.fromtimestamp(0) == datetime(1970, 1, 1)
    assert datetime.now().astimezone().utcoffset() == timedelta(0)
    assert os.environ["TZ"] == "UTC"


def test_server_of_before_is_not_stopped(request, tmp_path):
    """A thread that is none of the test's goes on in real time."""
    begun, ended = threading.Event(), threading.Event()

    def serve():
        begun.wait()
        deadline = time.monotonic() + 0.05
        while time.monotonic() < deadline:
            time.sleep(0.01)
        ended.set()

    thread = threading.Thread(target=serve)
    thread.start()
    clock = request.getfixturevalue("agentcache_clock")
    before = clock.now
    begun.set()

    assert ended.wait(30)
    thread.join()
    assert clock.now == before


def test_waits_for_others_are_real(agentcache_clock):
    """A wait for an event, queue, thread, future or process times out in real time.

    The clock moves by what was waited.
    """
    before, pool = agentcache_clock.now, ThreadPoolExecutor(1)
    stop = threading.Event()
    future, thread = pool.submit(stop.wait), threading.Thread(target=stop.wait)
    thread.start()
    one, _other = multiprocessing.Pipe()
    try:
        assert not threading.Event().wait(0.01)
        condition = threading.Condition()
        with condition:
            assert not condition.wait(0.01)
        assert not threading.Semaphore(0).acquire(timeout=0.01)
        with pytest.raises(queue.Empty):
            queue.Queue().get(timeout=0.01)
        with pytest.raises(TimeoutError):
            future.result(timeout=0.01)
        with pytest.raises(TimeoutError):
            next(as_completed([future], timeout=0.01))
        assert wait([future], timeout=0.01).not_done == {future}
        assert multiprocessing.connection.wait([one], timeout=0.01) == []
        thread.join(0.01)
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.01, check=False
            )
        near, far = socket.socketpair()
        near.settimeout(0.01)
        with near, far, pytest.raises(TimeoutError):
            near.sendall(bytes(100_000_000))
    finally:
        stop.set()
        thread.join()
        pool.shutdown()
    assert timedelta(seconds=0.11) <= agentcache_clock.now - before < timedelta(seconds=60)


def test_instants_and_spans_are_plain_values():
    """The result is aware and in UTC, or a timedelta."""
    assert instant("2026-11-21T10:00:00Z") == instant(TEN) == TEN
    assert instant("2026-11-21T12:00:00+02:00").utcoffset() == timedelta(0)
    assert duration(1.5) == duration(timedelta(milliseconds=1500))


def test_time_that_was_decided_for_another_test_does_not_pass():
    """A loop in the background may have looked at its timers just before its test ended."""
    decided, span = TIME.turns, dt.timedelta(seconds=5)
    restore = TIME.stop(dt.datetime(2026, 11, 21, tzinfo=dt.UTC))
    try:
        stood = TIME.now()
        assert TIME.move(span, 0, decided) == stood
        assert TIME.move(span, 0, TIME.turns) == stood + span
    finally:
        restore()
