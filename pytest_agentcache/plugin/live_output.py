"""Redact what pytest writes while tests run, and not in their reports: live logs and warnings."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import pytest

SHOWN = pytest.StashKey[Callable[[str], str]]()
"""Returns a text without the secrets of the last test on a cassette."""
_HANDLERS = ("log_cli_handler", "log_file_handler")


def register(config: pytest.Config) -> None:
    """Register the hooks of this module."""
    config.pluginmanager.register(LiveOutput(config), "agentcache-live-output")


class LiveOutput:
    """The hooks.

    Args:
        config: The configuration of the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_sessionstart(self) -> None:
        plugin = self._config.pluginmanager.get_plugin("logging-plugin")
        for name in _HANDLERS:
            handler = getattr(plugin, name, None)
            if isinstance(handler, logging.Handler) and handler.formatter is not None:
                handler.setFormatter(_Formatter(handler.formatter, self._safe))

    # First, so that the summary and the workers of xdist get the result.
    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        text = str(warning_message.message)
        if (safe := self._safe(text)) != text:
            warning_message.message = safe

    def _safe(self, text: str) -> str:
        shown = self._config.stash.get(SHOWN, None)
        return text if shown is None else shown(text)


class _Formatter(logging.Formatter):
    """A formatter whose records have no secrets; in all else it is the one that it wraps."""

    def __init__(self, inner: logging.Formatter, safe: Callable[[str], str]) -> None:
        self._inner, self._safe = inner, safe

    def format(self, record: logging.LogRecord) -> str:
        return self._safe(self._inner.format(record))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
