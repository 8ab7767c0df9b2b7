"""Refreshes run one after the other, and an error in one is reported once."""

from __future__ import annotations

import threading

import pytest

from pytest_agentcache import RefreshError
from pytest_agentcache.http.messages import Request
from pytest_agentcache.replay.misses import Caller
from pytest_agentcache.replay.refreshes import Refresh, Refreshes


def refresh(name, run, session="session", caller=None):
    return Refresh(Request("GET", f"https://api.example/{name}"), caller, session, run)


def test_they_run_in_order_and_once():
    """Pending refreshes run in order, and are then no longer pending."""
    ran = []
    known = Refreshes([refresh(name, lambda name=name: ran.append(name)) for name in "abc"])
    known.settle()
    known.settle()

    assert ran == ["a", "b", "c"]
    assert known.pending == []


def test_only_those_of_a_session_run():
    """A request on one session leaves those of another alone, the same request or not."""
    ran = []
    pending = [refresh("a", lambda name=name: ran.append(name), session=name) for name in "xyx"]
    known = Refreshes(list(pending))
    known.run("x")

    assert ran == ["x", "x"]
    assert [each.session for each in known.pending] == ["y"]


def test_one_that_comes_up_meanwhile_runs_too():
    """A refresh that makes another is settled with it."""
    known, ran = Refreshes(), []

    def first():
        # It asks through its session, which lets refreshes run first.
        known.run("session")
        assert ran == []
        known.pending.append(refresh("b", lambda: ran.append("b")))
        ran.append("a")

    known.pending.append(refresh("a", first))
    known.settle()

    assert ran == ["a", "b"]


def test_error_is_told_once_with_its_request():
    """Others run all the same, and the error names request, line and cause."""
    ran = []
    caller = Caller("agent.py", 41, "plan")

    def fail():
        raise ConnectionError("no route")

    known = Refreshes(
        [
            refresh("a", fail, caller=caller),
            refresh("b", lambda: ran.append("b")),
            refresh("c", fail),
        ]
    )
    with pytest.raises(RefreshError) as error:
        known.settle()

    assert ran == ["b"]
    assert str(error.value) == (
        "a background refresh of stale-while-revalidate failed, and the stale answer stays:\n"
        "  GET https://api.example/a, stale at agent.py:41 in plan(): ConnectionError: no route\n"
        "  GET https://api.example/c: ConnectionError: no route"
    )
    assert isinstance(error.value.__cause__, ConnectionError)
    known.settle()


def test_interruption_is_no_error_of_a_refresh():
    """A `BaseException` (a miss that raises, Ctrl-C) is raised at once."""
    known = Refreshes([refresh("a", lambda: (_ for _ in ()).throw(KeyboardInterrupt))])

    with pytest.raises(KeyboardInterrupt):
        known.run()
    assert known.failed == []


def test_thread_that_asks_meanwhile_waits():
    """No request of another thread on that session overtakes a refresh that has begun."""
    begun, go_on, order = threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        go_on.wait()
        order.append("refreshed")

    known = Refreshes([refresh("a", slow)])

    def ask():
        known.run("session")
        order.append("asked")

    settling = threading.Thread(target=known.settle)
    settling.start()
    begun.wait()
    asking = threading.Thread(target=ask)
    asking.start()
    known.pending.append(refresh("b", lambda: order.append("refreshed too")))
    go_on.set()
    settling.join()
    asking.join()

    assert order == ["refreshed", "refreshed too", "asked"]
