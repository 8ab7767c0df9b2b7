"""The names that hold secrets, and the fast look for them."""

from hypothesis import given
from hypothesis import strategies as st

from pytest_agentcache.redaction.names import _SECRET, HEADER, QUERY, REDIRECT, Names

PLACES = (HEADER, QUERY, REDIRECT)


def test_every_secret_name_has_a_hint():
    """A text that is skipped because it has no hint contains no secret name, in any place."""

    @given(st.one_of(*(st.from_regex(each, fullmatch=True) for each in (_SECRET, *PLACES))))
    def check(name):
        assert Names().may_be_in(name.encode())

    check()


def test_names_of_settings_and_escaped_names_are_always_sought():
    """A glob may match anything, and an escape may be of any letter."""
    assert Names(["x-mine"]).may_be_in(b'{"x-mine": "v"}')
    assert Names().may_be_in(b'{"ap\\u0069_k\\u0065y": "v"}')
    assert not Names().may_be_in(b'{"content": "Paris"}')
