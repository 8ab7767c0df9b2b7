"""Flags over environment over ini file; conflicts and unknown names are errors that help."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields

import pytest

from pytest_agentcache.settings.checks import IDS
from pytest_agentcache.settings.settings import MODES, Settings

MODE = "def test_mode(agentcache): assert agentcache.mode == {!r}"


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "replay"])
def test_each_mode_has_a_flag(suite, mode):
    """Every mode but the default is a flag."""
    suite.write(MODE.format(mode))

    suite.run(f"--agentcache-{mode}").assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_can_be_set_in_the_environment(suite, monkeypatch, mode):
    """AGENTCACHE_MODE sets the mode, and beats the ini file."""
    suite.write(MODE.format(mode))
    suite.write("[pytest]\nagentcache_mode = live\n", "pytest.ini")
    monkeypatch.setenv("AGENTCACHE_MODE", mode)

    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_can_be_set_in_the_ini_file(suite, mode):
    """agentcache_mode sets the mode."""
    suite.write(MODE.format(mode))
    suite.write(f"[pytest]\nagentcache_mode = {mode}\n", "pytest.ini")

    suite.run().assert_outcomes(passed=1)


def test_without_any_of_them_the_mode_is_replay(suite):
    """Replay is the default."""
    suite.write(MODE.format("replay"))

    suite.run().assert_outcomes(passed=1)


def test_an_empty_environment_variable_says_nothing(suite, monkeypatch):
    """AGENTCACHE_MODE= is how a shell takes it back."""
    suite.write(MODE.format("live"))
    suite.write("[pytest]\nagentcache_mode = live\n", "pytest.ini")
    monkeypatch.setenv("AGENTCACHE_MODE", "")

    suite.run().assert_outcomes(passed=1)


def test_a_flag_beats_the_environment_and_the_ini_file(suite, monkeypatch):
    """The flag comes first."""
    suite.write(MODE.format("offline"))
    suite.write("[pytest]\nagentcache_mode = live\n", "pytest.ini")
    monkeypatch.setenv("AGENTCACHE_MODE", "record")

    suite.run("--agentcache-offline").assert_outcomes(passed=1)


def test_an_override_on_the_command_line_counts_as_ini(suite):
    """`-o agentcache_mode=…` works like the key in the file."""
    suite.write(MODE.format("live"))

    suite.run("-o", "agentcache_mode=live").assert_outcomes(passed=1)


def test_two_modes_at_once_are_refused(suite):
    """Flags exclude each other; the error names both and runs nothing."""
    suite.write(MODE.format("offline"))
    outcome = suite.run("--agentcache-offline", "--agentcache-record")

    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(
        ["ERROR: --agentcache-record and --agentcache-offline exclude each other; *"]
    )


def test_an_unknown_mode_in_the_environment_is_refused(suite, monkeypatch):
    """The error says where the mode stood and which there are."""
    monkeypatch.setenv("AGENTCACHE_MODE", "replya")
    outcome = suite.run()

    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(
        ["ERROR: environment variable AGENTCACHE_MODE: mode is 'replya'; allowed are replay, *"]
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("agentcache_mode = nothing", "agentcache_mode: mode is 'nothing'; allowed are replay*"),
        ("agentcache_xyz = 1", "unknown key agentcache_xyz; known are agentcache_aged*"),
        ("agentcache_on_miss = panic", "agentcache_on_miss: on_miss is 'panic'; allowed are fail*"),
        ("agentcache_unused = maybe", "agentcache_unused: unused is 'maybe'; allowed are list*"),
        ("agentcache_max_age = soon", "agentcache_max_age: max_age is 'soon'; it takes*"),
        ("agentcache_max_age = 90", "agentcache_max_age: max_age is '90'; it takes*"),
        ("agentcache_aged = maybe", "agentcache_aged: aged is 'maybe'; allowed are list, fail"),
        ("agentcache_match = colour", "agentcache_match: match has 'colour'; allowed are method*"),
        (
            "agentcache_match = header:",
            "agentcache_match: match has 'header:'; allowed are method*",
        ),
        ("agentcache_ignore_json = a..[b", "agentcache_ignore_json: 'a..[[]b' is not a JSON path*"),
        (
            "agentcache_replace = abc",
            "agentcache_replace: replace has 'abc'; write PATTERN => TEXT",
        ),
        (
            "agentcache_replace = ( => x",
            "agentcache_replace: replace has '(' => 'x', which is not *",
        ),
        (r"agentcache_replace = a => \1", "agentcache_replace: replace has 'a' => *invalid group*"),
        ("agentcache_session = fast", "agentcache_session has 'fast'; write KEYWORD = VALUE"),
        ("agentcache_auto = perhaps", "agentcache_auto: *'perhaps'*"),
    ],
)
def test_a_wrong_ini_key_or_value_is_refused(suite, line, message):
    """The error names the file and the key, and says what is allowed."""
    suite.write(f"[pytest]\n{line}\n", "pytest.ini")
    outcome = suite.run()

    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines([f"ERROR: *pytest.ini: {message}"])


def test_an_unknown_key_on_the_command_line_is_refused(suite):
    """`-o agentcache_xyz=1` is as wrong as in the file."""
    outcome = suite.run("-o", "agentcache_xyz=1")

    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["ERROR: -o: unknown key agentcache_xyz; known are *"])


INI = {
    "mode": ("live", "live"),
    "auto": ("true", True),
    "vcr": ("true", True),
    "env": ("\n  A_KEY = x = y\n  B_URL = ", (("A_KEY", "x = y"), ("B_URL", ""))),
    "cassette": ("all.yaml", "all.yaml"),
    "cassette_dir": ("recordings", "recordings"),
    "session": (
        "\n  expire_after = 5\n  allowable_methods = ('GET', 'POST')\n  cache_name = a",
        {"expire_after": 5, "allowable_methods": ("GET", "POST"), "cache_name": "a"},
    ),
    "on_miss": ("respond", "respond"),
    "match": ("method url header:accept", ("method", "url", "header:accept")),
    "ignore_json": ("\n  id\n  messages[*].id", ("id", "messages[*].id")),
    "ignore_null": ("true", True),
    "ignore_query": ("ts nonce", ("ts", "nonce")),
    "ignore_form": ("ts", ("ts",)),
    "replace": (r"\n  \d+ => N\n  a b => c".replace(r"\n", "\n"), ((r"\d+", "N"), ("a b", "c"))),
    "placeholders": ("\n  <KEY> => dummy key", (("<KEY>", "dummy key"),)),
    "stable_ids": ("\n  true !uuid !timestamp\n  A_B => a-\\d b", (*IDS[:4], "A_B => a-\\d b")),
    "redact": ("x-mine !token", ("x-mine", "!token")),
    "redact_env": ("MY_* !PUBLIC_*", ("MY_*", "!PUBLIC_*")),
    "redact_shapes": ("\n  A_KEY => a-\\d+ b\n  !JWT", ("A_KEY => a-\\d+ b", "!JWT")),
    "redact_personal": ("email arn", ("email", "arn")),
    "allow_secrets": ("0123456789ab", ("0123456789ab",)),
    "drop_headers": ("x-a\n  x-b", ("x-a", "x-b")),
    "keep_headers": ("date", ("date",)),
    "passthrough": ("localhost:80", ("localhost:80",)),
    "repeat": ("true", True),
    "ignore_hosts": ("t.example !api.segment.io", ("t.example", "!api.segment.io")),
    "clock_engine": ("freezegun", "freezegun"),
    "session_cassette": ("a.example b.example/v1/*", ("a.example", "b.example/v1/*")),
    "allowed_hosts": ("*.example", ("*.example",)),
    "close_children": ("false", False),
    "freeze": (
        "2026-11-21T11:00:00+01:00",
        dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC),
    ),
    "children": ("true", True),
    "router": ("true", True),
    "auto_cache_origins": ("mine theirs", ("mine", "theirs")),
    "auto_cache_providers": ("anthropic gemini", ("anthropic", "gemini")),
    "unused": ("ignore", "ignore"),
    "max_age": ("6w", dt.timedelta(weeks=6)),
    "budget": ("0.5", 0.5),
    "aged": ("fail", "fail"),
}


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_every_setting_has_an_ini_key(suite, setting):
    """Each field of the settings is read from `agentcache_<name>`, and reaches the test."""
    text, value = INI[setting.name]
    assert value != getattr(Settings(), setting.name)
    suite.write(f"[pytest]\nagentcache_{setting.name} = {text}\n", "pytest.ini")
    suite.write(f"""
        import datetime

        def test_settings(agentcache):
            assert agentcache.settings.{setting.name} == {value!r}
    """)

    suite.run().assert_outcomes(passed=1)


def test_settings_stand_in_pyproject_too(suite):
    """Lists and truth values may be those of TOML."""
    suite.write(
        """
        [tool.pytest.ini_options]
        agentcache_auto = true
        agentcache_redact = ["x-mine", "x-yours"]
        agentcache_replace = ["[0-9]+ => N"]
        """,
        "pyproject.toml",
    )
    suite.write("""
        def test_settings(request):
            settings = request.getfixturevalue("agentcache").settings
            assert settings.auto is True
            assert settings.redact == ("x-mine", "x-yours")
            assert settings.replace == (("[0-9]+", "N"),)
    """)

    suite.run().assert_outcomes(passed=1)


def test_auto_puts_every_test_on_a_cassette(suite, upstream):
    """Under agentcache_auto a plain test records and replays."""
    suite.write("[pytest]\nagentcache_auto = true\n", "pytest.ini")
    suite.write("""
        import requests, unittest

        def test_one():
            assert requests.get(URL + "/one").ok

        class TestTwo(unittest.TestCase):
            def test_two(self):
                assert requests.get(URL + "/two").ok
    """)
    suite.record()
    upstream.stop()
    suite.run("--agentcache-offline").assert_outcomes(passed=2)

    assert list(suite.files()) == [
        "cassettes/test_suite/TestTwo.test_two.yaml",
        "cassettes/test_suite/test_one.yaml",
    ]


def test_help_and_markers_tell_of_the_plugin(suite):
    """`--help` lists every flag and ini key, `--markers` the marker."""
    text = suite.run("--help").stdout.str()
    for mode in ("record", "rerecord", "offline", "live"):
        assert f"--agentcache-{mode}" in text
    for setting in fields(Settings):
        assert f"agentcache_{setting.name} (" in text

    suite.run("--markers").stdout.fnmatch_lines(["@pytest.mark.agentcache(cassette, session, *"])


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ("replay", "agentcache: replay, a request that is not on its cassette fails the test"),
        ("record", "agentcache: record, requests that are not on their cassette are sent *"),
        ("rerecord", "agentcache: rerecord, every request is sent and recorded again"),
        ("offline", "agentcache: offline, no network at all"),
        ("live", "agentcache: live, cassettes are neither used nor written"),
    ],
)
def test_the_header_tells_the_mode(suite, mode, line):
    """The head of a run has one line that says the mode and what it means."""
    suite.run("-o", f"agentcache_mode={mode}").stdout.fnmatch_lines([line])


def test_the_header_tells_what_offline_leaves_open(suite):
    """Hosts that are let through stand in the header."""
    outcome = suite.run(
        "--agentcache-offline",
        "-o",
        "agentcache_allowed_hosts=db.example",
        "-o",
        "agentcache_passthrough=localhost:1",
    )

    outcome.stdout.fnmatch_lines(
        ["agentcache: offline, no network at all except to db.example, localhost:1"]
    )


def test_misspelled_key_names_the_one_that_was_meant(suite):
    """The error suggests the closest key."""
    suite.write("def test_one(): pass")
    suite.write("[pytest]\nagentcache_igore_json = id\n", "pytest.ini")

    suite.run().stderr.fnmatch_lines(["*igore_json; did you mean agentcache_ignore_json?; known*"])


def test_misspelled_argument_names_the_one_that_was_meant(suite):
    """The error suggests the closest argument of the marker."""
    suite.write("""
        import pytest

        @pytest.mark.agentcache(ignore_jsn=["id"])
        def test_one(agentcache): pass
    """)

    suite.run().stdout.fnmatch_lines(["*'ignore_jsn'; did you mean ignore_json?; allowed are *"])


def test_misspelled_flag_names_the_one_that_was_meant(suite):
    """The error suggests the closest flag."""
    suite.write("def test_one(): pass")

    outcome = suite.run("--agentcache-ofline")
    assert outcome.ret == 4
    outcome.stderr.fnmatch_lines(
        ["*unknown flag --agentcache-ofline; did you mean --agentcache-offline?"]
    )
    # What all flags begin with does not make one close to another.
    assert "did you mean" not in suite.run("--agentcache-xyz").stderr.str()
