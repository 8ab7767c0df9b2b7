"""Measure how far a clock has moved, and how much time has really passed."""

import time

import pytest

from pytest_agentcache.clock.frozen_time import REAL


def work_for(seconds):
    """Take real time, as work does that does not look at a clock."""
    REAL.sleep(seconds)


class Ticked:
    """How far a clock has moved since, in seconds."""

    def __init__(self, clock):
        self._clock, self._began = clock, clock.now

    def __eq__(self, seconds):
        return self.seconds == pytest.approx(seconds, abs=1e-5)

    __hash__ = None

    @property
    def seconds(self):
        return (self._clock.now - self._began).total_seconds()

    def __repr__(self):
        return f"<moved by {self.seconds} s>"


@pytest.fixture
def moved(agentcache_clock):
    """By how many seconds the clock has moved."""
    return Ticked(agentcache_clock)


@pytest.fixture
def lasted(agentcache_clock):
    """Return a function that measures how many seconds have really passed."""

    def elapsed():
        with agentcache_clock.real():
            return time.monotonic() - began

    with agentcache_clock.real():
        began = time.monotonic()
    return elapsed
