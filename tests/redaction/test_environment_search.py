"""The environment is searched for secrets once, not in every test."""

from __future__ import annotations

from pytest_agentcache.http.messages import Request
from pytest_agentcache.redaction import Redaction
from pytest_agentcache.redaction.environment import search

VALUE = "correct-horse-battery-9"


def test_the_name_of_the_running_test_changes_no_secrets(monkeypatch):
    """pytest sets it for each part of a test, and a frozen clock the time zone."""
    redaction = Redaction(environment={})
    before = redaction.version
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_other.py::test (call)")
    monkeypatch.setenv("TZ", "Asia/Kolkata")

    assert redaction.version == before


def test_a_variable_that_a_test_sets_is_found(monkeypatch):
    """A new secret is redacted at once, and the version says that something changed."""
    redaction = Redaction(environment={})
    before = redaction.version
    monkeypatch.setenv("MY_API_KEY", VALUE)

    assert redaction.version > before
    assert redaction.request(Request("POST", "https://h/", body=VALUE.encode())).body == (
        b"<MY_API_KEY>"
    )


def test_equal_environments_are_searched_once():
    """The result belongs to the contents, and to the globs of the settings."""
    found = search({"MY_API_KEY": VALUE, "MINE": "kqwzjxv-0123"})

    assert search({"MY_API_KEY": VALUE, "MINE": "kqwzjxv-0123"}) is found
    assert search({"MY_API_KEY": VALUE, "MINE": "kqwzjxv-0123"}, ("MI*",)).secrets == (
        ("MINE", "kqwzjxv-0123"),
        ("MY_API_KEY", VALUE),
    )
