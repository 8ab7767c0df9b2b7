"""The cookbook passes in every mode, time zone and order, and its index is complete."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import guide
import pytest

COOKBOOK = guide.ROOT / "docs" / "cookbook"
sys.path.insert(0, str(COOKBOOK))

from pages import source_of  # noqa: E402

# Each test runs the whole cookbook in a process of its own.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PAGES = [page for page in sorted(COOKBOOK.glob("*.md")) if page.name != "README.md"]
# The features in the index, by section and in order.
ITEMS = {
    "Expiration": [
        "`expire_after` in seconds",
        "`expire_after` as a timedelta",
        "`expire_after` as a datetime",
        "`NEVER_EXPIRE`",
        "`EXPIRE_IMMEDIATELY`",
        "`DO_NOT_CACHE`",
        "`expire_after` per request",
        "`urls_expire_after` glob",
        "`urls_expire_after` regex",
        "allow-list with `'*': DO_NOT_CACHE`",
        "URL overrides session",
        "argument of the request overrides URL",
        "request header overrides argument",
        "response header overrides request header",
        "all five levels at once",
    ],
    "Headers": [
        "`max-age`",
        "`no-store`",
        "`no-cache`",
        "`must-revalidate`",
        "`immutable`",
        "`Expires`",
        "`ETag` to 304",
        "`Last-Modified` to 304",
        "`Vary`",
        "request directive `min-fresh`",
        "request directive `max-stale`",
        "request directive `only-if-cached`",
        "request directives `no-cache`, `no-store`",
    ],
    "Refresh": [
        "`refresh`",
        "`force_refresh`",
        "`always_revalidate`",
        "`only_if_cached`, fresh",
        "`only_if_cached`, stale",
        "`only_if_cached`, missing",
    ],
    "Failure": [
        "`stale_if_error=True`, from a status",
        "`stale_if_error=True`, from an exception",
        "`stale_if_error` as a timedelta, in time",
        "`stale_if_error` as a timedelta, too late",
        "`stale_while_revalidate=True`",
        "`stale_while_revalidate` as a timedelta",
    ],
    "Filtering": [
        "`allowable_methods` with POST",
        "`allowable_codes`",
        "`filter_fn`",
        "`read_only`",
        "`cache_disabled()`",
    ],
    "Matching": [
        "`ignored_parameters` in the query",
        "`ignored_parameters` in the headers",
        "`ignored_parameters` in a JSON body",
        "`match_headers` as a list",
        "`match_headers=True`",
        "`key_fn`",
        "`content_root_key`",
        "`recreate_keys()`",
        "normalisation",
    ],
    "Backends": [
        "filesystem",
        "sqlite",
        "memory",
        "redis",
        "dynamodb",
        "mongodb",
        "gridfs",
    ],
    "Serializers": [
        "pickle",
        "json",
        "yaml",
        "bson",
        "`safe_pickle_serializer`, tampering found",
        "a custom pipeline",
    ],
    "Inspection": [
        "`from_cache`",
        "`created_at`",
        "`expires`",
        "`is_expired`",
        "`cache_key`",
        "`revalidated`",
        "`cache.urls()`",
        "`cache.filter()`",
        "`cache.contains()`",
        "`cache.delete()`",
        "`cache.clear()`",
        "`cache.responses`",
    ],
    "Other": [
        "response hooks",
        "a throttle that skips hits",
        "`stream=True`",
        "`install_cache`",
        "`disabled`",
        "`enabled`",
        "`CacheMixin` with requests-ratelimiter",
        "`CacheMixin` with requests-oauthlib",
        "`CacheMixin` with requests-html",
        "requests-mock",
        "`responses`",
        "hit and miss counters",
    ],
    "aiohttp": [
        "aiohttp-client-cache on a cassette",
        "its expiry on the frozen clock",
    ],
    "Router": [
        "`auto_cache: true`",
        "`auto_cache: false`",
        "`auto_cache` absent",
        "by origin: Cline",
        "by origin: Roo Code",
        "by origin: other",
        "by provider",
        "the OpenAI client, through `extra_body`",
        "sent by `requests`",
        "TTL passing on the frozen clock",
        "usage assertions",
        "prefix assertions",
    ],
    "Patterns for agents": [
        "sensible defaults for a read-heavy agent",
        "POST as read",
        "volatile parameters",
        "offline path with an explicit error",
        "choosing a backend",
        "hygiene",
    ],
}
# The test run has the cookbook's own tests too: on replay, in the order and zone of the run. The
# committed cassettes connect them: recording in one zone gives the file that replays in the others.
RUNS = {
    "record": (["--agentcache-record", "-n", "2"], "Asia/Kolkata", "1"),
    "offline": (["--agentcache-offline"], "America/St_Johns", "0"),
}
INI = (
    "[pytest]\naddopts = --strict-markers --strict-config\n"
    "asyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
)


def names_of(page: Path) -> list[str]:
    """Return the names of the tests on a page."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = ast.walk(ast.parse(source_of(page)))
    return [n.name for n in found if isinstance(n, functions) and n.name.startswith("test_")]


def index() -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Return the index: for each section and feature, the page and name of its tests."""
    sections: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for line in (COOKBOOK / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            rows = sections[line[3:]] = {}
        elif line.startswith("| ") and line != "| feature | page | shown by |":
            what, page, shown = line.strip("| ").split(" | ")
            file = re.fullmatch(r"\[.+\]\(([\w-]+\.md)(#[\w-]+)?\)", page)
            assert file, f"no link to a page: {line}"
            assert what not in rows, f"twice: {line}"
            rows[what] = [(file[1], name) for name in re.findall(r"`(\w+)`", shown)]
    return {title: rows for title, rows in sections.items() if rows}


def test_every_item_is_in_the_index():
    """Every feature has a row."""
    assert {title: list(rows) for title, rows in index().items()} == ITEMS


def test_every_item_is_shown_by_a_test():
    """Each row names tests, which are on the page that it links to."""
    for rows in index().values():
        for what, shown in rows.items():
            assert shown, what
            for page, name in shown:
                assert name in names_of(COOKBOOK / page), f"{what}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_is_in_the_index(page):
    """Every test of a page is in the index, exactly once."""
    named = {each for rows in index().values() for shown in rows.values() for each in shown}
    names = names_of(page)

    assert names
    assert len(set(names)) == len(names)
    assert [name for name in names if (page.name, name) not in named] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_clean(page):
    """ruff formats the blocks of a page itself; this test lints them like a module."""
    # Leave as many blank lines between blocks as a formatter would.
    source = re.sub(r"\n{3,}", "\n\n", source_of(page).strip("\n"))
    source = re.sub(r"\n\n(?=@|def |class |async )", "\n\n\n", source)
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", f"--stdin-filename={page.with_suffix('.py')}", "-"],
        cwd=guide.ROOT,
        input=source + "\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the cookbook."""
    (tmp_path / "pytest.ini").write_text(INI, encoding="utf-8")
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(COOKBOOK, tmp_path / "cookbook", ignore=ignored))


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AGENTCACHE", "PYTEST_", "COV_", "COVERAGE_", "COOKBOOK_"))
    }
    settings |= {
        "NO_PROXY": "127.0.0.1",
        "PYTHONUTF8": "1",
        # Only the plugins of the cookbook; the others take as long to start as it takes to run.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p agentcache -p asyncio -p randomly -p xdist -p no:cacheprovider",
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=folder.parent,
        env=inherited | settings,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def cassettes(folder: Path) -> dict[Path, str]:
    """Return the cassettes of a cookbook without the time of recording."""
    return {
        path.relative_to(folder): re.sub(
            "^recorded_at: .*", "", path.read_text("utf-8"), flags=re.MULTILINE
        )
        for path in (folder / "cassettes").rglob("*.*")
    }


@pytest.mark.parametrize(("options", "zone", "seed"), RUNS.values(), ids=RUNS)
def test_cookbook_passes(copy, options, zone, seed):
    """It passes in other zones and orders, and two workers record the committed cassettes."""
    if "--agentcache-record" in options:
        shutil.rmtree(copy / "cassettes")
    done = run(copy, "cookbook", *options, f"--randomly-seed={seed}", TZ=zone, PYTHONHASHSEED=seed)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 missed, 0 unused" in done.stdout
    assert cassettes(copy) == cassettes(COOKBOOK)


def test_failure_points_into_the_page(copy):
    """A wrong statement on a page fails at its line, with the values."""
    page = copy / "broken.md"
    page.write_text("# Broken\n\n```python\ndef test_it():\n    assert 1 + 1 == 3\n```\n", "utf-8")
    done = run(copy, str(page))

    assert done.returncode == 1
    assert "cookbook/broken.md:5: AssertionError" in done.stdout
    assert "assert (1 + 1) == 3" in done.stdout
