"""`use_cassette` outside pytest, and around a part of a test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
import requests

from pytest_agentcache import CassetteError, MissError, NetworkBlocked, SettingsError, use_cassette
from pytest_agentcache.settings.settings import MODES


@pytest.fixture(autouse=True)
def no_mode_around(monkeypatch):
    """As outside pytest: neither a run nor the environment says what the mode is."""
    from pytest_agentcache.replay.run_state import SURROUNDINGS

    monkeypatch.delenv("AGENTCACHE_MODE", raising=False)
    monkeypatch.setattr(SURROUNDINGS, "settings", None)
    monkeypatch.setattr(SURROUNDINGS, "hooks", None)


def test_record_then_replay(tmp_path, upstream):
    """The recording of one block replays in the next, with upstream gone."""
    path = tmp_path / "deep" / "trip.yaml"
    with use_cassette(path, mode="record") as harness:
        live = requests.get(upstream.url + "/one").json()
        assert harness.mode == "record"
    upstream.stop()
    for mode in (None, "replay", "offline", "record"):
        with use_cassette(str(path), mode=mode):
            assert requests.get(upstream.url + "/one").json() == live

    assert upstream.hits == ["GET /one"]


def test_rerecord_asks_anew_and_live_goes_past(tmp_path, upstream):
    """The other two modes do what they do under pytest."""
    path = tmp_path / "trip.yaml"
    with use_cassette(path, mode="record"):
        requests.get(upstream.url + "/one")
    with use_cassette(path, mode="rerecord"):
        assert requests.get(upstream.url + "/one").json()["hit"] == 2
    before = path.read_bytes()
    with use_cassette(path, mode="live"):
        assert requests.get(upstream.url + "/one").json()["hit"] == 3

    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["replay", "offline"])
def test_a_miss_is_raised_at_the_end_of_the_block(tmp_path, upstream, mode):
    """A miss that the block swallowed is reported at its end, with a command that records."""
    path = tmp_path / "trip.yaml"
    with pytest.raises(MissError) as raised, use_cassette(path, mode=mode):
        assert requests.get(upstream.url + "/one").status_code == 504
    text = str(raised.value)

    assert f"is not on the cassette of use_cassette({str(path)!r})" in text
    assert "sent at tests/plugin/test_use_cassette.py:" in text or "test_use_cassette.py:" in text
    assert 'record it: use_cassette(…, mode="record")' in text
    assert "pytest --agentcache-record" not in text
    assert upstream.hits == []
    assert not path.exists()


def test_a_cassette_beside_it_that_holds_the_request_is_named(tmp_path, upstream):
    """Cassettes in the same folder are looked through, and nothing around it."""
    around = tmp_path / "around.yaml"
    with use_cassette(around, mode="record"):
        requests.get(upstream.url + "/around")
    beside = tmp_path / "trips" / "beside.yaml"
    with use_cassette(beside, mode="record"):
        requests.get(upstream.url + "/beside")
    with pytest.raises(MissError) as raised, use_cassette(tmp_path / "trips" / "mine.yaml"):
        [requests.get(upstream.url + path) for path in ("/beside", "/around")]

    assert f"it is on another cassette: {beside}" in str(raised.value)
    assert str(around) not in str(raised.value)


def test_respond_raises_nothing(tmp_path, upstream):
    """Under on_miss="respond" the 504 is all there is."""
    with use_cassette(tmp_path / "trip.yaml", on_miss="respond") as harness:
        assert requests.get(upstream.url + "/one").status_code == 504

    assert len(harness.misses) == 1


def test_raise_raises_on_the_spot(tmp_path, upstream):
    """Under on_miss="raise" the block ends at the miss."""
    reached = []
    with pytest.raises(MissError), use_cassette(tmp_path / "trip.yaml", on_miss="raise"):
        reached.append(requests.get(upstream.url + "/one"))

    assert reached == []


@pytest.mark.parametrize("mode", ["record", "rerecord"])
def test_a_block_that_raises_writes_nothing(tmp_path, upstream, mode):
    """A block keeps its own error, and the cassette stays as it was."""
    path = tmp_path / "trip.yaml"
    with use_cassette(path, mode="record"):
        requests.get(upstream.url + "/one")
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), use_cassette(path, mode=mode):
        len(requests.get(upstream.url + "/two").text) / 0

    assert path.read_bytes() == before


def test_the_environment_says_the_mode(tmp_path, upstream, monkeypatch):
    """Without `mode` the environment variable counts, as for a script."""
    monkeypatch.setenv("AGENTCACHE_MODE", "record")
    with use_cassette(tmp_path / "trip.yaml") as harness:
        assert harness.mode == "record"
    with use_cassette(tmp_path / "trip.yaml", mode="offline") as harness:
        assert harness.mode == "offline"


def test_a_block_in_a_block_has_its_mode_and_its_own_cassette(tmp_path, upstream):
    """The inner block takes the outer one's place for its time."""
    outer, inner = tmp_path / "outer.yaml", tmp_path / "inner.yaml"
    with use_cassette(outer, mode="record"):
        requests.get(upstream.url + "/before")
        with use_cassette(inner) as harness:
            assert harness.mode == "record"
            requests.get(upstream.url + "/inner")
        requests.get(upstream.url + "/after")

    assert outer.read_text().count("- request:") == 2
    assert inner.read_text().count("- request:") == 1
    assert "/inner" in inner.read_text()


@pytest.mark.parametrize("mode", ["replay", "offline"])
def test_the_network_is_shut_for_the_block_only(tmp_path, mode):
    """A raw socket is refused within, a miss at the end of the block, and open after it."""

    def reach():
        with socket.socket() as raw:
            raw.setblocking(False)
            raw.connect_ex(("192.0.2.1", 9))

    with pytest.raises(MissError, match=r"CONNECT 192\.0\.2\.1:9"):
        _reach_within(tmp_path / "trip.yaml", mode, reach)
    reach()


def _reach_within(path, mode, reach):
    with use_cassette(path, mode=mode), pytest.raises(NetworkBlocked):
        reach()


def test_the_session_is_isolated_and_gone_afterwards(tmp_path, upstream):
    """`.session` caches within the block, in a folder that goes with it."""
    with use_cassette(tmp_path / "trip.yaml", mode="record", session={"expire_after": 60}) as trip:
        trip.session.get(upstream.url + "/one")
        assert trip.session.get(upstream.url + "/one").from_cache
        folder = trip.session.cache.cache_dir
        assert folder.exists()

    assert not folder.exists()
    assert upstream.hits == ["GET /one"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "nothing"}, r"use_cassette\(\): mode is 'nothing'; allowed are replay"),
        ({"colour": 1}, r"use_cassette\(\): unknown argument 'colour'; allowed are"),
        ({"on_miss": "panic"}, r"use_cassette\(\): on_miss is 'panic'; allowed are"),
        ({"cassette": "x"}, r"use_cassette\(\): cassette= is its first argument"),
        ({"ignore_json": ["a..[b"]}, r"use_cassette\(\): 'a\.\.\[b' is not a JSON path"),
    ],
)
def test_wrong_settings_are_refused(tmp_path, arguments, message):
    """Names and values are checked like the marker's."""
    with (
        pytest.raises(SettingsError, match=message),
        use_cassette(tmp_path / "x.yaml", **arguments),
    ):
        pass


def test_a_wrong_mode_in_the_environment_is_refused(tmp_path, monkeypatch):
    """The error names the variable."""
    monkeypatch.setenv("AGENTCACHE_MODE", "nothing")
    with (
        pytest.raises(SettingsError, match="environment variable AGENTCACHE_MODE: mode is 'noth"),
        use_cassette(tmp_path / "x.yaml"),
    ):
        pass


def test_a_broken_cassette_is_an_error_of_the_block(tmp_path):
    """It is read when the block begins."""
    path = tmp_path / "x.yaml"
    path.write_text("agentcache: 99\n")
    with pytest.raises(CassetteError, match=r"x\.yaml:1: format 99"), use_cassette(path):
        pass


def test_a_script(tmp_path, upstream):
    """A program that never heard of pytest records, replays and leaves nothing behind."""
    script = tmp_path / "script.py"
    script.write_text(f"""
import sys, urllib.request
from pytest_agentcache import use_cassette

with use_cassette("trip.yaml"):
    print(urllib.request.urlopen({upstream.url + "/one"!r}).read())
assert "pytest" not in sys.modules
urllib.request.urlopen({upstream.url + "/after"!r}).close()
""")

    def run(mode):
        environment = {**os.environ, "AGENTCACHE_MODE": mode}
        return subprocess.run(
            [sys.executable, "-W", "error", script], cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    recorded, played = run("record"), run("offline")
    assert (recorded.returncode, recorded.stderr) == (0, "")
    assert (played.returncode, played.stdout, played.stderr) == (0, recorded.stdout, "")
    assert upstream.hits == ["GET /one", "GET /after", "GET /after"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["script.py", "trip.yaml"]


NESTED = """
    import requests
    from pytest_agentcache import use_cassette

    def test_one({fixture}):
        with use_cassette("inner.yaml") as inner:
            assert inner.mode == "{mode}"
            assert requests.get(URL + "/inner").json()["path"] == "/inner"
        {after}
"""


@pytest.mark.parametrize("fixture", ["agentcache", ""])
@pytest.mark.parametrize("mode", MODES)
def test_nested_in_a_test_it_has_the_mode_of_the_run(suite, upstream, mode, fixture):
    """In a test, on a cassette or not, the flag of the run counts for the block too."""
    after = 'assert requests.get(URL + "/outer").ok' if fixture else ""
    suite.write(NESTED.format(fixture=fixture, mode="record", after=after))
    suite.record()
    suite.write(NESTED.format(fixture=fixture, mode=mode, after=after))
    before = (suite.root / "inner.yaml").read_bytes()
    assert b"/outer" not in before
    plays = mode in ("replay", "offline", "record")
    if plays:
        upstream.stop()
    hits = len(upstream.hits)
    suite.run(*[] if mode == "replay" else [f"--agentcache-{mode}"]).assert_outcomes(passed=1)

    assert len(upstream.hits) - hits == (0 if plays else 1 + bool(fixture))
    assert ((suite.root / "inner.yaml").read_bytes() == before) == (mode != "rerecord")


@pytest.mark.parametrize("fixture", ["agentcache", ""])
def test_nested_in_a_test_a_miss_fails_the_test(suite, fixture):
    """A miss in the block is the test's failure."""
    suite.write(
        NESTED.format(fixture=fixture, mode="offline", after="").replace(
            'assert requests.get(URL + "/inner").json()["path"] == "/inner"',
            'requests.get(URL + "/inner")',
        )
    )
    outcome = suite.run("--agentcache-offline")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*is not on the cassette of use_cassette('inner.yaml')"])


def test_an_explicit_mode_does_not_open_the_network_offline(suite):
    """Under --agentcache-offline a block that would record reaches no host but loopback."""
    suite.write("""
        import requests
        from pytest_agentcache import use_cassette

        def test_one():
            with use_cassette("inner.yaml", mode="record"):
                requests.get("http://192.0.2.1/")
    """)
    outcome = suite.run("--agentcache-offline")

    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*the network is shut in offline mode*"])
    assert not (suite.root / "inner.yaml").exists()


def test_in_a_run_the_ini_file_and_the_hooks_hold(suite):
    """The suite's secrets are secrets in a block too, in tests on a cassette or not."""
    suite.write("[pytest]\nagentcache_redact = x-tenant\n", "pytest.ini")
    suite.write(
        """
        from dataclasses import replace

        def pytest_agentcache_redact(interaction):
            body = interaction.response.body.replace(b"/one", b"<HOOKED>")
            answer = replace(interaction.response, body=body, chunks=())
            return replace(interaction, response=answer)
        """,
        "conftest.py",
    )
    suite.write("""
        import requests
        from pytest_agentcache import use_cassette

        def test_plain():
            with use_cassette("plain.yaml", mode="record"):
                requests.get(URL + "/one", headers={"x-tenant": "acme"})
    """)
    suite.run("-p", "no:randomly").assert_outcomes(passed=1)
    text = (suite.root / "plain.yaml").read_bytes()

    assert b"acme" not in text
    assert b"<HOOKED>" in text


HELD = """
    import pytest, requests
    from pytest_agentcache import use_cassette

    @pytest.fixture
    def name(request):
        return request.node.name

    @pytest.fixture(scope={scope!r})
    def held(tmp_path_factory):
        with use_cassette(tmp_path_factory.mktemp("held") / "held.yaml", mode="offline") as harness:
            yield harness

    @pytest.fixture(autouse=True)
    def around(name, held):
        yield

    def ask():
        requests.get(URL + "/one"){ending}

    def test_first():
        ask()

    def test_innocent(name):
        assert name == "test_innocent"

    def test_last(name):
        ask()
        assert name == "test_last"
"""


@pytest.mark.parametrize("ending", ["", ".raise_for_status()"])
@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_a_miss_in_a_cassette_held_by_a_fixture_fails_its_test_once(suite, scope, ending):
    """The test that missed fails in its call, even if it passed; the teardown stays in order."""
    suite.write(HELD.format(scope=scope, ending=ending))
    outcome = suite.run("-p", "no:randomly")

    outcome.assert_outcomes(failed=2, passed=1)
    text = outcome.stdout.str()
    assert text.count("/one is not on the cassette of use_cassette(") == 2
    assert "is not on the cassette of use_cassette(" in text.partition("test_last")[2]


def test_a_miss_while_fixtures_are_torn_down_is_an_error_of_that_test(suite):
    """The error that leaves the block is one that pytest knows: fixtures are finalized."""
    suite.write(
        HELD.format(scope="function", ending="")
        .replace("        ask()\n", "        pass\n")
        .replace("yield\n", "yield\n        if name == 'test_first':\n            ask()\n")
    )
    outcome = suite.run("-p", "no:randomly")

    outcome.assert_outcomes(passed=3, errors=1)
    outcome.stdout.fnmatch_lines(["ERROR *::test_first - *"])


@pytest.mark.parametrize("on_miss", ["fail", "raise"])
def test_a_miss_error_in_a_fixture_leaves_other_tests_their_fixtures(suite, on_miss):
    """A `MissError` in the teardown of a fixture ends one test, and `except MissError` sees it."""
    suite.write(f"""
        import pytest, requests
        from pytest_agentcache import MissError, use_cassette

        @pytest.fixture
        def name(request):
            return request.node.name

        @pytest.fixture(autouse=True)
        def after(name, tmp_path):
            yield
            if name == "test_first":
                with use_cassette(tmp_path / "x.yaml", on_miss={on_miss!r}):
                    requests.get(URL + "/one")

        def test_first():
            pass

        def test_innocent(name, tmp_path):
            assert name == "test_innocent"
            with pytest.raises(MissError), use_cassette(tmp_path / "x.yaml", on_miss={on_miss!r}):
                requests.get(URL + "/one")
    """)
    suite.run("-p", "no:randomly").assert_outcomes(passed=2, errors=1)


@pytest.mark.parametrize("mode", ["replay", "offline"])
def test_a_cassette_held_by_a_fixture_has_the_requests_of_all_its_tests(suite, upstream, mode):
    """In offline mode, too, it is around each test that is on no cassette of its own."""
    suite.write(
        """
        from pathlib import Path
        import pytest, requests
        from pytest_agentcache import use_cassette

        @pytest.fixture(scope="class")
        def held():
            with use_cassette(Path(__file__).parent / "cassettes" / "held.yaml"):
                yield

        @pytest.mark.usefixtures("held")
        class TestHeld:
            def test_one(self):
                assert requests.get(URL + "/one").ok

            def test_two(self):
                assert requests.get(URL + "/two").ok
        """
    )
    suite.run("--agentcache-record").assert_outcomes(passed=2)
    upstream.hits.clear()

    suite.run(f"--agentcache-{mode}" if mode == "offline" else "-q").assert_outcomes(passed=2)
    assert not upstream.hits
