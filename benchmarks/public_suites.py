"""Run a public project's tests with VCR.py, and over pytest-agentcache.

    python benchmarks/public_suites.py [--python PYTHON] [--recipe MODULE] CHECKOUT [ARGUMENT ...]

CHECKOUT is a clone of the project. PYTHON is the interpreter of an environment in which the project
and its test dependencies are installed, pytest-agentcache included; by default, the one that runs
this script. The arguments are pytest's: folders, files, `-k`. For example:

    git clone https://github.com/simonw/llm
    python -m venv env
    env/bin/pip install -e './llm[test]' pytest-recording pytest-agentcache
    python benchmarks/public_suites.py --python env/bin/python llm tests -m vcr

The first run has no pytest-agentcache; the second has one more ini line, `agentcache_vcr = true`,
and no pytest-recording or pytest-vcr. The second reaches no network; the first only if the project
lets it. The script prints the outcomes of both runs, and the tests that pass only with VCR.py; it
exits with 1 if there are any.

A suite that calls `vcr.VCR().use_cassette` itself needs a recipe: a module that is loaded as a
plugin in the second run, and that opens the same cassettes with `pytest_agentcache.use_cassette`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

RECIPES = Path(__file__).parent / "public_suite_recipes"
AS_IT_SHIPS = ("-p", "no:agentcache")
OVER_OURS = ("-o", "agentcache_vcr=true")
# One process and a fixed order, so that the runs are comparable.
COMMON = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov", "--tb=short")

Outcomes = dict[str, str]
"""The outcome of each test, by its name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both and print them side by side; return 1 if a test passes only with VCR.py."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment")
    parser.add_argument("--recipe", help="name of a module in benchmarks/public_suite_recipes")
    parser.add_argument("--logs", type=Path, help="folder in which the outputs of pytest are kept")
    parser.add_argument("checkout", type=Path)
    options, pytest_arguments = parser.parse_known_args(arguments)
    recipe = ("-p", options.recipe) if options.recipe else ()
    with tempfile.TemporaryDirectory(prefix="public-suite-") as name:
        logs = (options.logs or Path(name)).absolute()
        logs.mkdir(parents=True, exist_ok=True)
        both = [
            run(title, [*flags, *pytest_arguments], options.python, options.checkout, logs)
            for title, flags in (
                ("vcrpy", AS_IT_SHIPS),
                ("agentcache", (*OVER_OURS, *recipe)),
            )
        ]
    print(f"{options.checkout.name} at {commit(options.checkout)}")
    for title, outcomes in zip(("with VCR.py", "over pytest-agentcache"), both, strict=True):
        print(f"{title}: {summary(outcomes)}")
    lost = lost_tests(*both)
    print(f"passing only with VCR.py: {len(lost)}")
    for test, outcome in lost.items():
        print(f"  {test}: {outcome}")
    return 1 if lost or not both[0] else 0


def run(title: str, arguments: Sequence[str], python: str, checkout: Path, logs: Path) -> Outcomes:
    """Run pytest in a checkout and return the outcomes; its output goes to `logs`."""
    report = logs / f"{title}.xml"
    report.unlink(missing_ok=True)
    command = [os.path.abspath(python), "-m", "pytest", *COMMON, f"--junit-xml={report}"]  # noqa: PTH100 - a link to the interpreter stays as it is
    # Settings for the tests of this repository are not meant for those of others.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(RECIPES), kept.get("PYTHONPATH")]))
    with (logs / f"{title}.log").open("w") as output:
        subprocess.run(
            [*command, *arguments],
            check=False,
            cwd=checkout,
            env=kept,
            stdout=output,
            stderr=output,
        )
    if not report.exists():
        print((logs / f"{title}.log").read_text()[-2000:])
        return {}
    return outcomes_of(ET.parse(report).getroot())


def outcomes_of(report: ET.Element) -> Outcomes:
    """Return the outcomes in a JUnit report; of a test with several, the worst."""
    found: Outcomes = {}
    for case in report.iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        outcome = next((each.tag for each in case if each.tag in _WORST_FIRST), "passed")
        found[name] = min(outcome, found.get(name, "passed"), key=_WORST_FIRST.index)
    return found


def lost_tests(with_vcrpy: Mapping[str, str], over_ours: Mapping[str, str]) -> Outcomes:
    """Return the tests that pass only in the first run, with their outcomes in the second."""
    return {
        name: over_ours.get(name, "not run")
        for name, outcome in with_vcrpy.items()
        if outcome == "passed" and over_ours.get(name) != "passed"
    }


def summary(outcomes: Mapping[str, str]) -> str:
    """Return the number of tests with each outcome."""
    counts = Counter(outcomes.values())
    return ", ".join(f"{counts[name]} {name}" for name in reversed(_WORST_FIRST) if counts[name])


def commit(checkout: Path) -> str:
    """Return the commit of a checkout, shortened, with its date."""
    command = ["git", "-C", str(checkout), "log", "-1", "--format=%h (%cs)"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


_WORST_FIRST = ("error", "failure", "skipped", "passed")


if __name__ == "__main__":
    sys.exit(main())
