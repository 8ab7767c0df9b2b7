"""Wrappers of the functions that wait reach code that took these before time was frozen."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import time

import pytest

# In a process of its own, because the wrappers are installed once.
EARLY = """
import functools, queue, sched, threading, time
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any, NamedTuple

class Slots:
    __slots__ = ("timer",)

    def __init__(self):
        self.timer = time.monotonic

class Named(NamedTuple):
    timer: Any = time.monotonic

class Holder:
    member = time.monotonic
    static = staticmethod(time.monotonic)

    def __init__(self, timer=time.monotonic):
        self.timer = timer

    def now(self, *, timer=time.monotonic):
        return timer()

def enclosed(timer):
    return lambda: timer()

holder, in_list, in_dict = Holder(), [time.monotonic], {0: time.monotonic}
closure = enclosed(time.monotonic)
partial, keyword = functools.partial(time.monotonic), functools.partial(holder.now)
nap = functools.partial(map, time.sleep, (3600,))
slots, named, nested = Slots(), Named(), {0: ((time.monotonic,),)}
clocks = {
    "partial": partial, "slots": lambda: slots.timer(), "named": lambda: named.timer(),
    "named default": lambda: Named().timer(), "nested": lambda: nested[0][0][0](),
    "bound member": lambda: holder.member(), "in partial": keyword,
    "module": lambda: monotonic(), "member": lambda: Holder.member(),
    "static": lambda: Holder.static(), "instance": lambda: holder.timer(), "keyword": holder.now,
    "default": lambda: Holder().timer(), "list": lambda: in_list[0](),
    "dict": lambda: in_dict[0](), "closure": closure,
}

from pytest_agentcache.clock import Clock

clock = Clock()
clock.freeze(datetime(2026, 1, 1, tzinfo=UTC))
before = {name: read() for name, read in clocks.items()}
scheduler = sched.scheduler()
scheduler.enter(3600, 1, lambda: None)
scheduler.run()
assert [*nap()] == [None]
print(sorted(name for name, read in clocks.items() if round(read() - before[name]) != 7200))
began = clock.now
try:
    queue.Queue().get(timeout=0.05)
except queue.Empty:
    print(0.05 <= (clock.now - began).total_seconds() < 60)
clock.release()
with_real = clocks["member"]()
threading.Event().wait(0.05)
print(clocks["member"]() - with_real >= 0.04)
"""


def test_functions_that_were_taken_before_are_wrapped():
    """By classes, instances, containers, closures, partial functions and defaults (`sched`)."""
    command = [sys.executable, "-c", EARLY]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    assert done.stderr == ""
    assert done.stdout.split("\n") == ["[]", "True", "True", ""]


def test_dates_as_text_are_frozen(agentcache_clock):
    """`ctime` and `asctime` say what the other functions of `time` say."""
    agentcache_clock.move_to("2100-02-03T04:05:06Z")

    assert time.ctime() == time.asctime() == "Wed Feb  3 04:05:06 2100"
    assert time.ctime(0) == time.asctime(time.gmtime(0)) == "Thu Jan  1 00:00:00 1970"


def test_wrappers_are_like_the_functions(agentcache_clock):
    """A class may have them as members; they are copied, pickled and replaced by mocks."""

    class Limiter:
        clock, wait = time.monotonic, time.sleep

    limiter = Limiter()
    began = limiter.clock()
    limiter.wait(60)
    assert limiter.clock() - began == pytest.approx(60)
    for function in (time.monotonic, time.sleep):
        assert copy.deepcopy(function) == function == pickle.loads(pickle.dumps(function))
    assert (time.sleep.__module__, time.sleep.__qualname__) == ("time", "sleep")
    inspect.signature(time.sleep).bind(60)
