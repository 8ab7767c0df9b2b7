"""Follow the README block by block, with the package that is installed.

Run with the Python of an environment that has the wheel, and nothing of this repository.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest_agentcache

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "tests" / "docs")]
# Last, so that the package of this repository does not come before the one installed.
sys.path.append(str(ROOT))

import guide  # noqa: E402
from reader import Reader  # noqa: E402
from upstream import Upstream  # noqa: E402


def main() -> int:
    """Return 1 if the package is the one of this repository; a block that is wrong raises."""
    installed = Path(pytest_agentcache.__file__)
    if installed.is_relative_to(ROOT / "pytest_agentcache"):
        print(f"this is not the installed package: {installed}")
        return 1
    followed = 0
    with Upstream(0) as upstream:
        for number, project in enumerate(guide.read(ROOT / "README.md")):
            with tempfile.TemporaryDirectory(prefix=f"readme-{number}-") as folder:
                followed += Reader(Path(folder), upstream.url).follow(project)
    print(f"README.md: {followed} blocks do what they say, with {installed.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
