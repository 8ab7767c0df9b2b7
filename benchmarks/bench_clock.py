"""Measure what a frozen clock costs a test: alone, beside frozen and beside plain neighbours.

python benchmarks/bench_clock.py

Each suite has the same tests, in a process of its own with the clients of an agent loaded. From one
test to the next the time is taken inside of it, setup and teardown included: once for the first,
which installs the wrappers, and the median for the others. The best of three rounds counts.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS, ROUNDS = 60, 3
CLIENTS = "import aiohttp, anthropic, boto3, httpx, openai, requests_cache"
HEAD = f"""
import sys, time
import freezegun, pytest, time_machine
{CLIENTS}

BEGAN = []

@pytest.fixture(scope="session", autouse=True)
def measured():
    began = now()
    yield
    took = sorted(after - before for before, after in zip(BEGAN, BEGAN[1:]))
    times = f"first {{BEGAN[1] - began}}, median {{took[len(took) // 2]}}"
    print(f"{{len(sys.modules)}} modules, {{times}}")

@pytest.fixture(autouse=True)
def begins():
    BEGAN.append(now())

def now():
    # Neither engine freezes this clock.
    return time.clock_gettime(time.CLOCK_MONOTONIC)
"""
SUITES = {
    "real time": """
@pytest.mark.parametrize("number", range({count}))
@pytest.mark.agentcache(freeze=False)
def test_it(agentcache_session, number):
    pass
""",
    "time_machine.travel": """
@pytest.mark.parametrize("number", range({count}))
@pytest.mark.agentcache(freeze=False)
def test_it(agentcache_session, number):
    with time_machine.travel("2026-11-21", tick=False) as clock:
        clock.shift(60)
""",
    "frozen": """
@pytest.mark.parametrize("number", range({count}))
def test_it(agentcache_session, agentcache_clock, number):
    agentcache_clock.tick(60)
""",
    "frozen, in turn with plain": """
@pytest.fixture
def agentcache_config(number):
    return {{"freeze": number % 2 == 0}}

@pytest.mark.parametrize("number", range({count}))
def test_it(agentcache_session, agentcache_clock, number):
    if number % 2 == 0:
        agentcache_clock.tick(60)
""",
    "frozen by freezegun": """
@pytest.mark.parametrize("number", range({count}))
@pytest.mark.agentcache(clock_engine="freezegun")
def test_it(agentcache_session, agentcache_clock, number):
    agentcache_clock.tick(60)
""",
}


def measure(source: str) -> tuple[float, float, int]:
    """Return the times of the first test and of the others in ms, and the number of modules."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_suite.py"
        path.write_text(HEAD + source.format(count=TESTS), encoding="utf-8")
        left_out = ("randomly", "asyncio", "timeout", "cov", "pytest_cov")
        plain = [part for name in left_out for part in ("-p", f"no:{name}")]
        command = [sys.executable, "-m", "pytest", "-q", "-s", *plain, str(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = re.search(r"(\d+) modules, first ([\d.]+), median ([\d.]+)", done.stdout)
    if done.returncode or not found:
        raise SystemExit(done.stdout + done.stderr)
    return float(found[2]) * 1000, float(found[3]) * 1000, int(found[1])


def main() -> None:
    """Print one line per suite."""
    first: dict[str, float] = {}
    later: dict[str, float] = {}
    modules = 0
    for _ in range(ROUNDS):
        for name, source in SUITES.items():
            began, took, modules = measure(source)
            first[name] = min(began, first.get(name, began))
            later[name] = min(took, later.get(name, took))
    print(f"{TESTS} tests, {modules} modules loaded, best of {ROUNDS}")
    print(f"{'':<28}{'first test':>14}{'others, median':>18}{'against real time':>20}")
    for name, took in later.items():
        ratio = took / later["real time"]
        print(f"{name:<28}{first[name]:>11.1f} ms{took:>15.2f} ms{ratio:>20.1f}")


if __name__ == "__main__":
    main()
