"""Instants and spans of time as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_HOURS = {"h": 1, "d": 24, "w": 168}


def instant(value: Any) -> datetime:
    """`value` as an aware datetime in UTC.

    Args:
        value: An aware `datetime`, or its text after ISO 8601, with a zone: `2026-11-21T10:00:00Z`.

    Raises:
        TypeError: For anything else.
        ValueError: For what is no time, or one without a zone.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("it takes a time such as 2026-11-21T10:00:00Z") from None
    if not isinstance(value, datetime):
        raise TypeError("it takes an aware datetime or a time such as 2026-11-21T10:00:00Z")
    if value.utcoffset() is None:
        raise ValueError(
            "it has no time zone, so it means a different instant on every machine; add one: "
            f"{value.isoformat()}Z"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is outside the supported years") from None


def duration(value: Any) -> timedelta:
    """`value` as a span of time that is not negative.

    Args:
        value: A number of seconds or a `timedelta`.

    Raises:
        TypeError: For anything else.
        ValueError: For a negative one, or one that is no finite number.
    """
    if isinstance(value, timedelta):
        given = value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            given = timedelta(seconds=value)
        except (ValueError, OverflowError):
            raise ValueError(f"{value!r} seconds is further than a clock can move") from None
    else:
        raise TypeError(f"{value!r} is neither a number of seconds nor a timedelta")
    if given < timedelta(0):
        raise ValueError(f"a clock only moves forward, and {value!r} is negative")
    return given


def age(value: Any) -> timedelta:
    """`value` as how old something may be.

    Args:
        value: A number with its unit, hours, days or weeks: `12h`, `90d`, `6w`; or a `timedelta`.

    Raises:
        ValueError: For anything else.
    """
    if isinstance(value, timedelta) and value >= timedelta(0):
        return value
    match = re.fullmatch(r"(\d+)\s*([hdw])", str(value).strip(), re.IGNORECASE | re.ASCII)
    if not match:
        raise ValueError(f"{value!r} is not an age; write 90d, 12w or 48h")
    try:
        return timedelta(hours=int(match[1]) * _HOURS[match[2].lower()])
    except (OverflowError, ValueError):
        raise ValueError(f"{str(value)[:40]!r} is longer than a clock can count") from None


def age_text(age: timedelta) -> str:
    """`100 days`, or `36 hours` where it is less than three days."""
    hours = int(age.total_seconds() // 3600)
    count, unit = (hours, "hour") if hours < 72 else (hours // 24, "day")
    return f"{count} {unit}{'' if count == 1 else 's'}"
