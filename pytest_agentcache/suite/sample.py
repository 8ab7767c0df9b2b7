"""`--agentcache-sample`: a part of the suite, another one each day."""

from __future__ import annotations

import zlib
from datetime import date

from ..errors import SettingsError

FLAG = "--agentcache-sample"


def share_of(text: str | None, mode: str) -> float | None:
    """Return the share of tests that a flag names, between 0 and 1; None without the flag.

    Raises:
        SettingsError: If it is no percentage, or the mode is not `verify`.
    """
    if text is None:
        return None
    if mode != "verify":
        raise SettingsError(f"{FLAG} takes a part of a run with --agentcache-verify; add that flag")
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = 0.0
    if not text.endswith("%") or not 0 < share <= 1:
        raise SettingsError(f"{FLAG}: {text!r} is no percentage above 0%, such as 10%")
    return share


def is_in_sample(test: str, share: float, day: date) -> bool:
    """Return true if a test is in the sample of a day.

    Each test is in one of 1 / `share` samples, which take turns.

    Args:
        test: Node id of the test.
        share: The part of all tests, between 0 and 1.
        day: The day.
    """
    samples = round(1 / share)
    return (
        zlib.crc32(test.encode("utf-8", "surrogateescape")) % samples == day.toordinal() % samples
    )
