"""The examples of hypothesis in tests on a cassette, which are the same on each run."""

from __future__ import annotations

import zlib
from typing import Any


def repeat_examples(test: Any) -> None:
    """Let hypothesis generate the same examples on each run, because a cassette holds requests.

    `seed` also keeps it from the database of examples, which differs between machines. A seed that
    the test sets by itself stays.

    Args:
        test: A test function or method; nothing happens without `@given`.
    """
    test = getattr(test, "__func__", test)
    seeded = getattr(test, "_hypothesis_internal_use_seed", None) is not None
    if getattr(test, "is_hypothesis_test", False) and not seeded:
        from hypothesis import seed

        seed(zlib.crc32(f"{test.__module__}.{test.__qualname__}".encode()))(test)
