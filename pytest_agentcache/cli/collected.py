"""A plugin of pytest that writes down where the cassettes of all collected tests lie."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from ..errors import AgentCacheError
from ..fixtures import _cassette_of
from ..options import settings_of_test
from ..watch import SETTINGS

# As in `suite`, which this module does not need otherwise.
_TARGET = "AGENTCACHE_COLLECTED"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Looks at the tests before any of them is deselected."""
    cassettes: set[str] = set()
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        try:
            settings = settings_of_test(config.stash[SETTINGS], None, item)
            cassettes.add(str(_cassette_of(item, settings)[1].absolute()))
        except AgentCacheError as error:
            raise pytest.UsageError(str(error)) from None
    modules = {str(item.path.absolute()) for item in items}
    Path(os.environ[_TARGET]).write_text(
        json.dumps({"cassettes": sorted(cassettes), "modules": sorted(modules)}), encoding="utf-8"
    )
    return (yield)
