"""The checks of this repository, as CI runs them.

nox                      # all that CI runs but the tests, in environments of their own
nox -s tests-3.13        # the tests on one Python
nox --no-venv -s lint    # in the environment that is active, without installing anything
"""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "types", "floors", "docs", "build"]

PYTHONS = ["3.11", "3.12", "3.13"]
PINNED = ("-c", "requirements-dev.txt")
# All that the tests of a session need beside the plugin.
LOWEST_NEEDS = ("httpx", "httpx2", "hypothesis", "pytest-asyncio", "pytest-timeout", "pytest-xdist")
README_NEEDS = ("anthropic", "markdown-it-py", "openai", "pytest-asyncio")


def install(session: nox.Session, *packages: str) -> None:
    """Install packages, unless the session runs in the active environment, which has them."""
    if session.virtualenv.venv_backend != "none":
        session.install(*packages)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    install(session, "ruff", *PINNED)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, with mypy and with pyright."""
    install(session, "-e", ".[dev]", *PINNED)
    session.run("mypy")
    session.run("pyright")


@nox.session
def floors(session: nox.Session) -> None:
    """Check that a module imports only from floors below its own."""
    install(session, "-e", ".[dev]", *PINNED)
    session.run("lint-imports", "--no-logo")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of the documentation into site/; a broken link is an error."""
    install(session, "-e", ".[docs]", *PINNED)
    # Material announces there that it is followed by another generator.
    session.run("mkdocs", "build", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def docs_tests(session: nox.Session) -> None:
    """Run the code blocks of README and docs, and the cookbook's pages."""
    install(session, "-e", ".[dev]", *PINNED)
    session.run("pytest", "tests/docs", "docs/cookbook", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the pinned packages."""
    install(session, "-e", ".[dev]", *PINNED)
    session.run("pytest", *(session.posargs or ["-n", "auto"]))


@nox.session(python=PYTHONS[-1])
def newest(session: nox.Session) -> None:
    """Run the tests with the newest release of every package."""
    install(session, "--upgrade", "-e", ".[dev]")
    session.run("pytest", *(session.posargs or ["-n", "auto"]))


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests of replay, cassettes and cache with the lowest release of each dependency."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = [each.replace(">=", "==") for each in project["dependencies"]]
    install(
        session, "-e", ".", *pins, "hypothesis", "pytest-asyncio", "pytest-timeout", "pytest-xdist"
    )
    folders = ("canonical_yaml", "cassette", "faults", "http", "llm", "matching", "redaction")
    session.run("pytest", *(session.posargs or [f"tests/{each}" for each in folders]))


@nox.session
def suite_of_requests_cache(session: nox.Session) -> None:
    """Run the tests of requests-cache itself over the isolated session."""
    install(session, "-e", ".[dev]", *PINNED)
    session.run("python", "tests/requests_cache_suite/run.py")


@nox.session
def clock_on_freezegun(session: nox.Session) -> None:
    """Run the tests of the clock with its other engine."""
    install(session, "-e", ".[dev]", *PINNED)
    session.run("pytest", "tests/clock", "-o", "agentcache_clock_engine=freezegun")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist, check them, and follow the README where only the wheel is."""
    install(session, "build", "packaging", *PINNED)
    # Outside this repository, whose conftest.py would apply to the README's tests otherwise.
    with tempfile.TemporaryDirectory(prefix="agentcache-build-") as name:
        built, empty = Path(name, "dist"), Path(name, "empty")
        session.run("python", "-m", "build", "--outdir", str(built), silent=True)
        session.run("python", ".ci/check_distributions.py", str(built))
        [wheel] = built.glob("*.whl")
        session.run("python", "-m", "venv", str(empty))
        python = str(empty / "bin" / "python")
        needs = (str(wheel), *README_NEEDS, *PINNED)
        session.run(python, "-m", "pip", "install", "-q", *needs, external=True)
        session.run(python, ".ci/follow_readme.py", external=True)
        session.run(python, "examples/demo.py", external=True, silent=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure this plugin against its peers; see benchmarks/README.md."""
    install(session, "-e", ".[dev]", *PINNED, "-r", "benchmarks/peers.txt")
    session.run("python", "benchmarks/run.py", *session.posargs)
