"""What tests of the clock measure; properties are checked on the same examples everywhere."""

import time

import pytest
from hypothesis import HealthCheck, settings

# However slow the machine.
settings.register_profile(
    "agentcache",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("agentcache")


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
    """Gives how many seconds have really passed."""

    def elapsed():
        with agentcache_clock.real():
            return time.monotonic() - began

    with agentcache_clock.real():
        began = time.monotonic()
    return elapsed
