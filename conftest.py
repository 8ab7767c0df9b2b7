"""Tests run pytest inside pytest, as users run it."""

pytest_plugins = ["pytester"]
