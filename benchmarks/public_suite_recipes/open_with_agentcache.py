"""Open the cassettes of a suite that calls `vcr.VCR().use_cassette` with pytest-agentcache.

A recipe for `benchmarks/public_suites.py`. It is written for prawcore and praw, whose persister
replaces placeholders in cassettes by the values of `tests/conftest.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vcr

from pytest_agentcache import use_cassette
from pytest_agentcache.plugin.vcr_suite.played import PlayedCassette

PLACEHOLDERS = ("cassette_placeholders", "placeholder_values")
URL = ("uri", "scheme", "host", "port", "path", "query")


@contextmanager
def opened(self: vcr.VCR, name: str, **options: Any) -> Iterator[PlayedCassette]:
    """Open a cassette for a test, in place of `VCR.use_cassette`."""
    path = Path(self.cassette_library_dir, self.path_transformer(name)).absolute()
    names = options.get("match_on") or self.match_on
    settings = {
        "match": list(dict.fromkeys("url" if each in URL else each for each in names)),
        "repeat": bool(options.get("allow_playback_repeats")),
        "placeholders": placeholders(self.persister),
        "freeze": False,
    }
    with use_cassette(path, **settings) as harness:
        yield PlayedCassette(harness, "none")


def placeholders(persister: Any) -> dict[str, str]:
    """Return the names in cassettes, and the values of this run."""
    conftest = sys.modules["tests.conftest"]
    values = next(getattr(conftest, each) for each in PLACEHOLDERS if hasattr(conftest, each))
    values = {**values, **persister.additional_placeholders}
    return {f"<{name.upper()}>": value for name, value in values.items()}


vcr.VCR.use_cassette = opened
