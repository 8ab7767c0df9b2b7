"""A demonstration in half a minute: record, replay with upstream stopped, show a cassette.

    python examples/demo.py

It works on a temporary copy of the examples. Nothing outside it is written, no key is needed, and
no other host is contacted. It exits with 1 as soon as a step fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from upstream import PORT, Upstream

HERE = Path(__file__).parent
KEYS = {
    "OPENAI_API_KEY": "sk-demo-this-key-must-not-be-written",
    "ANTHROPIC_API_KEY": "sk-ant-demo-nor-must-this-one",
}
SHOWN = "test_weather_cache/test_stale_response_is_revalidated.yaml"
CONVERSATION = "test_agent/test_agent_looks_up_the_weather.yaml"
# Agents do this: they catch every exception and go on.
UNRECORDED = """\
import contextlib
import agent
import pytest

@pytest.mark.agentcache(cassette="test_agent/test_agent_looks_up_the_weather")
def test_rome(openai, weather):
    with contextlib.suppress(Exception):
        agent.ask("Do I need an umbrella in Rome?", openai, weather)
"""
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


class Failed(Exception):
    """A step failed."""


def main() -> int:
    """Run all steps and return the exit code."""
    # Cassettes contain characters that some terminals cannot show.
    sys.stdout.reconfigure(errors="replace")
    with tempfile.TemporaryDirectory(prefix="agentcache-demo-") as folder:
        try:
            show(Path(folder) / "examples")
        except Failed as error:
            print(f"\nFAILED: {error}")
            return 1
    print("\nEvery step worked. Next: docs/quickstart.md")
    return 0


def show(copy: Path) -> None:
    """Run the steps on a copy of the examples without their cassettes."""
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("cassettes", "__pycache__"))
    (copy.parent / "pytest.ini").write_text(INI, encoding="utf-8")
    upstream = start()

    step("1. Record: the tests send their requests upstream, and the responses go on cassettes")
    try:
        run(copy, upstream.url, "--agentcache-record")
    finally:
        upstream.stop()
    recorded = upstream.hit_count
    cassettes = sorted((copy / "cassettes").rglob("*.yaml"))
    print(f"-> upstream got {recorded} requests (and closes the connection of one, on purpose)")
    print(f"-> {len(cassettes)} cassettes were written")
    expect(recorded > 0 and len(cassettes) > 0, "nothing was recorded")
    written = {path.name: path.read_text(encoding="utf-8") for path in cassettes}
    leaks = [name for name, text in written.items() if any(key in text for key in KEYS.values())]
    expect(not leaks, f"an API key is in {', '.join(leaks)}")
    print("-> none of them contains an API key")

    step("2. Stop the upstream and replay offline: no network at all")
    run(copy, upstream.url, "--agentcache-offline")
    expect(upstream.hit_count == recorded, "upstream got a request although it is stopped")
    print(f"-> upstream is stopped and got {upstream.hit_count - recorded} more requests")

    step(f"3. A cassette: {SHOWN}")
    print((copy / "cassettes" / SHOWN).read_text(encoding="utf-8"))
    print("And the conversation of the agent, as the comments above its interactions:\n")
    for line in (copy / "cassettes" / CONVERSATION).read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("#"):
            print(line)

    step("4. A miss: the agent sends a request that was never recorded")
    (copy / "test_rome.py").write_text(UNRECORDED, encoding="utf-8")
    print(UNRECORDED)
    output = run(copy, upstream.url, "--agentcache-offline", "-k", "rome", passes=False)
    expect("closest: interaction 1" in output, "the miss was not reported")
    print("-> the test failed, as it should, although it caught the error")


def start() -> Upstream:
    """Start the upstream on its usual port, or on any other if that is in use."""
    try:
        upstream = Upstream(PORT)
    except OSError:
        upstream = Upstream(0)
    print(f"The upstream listens on {upstream.url}, in this process.")
    return upstream.start()


def step(title: str) -> None:
    """Print the title of a step."""
    print(f"\n{title}\n{'-' * len(title)}", flush=True)


def run(copy: Path, url: str, *options: str, passes: bool = True) -> str:
    """Run the tests of the examples and print their output; fail unless they end as expected."""
    command = ["pytest", "examples", "-q", "-p", "no:cacheprovider", *options]
    print("$", " ".join(command), flush=True)
    # A proxy of this machine must not be used for loopback.
    settings = {
        "EXAMPLES_UPSTREAM": url,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONUTF8": "1",
    }
    dropped = ("AGENTCACHE_MODE", "PYTEST_ADDOPTS")
    inherited = {name: text for name, text in os.environ.items() if name not in dropped}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=copy.parent,
        env=inherited | KEYS | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    print(done.stdout.strip())
    expect((done.returncode == 0) == passes, f"pytest ended with exit code {done.returncode}")
    return done.stdout


def expect(condition: bool, message: str) -> None:
    """Fail with `message` unless `condition` is true."""
    if not condition:
        raise Failed(message)


if __name__ == "__main__":
    sys.exit(main())
