"""The report of a miss names its cause, and each remedy that it names works as it is written."""

from __future__ import annotations

import pytest

HEAD = """
import datetime, json, os, random, time, uuid
import pytest, requests

STARTED = datetime.datetime.now(datetime.UTC).isoformat()

@pytest.mark.agentcache
def test_it():
    assert requests.post({url}, **{keywords}).ok
"""
HEX = "'%016x' % random.randrange(2**60, 2**64)"


def is_replayed(suite, ini):
    suite.write(f"[pytest]\n{ini}\n", "pytest.ini")
    return suite.run("-p", "no:cacheprovider").ret == 0


@pytest.mark.parametrize(
    ("url", "keywords", "cause", "remedy", "settings"),
    [
        pytest.param(
            "URL + '/it'",
            "dict(json={'run': str(uuid.uuid4()), 'city': 'Paris'})",
            "an id that differs on each run",
            "agentcache_stable_ids = true",
            "",
            id="uuid",
        ),
        pytest.param(
            "URL + '/it?trace=' + str(uuid.uuid4())",
            "{}",
            "an id that differs on each run",
            "agentcache_stable_ids = true",
            "",
            id="uuid-in-the-query",
        ),
        pytest.param(
            "URL + '/it'",
            "dict(json={'a.b': [{'span': " + HEX + "}]})",
            "a value that differs on each run",
            "agentcache_ignore_json = ['a.b'][0].span",
            "",
            id="hex-in-json",
        ),
        pytest.param(
            "URL + '/it?n=1&span=' + " + HEX,
            "{}",
            "a value that differs on each run",
            "agentcache_ignore_query = span",
            "",
            id="hex-in-the-query",
        ),
        pytest.param(
            "URL + '/it'",
            "dict(data={'span': " + HEX + "})",
            "a value that differs on each run",
            "agentcache_ignore_form = span",
            "",
            id="hex-in-a-form",
        ),
        pytest.param(
            "URL + '/it'",
            "dict(json={'prompt': 'Now it is ' + datetime.datetime.now().isoformat()})",
            "a time, and the clock is not frozen",
            "agentcache_freeze = true",
            "agentcache_freeze = false",
            id="time-not-frozen",
        ),
        pytest.param(
            "URL + '/it'",
            "dict(json={'prompt': 'Now it is ' + STARTED})",
            "a time that differs on each run",
            "agentcache_ignore_json = prompt",
            "",
            id="time-before-the-test",
        ),
    ],
)
def test_remedy_of_a_value_that_differs_on_each_run(
    suite, upstream, url, keywords, cause, remedy, settings
):
    """Followed to the letter, the test is recorded and replayed."""
    suite.write(HEAD.format(url=url, keywords=keywords))
    suite.write(f"[pytest]\n{settings}\n", "pytest.ini")
    suite.record()

    outcome = suite.run()
    assert outcome.ret == 1
    assert f"  {cause}: {remedy}" in outcome.outlines

    if settings:
        # What was recorded in real time has a time that no frozen test can send.
        suite.write(f"[pytest]\n{remedy}\n", "pytest.ini")
        assert suite.run("--agentcache-rerecord").ret == 0
    upstream.stop()
    assert is_replayed(suite, remedy)


OTHER_HOST = """
    OTHER = {other}
    import contextlib, pytest, requests

    @pytest.mark.agentcache
    def test_it():
        assert requests.get(URL + "/it").ok
        with contextlib.suppress(Exception):
            requests.get(OTHER + "/prices.json")
"""


@pytest.mark.parametrize(
    "start",
    [
        "respond with nothing: agentcache_ignore_hosts = ",
        "or send it on each run: agentcache_passthrough = ",
    ],
)
def test_remedies_of_another_host(suite, upstream, start):
    """A host that is not on the cassette may have nothing to do with the test."""
    other = upstream.url.replace("127.0.0.1", "localhost")
    suite.write(OTHER_HOST.format(other="URL"))
    suite.record()
    suite.write(OTHER_HOST.format(other=repr(other)))

    outcome = suite.run()
    assert outcome.ret == 1
    host = other.removeprefix("http://")
    assert f"  nothing from {host} is on the cassette; if the test is not about it," in (
        outcome.outlines
    )
    [remedy] = [line for line in outcome.outlines if line.strip().startswith(start)]
    ini = remedy.strip().partition(": ")[2]

    assert is_replayed(suite, f"{ini}\nagentcache_unused = ignore")


def test_misspelled_host_names_the_one_that_was_meant(suite, upstream):
    """A host in the settings that is nearly the one of the miss is a typing error."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache
        def test_it():
            requests.get("https://api.weather.example/now")
    """)
    suite.write("[pytest]\nagentcache_ignore_hosts = api.wether.example\n", "pytest.ini")

    suite.run().stdout.fnmatch_lines(
        ["  agentcache_ignore_hosts has api.wether.example; did you mean api.weather.example?"]
    )
    assert is_replayed(suite, "agentcache_ignore_hosts = api.weather.example")


def test_misspelled_path_names_the_one_that_was_meant(suite, upstream):
    """A JSON path in the settings that nearly leads to the difference is a typing error."""
    suite.write(HEAD.format(url="URL + '/it'", keywords="dict(json={'nonce': random.random()})"))
    suite.record()
    suite.write("[pytest]\nagentcache_ignore_json = $.nonse\n", "pytest.ini")

    suite.run().stdout.fnmatch_lines(["  agentcache_ignore_json has $.nonse; did you mean nonce?"])
    assert is_replayed(suite, "agentcache_ignore_json = nonce")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("passthrough = http://h.example/v1", "'http://h.example/v1'; write it without scheme: "),
        (
            "allowed_hosts = h.example/v1",
            "'h.example/v1'; it takes a host without a path: h.example",
        ),
        ("ignore_hosts = https://h.example", "'https://h.example'; write it without scheme: h.ex"),
        ("session_cassette = http://h/p", "'http://h/p'; write it without scheme: h/p"),
        ("ignore_json = /messages/0/a.b", "is a JSON pointer; write messages[0]['a.b']"),
        ("ignore_json = messages[?(@.id)]", "is not a JSON path; write messages[0].id, "),
    ],
)
def test_address_or_path_of_another_form_is_refused_by_name(suite, line, error):
    """The error has the form that is meant."""
    suite.write("def test_one(): pass")
    suite.write(f"[pytest]\nagentcache_{line}\n", "pytest.ini")

    outcome = suite.run()
    assert outcome.ret == 4
    assert error in outcome.stderr.str()
    right = error.rpartition(": ")[2] if "without" in error else ""
    if right and not right.endswith((" ", "ex")):
        suite.write(f"[pytest]\nagentcache_{line.partition(' =')[0]} = {right}\n", "pytest.ini")
        assert suite.run().ret == 0


def test_one_inserted_message_is_one_difference(suite, upstream):
    """Lists are aligned: what follows an inserted item is the same."""
    suite.write("""
        import os, pytest, requests

        MESSAGES = [{"role": role, "content": f"{role} {n}"} for n in range(4) for role in "ab"]

        @pytest.mark.agentcache
        def test_it():
            inserted = [{"role": "system", "content": "new"}] if "INSERT" in os.environ else []
            messages = [*MESSAGES[:2], *inserted, *MESSAGES[2:]]
            assert requests.post(URL + "/it", json={"messages": messages}).ok
    """)
    suite.record()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSERT", "1")
        outcome = suite.run()

    places = [line for line in outcome.outlines if "  recorded " in line]
    assert len(places) == 1
    assert places[0].startswith("    json.messages[2]   recorded (absent)   sent {")


def test_error_that_followed_a_miss_does_not_hide_it(suite, upstream):
    """The report leads with the miss, and pytest's short summary as well."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache
        def test_it():
            assert requests.get(URL + "/it").json()["sky"]
    """)

    outcome = suite.run()
    outcome.stdout.re_match_lines(
        [
            r"GET 127\.0\.0\.1:\d+/it is not on the cassette of this test",
            r"The test then failed with its own error:",
            r"E +KeyError: 'sky'",
            r"FAILED test_suite\.py::test_it - GET 127\..* is not on the cassette.*",
        ]
    )
