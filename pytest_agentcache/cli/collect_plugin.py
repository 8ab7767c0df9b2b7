"""The pytest plugin that writes the cassette paths of all collected tests to a file."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from ..errors import AgentCacheError
from ..suite.collection import COLLECTION, SETTINGS, cassette_of, is_on_cassette, test_name
from ..suite.options import settings_of_test
from .collect import COLLECTED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config,
) -> Generator[None, None, None]:
    """Write the file before any test is deselected."""
    collection = config.stash[COLLECTION]
    cassettes: set[str] = set()
    targets: list[tuple[str, str]] = []
    opening = 0
    for item in collection.tests:
        try:
            settings = settings_of_test(config.stash[SETTINGS], None, item)
            settings, path, _ = cassette_of(item, settings)
        except AgentCacheError as error:
            raise pytest.UsageError(str(error)) from None
        cassettes.add(str(path.absolute()))
        opening += is_on_cassette(item)
        if not settings.cassette and is_on_cassette(item):
            targets.append((str(path.absolute()), test_name(item)))
    found = {
        "cassettes": sorted(cassettes),
        "modules": sorted(map(str, collection.modules)),
        "targets": targets,
        "tests": len(collection.tests),
        "on_cassette": opening,
    }
    Path(os.environ[COLLECTED]).write_text(json.dumps(found), encoding="utf-8")
    return (yield)
