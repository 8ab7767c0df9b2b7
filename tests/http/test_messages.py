import pytest

from pytest_agentcache.http.messages import Headers, standard_reason


def test_headers_are_lower_case_and_ordered():
    """Names are read in any case and as bytes, repeats stay."""
    headers = Headers.of([(b"Set-Cookie", b"a=\xe9"), ("SET-cookie", "b"), ("X", 1)])

    assert headers.pairs == (("set-cookie", "a=é"), ("set-cookie", "b"), ("x", "1"))
    assert headers.get("set-cookie") == "a=é"
    assert headers.get("missing", "none") == "none"
    assert "x" in headers
    assert "missing" not in headers


def test_headers_are_changed_by_copy():
    """Fields are removed and replaced in copies."""
    headers = Headers((("a", "1"), ("b", "2"), ("a", "3")))

    assert headers.without("a").pairs == (("b", "2"),)
    assert headers.plus("a", "4").pairs == (("b", "2"), ("a", "4"))
    assert len(headers.pairs) == 3
    assert not Headers()


@pytest.mark.parametrize(("status", "reason"), [(200, "OK"), (404, "Not Found"), (799, "")])
def test_reason_is_that_of_the_status(status, reason):
    """RFC 9110 names reasons; an unknown status has none."""
    assert standard_reason(status) == reason
