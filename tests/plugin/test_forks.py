"""Forked children replay from the cassette of their test, and their misses fail it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

HEAD = """
    import multiprocessing, os, threading
    from concurrent.futures import ProcessPoolExecutor
    import httpx, pytest, requests, warnings

    warnings.simplefilter("ignore", DeprecationWarning)
    FORK = multiprocessing.get_context("fork")

    def status(path, send=requests.get):
        return send(URL + path).status_code

    def in_pool(work, *arguments):
        with ProcessPoolExecutor(1, mp_context=FORK) as pool:
            return pool.submit(work, *arguments).result()

    def in_multiprocessing_pool(work, *arguments):
        with FORK.Pool(1) as pool:
            return pool.apply(work, arguments)

    def in_process(work, *arguments):
        found = FORK.SimpleQueue()
        process = FORK.Process(target=lambda: found.put(work(*arguments)))
        process.start()
        process.join()
        return found.get()

    def in_fork(work, *arguments):
        readable, writable = os.pipe()
        if not (child := os.fork()):
            try:
                os.write(writable, str(work(*arguments)).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        return int(os.read(readable, 10))
"""
WAYS = ["in_pool", "in_multiprocessing_pool", "in_process", "in_fork"]
CAUSE = "* was sent by a forked child process, which cannot record*"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["record", "rerecord", "offline"])
def test_a_miss_in_a_child_fails_the_test(suite, upstream, way, mode):
    """The child gets a 504, and the test fails although it passes otherwise."""
    suite.write(
        HEAD
        + f"""
    @pytest.mark.agentcache
    def test_child():
        assert {way}(status, "/it") == 504
        assert {way}(status, "/other", httpx.get) == 504
    """
    )
    outcome = suite.spawn(f"--agentcache-{mode}")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([CAUSE, "  sent at test_suite.py:* in status()"])
    outcome.stdout.fnmatch_lines(["*0 replayed, 0 recorded, 2 missed*"])
    assert not upstream.hits


@pytest.mark.parametrize("way", WAYS)
def test_a_child_replays_what_the_test_has_recorded(suite, upstream, way):
    """An interaction that a child replays is used."""
    suite.write(
        HEAD
        + f"""
    @pytest.mark.agentcache
    def test_child(request):
        if request.config.option.agentcache_record:
            assert status("/it") == 200
        else:
            assert {way}(status, "/it") == 200
    """
    )
    suite.spawn("--agentcache-record").assert_outcomes(passed=1)
    upstream.stop()
    outcome = suite.spawn("--agentcache-offline", "-o", "agentcache_unused=fail")
    outcome.assert_outcomes(passed=1)
    outcome.stdout.fnmatch_lines(["*1 replayed, 0 recorded, 0 missed, 0 unused*"])


def test_the_remedy_of_the_report_works(suite, upstream):
    """A `use_cassette` inside the child records and replays."""
    suite.write(
        HEAD
        + """
    from pytest_agentcache import use_cassette

    def with_cassette(path):
        with use_cassette("child.yaml"):
            return status(path)

    @pytest.mark.agentcache
    def test_child():
        assert in_pool(with_cassette, "/it") == 200
    """
    )
    suite.spawn("--agentcache-record").assert_outcomes(passed=1)
    assert upstream.hits == ["GET /it"]
    upstream.stop()
    suite.spawn("--agentcache-offline").assert_outcomes(passed=1)


def test_a_miss_in_a_child_fails_its_block(suite):
    """So does one in a child that is forked inside a `use_cassette`."""
    suite.write(
        HEAD
        + """
    from pytest_agentcache import use_cassette

    def test_child():
        with use_cassette("block.yaml", mode="replay"):
            assert in_fork(status, "/it") == 504
    """
    )
    outcome = suite.spawn()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([CAUSE])


@pytest.mark.parametrize("marker", ["agentcache", "agentcache(router=True)"])
def test_a_fork_while_a_request_is_under_way(suite, upstream, marker):
    """A child does not wait for the threads of its parent."""
    suite.write(
        HEAD
        + f"""
    @pytest.mark.{marker}
    def test_child(agentcache, request):
        session = agentcache.session if agentcache.settings.router is False else requests
        thread = threading.Thread(target=session.get, args=(URL + "/it?slow=0.5",))
        thread.start()
        while not agentcache.upstream.calls:
            pass
        child = os.fork()
        if not child:
            try:
                session.get(URL + "/it?slow=0.5")
            finally:
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        thread.join()
    """
    )
    outcome = suite.spawn("--agentcache-record")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([CAUSE])
