"""The marker and `agentcache_config`: what each argument does, which one wins, what is refused."""

from __future__ import annotations

import pytest


def test_the_marker_puts_a_test_on_a_cassette(suite, upstream):
    """A marked test needs no fixture."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache
        def test_one():
            assert requests.get(URL + "/one").ok
    """)
    suite.record()
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_the_marker_works_on_class_and_module(suite):
    """A mark on a class or module holds for every test in it."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache
        class TestMarked:
            def test_one(self):
                requests.get(URL + "/one")

        def test_plain():
            requests.get(URL + "/plain")
    """)
    suite.write(
        """
        import pytest, requests
        pytestmark = pytest.mark.agentcache(match=["url"])

        def test_two():
            requests.get(URL + "/two")
        """,
        "test_other.py",
    )
    suite.record()

    assert list(suite.files()) == [
        "cassettes/test_other/test_two.yaml",
        "cassettes/test_suite/TestMarked.test_one.yaml",
    ]


def test_the_nearest_marker_wins_argument_by_argument(suite):
    """Function over class over module over fixture over ini, each argument by itself."""
    suite.write("[pytest]\nagentcache_redact = ini\nagentcache_drop_headers = ini\n", "pytest.ini")
    suite.write("""
        import pytest
        mark = pytest.mark.agentcache
        pytestmark = mark(
            on_miss="respond", ignore_query=["module"], ignore_form=["module"], match=["url"]
        )

        @pytest.fixture
        def agentcache_config():
            return {"redact": ["fixture"], "match": ["method"]}

        @mark(ignore_query=["class"], ignore_form=["class"])
        class TestNearest:
            @mark(ignore_query=["function"])
            def test_one(self, agentcache):
                settings = agentcache.settings
                assert settings.ignore_query == ("function",)
                assert settings.ignore_form == ("class",)
                assert settings.on_miss == "respond"
                assert settings.match == ("url",)
                assert settings.redact == ("fixture",)
                assert settings.drop_headers == ("ini",)
    """)

    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_agentcache_config_works_at_any_scope(suite, scope):
    """Users override the fixture at any scope."""
    suite.write(
        f"""
        import pytest

        @pytest.fixture(scope={scope!r})
        def agentcache_config():
            return {{"session": {{"expire_after": 7}}, "match": "url"}}
        """,
        "conftest.py",
    )
    suite.write("""
        def test_one(agentcache):
            assert agentcache.session.settings.expire_after == 7
            assert agentcache.settings.match == ("url",)
    """)

    suite.run().assert_outcomes(passed=1)


def test_session_keywords_add_up(suite):
    """Keywords of the session come from all levels; the nearest wins each."""
    suite.write("""
        import pytest

        @pytest.fixture
        def agentcache_config():
            return {"session": {"expire_after": 7, "allowable_codes": (200, 404)}}

        @pytest.mark.agentcache(session={"expire_after": 9, "stale_if_error": True})
        def test_one(agentcache_session):
            settings = agentcache_session.settings
            assert (settings.expire_after, settings.stale_if_error) == (9, True)
            assert settings.allowable_codes == (200, 404)
    """)

    suite.run().assert_outcomes(passed=1)


def test_cassette_names_the_file(suite, upstream):
    """`cassette=` is a name or a path below the cassettes folder, and tests may share it."""
    suite.write("""
        import pathlib, pytest, requests

        @pytest.mark.agentcache(cassette="weather")
        def test_name():
            assert requests.get(URL + "/one").ok

        @pytest.mark.agentcache(cassette="weather")
        def test_shared():
            assert requests.get(URL + "/two").ok

        @pytest.mark.agentcache(cassette=pathlib.Path("deep") / "er.yaml")
        def test_path():
            assert requests.get(URL + "/three").ok
    """)
    suite.record()
    upstream.stop()
    suite.run("--agentcache-offline").assert_outcomes(passed=3)

    assert list(suite.files()) == ["cassettes/deep/er.yaml", "cassettes/weather.yaml"]
    assert suite.files()["cassettes/weather.yaml"].count(b"- request:") == 2


def record_then(suite, source, recorded, asked):
    """Records `source` with `recorded` in place of WHAT, and replays it with `asked`."""
    suite.write(source.replace("WHAT", recorded))
    suite.record()
    suite.upstream.stop()
    suite.write(source.replace("WHAT", asked))
    return suite.run("--agentcache-offline")


POST = """
    import pytest, requests

    @pytest.mark.agentcache({arguments})
    def test_one(agentcache):
        assert requests.{call}.ok
"""


@pytest.mark.parametrize(
    ("arguments", "call", "recorded", "asked"),
    [
        ("match=['url']", "request(WHAT, URL)", "'GET'", "'PUT'"),
        ("match=['method', 'body']", "get(URL + WHAT)", "'/one'", "'/two'"),
        ("match='method url'", "post(URL, json=WHAT)", "{'a': 1}", "{'a': 2}"),
        (
            "ignore_json=['messages[*].id']",
            "post(URL, json=WHAT)",
            "{'messages': [{'id': 1, 'text': 'a'}]}",
            "{'messages': [{'id': 2, 'text': 'a'}]}",
        ),
        ("ignore_query=['ts']", "get(URL + WHAT)", "'/?q=1&ts=1'", "'/?ts=2&q=1'"),
        ("ignore_form=['ts']", "post(URL, data=WHAT)", "{'q': 1, 'ts': 1}", "{'q': 1, 'ts': 2}"),
        (r"replace={r'run-\d+': 'run-N'}", "post(URL + WHAT, data=WHAT)", "'/run-1'", "'/run-22'"),
        (
            "redact=['x-mine', 'pin']",
            "post(URL, json={'pin': WHAT}, params={'pin': WHAT})",
            "'1234'",
            "'9876'",
        ),
        (
            "match=['method', 'url', 'headers'], drop_headers=['x-run']",
            "get(URL, headers={'x-run': WHAT})",
            "'1'",
            "'2'",
        ),
    ],
)
def test_what_a_setting_calls_the_same_is_played(suite, arguments, call, recorded, asked):
    """Settings that widen matching let the changed request play."""
    source = POST.format(arguments=arguments, call=call)

    record_then(suite, source, recorded, asked).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "call", "recorded", "asked"),
    [
        ("", "request(WHAT, URL)", "'GET'", "'PUT'"),
        ("", "get(URL + WHAT)", "'/one'", "'/two'"),
        ("", "post(URL, json=WHAT)", "{'a': 1}", "{'a': 2}"),
        ("ignore_json=['id']", "post(URL, json=WHAT)", "{'id': 1, 'a': 1}", "{'id': 1, 'a': 2}"),
        ("ignore_query=['ts']", "get(URL + WHAT)", "'/?q=1'", "'/?q=2'"),
        ("ignore_form=['ts']", "post(URL, data=WHAT)", "{'q': 1}", "{'q': 2}"),
        ("match='method url headers'", "get(URL, headers={'x-a': WHAT})", "'1'", "'2'"),
        ("match='method url header:X-A'", "get(URL, headers={'x-a': WHAT})", "'1'", "'2'"),
        ("redact=['!token']", "post(URL, json={'token': WHAT})", "'1'", "'2'"),
        (
            "match='method url headers', keep_headers=['x-request-id']",
            "get(URL, headers={'x-request-id': WHAT})",
            "'1'",
            "'2'",
        ),
    ],
)
def test_what_a_setting_tells_apart_is_a_miss(suite, arguments, call, recorded, asked):
    """Everything else that changes is another request."""
    source = POST.format(arguments=arguments, call=call)
    outcome = record_then(suite, source, recorded, asked)

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*closest: interaction 1, not replayed yet"])


def test_headers_do_not_matter_by_default(suite):
    """Without a setting the same request with another header plays."""
    source = POST.format(arguments="", call="get(URL, headers={'x-a': WHAT})")

    record_then(suite, source, "'1'", "'2'").assert_outcomes(passed=1)


def test_redact_keeps_secrets_of_other_names_off_the_cassette(suite):
    """`redact` names more secrets, a leading `!` takes one back."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(redact=["x-mine*", "pin", "!token"])
        def test_one():
            body = {"pin": "hush-1", "token": "word", "password": "hush-2"}
            query = {"h": "X-Mine-Too:hush-3"}
            requests.post(URL, json=body, headers={"X-Mine": "hush-4"}, params=query)
    """)
    suite.record()
    text = suite.cassette("test_one").read_text()

    assert "x-mine-too: <x_mine_too>" in text.lower()
    assert "x-mine: <X_MINE>" in text
    assert "token: word" in text
    # The path of upstream contains the query, which has no secret name.
    assert [secret for secret in ("hush-1", "hush-2", "hush-4") if secret in text] == []


def test_headers_are_kept_and_dropped_by_name(suite):
    """`keep_headers` and `drop_headers` go against the built-in list."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(keep_headers=["server", "user-agent"], drop_headers=["etag", "x-*"])
        def test_one():
            requests.get(URL + "/?h=ETag:abc&h=Last-Modified:now", headers={"x-a": "1"})
    """)
    suite.record()
    text = suite.cassette("test_one").read_text()

    assert "server:" in text
    assert "user-agent:" in text
    assert "last-modified:" in text
    assert "etag:" not in text
    assert "x-a:" not in text


@pytest.mark.parametrize("flag", ["--agentcache-record", "--agentcache-offline"])
def test_passthrough_lets_a_host_be_asked_for_real(suite, upstream, flag):
    """Hosts under `passthrough` are on no cassette in any mode."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(passthrough=[URL.removeprefix("http://")])
        def test_one():
            assert requests.get(URL + "/one").ok
    """)
    suite.run(flag).assert_outcomes(passed=1)

    assert upstream.hits == ["GET /one"]
    assert suite.files() == {}


def test_allowed_hosts_open_the_socket_for_one_test(suite):
    """`allowed_hosts` lets raw sockets of that test reach the host, and of no other."""
    suite.write("""
        import pytest, socket

        def reach():
            with socket.socket() as raw:
                raw.setblocking(False)
                raw.connect_ex(("192.0.2.1", 9))

        @pytest.mark.agentcache(allowed_hosts=["192.0.2.1"])
        def test_allowed():
            reach()

        @pytest.mark.agentcache
        def test_other():
            with pytest.raises(OSError, match="network is shut"):
                reach()
    """)

    suite.run("--agentcache-offline").assert_outcomes(passed=1, failed=1)


def test_unused_ignores_lists_or_fails(suite):
    """`unused` says what becomes of interactions that nobody asked for."""
    source = """
        import pytest, requests

        @pytest.mark.agentcache(unused="WHAT")
        def test_one():
            EVERYTHING
    """
    suite.write(source.replace("EVERYTHING", "requests.get(URL)").replace("WHAT", "list"))
    suite.record()
    source = source.replace("EVERYTHING", "pass")
    suite.write(source.replace("WHAT", "ignore"))
    suite.run("--agentcache-offline").stdout.fnmatch_lines(["agentcache: *, 0 unused, *"])
    suite.write(source.replace("WHAT", "list"))
    suite.run("--agentcache-offline").stdout.fnmatch_lines(["agentcache: *, 1 unused, *"])
    suite.write(source.replace("WHAT", "fail"))
    outcome = suite.run("--agentcache-offline")

    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*interaction 1 of * is unused by *test_one"])


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("(colour=1)", "unknown argument 'colour'; allowed are *allowed_hosts, *cassette, *"),
        ("(mode='record')", "unknown argument 'mode'; allowed are *"),
        ("('weather')", "takes keywords only, not 'weather'"),
        ("(on_miss='panic')", "on_miss is 'panic'; allowed are fail, respond, raise"),
        ("(on_miss=None)", "on_miss is None; allowed are fail, respond, raise"),
        ("(cassette=3)", "cassette is 3; it takes a name or a path"),
        ("(session=['a'])", "session is [[]'a']; it takes keywords as a dict"),
        ("(match=[])", "match is empty, so any request would match any other"),
        ("(match=['colour'])", "match has 'colour'; allowed are method, url, *body, headers, *"),
        ("(redact=3)", "redact is 3; it takes a list of strings"),
        ("(ignore_query={'a': 1})", "ignore_query is {'a': 1}; it takes a list of strings"),
        ("(ignore_json=['a..[b'])", "*'a..[[]b' is not a JSON path; write messages*"),
        ("(replace=3)", "replace is 3; it takes a dict, pairs, or lines PATTERN => TEXT"),
        ("(replace=[3])", "replace has 3; write PATTERN => TEXT"),
        ("(replace=[('a',)])", "replace has ('a',); write PATTERN => TEXT"),
        (
            "(replace={'(': 'x'})",
            "replace has '(' => 'x', which is not a valid regular expression*",
        ),
        ("(freeze='tomorrow')", "freeze is 'tomorrow'; it takes a time such as 2026-*"),
        (
            "(freeze='2026-11-21T10:00:00')",
            "freeze is *; it has no time zone, *; add one: *:00Z",
        ),
        ("(freeze=5)", "freeze is 5; it takes an aware datetime or a time such as *"),
        ("(router='yes')", "router is 'yes'; it takes true or false"),
        ("(unused='maybe')", "unused is 'maybe'; allowed are list, ignore, fail"),
    ],
)
@pytest.mark.parametrize("flag", ["--agentcache-record", "--agentcache-offline"])
def test_a_wrong_argument_fails_that_test_alone(suite, flag, mark, message):
    """The error names the mark and the allowed arguments; the other tests run."""
    suite.write(f"""
        import pytest

        @pytest.mark.agentcache{mark}
        def test_wrong():
            pass

        @pytest.mark.agentcache
        def test_right():
            pass
    """)
    outcome = suite.run(flag)

    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines([f"*test_suite.py:4: @pytest.mark.agentcache*{message}"])
    outcome.stdout.no_fnmatch_line("*Traceback*")
    outcome.stdout.no_fnmatch_line("*INTERNALERROR*")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("['a']", "the fixture agentcache_config returned [[]'a']; it must return a dict"),
        ("{'colour': 1}", "fixture agentcache_config: unknown argument 'colour'; allowed are *"),
    ],
)
def test_a_wrong_config_fixture_fails_its_tests(suite, value, message):
    """The result of the fixture is checked like the marker."""
    suite.write(f"""
        import pytest

        @pytest.fixture
        def agentcache_config():
            return {value}

        def test_wrong(agentcache):
            pass

        def test_right():
            pass
    """)
    outcome = suite.run()

    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines([f"*{message}"])
