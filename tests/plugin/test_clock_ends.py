"""The limits of a freeze: other tests, wider fixtures, pytest itself, and the time after it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import freezegun  # noqa: F401 - otherwise each run in this process imports it again
import pytest

REAL = """
    import datetime, os, sys, time
    from datetime import date, datetime as dt

    def is_real():
        assert datetime.datetime is dt and dt.__name__ == "datetime", dt
        assert type(dt.now()) is dt and type(date.today()) is date
        assert time.time.__name__ == "time" and time.monotonic.__name__ == "monotonic"
        assert abs(time.time() - dt.now().timestamp()) < 60
        assert time.get_clock_info("monotonic").monotonic
        before = time.monotonic()
        time.sleep(0.01)
        assert time.monotonic() - before >= 0.01
        assert os.environ.get("TZ") == ZONE

"""
ZONE = f"    ZONE = {os.environ.get('TZ')!r}\n"


def suite_of(suite, source, **files):
    """Writes a suite in which `is_real()` checks that time is."""
    suite.write(ZONE + REAL + source)
    for name, text in files.items():
        suite.write(text, f"{name}.py")
    return suite


def assert_real_here():
    """Nothing is left in the process that ran the suite."""
    assert dt.datetime.__name__ == "datetime"
    assert time.time.__name__ == "time"
    assert type(dt.datetime.now()) is dt.datetime


def test_neighbour_sees_true_classes(suite):
    """A test that is not frozen, before and right after one that is, also what that imported."""
    suite_of(
        suite,
        """
    def test_before():
        is_real()

    def test_frozen(agentcache_clock):
        assert datetime.datetime is dt
        import imported_while_frozen

    def test_after():
        is_real()
        import imported_while_frozen as imported
        assert imported.datetime is dt and imported.date is date
        assert imported.time() > 1e9 and imported.time is time.time
        assert abs((imported.DEFAULT() - dt.now()).total_seconds()) < 60
        assert imported.Day().day == date.today()
    """,
        imported_while_frozen="""
        from dataclasses import dataclass, field
        from datetime import date, datetime
        from time import time

        DEFAULT = datetime.now

        @dataclass
        class Day:
            day: date = field(default_factory=date.today)
        """,
    )

    suite.run("-p", "no:randomly").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("body", "outcomes"),
    [
        ("raise AssertionError", {"failed": 1}),
        ("pytest.skip('not today')", {"skipped": 1}),
        ("pytest.xfail('not yet')", {"xfailed": 1}),
        ("import requests; requests.get(URL)", {"failed": 1}),
    ],
)
def test_time_is_real_after_any_end(suite, body, outcomes):
    """However a frozen test ends, the next one has real time."""
    suite_of(
        suite,
        f"""
    import pytest

    def test_frozen(agentcache_clock):
        {body}

    def test_after():
        is_real()
    """,
    )

    suite.run("-p", "no:randomly").assert_outcomes(passed=1, **outcomes)
    assert_real_here()


@pytest.mark.parametrize("where", ["setup", "teardown"])
def test_time_is_real_after_an_error(suite, where):
    """Also where one of its fixtures fails."""
    suite_of(
        suite,
        f"""
    import pytest

    @pytest.fixture
    def broken(agentcache_clock):
        assert "{where}" != "setup"
        yield
        assert "{where}" != "teardown"

    def test_frozen(broken):
        pass

    def test_after():
        is_real()
    """,
    )

    passed = 1 if where == "setup" else 2
    suite.run("-p", "no:randomly").assert_outcomes(passed=passed, errors=1)


def test_time_is_real_where_a_test_cannot_open(suite):
    """Also where its cassette cannot be read."""
    suite_of(
        suite,
        """
    def test_frozen(agentcache_clock):
        pass

    def test_after():
        is_real()
    """,
    )
    suite.cassette("test_frozen").parent.mkdir(parents=True)
    suite.cassette("test_frozen").write_text("no cassette", encoding="utf-8")

    suite.run("-p", "no:randomly").assert_outcomes(passed=1, errors=1)


@pytest.mark.parametrize("error", ["AssertionError", "KeyboardInterrupt", "SystemExit"])
def test_run_that_breaks_off_leaves_real_time(suite, error):
    """With -x or Ctrl-C the frozen test for which freezegun stayed in does not come."""
    suite_of(
        suite,
        f"""
    def test_frozen(agentcache_clock):
        agentcache_clock.tick(100)
        raise {error}

    def test_frozen_too(agentcache_clock):
        pass
    """,
    )
    zone = os.environ.get("TZ")
    with contextlib.suppress(KeyboardInterrupt):
        suite.run("-x", "-p", "no:randomly")

    assert_real_here()
    assert os.environ.get("TZ") == zone


def test_wider_fixture_has_real_time(suite):
    """Fixtures that are set up and torn down between frozen tests see the real time."""
    suite_of(
        suite,
        """
    import pytest

    @pytest.fixture(scope="class", autouse=True)
    def around():
        def is_now():
            real = time.clock_gettime(time.CLOCK_REALTIME)
            assert abs(time.time() - real) < 60 and abs(dt.now().timestamp() - real) < 60

        is_now()
        before = time.monotonic()
        time.sleep(0.01)
        assert time.monotonic() - before >= 0.01
        yield
        is_now()

    def check_frozen(clock):
        assert time.time() == clock.now.timestamp() == 1578225600

    @pytest.mark.agentcache(freeze="2020-01-05T12:00:00Z")
    class TestOne:
        def test_frozen(self, agentcache_clock):
            check_frozen(agentcache_clock)

        def test_frozen_too(self, agentcache_clock):
            check_frozen(agentcache_clock)
            agentcache_clock.tick(1e6)

    @pytest.mark.agentcache(freeze="2020-01-05T12:00:00Z")
    class TestTwo:
        def test_frozen(self, agentcache_clock):
            check_frozen(agentcache_clock)
    """,
    )

    suite.run("-p", "no:randomly").assert_outcomes(passed=3)


def test_server_of_the_session_goes_on(suite):
    """A server in threads of its own, older than the test, has real time and moves none."""
    suite.write("""
        import asyncio, threading, time
        import pytest, requests

        @pytest.fixture(scope="session")
        def server():
            loop, up, stop, facts = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), []

            async def answer(reader, writer):
                await reader.readuntil(b"\\r\\n\\r\\n")
                began = time.monotonic()
                await asyncio.sleep(0.05)
                facts.append(time.monotonic() - began)
                writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
                await writer.drain()
                writer.close()

            async def main():
                serving = await asyncio.start_server(answer, "127.0.0.1", 0)
                facts.append(serving.sockets[0].getsockname()[1])
                up.set()
                while not stop.is_set():
                    await asyncio.sleep(0.01)
                serving.close()

            thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
            thread.start()
            assert up.wait(30)
            yield facts
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()

        @pytest.mark.agentcache(passthrough="127.0.0.1:*")
        def test_it(agentcache_clock, server):
            began = agentcache_clock.now
            for _ in range(3):
                assert requests.get(f"http://127.0.0.1:{server[0]}/").text == "ok"
            assert agentcache_clock.now == began
            assert all(0.04 < each < 20 for each in server[1:]), server
            time.sleep(50)
            assert requests.get(f"http://127.0.0.1:{server[0]}/").text == "ok"
            assert (agentcache_clock.now - began).total_seconds() == 50
    """)

    suite.run().assert_outcomes(passed=1)


def test_durations_are_real(suite):
    """pytest measures what a test really took, and when it really was."""
    suite.write("""
        import threading, time

        def test_frozen(agentcache_clock):
            time.sleep(100000)
            agentcache_clock.tick(1e9)
            threading.Event().wait(0.3)

        def test_frozen_too(agentcache_clock):
            pass
    """)
    before = dt.datetime.now()
    outcome = suite.run("--durations=3", "--junitxml=report.xml", "-p", "no:randomly")
    report = ET.parse(suite.root / "report.xml").getroot().find("testsuite")

    [duration] = re.findall(r"([\d.]+)s call +test_suite.py::test_frozen\n", outcome.stdout.str())
    assert 0.25 < float(duration) < 60
    assert 0.25 < float(report.find("testcase").get("time")) < 60
    assert 0.25 < float(report.get("time")) < 60
    stamp = dt.datetime.fromisoformat(report.get("timestamp")).replace(tzinfo=None)
    assert abs((stamp - before).total_seconds()) < 60 + 24 * 3600
    assert outcome.duration < 60


def test_workers_of_xdist_freeze(suite):
    """Each worker has its clock, and its reports tell real durations."""
    suite.write("""
        import time, pytest
        from datetime import datetime

        @pytest.mark.parametrize("number", range(6))
        @pytest.mark.agentcache(freeze="2026-11-21T10:00:00Z")
        def test_frozen(agentcache_clock, number):
            assert datetime.now() == datetime(2026, 11, 21, 10)
            time.sleep(1000)
            assert datetime.now() == datetime(2026, 11, 21, 10, 16, 40)

        @pytest.mark.parametrize("number", range(4))
        def test_real(number):
            assert datetime.__name__ == "datetime"
    """)
    outcome = suite.spawn("-n", "2", "--durations=0", "-vv")

    outcome.assert_outcomes(passed=10)
    durations = re.findall(r"([\d.]+)s call", outcome.stdout.str())
    assert durations
    assert all(float(each) < 60 for each in durations)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_any_zone_sees_the_same(suite, zone, monkeypatch):
    """Frozen tests have UTC for their local time, others have their machine's."""
    suite.write(f"""
        import os, time
        import pytest, requests
        from datetime import datetime

        def test_real():
            assert os.environ["TZ"] == {zone!r}
            assert time.strftime("%z") == datetime.now().astimezone().strftime("%z")
            assert (time.strftime("%z") == "+0000") is ({zone!r} == "UTC")

        @pytest.mark.agentcache(freeze="2026-11-21T10:00:00Z")
        def test_frozen(agentcache_clock):
            now = datetime.now()
            assert now.isoformat() == "2026-11-21T10:00:00" == f"{{now:%Y-%m-%dT%X}}"
            assert time.strftime("%H:%M %z") == "10:00 +0000"
            requests.post(URL + "/ask", json={{"now": f"{{now:%c}}"}})

        def test_real_again():
            test_real()
    """)
    monkeypatch.setenv("TZ", "UTC")
    suite.run("--agentcache-record", "-k", "frozen").assert_outcomes(passed=1)
    monkeypatch.setenv("TZ", zone)

    suite.spawn("--agentcache-offline", "-p", "no:randomly").assert_outcomes(passed=3)


def test_plain_async_plugins_share_the_clock(suite):
    """Under pytest-asyncio a test and its async fixtures are on the same clock."""
    suite.write("[pytest]\nasyncio_default_fixture_loop_scope = function\n", "pytest.ini")
    suite.write("""
        import asyncio, time
        import pytest, pytest_asyncio

        @pytest_asyncio.fixture
        async def slept(agentcache_clock):
            began = agentcache_clock.now
            await asyncio.sleep(100)
            yield began
            await asyncio.sleep(100)
            assert (agentcache_clock.now - began).total_seconds() == pytest.approx(300)

        @pytest.mark.asyncio
        async def test_frozen(agentcache_clock, slept):
            await asyncio.sleep(100)
            assert (agentcache_clock.now - slept).total_seconds() == pytest.approx(200)

        @pytest.mark.asyncio
        async def test_real():
            before = time.monotonic()
            await asyncio.sleep(0.02)
            assert 0.02 <= time.monotonic() - before < 20

        @pytest.mark.asyncio(loop_scope="session")
        class TestOneLoop:
            async def test_frozen(self, agentcache_clock):
                began = agentcache_clock.now
                await asyncio.sleep(1000)
                assert (agentcache_clock.now - began).total_seconds() == pytest.approx(1000)

            async def test_real(self):
                await test_real()

            async def test_frozen_again(self, agentcache_clock):
                await self.test_frozen(agentcache_clock)
    """)
    outcome = suite.spawn("-p", "asyncio", "-p", "no:randomly", "-p", "pytest_asyncio")

    outcome.assert_outcomes(passed=5)


def test_anyio_plugin_shares_the_clock(suite):
    """Under anyio's own plugin too."""
    suite.write("""
        import anyio, pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.fixture
        async def slept(agentcache_clock, anyio_backend):
            began = agentcache_clock.now
            await anyio.sleep(100)
            return began

        @pytest.mark.anyio
        async def test_frozen(agentcache_clock, slept):
            with anyio.move_on_after(50):
                await anyio.sleep(100)
            assert (agentcache_clock.now - slept).total_seconds() == pytest.approx(150)
    """)

    suite.run("-p", "anyio").assert_outcomes(passed=1)


def test_block_has_a_clock_of_its_own(suite):
    """`use_cassette(freeze=…)` freezes for its block, alone and inside a frozen test."""
    suite_of(
        suite,
        """
    import pytest, requests
    from pytest_agentcache import use_cassette

    START = "2020-02-02T00:00:00Z"

    def test_alone(tmp_path):
        with use_cassette(tmp_path / "it.yaml", freeze=START) as block:
            assert block.clock.frozen
            time.sleep(60)
            assert datetime.datetime.now().isoformat() == "2020-02-02T00:01:00"
        is_real()

    def test_not_frozen_by_itself(tmp_path):
        with use_cassette(tmp_path / "it.yaml"):
            is_real()

    def test_inside(agentcache_clock, tmp_path):
        agentcache_clock.tick(5)
        before = agentcache_clock.now
        with use_cassette(tmp_path / "it.yaml") as block:
            assert block.clock.frozen and block.clock.now == before
        with pytest.raises(KeyError), use_cassette(tmp_path / "it.yaml", freeze=START):
            assert agentcache_clock.now.year == 2020
            time.sleep(60)
            raise KeyError
        assert agentcache_clock.now == before
        assert time.time() == before.timestamp()
        with use_cassette(tmp_path / "it.yaml", freeze=False) as block:
            assert block.clock.now == before

    def test_records_when_it_really_was(agentcache_clock, tmp_path):
        agentcache_clock.tick(1e8)
        with use_cassette(tmp_path / "it.yaml", mode="record", freeze=True) as block:
            assert block.clock.now < agentcache_clock.frozen_at.replace(year=2999)
            requests.get(URL + "/a")
            began = block.clock.frozen_at
        with agentcache_clock.real():
            assert abs(began.timestamp() - time.time()) < 60
        with use_cassette(tmp_path / "it.yaml", mode="offline", freeze=True) as block:
            assert block.clock.now == began == block.cassette.recorded_at
            requests.get(URL + "/a")
    """,
    )

    suite.run("-p", "no:randomly").assert_outcomes(passed=4)


def test_block_without_pytest(upstream, tmp_path):
    """Outside pytest a block leaves nothing behind either."""
    import subprocess
    import sys

    script = f"""
import datetime, time, requests
from pytest_agentcache import use_cassette

began = time.monotonic()
for mode in ("record", "offline"):
    with use_cassette("it.yaml", mode=mode, freeze="2020-02-02T00:00:00Z") as block:
        time.sleep(3600)
        said = {{"now": str(datetime.datetime.now())}}
        assert said["now"] == "2020-02-02 01:00:00"
        requests.post({upstream.url!r}, json=said)
    assert datetime.datetime.__name__ == "datetime" and time.time() > 1.7e9
assert time.monotonic() - began < 600
print("done")
"""
    (Path(tmp_path) / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("done\n", "")
