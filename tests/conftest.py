"""Properties are checked on the same examples everywhere; the quick run is a choice of tests."""

from collections import Counter

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
settings.register_profile("quick", settings.get_profile("agentcache"), max_examples=10)

# The fixtures of tests that run pytest, git or a browser.
RUNNING = {"chromium", "moved", "project", "pytester", "repository", "spawn", "suite"}


def pytest_configure(config):
    """Try fewer examples in the quick run."""
    is_quick = config.getoption("markexpr") == "not slow"
    settings.load_profile("quick" if is_quick else "agentcache")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow what `pytest -m "not slow"` leaves out, beside the tests that say so themselves.

    The quick run has every test function with its first parameters; of those in a module that run
    pytest, git or a browser it has the first. So it reaches every module of the package.
    """
    cases, runs = Counter(), Counter()
    for item in items:
        function = (item.path, getattr(item, "originalname", item.name), item.parent.name)
        cases[function] += 1
        is_slow = cases[function] > 1 or item.get_closest_marker("slow") is not None
        if not is_slow and not RUNNING.isdisjoint(getattr(item, "fixturenames", ())):
            runs[item.path] += 1
            is_slow = runs[item.path] > 1
        if is_slow:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def no_ci(request, monkeypatch):
    """Run pytest inside pytest as on a desk: `CI` changes its short summary."""
    if "pytester" in request.fixturenames:
        for name in ("CI", "BUILD_NUMBER"):
            monkeypatch.delenv(name, raising=False)
