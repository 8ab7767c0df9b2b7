"""Each setting carries its own default, check and meaning."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from pytest_agentcache.errors import SettingsError
from pytest_agentcache.settings.checks import Check
from pytest_agentcache.settings.settings import Settings, check_value, from_ini

SETTINGS = fields(Settings)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_setting_is_complete(setting):
    """A setting has a default, a check and a help text, all in its one definition."""
    assert setting.default is not MISSING or setting.default_factory is not MISSING
    assert isinstance(setting.metadata["check"], Check)
    assert setting.metadata["help"]
    assert isinstance(setting.metadata["marker"], bool)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_default_passes_its_own_check(setting):
    """A default is a value that a user may write as well; None means that nothing is set."""
    default = getattr(Settings(), setting.name)

    if default is not None:
        assert check_value(setting.name, default, "here") == default


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_value_of_a_wrong_type_is_refused(setting):
    """No check accepts just anything, and its error says where the value was written."""
    with pytest.raises(SettingsError, match=r"^pytest\.ini: "):
        check_value(setting.name, "much" if setting.name == "budget" else 3.5, "pytest.ini")


def test_lines_of_an_ini_file_are_read_as_the_setting_needs_them():
    """Words are separated by spaces, patterns by lines, and keywords have values."""
    assert from_ini("redact", ["x-a x-b", "x-c"], "ini") == ("x-a", "x-b", "x-c")
    assert from_ini("replace", ["a b => c"], "ini") == (("a b", "c"),)
    assert from_ini("session", ["expire_after = 60", "name = x"], "ini") == {
        "expire_after": 60,
        "name": "x",
    }
    with pytest.raises(SettingsError, match="has 'expire_after'; write KEYWORD = VALUE"):
        from_ini("session", ["expire_after"], "ini: agentcache_session")
