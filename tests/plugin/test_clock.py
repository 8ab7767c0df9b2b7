"""The start of a test's clock, the tests that have one, and its end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest

from pytest_agentcache import cassette

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ASKS = """
    import requests
    from datetime import UTC, datetime

    def test_it(agentcache_clock):
        now = datetime.now(UTC)
        assert now == agentcache_clock.now == agentcache_clock.frozen_at
        requests.post(URL + "/ask", json={"prompt": "Today is " + now.isoformat()})
"""


def prompts(suite, test="test_it"):
    """The times that are in the recorded prompts, and when they were recorded."""
    found = cassette.read(suite.cassette(test))
    times = [re.search(rb"is ([^\"]+)", each.request.body)[1] for each in found.interactions]
    return [datetime.fromisoformat(each.decode()) for each in times], found.recorded_at


def put_back(suite, test="test_it"):
    """Makes a cassette one that was recorded long ago, prompt and all."""
    path = suite.cassette(test)
    [asked], recorded_at = prompts(suite, test)
    text = path.read_text("utf-8").replace(asked.isoformat(), THEN.isoformat())
    path.write_text(text.replace(f"{recorded_at:%Y-%m-%dT%H:%M:%SZ}", f"{THEN:%Y-%m-%dT%H:%M:%SZ}"))
    assert prompts(suite, test) == ([THEN], THEN)


def test_new_recording_starts_now(suite):
    """At the real whole second, which is what the cassette says."""
    suite.write(ASKS)
    before = datetime.now(UTC).replace(microsecond=0)
    suite.record()

    [asked], recorded_at = prompts(suite)
    assert asked == recorded_at
    assert before <= asked <= datetime.now(UTC)


@pytest.mark.parametrize("mode", ["", "--agentcache-record", "--agentcache-offline"])
def test_cassette_that_is_there_starts_the_clock(suite, mode):
    """When it was recorded, so that what its prompts say of the day still matches."""
    suite.write(ASKS)
    suite.record()
    put_back(suite)
    before, hits = suite.files(), len(suite.upstream.hits)

    suite.run(*filter(None, [mode])).assert_outcomes(passed=1)
    assert suite.files() == before
    assert len(suite.upstream.hits) == hits


def test_recording_anew_starts_now(suite):
    """`--agentcache-rerecord` brings cassette and prompts up to date."""
    suite.write(ASKS)
    suite.record()
    put_back(suite)
    before = datetime.now(UTC).replace(microsecond=0)
    suite.run("--agentcache-rerecord").assert_outcomes(passed=1)

    [asked], recorded_at = prompts(suite)
    assert asked == recorded_at >= before


def test_recording_what_is_missing_keeps_the_clock(suite):
    """Added requests are recorded on the clock of the existing ones."""
    suite.write(ASKS)
    suite.record()
    put_back(suite)
    suite.write(ASKS + "        requests.post(URL + '/more', json={'prompt': f'It is {now}'})\n")
    suite.record()

    assert prompts(suite) == ([THEN, THEN], THEN)


START = """
    import pytest
    from datetime import UTC, datetime

    @pytest.mark.agentcache(freeze="2030-05-06T10:00:00+02:00")
    def test_it(agentcache):
        import requests
        now = datetime.now(UTC)
        assert now == agentcache.clock.frozen_at == datetime(2030, 5, 6, 8, tzinfo=UTC)
        requests.post(URL + "/ask", json={"prompt": "Today is " + now.isoformat()})
"""


def test_marker_starts_elsewhere(suite):
    """In every mode, while the cassette says when it was really recorded."""
    suite.write(START)
    before = datetime.now(UTC).replace(microsecond=0)
    for mode in ("--agentcache-record", "--agentcache-rerecord", "--agentcache-offline"):
        suite.run(mode).assert_outcomes(passed=1)
        asked, recorded_at = prompts(suite)
        assert asked == [datetime(2030, 5, 6, 8, tzinfo=UTC)]
        assert before <= recorded_at <= datetime.now(UTC)


def test_clock_runs_on_live_requests_too(suite):
    """`--agentcache-live` has no cassette to start from, so it starts now."""
    suite.write(ASKS)
    suite.run("--agentcache-live").assert_outcomes(passed=1)

    assert not suite.files()


FROZEN = """
    import pytest, time

    def test_it({fixture}):
        assert (len({{time.time_ns() for _ in range(100)}}) == 1) is {expected}
"""


@pytest.mark.parametrize(
    ("fixture", "expected"),
    [
        ("agentcache", True),
        ("agentcache_clock", True),
        ("agentcache_upstream", True),
        ("agentcache_session", True),
        ("agentcache_cassette", True),
        ("tmp_path", False),
    ],
)
def test_every_test_on_a_cassette_is_frozen(suite, fixture, expected):
    """Each fixture puts its test on a cassette; time is real in a test that asks for none."""
    suite.write(FROZEN.format(fixture=fixture, expected=expected))

    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("ini", "source"),
    [
        ("", "@pytest.mark.agentcache\ndef test_it():"),
        ("", "@pytest.mark.agentcache\nclass TestIt:\n  def test_it(self):"),
        ("", "pytestmark = pytest.mark.agentcache\ndef test_it():"),
        ("", "@pytest.mark.usefixtures('agentcache_cassette')\ndef test_it():"),
        ("agentcache_auto = true", "def test_it():"),
        ("agentcache_auto = true", "class TestIt(unittest.TestCase):\n  def test_it(self):"),
    ],
)
def test_whatever_puts_a_test_on_a_cassette_freezes_it(suite, ini, source):
    """A marker or a setting freezes as a fixture does, at the moment of the recording."""
    suite.write(f"[pytest]\n{ini}\n", "pytest.ini")
    indent = " " * (len(source.rpartition("\n")[2]) - len(source.rpartition("\n")[2].lstrip()) + 2)
    body = ("stamp = datetime.now(UTC).isoformat()", "requests.get(URL + '/day?now=' + stamp)")
    lines = [f"{indent}{line}" for line in body]
    head = "import pytest, requests, unittest\nfrom datetime import UTC, datetime\n\n"
    suite.write(head + "\n".join([source, *lines]))
    for mode in ("--agentcache-record", "--agentcache-offline"):
        suite.run(mode).assert_outcomes(passed=1)


def test_looking_at_the_cassette_does_not_freeze(suite):
    """A fixture that is first used while the test runs finds the clock as `freeze` left it."""
    suite.write("""
        import pytest, time

        @pytest.mark.agentcache(freeze=False)
        def test_it(request):
            for name in ("agentcache", "agentcache_clock"):
                request.getfixturevalue(name)
            assert len({time.time_ns() for _ in range(100)}) > 1
    """)

    suite.run().assert_outcomes(passed=1)


def test_fixture_of_the_users_asks_for_time(suite):
    """A test whose own fixture asks for the clock is frozen, before that fixture runs."""
    suite.write("""
        import pytest, datetime

        @pytest.fixture
        def today(agentcache_clock):
            return datetime.datetime.now()

        def test_it(today, agentcache_session):
            assert datetime.datetime.now() == today
    """)

    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("ini", "marker", "config", "expected"),
    [
        ("true", "", {}, True),
        ("false", "", {}, False),
        ("true", "freeze=False", {}, False),
        ("false", "freeze=True", {}, True),
        ("", "freeze=True", {}, True),
        ("", "", {"freeze": True}, True),
        ("true", "", {"freeze": False}, False),
        ("", "freeze=False", {"freeze": True}, False),
    ],
)
def test_setting_freezes(suite, ini, marker, config, expected):
    """Marker over `agentcache_config` over ini file, for any test on a cassette."""
    if ini:
        suite.write(f"[pytest]\nagentcache_freeze = {ini}\n", "pytest.ini")
    suite.write(
        f"""
        import pytest

        @pytest.fixture
        def agentcache_config():
            return {config!r}
    """,
        "conftest.py",
    )
    body = dedent(FROZEN.format(fixture="agentcache_session", expected=expected))
    suite.write(body.replace("def test", f"@pytest.mark.agentcache({marker})\ndef test"))

    suite.run().assert_outcomes(passed=1)


def test_ini_leaves_tests_without_cassette_alone(suite):
    """The setting is for tests on a cassette."""
    suite.write("[pytest]\nagentcache_freeze = true\n", "pytest.ini")
    suite.write(FROZEN.format(fixture="tmp_path", expected=False))

    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("'2026-11-21'", "freeze is '2026-11-21'; it has no time zone"),
        (
            "'2026-11-21T10:00:00'",
            "it has no time zone, so it means a different instant on every machine",
        ),
        ("'soon'", "freeze is 'soon'; it takes a time such as 2026-11-21T10:00:00Z"),
        ("1800000000", "freeze is 1800000000; it takes an aware datetime or a time such as"),
        ("__import__('datetime').datetime(2026, 1, 1)", "it has no time zone"),
    ],
)
def test_no_start_is_an_error(suite, value, message):
    """It names the test, the marker and what is wrong."""
    suite.write(f"""
        import pytest

        @pytest.mark.agentcache(freeze={value})
        def test_it():
            pass
    """)
    outcome = suite.run()

    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines([f"test_suite.py:4: @pytest.mark.agentcache: *{message}*"])


def test_shared_cassette_starts_all_clocks_alike(suite):
    """Tests that record one cassette in one run start when its first did, and on replay as well."""
    source = """
        import pytest, requests, time
        from datetime import datetime

        pytestmark = pytest.mark.agentcache(cassette="shared")

        def ask():
            requests.post(URL + "/ask", json={"prompt": "Today is " + datetime.now().isoformat()})

        def test_first(agentcache_clock):
            ask()
            with agentcache_clock.real():
                time.sleep(1.1)

        def test_second(agentcache_clock):
            ask()
            agentcache_clock.tick(60)
            requests.get(URL + "/second")
    """
    suite.write(source)
    suite.record()
    suite.upstream.stop()

    found = cassette.read(suite.root / "cassettes" / "shared.yaml")
    assert len(found.interactions) == 2
    stamp = f"{found.recorded_at:%Y-%m-%dT%H:%M:%S}".encode()
    assert stamp in found.interactions[0].request.body
    for order in (["test_first", "test_second"], ["test_second"]):
        names = [f"test_suite.py::{name}" for name in order]
        suite.run("--agentcache-offline", *names).assert_outcomes(passed=len(order))


EXPIRES = """
    from datetime import timedelta

    def test_it(agentcache):
        session, clock = agentcache.session, agentcache.clock
        started = clock.now
        first = session.get(URL + "/a", expire_after=60)
        assert session.get(URL + "/a").from_cache
        assert first.expires.timestamp() == clock.now.timestamp() + 60
        clock.tick(59)
        assert session.get(URL + "/a").from_cache
        clock.tick(timedelta(seconds=2))
        again = session.get(URL + "/a")
        assert not again.from_cache
        assert again.json()["hit"] == first.json()["hit"] + 1
        assert clock.now - started == timedelta(seconds=61)
"""


def test_expiry_is_the_same_in_every_mode(suite):
    """An answer of the cache lives as long as the clock says, wherever it came from."""
    suite.write(EXPIRES)
    for mode in ("record", "record", "rerecord", "live"):
        suite.run(f"--agentcache-{mode}").assert_outcomes(passed=1)
    suite.upstream.stop()
    for mode in ([], ["--agentcache-offline"]):
        suite.run(*mode).assert_outcomes(passed=1)
    assert timedelta(0) <= datetime.now(UTC) - prompts_recorded_at(suite) < timedelta(minutes=5)


def prompts_recorded_at(suite):
    return cassette.read(suite.cassette("test_it")).recorded_at
