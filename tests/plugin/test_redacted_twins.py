"""Recording warns of requests that become equal on the cassette by redaction."""

from __future__ import annotations

import pytest

SUITE = """
    import pytest, requests

    @pytest.mark.agentcache(match=["method", "url", "body", "header:x-api-key"])
    def test_prices():
        for value in {values}:
            requests.{send}
"""
QUERY = 'get(URL + "/price?api_key=" + value)'
BODY = 'post(URL + "/price", json={"api_key": value})'
HEADER = 'get(URL + "/price", headers={"X-API-Key": value})'
VALUES = ["kittens-and-cats-1", "kittens-and-cats-2"]


@pytest.mark.parametrize(
    ("send", "name"), [(QUERY, "api_key"), (BODY, "api_key"), (HEADER, "x-api-key")]
)
def test_the_remedy_of_the_warning_works(suite, send, name):
    """The warning names the test and the value; with its setting, both are on the cassette."""
    suite.write(SUITE.format(values=VALUES, send=send))
    outcome = suite.run("--agentcache-record", "-W", "default")
    outcome.assert_outcomes(passed=1, warnings=1)
    text = outcome.stdout.str()
    assert "test_suite.py::test_prices: " in text
    assert f"different values of '{name}', which is redacted, and got different responses" in text
    assert "interactions 1 and 2" in text
    assert f"agentcache_redact = !{name} and record again" in text
    assert VALUES[0] not in text

    suite.write(f"[pytest]\nagentcache_redact = !{name}\n", "pytest.ini")
    suite.run("--agentcache-rerecord").assert_outcomes(passed=1, warnings=0)
    [cassette] = suite.root.rglob("cassettes/**/*.yaml")
    assert all(value in cassette.read_text() for value in VALUES)


@pytest.mark.parametrize(
    ("values", "send"),
    [
        ([VALUES[0]] * 2, QUERY),
        (VALUES, 'get(URL + "/price?other=" + value)'),
        (VALUES, 'get(URL + "/price?status=204&api_key=" + value)'),
        (VALUES, 'get(URL + "/price", headers={"Authorization": value})'),
    ],
)
def test_other_requests_do_not_warn(suite, values, send):
    """Equal requests, different ones and equal responses need no warning.

    Nor does a header that is not compared: the requests are equal without its redaction too.
    """
    suite.write(SUITE.format(values=values, send=send))
    suite.run("--agentcache-record").assert_outcomes(passed=1, warnings=0)


def test_a_token_that_upstream_issues_does_not_warn(suite):
    """A refresh token is another each time, and never to be written."""
    suite.write(
        """
        import pytest, requests

        @pytest.mark.agentcache
        def test_refresh():
            token = "first-token-8271"
            for number in range(2):
                requests.post(URL + "/issue", json={"next": f"issued-token-{number}-93"})
                requests.post(URL + "/refresh", json={"refresh_token": token})
                token = f"issued-token-{number}-93"
        """
    )
    suite.run("--agentcache-record", "-W", "error").assert_outcomes(passed=1)


def test_warnings_as_errors_fail_the_test(suite):
    """The failure is the text of the warning."""
    suite.write(SUITE.format(values=VALUES, send=QUERY))
    outcome = suite.run("--agentcache-record", "-W", "error")
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["test_suite.py::test_prices: GET *differ*", "ERROR test_suite*"])
