"""Suites of pytest-recording and pytest-vcr run as they are, with one line in the ini file."""

from __future__ import annotations

import json

import pytest

BODY = '{"question": "as recorded"}'
INI = "[pytest]\nagentcache_vcr = true\n"
SUITE = """
    import pytest
    import requests

    pytestmark = pytest.mark.vcr
"""


def interaction(path, answer="recorded", *, method="GET", body="null", headers="{}"):
    """Return an interaction as VCR.py writes it."""
    return f"""- request:
    body: {body}
    headers: {headers}
    method: {method}
    uri: http://api.example{path}
  response:
    body:
      string: '{answer}'
    headers:
      X-Kind: [odd]
    status:
      code: 200
      message: OK
"""


@pytest.fixture
def vcr(suite):
    """A suite with the line in its ini file, and a function that writes cassettes."""
    suite.write(INI, "pytest.ini")

    def put(name, *items, version="version: 1\n"):
        path = suite.root / "cassettes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("interactions:\n" + "".join(items) + version)

    suite.put = put
    return suite


def test_suite_of_pytest_recording_runs(vcr):
    """Markers, fixtures and the hook of its conftest, on cassettes as they are."""
    vcr.write(
        """
        import pytest

        def pytest_recording_configure(config, vcr):
            vcr.register_serializer("yaml", object())

        @pytest.fixture(scope="module")
        def vcr_config():
            return {"filter_headers": ["authorization"], "record_mode": "none"}
        """,
        "conftest.py",
    )
    vcr.write(
        SUITE
        + """
    def test_plays():
        assert requests.get("http://api.example/now").text == "recorded"

    def test_cassette(vcr, record_mode):
        assert not vcr.all_played
        requests.post("http://api.example/ask", json={"question": "other"})
        assert (vcr.play_count, vcr.all_played, len(vcr), record_mode) == (1, True, 1, "none")
        assert (vcr.play_counts, vcr.write_protected) == ({0: 1}, True)
        assert vcr.requests[0].method == "POST" and b"as recorded" in vcr.requests[0].body
        assert vcr.responses[0]["status"] == {"code": 200, "message": "OK"}
        assert vcr.responses[0]["body"]["string"] == b"yes"

    @pytest.mark.default_cassette("shared.yaml")
    def test_named():
        assert requests.get("http://api.example/shared").ok

    @pytest.mark.vcr("more.yaml")
    def test_more():
        assert requests.get("http://api.example/more").ok

    class TestThat:
        @pytest.mark.parametrize("model", ["openai/GPT-5"])
        def test_model(self, model):
            assert requests.get("http://api.example/model").ok
    """
    )
    vcr.write("def test_plain(vcr):\n    assert vcr is None\n", "test_plain.py")
    vcr.put("test_suite/test_plays.yaml", interaction("/now"), version="")
    vcr.put("test_suite/test_cassette.yaml",
            interaction("/ask", "yes", method="POST", body=f"'{BODY}'"))  # fmt: skip
    vcr.put("test_suite/shared.yaml", interaction("/shared"))
    vcr.put("test_suite/more.yaml", interaction("/more"))
    vcr.put("test_suite/TestThat.test_model[openai-GPT-5].yaml", interaction("/model"))
    before = vcr.files()

    for arguments in ((), ("--agentcache-offline", "-W", "error")):
        outcome = vcr.run(*arguments)
        outcome.assert_outcomes(passed=6)
        outcome.stdout.fnmatch_lines(["agentcache: 5 replayed, 0 recorded, 0 missed, *"])
        outcome.stdout.no_fnmatch_line("*no effect*")
    assert vcr.files() == before


def test_marker_may_come_from_the_conftest(vcr):
    """A conftest may add the marker to its tests while they are collected."""
    vcr.write(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.vcr)
        """,
        "conftest.py",
    )
    vcr.write("""
        import requests

        def test_one(vcr):
            assert requests.get("http://api.example/a").ok
            assert vcr.all_played
    """)
    vcr.put("test_suite/test_one.yaml", interaction("/a"))

    vcr.run().assert_outcomes(passed=1)


def test_without_the_line_nothing_is_there(suite):
    """The options are unknown and the marker does nothing, but the conftest's hook loads."""
    suite.write("def pytest_recording_configure(config, vcr): pass", "conftest.py")
    suite.write("""
        import sys

        def test_one():
            assert not [name for name in sys.modules if "vcr_suite" in name]
    """)

    suite.spawn().assert_outcomes(passed=1)
    assert suite.run("--record-mode=none").ret == pytest.ExitCode.USAGE_ERROR


def test_suite_of_pytest_vcr_runs(vcr):
    """One folder for all modules, and names from `vcr_cassette_name`."""
    vcr.write(
        SUITE
        + """
    def test_one(vcr_cassette):
        assert requests.get("http://api.example/one").ok
        assert vcr_cassette.all_played

    class TestNamed:
        @pytest.fixture
        def vcr_cassette_name(self):
            return "by-fixture"

        def test_two(self):
            assert requests.get("http://api.example/two").ok
    """
    )
    vcr.put("test_one.yaml", interaction("/one"))
    vcr.put("by-fixture.yaml", interaction("/two"))

    vcr.run("--vcr-record=none").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    "config",
    [
        '{"cassette_library_dir": str(FOLDER)}',
        '{"cassette_library_dir": str(FOLDER), "path_transformer": lambda path: path + ".yaml"}',
        '{"cassette_library_dir": FOLDER, "serializer": "json"}',
    ],
)
def test_cassettes_are_found_elsewhere(vcr, tmp_path_factory, config):
    """Folder, suffix and path as `vcr_config` says."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "test_one.yaml").write_text("interactions:\n" + interaction("/one"))
    vcr.write(
        SUITE
        + f"""
    from pathlib import Path

    FOLDER = Path({str(folder)!r})

    @pytest.fixture
    def vcr_config():
        return {config}

    def test_one():
        assert requests.get("http://api.example/one").ok
    """
    )

    vcr.run().assert_outcomes(passed=1)


def test_filters_are_applied_before_matching(vcr):
    """A request is found after filters have removed or replaced some of it."""
    vcr.write(
        SUITE
        + """
    def rename(request):
        request.uri = request.uri.replace("/user/jane", "/user/x")
        assert (request.host, request.port, request.scheme) == ("api.example", 80, "http")
        return request

    @pytest.fixture(scope="module")
    def vcr_config():
        return {
            "filter_headers": [("x-team", "T")],
            "filter_query_parameters": ["nonce", ("page", "1")],
            "filter_post_data_parameters": ["stamp", ("who", lambda key, value, request: "W")],
            "before_record_request": rename,
            "match_on": ["method", "uri", "body", "headers"],
        }

    def test_filters():
        url = "http://api.example/user/jane?a=1&nonce=7&page=9"
        requests.get(url, headers={"X-Team": "mine"})
        requests.post("http://api.example/form", data={"stamp": 1, "who": "me", "b": 2})
        requests.post("http://api.example/json", json={"stamp": 1, "who": "me", "b": 2})
        requests.post("http://api.example/parts", files={"stamp": (None, "1"), "b": (None, "2")})
    """
    )
    part = '--x\\r\\nContent-Disposition: form-data; name=\\"b\\"\\r\\n\\r\\n2\\r\\n--x--\\r\\n'
    vcr.put(
        "test_suite/test_filters.yaml",
        interaction("/user/x?a=1&page=1", headers="{X-Team: [T]}"),
        interaction("/form", method="POST", body="who=W&b=2",
                    headers="{Content-Type: [application/x-www-form-urlencoded]}"),
        interaction("/json", method="POST", body="""'{"who": "W", "b": 2}'""",
                    headers="{Content-Type: [application/json]}"),
        interaction("/parts", method="POST", body=f'"{part}"',
                    headers="{Content-Type: [multipart/form-data; boundary=x]}"),
    )  # fmt: skip

    vcr.run().assert_outcomes(passed=1)


def test_matchers(vcr):
    """Parts of the URL, and a function that the conftest registers."""
    vcr.write(
        """
        def same_letter(sent, recorded):
            assert sent.path[:2] == recorded.path[:2]

        def pytest_recording_configure(config, vcr):
            vcr.register_matcher("letter", same_letter)
            vcr.match_on = ["letter"]
        """,
        "conftest.py",
    )
    vcr.write(
        SUITE
        + """
    def test_letter():
        assert requests.get("http://api.example/bxy").text == "b"
        assert requests.get("http://other.example/axy").text == "a"

    @pytest.mark.vcr(match_on=["host", "path"])
    def test_parts():
        assert requests.post("https://api.example/a?b=1").text == "a"
    """
    )
    vcr.put("test_suite/test_letter.yaml", interaction("/a", "a"), interaction("/b", "b"))
    vcr.put("test_suite/test_parts.yaml", interaction("/a", "a"))

    vcr.run().assert_outcomes(passed=2)


def test_bodies_are_not_compared_unless_the_ini_file_says_so(vcr):
    """Settings in the ini file override those of VCR.py."""
    vcr.write(
        SUITE
        + """
    def test_one():
        requests.post("http://api.example/a", json={"b": 1})
    """
    )
    vcr.put("test_suite/test_one.yaml", interaction("/a", method="POST", body="x"))

    vcr.run().assert_outcomes(passed=1)
    vcr.run("-o", "agentcache_match=method url body").assert_outcomes(failed=1)


def test_repeats_ignored_hosts_and_placeholders(vcr, upstream):
    """`allow_playback_repeats`, `ignore_localhost` and `filter_sensitive_data`."""
    vcr.write(
        SUITE
        + """
    @pytest.fixture
    def vcr_config():
        return {"allow_playback_repeats": True, "ignore_localhost": True,
                "filter_sensitive_data": {"<WHO>": "Jane"}}

    def test_one(vcr):
        assert requests.get("http://api.example/a").text == "dear Jane"
        assert requests.get("http://api.example/a").text == "dear Jane"
        assert requests.get(URL + "/local").json()["hit"] == 1
        assert vcr.play_count == 2
    """
    )
    vcr.put("test_suite/test_one.yaml", interaction("/a", "dear <WHO>"))

    vcr.run().assert_outcomes(passed=1)
    assert upstream.hits == ["GET /local"]


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_recording_modes_record(vcr, upstream, mode):
    """Each records a new cassette in our format, which replays."""
    vcr.write(
        SUITE
        + """
    def drop(response):
        return None if response["headers"].get("X-Kind") == ["dropped"] else response

    @pytest.fixture
    def vcr_config():
        return {"before_record_response": drop, "filter_query_parameters": ["nonce"]}

    def test_one(vcr):
        assert requests.get(URL + "/now?nonce=1").json()["hit"] == 1
        if vcr.record_mode != "none":
            assert requests.get(URL + "/now?h=X-Kind:dropped").ok
    """
    )
    vcr.run(f"--record-mode={mode}").assert_outcomes(passed=1)
    text = vcr.cassette("test_one").read_text()
    upstream.stop()

    assert text.startswith("agentcache: 1")
    assert "url: " in text
    assert "nonce=1\n" not in text
    assert "dropped" not in text
    vcr.run("--agentcache-offline").assert_outcomes(passed=1)


def test_once_replays_what_is_there(vcr):
    """VCR.py's `once` records only where there is no cassette."""
    vcr.write(
        SUITE
        + """
    def test_one():
        assert requests.get(URL + "/new").status_code == 504
    """
    )
    vcr.put("test_suite/test_one.yaml", interaction("/a"))

    vcr.run("--record-mode=once").assert_outcomes(failed=1)


def test_mode_of_the_configuration_overrides_the_flag(vcr, upstream):
    """The configuration wins, as with pytest-recording; our own flags override both."""
    vcr.write(
        SUITE
        + """
    @pytest.mark.vcr(record_mode="none")
    def test_one():
        assert requests.get(URL + "/new").ok
    """
    )

    vcr.run("--record-mode=all").assert_outcomes(failed=1)
    assert upstream.hits == []
    vcr.run("--agentcache-live").assert_outcomes(passed=1)
    assert upstream.hits == ["GET /new"]


@pytest.mark.parametrize("flag", ["--disable-recording", "--disable-vcr"])
def test_recording_is_disabled(vcr, upstream, flag):
    """The test sends its requests, and there is no cassette."""
    vcr.write(
        SUITE
        + """
    def test_one(vcr, disable_recording):
        assert vcr is None and disable_recording
        assert requests.get(URL + "/new").ok
    """
    )

    vcr.run(flag).assert_outcomes(passed=1)
    assert upstream.hits == ["GET /new"]
    assert vcr.files() == {}


BLOCKED = """
    import socket
    import pytest

    def connects(host):
        # Documentation addresses (RFC 5737), which nothing is sent to.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
            raw.connect((host, 9))

    @pytest.mark.block_network(allowed_hosts=[r"192\\\\.0\\\\.2\\\\.1"])
    def test_blocked():
        connects("192.0.2.1")
        with pytest.raises(RuntimeError, match="Network is disabled for host '192.0.2.9'"):
            connects("192.0.2.9")

    def test_open():
        connects("192.0.2.9")
"""


def test_network_is_blocked(vcr):
    """By the marker in a test, by the flag in all, except for hosts that a pattern matches."""
    vcr.write(BLOCKED.replace("\\\\", "\\"))

    vcr.run().assert_outcomes(passed=2)
    vcr.run("--block-network").assert_outcomes(passed=1, failed=1)
    vcr.run("--block-network", "--allowed-hosts=198.*,192.0.2.9").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("block_network('a')", "*@pytest.mark.block_network takes only allowed_hosts="),
        ("vcr(record_mode='odd')", "*record_mode is 'odd'; allowed are once, none, *"),
        ("default_cassette", "*@pytest.mark.default_cassette takes a name"),
    ],
)
def test_wrong_marker_is_an_error(vcr, mark, message):
    """The error names the marker."""
    vcr.write(SUITE + f"\n    @pytest.mark.{mark}\n    def test_one(): pass\n")

    outcome = vcr.run()
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines([message])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_what_has_no_effect_is_named(vcr, workers):
    """Once for the run, with the places that it was set in."""
    vcr.write(
        """
        def pytest_recording_configure(config, vcr):
            vcr.register_persister(object())
            vcr.register_serializer("pretty", object())
        """,
        "conftest.py",
    )
    vcr.write(
        SUITE
        + """
    @pytest.fixture
    def vcr_config():
        return {"custom_patches": (), "match_on": ["method", "odd"],
                "filter_sensitive_data": [("<A>", lambda request, response: "a")]}

    def test_one(): pass
    def test_two(): pass
    """
    )

    names = "custom_patches, filter_sensitive_data with a function, matcher 'odd'"
    more = "register_persister, serializer 'pretty'"
    vcr.spawn(*workers).stdout.fnmatch_lines(
        [f"agentcache: no effect on a cassette here: {names}, {more}"]
    )


@pytest.mark.parametrize("order", [["-p", "recording", "-p", "agentcache"], []])
def test_it_acts_instead_of_pytest_recording(vcr, monkeypatch, order):
    """With the line, the other plugin is disabled, whichever is loaded first."""
    vcr.write(
        """
        import pytest

        def pytest_addoption(parser):
            group = parser.getgroup("recording")
            group.addoption("--record-mode", default=None)
            group.addoption("--block-network", action="store_true")

        @pytest.fixture(autouse=True)
        def vcr():
            raise AssertionError("the other plugin acts")
        """,
        "recording.py",
    )
    vcr.write(SUITE + "\n    def test_one(vcr): requests.get('http://api.example/a')\n")
    vcr.put("test_suite/test_one.yaml", interaction("/a"))
    entry = vcr.root / "other-1.dist-info"
    entry.mkdir()
    (entry / "METADATA").write_text("Name: other\nVersion: 1\n")
    (entry / "entry_points.txt").write_text("[pytest11]\nrecording = recording\n")
    vcr._pytester.syspathinsert()
    if not order:
        monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")

    vcr._pytester.runpytest_subprocess(*order).assert_outcomes(passed=1)


def test_json_cassettes_play(vcr):
    """With the suffix that the serializer gives them."""
    vcr.write(
        SUITE
        + """
    @pytest.mark.vcr(serializer="json")
    def test_one():
        assert requests.get("http://api.example/a").text == "j"
    """
    )
    request = {"method": "GET", "uri": "http://api.example/a", "body": None, "headers": {}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "j"}}
    path = vcr.root / "cassettes" / "test_suite" / "test_one.json"
    path.parent.mkdir(parents=True)
    item = {"request": request, "response": response}
    path.write_text(json.dumps({"version": 1, "interactions": [item]}))

    vcr.run().assert_outcomes(passed=1)


def test_clock_is_left_alone(vcr):
    """VCR.py freezes nothing; a marker or the ini file can."""
    vcr.write(
        SUITE
        + """
    def test_one(agentcache):
        assert agentcache.clock.frozen_at is None

    @pytest.mark.agentcache(freeze=True)
    def test_two(agentcache):
        assert agentcache.clock.frozen_at is not None
    """
    )

    vcr.run().assert_outcomes(passed=2)
