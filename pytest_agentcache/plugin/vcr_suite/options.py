"""The command line of pytest-recording and pytest-vcr."""

from __future__ import annotations

from contextlib import suppress

import pytest

OTHERS = ("recording", "vcr")
"""The names of the plugins pytest-recording and pytest-vcr."""

MODES = ("once", "new_episodes", "none", "all", "rewrite")


def add_options(parser: pytest.Parser, plugins: pytest.PytestPluginManager) -> None:
    """Declare the flags, and disable the plugins that declare the same ones."""
    for name in OTHERS:
        plugins.set_blocked(name)
    # The groups of the other plugins: one of them may have declared its flags already.
    recording, vcr = parser.getgroup("recording"), parser.getgroup("vcr")
    _add(recording, "--record-mode", default=None, choices=MODES, help="VCR.py's record mode")
    _add(
        recording,
        "--block-network",
        action="store_true",
        default=False,
        help="block the network in all tests, except in those that record",
    )
    _add(
        recording,
        "--allowed-hosts",
        default=None,
        help="regular expressions, separated by commas, for hosts that are not blocked",
    )
    without = "run tests marked with vcr without a cassette"
    _add(recording, "--disable-recording", action="store_true", default=False, help=without)
    _add(vcr, "--vcr-record", default=None, choices=MODES, help="VCR.py's record mode")
    _add(vcr, "--disable-vcr", action="store_true", default=False, help=without)


def record_mode(config: pytest.Config) -> str | None:
    """Return the record mode of the command line; None if it has none."""
    found: str | None = config.getoption("record_mode") or config.getoption("vcr_record")
    return found


def is_disabled(config: pytest.Config) -> bool:
    """Return whether the command line disables cassettes."""
    return bool(config.getoption("disable_recording") or config.getoption("disable_vcr"))


def _add(group: pytest.OptionGroup, flag: str, **keywords: object) -> None:
    with suppress(ValueError):
        group.addoption(flag, **keywords)
