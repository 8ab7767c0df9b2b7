"""Redact the report of a test: errors of clients contain the URLs of their requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def redact(report: pytest.TestReport, safe: Callable[[str], str]) -> None:
    """Redact everything that a report shows: tracebacks, their locals, captured output, properties.

    Args:
        report: The report, which is changed.
        safe: Returns a text without its secrets.
    """
    report.longrepr = _redacted(report.longrepr, safe, set())
    report.sections = [(title, safe(content)) for title, content in report.sections]
    report.user_properties = [
        (name, safe(value) if isinstance(value, str) else value)
        for name, value in report.user_properties
    ]


def _redacted(value: Any, safe: Callable[[str], str], seen: set[int]) -> Any:
    """Return `value` without secrets; pytest keeps a traceback as values in objects of its own."""
    if isinstance(value, str):
        return safe(value)
    if type(value) in (list, tuple):
        return type(value)(_redacted(each, safe, seen) for each in value)
    if type(value).__module__ == "_pytest._code.code" and id(value) not in seen:
        seen.add(id(value))
        for name, held in list(getattr(value, "__dict__", {}).items()):
            object.__setattr__(value, name, _redacted(held, safe, seen))
    return value
