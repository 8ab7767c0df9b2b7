"""One cassette under several tests: what one records leaves what the others have."""

SOURCE = """
    import pytest, requests

    @pytest.mark.agentcache(cassette="shared")
    class TestShared:
        def test_one(self):
            requests.get(URL + "/one")

        def test_two(self):
            requests.get(URL + "/two")
"""
CASSETTE = "cassettes/shared.yaml"


def test_rerecording_one_test_keeps_what_the_others_have(suite, upstream):
    """Only the requests of that test are recorded again; the others still replay."""
    suite.write(SOURCE)
    suite.record()
    suite.run("--agentcache-rerecord", "-k", "one").assert_outcomes(passed=1, deselected=1)

    assert upstream.hits == ["GET /one", "GET /two", "GET /one"]
    assert suite.files()[CASSETTE].count(b"- request:") == 2
    suite.run("--agentcache-offline").assert_outcomes(passed=2)


def test_rerecording_by_name_drops_nothing(suite):
    """A run of some tests cannot know what the others need."""
    suite.write(SOURCE)
    suite.record()
    suite.write(SOURCE.replace("/one", "/new"))
    suite.run("--agentcache-rerecord", "test_suite.py::TestShared::test_one")

    assert all(step in suite.files()[CASSETTE] for step in (b"/one", b"/two", b"/new"))


def test_rerecording_all_tests_drops_what_none_asks_for(suite):
    """A run of the whole folder knows."""
    suite.write(SOURCE)
    suite.record()
    suite.write(SOURCE.replace("/one", "/new"))
    suite.run("--agentcache-rerecord").assert_outcomes(passed=2)

    assert b"/one" not in suite.files()[CASSETTE]
    suite.run("--agentcache-offline").assert_outcomes(passed=2)


def test_a_failing_test_keeps_its_own_when_all_are_rerecorded(suite):
    """Only a passing test writes, so nothing is dropped in a run that is not green."""
    suite.write(SOURCE)
    suite.record()
    suite.write(SOURCE.replace('requests.get(URL + "/two")', "assert False"))
    suite.run("--agentcache-rerecord").assert_outcomes(passed=1, failed=1)

    assert b"/two" in suite.files()[CASSETTE]
