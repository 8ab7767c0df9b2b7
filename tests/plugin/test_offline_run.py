"""An offline run is closed from the start of the plugin to the end of its process."""

from __future__ import annotations

import pytest

ADDRESS = ("203.0.113.1", 9)

# Swallows what comes back, as agents do. Addresses are those of RFC 5737.
REACH = """
import socket

def raw(where):
    try:
        socket.create_connection(("203.0.113.1", 9), timeout=0.01)
    except OSError as error:
        print("REFUSED" if "pytest-agentcache" in str(error) else "OUT", where)
    else:
        print("OUT", where)

def http(where):
    import requests
    try:
        reply = requests.get(f"http://upstream.example/{where}", timeout=0.01)
    except Exception:
        print("OUT", where)
    else:
        print("MISSED" if reply.status_code == 504 else "OUT", where)
"""

# Where a suite may reach for the network outside its tests: the file, and the source around it.
MOMENTS = {
    "conftest": ("conftest.py", "{way}('conftest')"),
    "configure": ("conftest.py", "def pytest_configure(): {way}('configure')"),
    "sessionstart": ("conftest.py", "def pytest_sessionstart(): {way}('sessionstart')"),
    "modifyitems": ("conftest.py", "def pytest_collection_modifyitems(): {way}('modifyitems')"),
    "import": ("test_more.py", "{way}('import')"),
    "parametrize": (
        "test_more.py",
        "import pytest as p\n@p.mark.parametrize('x', [1, {way}('parametrize')])\ndef test(x): 1",
    ),
    "sessionfinish": ("conftest.py", "def pytest_sessionfinish(): {way}('sessionfinish')"),
    "unconfigure": ("conftest.py", "def pytest_unconfigure(): {way}('unconfigure')"),
    "atexit": ("conftest.py", "import atexit; atexit.register({way}, 'atexit')"),
    "thread": (
        "conftest.py",
        "import threading as t\ndef pytest_unconfigure(): t.Timer(0.1, {way}, ['thread']).start()",
    ),
}


@pytest.fixture
def closed(suite):
    """Write a suite with one passing test, which reaches for the network at some moments."""

    def write(way, *moments):
        sources = {"conftest.py": "", "test_more.py": ""}
        for name, source in (MOMENTS[moment] for moment in moments):
            sources[name] += f"{source.format(way=way)}\n"
        suite.write(REACH, "reach.py")
        suite.write("import reach\ndef test_one(): pass")
        for name, source in sources.items():
            suite.write(f"from reach import {way}\n{source}", name)
        return suite

    return write


# Two of them are the same hook, which one conftest file has once.
IN_ONE_RUN = [moment for moment in MOMENTS if moment != "thread"]


def test_no_moment_of_a_run_is_open(closed):
    """A socket is refused at each moment, and the attempts are reported."""
    outcome = closed("raw", *IN_ONE_RUN).spawn("--agentcache-offline", "-s")
    printed = outcome.stdout.str() + outcome.stderr.str()

    assert [moment for moment in IN_ONE_RUN if f"REFUSED {moment}" not in printed] == []
    assert "OUT" not in printed
    times = "outside any test: CONNECT 203.0.113.1:9 was refused {}, at reach.py:6 in raw()"
    assert times.format(f"{len(IN_ONE_RUN) - 2} times") in printed
    assert outcome.parseoutcomes()["passed"] >= 1


@pytest.mark.parametrize("moment", ["import", "unconfigure", "atexit", "thread"])
def test_a_green_run_turns_red(closed, moment):
    """Before the summary and after it, up to the exit of the process."""
    outcome = closed("raw", moment).spawn("--agentcache-offline", "-s")
    printed = outcome.stdout.str() + outcome.stderr.str()

    assert f"REFUSED {moment}" in printed
    assert "outside any test: CONNECT 203.0.113.1:9 was refused, at reach.py:6 in raw()" in printed
    assert outcome.ret == 1


def test_http_outside_tests_is_a_miss(closed):
    """Clients get a 504, as in a test that is not on a cassette."""
    moments = ["conftest", "import", "unconfigure", "atexit"]
    outcome = closed("http", *moments).spawn("--agentcache-offline", "-s")
    printed = outcome.stdout.str() + outcome.stderr.str()

    for moment in moments:
        assert f"MISSED {moment}" in printed
        assert f"outside any test: GET http://upstream.example/{moment} was refused, at " in printed
    assert outcome.ret == 1


def test_workers_are_closed(closed):
    """Each worker of xdist is closed; the attempts that they have in common are one line."""
    outcome = closed("raw", "import").spawn("--agentcache-offline", "-n", "2")

    lines = [line for line in outcome.outlines if line.startswith("outside any test: ")]
    assert lines == ["outside any test: CONNECT 203.0.113.1:9 was refused, at reach.py:6 in raw()"]
    assert outcome.ret == 1


def test_the_environment_and_the_ini_file_close_it_as_early(closed, monkeypatch):
    """However the mode is set, conftest files are imported behind the guard."""
    suite = closed("raw", "conftest")
    monkeypatch.setenv("AGENTCACHE_MODE", "offline")
    assert suite.spawn().ret == 1
    monkeypatch.delenv("AGENTCACHE_MODE")
    suite.write("[pytest]\nagentcache_mode = offline\n", "pytest.ini")
    assert suite.spawn().ret == 1


def test_allowed_hosts_are_open_outside_tests(closed):
    """`agentcache_allowed_hosts` and telemetry hold at every moment."""
    outcome = closed("raw", "import").spawn(
        "--agentcache-offline", "-o", "agentcache_ignore_hosts=203.0.113.1"
    )
    outcome.assert_outcomes(passed=1)
    assert outcome.ret == 0


def test_methods_bound_at_import_are_checked(suite):
    """A function that a module binds at import refuses a name before looking it up."""
    suite.write("""
        import socket, _socket
        import pytest
        from pytest_agentcache import NetworkBlocked

        BOUND = [socket.socket.connect, socket.socket().connect, _socket.socket.connect]

        def test_one():
            for connect in BOUND[:1]:
                with socket.socket() as raw, pytest.raises(NetworkBlocked):
                    connect(raw, ("a.invalid", 9))
            with pytest.raises(NetworkBlocked):
                BOUND[1](("a.invalid", 9))
            raw = _socket.socket()
            with pytest.raises(NetworkBlocked):
                BOUND[2](raw, ("a.invalid", 9))
            raw.close()
    """)
    outcome = suite.spawn("--agentcache-offline", "-W", "ignore::ResourceWarning")

    assert "gaierror" not in outcome.stdout.str()
    assert outcome.stdout.str().count("  sent at test_suite.py") == 3


def test_a_failed_run_keeps_its_status(closed):
    """A request at the exit changes only the status of a run that passed."""
    suite = closed("raw", "atexit")
    suite.write("def test_one(): assert 0\ndef test_two(): raise KeyboardInterrupt")
    outcome = suite.spawn("--agentcache-offline")

    assert outcome.ret == 2
    assert "outside any test: CONNECT 203.0.113.1:9 was refused" in outcome.stderr.str()


def test_a_fixture_of_the_session_is_not_outside_a_test(suite):
    """A request of a test's fixtures fails that test."""
    suite.write(REACH, "reach.py")
    suite.write("""
        import pytest, reach

        @pytest.fixture(scope="session")
        def token():
            reach.raw("fixture")

        def test_one(token):
            pass
    """)
    outcome = suite.spawn("--agentcache-offline")

    outcome.assert_outcomes(errors=1)
    assert "outside any test" not in outcome.stdout.str()


OUTLIVING = """
    import threading
    import pytest, reach

    gate = threading.Event()

    def work():
        gate.wait(30)
        reach.raw("thread")

    @pytest.fixture(scope="module", autouse=True)
    def last():
        yield
        # Between tests: no test has closed the network now.
        started[0].join(30)

    started = []

    def test_one(agentcache):
        started.append(threading.Thread(target=work))
        started[0].start()

    def test_two():
        gate.set()
        started[0].join(30)
"""


@pytest.mark.parametrize("flag", ["", "--agentcache-offline"])
def test_a_thread_that_outlives_its_test_stays_closed(suite, flag):
    """In replay too, where the next test is on no cassette and its network is open."""
    suite.write(REACH, "reach.py")
    suite.write(OUTLIVING)
    outcome = suite.spawn("-s", *([flag] if flag else []))

    outcome.stdout.fnmatch_lines(
        ["*REFUSED thread*", "late: CONNECT 203.0.113.1:9 *, at reach.py:6 in raw()"]
    )
    assert outcome.ret == 1


def test_replay_is_open_outside_tests(suite):
    """In replay, only tests on a cassette are closed: nothing changes for the rest of a run."""
    suite.write(
        """
        import sys
        def pytest_configure():
            assert "pytest_agentcache.clients" not in sys.modules
    """,
        "conftest.py",
    )
    suite.write("def test_one(): pass")

    suite.spawn_fresh().assert_outcomes(passed=1)


def test_a_later_run_in_the_same_process_is_open(suite):
    """A program may run pytest twice: the second run has its own mode."""
    suite.write("""
        import sys
        def test_one():
            clients = sys.modules.get("pytest_agentcache.clients")
            print("GUARD", bool(clients and clients.DISPATCHER.guard))
    """)
    suite.write(
        """
        import pytest
        pytest.main(["-s", "-p", "agentcache", "--agentcache-offline"])
        pytest.main(["-s", "-p", "agentcache"])
    """,
        "program.py",
    )
    outcome = suite._pytester.runpython("program.py")

    guards = [line for line in outcome.outlines if "GUARD" in line]
    assert [line.rstrip(".").split()[-1].rstrip(".") for line in guards] == ["True", "False"]
