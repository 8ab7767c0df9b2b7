"""The upstream of the examples, in this process, takes the place of every API on the pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "examples"), str(Path(__file__).parent)]

from upstream import Upstream  # noqa: E402


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with Upstream(0) as running:
        yield running
