"""Libraries run the same code on a frozen clock, and other clocks work on top of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from pytest_agentcache import ClockError
from pytest_agentcache.clock import ENGINES, Clock

OTHERS = """
    import datetime as dt, time, unittest
    import freezegun, pytest, time_machine

    def year():
        assert dt.date.today().year == dt.datetime.now().year == time.gmtime(time.time()).tm_year
        return dt.datetime.now().year

    pytestmark = pytest.mark.agentcache
"""


@pytest.mark.parametrize("other", ["freezegun.freeze_time", "time_machine.travel"])
@pytest.mark.parametrize("mode", ["", "--agentcache-live"])
def test_other_clocks_work_on_top(suite, other, mode):
    """They work as a decorator, context and class decorator; then the test's clock is back."""
    suite.write(
        OTHERS
        + f"""
    @{other}("2020-02-02")
    def test_decorated():
        assert year() == 2020

    def test_context(agentcache_clock):
        with {other}("2020-02-02", tick=False):
            assert year() == 2020
            with agentcache_clock.real():
                assert time.time() > agentcache_clock.frozen_at.timestamp() - 1
        assert time.time() == agentcache_clock.frozen_at.timestamp()

    def test_ticking_clock_sleeps(agentcache_clock):
        with {other}("2020-02-02T00:00:00Z", tick=True):
            before = time.time()
            time.sleep(3600)
            assert 3600 <= time.time() - before < 3660
        assert (agentcache_clock.now - agentcache_clock.frozen_at).total_seconds() == 3600

    @{other}("2020-02-02")
    class TestDecorated(unittest.TestCase):
        def test_it(self):
            assert year() == 2020

    def test_afterwards(agentcache_clock):
        assert time.time() == agentcache_clock.frozen_at.timestamp()
        assert dt.datetime.__module__ == "datetime"
    """
    )

    suite.run("-p", "no:randomly", *filter(None, [mode])).assert_outcomes(passed=5)


def test_fixture_of_time_machine(suite):
    """It moves time inside a frozen test, and ends before the test's clock does."""
    suite.write(
        OTHERS
        + """
    def test_it(time_machine, agentcache_clock):
        time_machine.move_to("2020-02-02", tick=False)
        assert year() == 2020

    def test_afterwards(agentcache_clock):
        assert time.time() == agentcache_clock.frozen_at.timestamp()
    """
    )

    suite.run("-p", "time_machine", "-p", "no:randomly").assert_outcomes(passed=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_fixture_and_marker_of_pytest_freezer(suite, engine):
    """They move time inside a frozen test, and end before the test's clock does."""
    suite.write(
        OTHERS
        + """
    def test_fixture(freezer, agentcache_clock):
        freezer.move_to("2020-02-02")
        assert year() == 2020
        freezer.tick(60)
        assert dt.datetime.now() == dt.datetime(2020, 2, 2, 0, 1)
        with agentcache_clock.real():
            assert time.time() > agentcache_clock.frozen_at.timestamp() - 1

    @pytest.mark.freeze_time("2020-02-02")
    def test_marker():
        assert year() == 2020

    def test_afterwards(agentcache_clock):
        assert time.time() == agentcache_clock.frozen_at.timestamp()
    """
    )
    options = (
        "-p",
        "pytest_freezer",
        "-p",
        "no:randomly",
        "-o",
        f"agentcache_clock_engine={engine}",
    )

    suite.run(*options).assert_outcomes(passed=3)


def test_wider_freeze_stays_in_front(suite):
    """A class-scoped clock of the user's is not covered by the one that a test gets by default."""
    suite.write(
        OTHERS
        + """
    @pytest.fixture(scope="class")
    def past():
        with time_machine.travel("2020-02-02", tick=False):
            yield

    @pytest.mark.usefixtures("past")
    class TestIt:
        def test_default(self):
            assert year() == 2020

        @pytest.mark.agentcache(freeze="2026-11-21T10:00:00Z")
        def test_named(self):
            assert year() == 2026
            time.sleep(60)
            assert dt.datetime.now() == dt.datetime(2026, 11, 21, 10, 1)

        def test_default_again(self):
            assert year() == 2020
    """
    )

    suite.run("-p", "no:randomly").assert_outcomes(passed=3)


def test_types_stay_themselves(suite):
    """A model with dates is defined, exact types match, and subclasses work."""
    suite.write("""
        import datetime as dt, pickle, uuid
        import pydantic

        def test_it(agentcache_clock):
            class Event(pydantic.BaseModel):
                at: dt.datetime
                day: dt.date

            class Stamp(dt.datetime):
                pass

            assert Event(at=dt.datetime.now(), day=dt.date.today()).at.year > 2000
            assert type(dt.datetime.now()) is dt.datetime
            assert {dt.date: "date"}[type(dt.date.today())] == "date"
            assert type(Stamp.now()) is Stamp
            assert pickle.loads(pickle.dumps(dt.datetime.now())) == dt.datetime.now()
            first, second = uuid.uuid1(), uuid.uuid1()
            made = dt.datetime(1582, 10, 15) + dt.timedelta(microseconds=first.time // 10)
            assert made == dt.datetime.now() and first != second
    """)

    suite.run().assert_outcomes(passed=1)


def test_child_process_has_real_time(suite):
    """A child that a frozen test starts is on a clock of its own, in the zone of the test."""
    suite.write("""
        import subprocess, sys, time

        def test_it(agentcache_clock):
            time.sleep(1e8)
            code = "import time; print(time.time(), time.tzname[0])"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            stamp, zone = done.stdout.split()
            with agentcache_clock.real():
                assert abs(float(stamp) - time.time()) < 60
            assert zone == "UTC"
    """)

    suite.run().assert_outcomes(passed=1)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_forked_process_has_a_copy_of_the_clock(suite):
    """It starts where the test is, and moves its copy alone."""
    suite.write("""
        import multiprocessing, time

        def sleep_and_read():
            time.sleep(1000)
            return time.time()

        def test_it(agentcache_clock):
            began = time.time()
            with multiprocessing.get_context("fork").Pool(1) as pool:
                assert pool.apply(sleep_and_read) == began + 1000
                pool.close()
                pool.join()
            assert time.time() == began
    """)

    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("engine", "other"), [("time-machine", "freezegun"), ("freezegun", "time-machine")]
)
def test_missing_engine_is_an_error(monkeypatch, engine, other):
    """The error names the engine, and how to get it or the other one."""
    monkeypatch.setitem(sys.modules, engine.replace("-", "_"), None)
    with pytest.raises(ClockError) as error:
        Clock().freeze(datetime(2026, 1, 1, tzinfo=UTC), engine)

    assert f"engine {engine} is not installed" in str(error.value)
    assert f"agentcache_clock_engine = {other}" in str(error.value)


def test_engine_is_a_setting(suite):
    """The marker and the ini file select it, and anything else is an error that names both."""
    suite.write("[pytest]\nagentcache_clock_engine = freezegun\n", "pytest.ini")
    suite.write("""
        import pytest
        from datetime import datetime

        def test_ini(agentcache_clock):
            assert datetime.__name__ == "FakeDatetime"

        @pytest.mark.agentcache(clock_engine="time-machine")
        def test_marker(agentcache_clock):
            assert datetime.__name__ == "datetime"

        @pytest.mark.agentcache(clock_engine="sundial")
        def test_unknown():
            pass
    """)
    outcome = suite.run("-p", "no:randomly")

    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(["*clock_engine*sundial*time-machine*freezegun*"])
