"""A test that was moved or renamed finds the cassette that it left behind."""

from __future__ import annotations

import shutil
import subprocess

import pytest

ONE = """
    import requests

    def test_x(agentcache):
        assert requests.get(URL + "/one").ok
"""

GONE = "cassettes/test_old/test_x.yaml is of test_old.py::test_x, which is gone"


def follow(outcome, suite):
    """Does what the report of a miss says, and returns the command."""
    lines = [line.strip() for line in outcome.outlines]
    at = next(at for at, line in enumerate(lines) if line.endswith("if it is this test, move it:"))
    subprocess.run(["sh", "-ec", lines[at + 1]], cwd=suite.root, check=True)
    return lines[at + 1]


def of(outcome):
    """Return the lines about cassettes whose tests are gone."""
    return [line.strip() for line in outcome.outlines if ", which is gone" in line]


def replays(suite, upstream, *arguments):
    """Return true if everything replays offline, with nothing left over."""
    outcome = suite.run("--agentcache-offline", "-o", "agentcache_unused=fail", *arguments)
    return outcome.ret == 0 and not of(outcome)


@pytest.mark.parametrize("mode", [[], ["--agentcache-offline"]])
def test_moved_to_another_module(suite, upstream, mode):
    """The miss says which cassette it may be, of which test, and how to move it."""
    suite.write(ONE, "test_old.py")
    suite.record()
    (suite.root / "test_old.py").rename(suite.root / "test_new.py")
    outcome = suite.run(*mode)

    outcome.stdout.fnmatch_lines(
        [
            "  there is no cassette yet: cassettes/test_new/test_x.yaml",
            f"  {GONE}; if it is this test, move it:",
            "    mkdir -p cassettes/test_new && mv cassettes/test_old/test_x.yaml *",
            "  record it: *",
            f"{GONE}; if that is test_new.py::test_x now: mkdir -p cassettes/test_new && mv *",
        ]
    )
    assert "orphan" not in outcome.stdout.str()
    follow(outcome, suite)
    assert replays(suite, upstream)


RENAMES = {
    "function": (ONE.replace("test_x", "test_y"), "test_y", "test_x"),
    "into a class": (
        """
        import requests

        class TestA:
            def test_x(self, agentcache):
                assert requests.get(URL + "/one").ok
        """,
        "TestA.test_x",
        "test_x",
    ),
}


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("name", RENAMES)
def test_renamed_in_its_module(suite, upstream, name, narrow):
    """A new name, or a class around it: the module is there and has no such test any more."""
    after, new, old = RENAMES[name]
    suite.write(ONE)
    suite.record()
    suite.write(after)
    node = "test_suite.py::" + new.replace(".", "::")
    outcome = suite.run(*([node] if narrow else []))

    assert f"cassettes/test_suite/{old}.yaml is of test_suite.py::{old}" in of(outcome)[0]
    command = follow(outcome, suite)
    assert command == f"mv cassettes/test_suite/{old}.yaml cassettes/test_suite/{new}.yaml"
    assert replays(suite, upstream)


PARAMETERS = """
    import pytest, requests

    @pytest.mark.parametrize("city", {cities})
    def test_city(agentcache, city):
        assert requests.get(f"{{URL}}/{{CITIES.get(city, city)}}").ok

    CITIES = {{"Paris, France": "paris", "Berlin": "berlin"}}
"""


@pytest.mark.parametrize("cities", [["paris", "Berlin"], ["Paris, France", "berlin"]])
def test_parameter_renamed(suite, upstream, cities):
    """The one that asks for the same is the one, however its name is written in its path."""
    suite.write(PARAMETERS.format(cities=["paris", "berlin"]))
    suite.record()
    suite.write(PARAMETERS.format(cities=cities))
    outcome = suite.run()

    old = next(city for city in ("paris", "berlin") if city not in cities)
    assert f"test_city[{old}].yaml is of test_suite.py::test_city[{old}]," in of(outcome)[0]
    follow(outcome, suite)
    assert replays(suite, upstream)


def test_name_that_the_path_does_not_say(suite, upstream):
    """The cassette says it then, and in no other case."""
    suite.write(PARAMETERS.format(cities=["Paris, France", "Berlin", "oslo"]))
    suite.record()
    texts = {name.rpartition("/")[2]: text for name, text in suite.files().items()}

    lines = [line for text in texts.values() for line in text.splitlines() if b"test:" in line]
    assert lines == [b"test: test_suite.py::test_city[Paris, France]"]
    suite.write(PARAMETERS.format(cities=["paris", "Berlin", "oslo"]))
    outcome = suite.run()
    assert "is of test_suite.py::test_city[Paris, France], which is gone" in of(outcome)[0]
    follow(outcome, suite)
    assert replays(suite, upstream)


def test_module_moved_to_another_folder(suite, upstream):
    """All of its cassettes go with one command, the files beside them too."""
    source = (
        ONE
        + """
    def test_picture(agentcache):
        assert requests.post(
            URL + "/picture", b"\\0" * 500, headers={"content-type": "image/png"}
        ).ok
    """
    )
    suite.write(source, "old/test_trip.py")
    suite.record()
    beside = suite.root / "old" / "cassettes" / "test_trip" / "test_picture"
    assert beside.is_dir()
    (suite.root / "new").mkdir()
    (suite.root / "old" / "test_trip.py").rename(suite.root / "new" / "test_trip.py")
    outcome = suite.run()

    outcome.stdout.fnmatch_lines(
        ["old/cassettes/test_trip is of old/test_trip.py, which is gone; if that is new/test_trip*"]
    )
    assert len(set(of(outcome))) == 2
    command = follow(outcome, suite)
    assert command == "mkdir -p new/cassettes && mv old/cassettes/test_trip new/cassettes/test_trip"
    assert replays(suite, upstream)


def test_files_beside_a_cassette_go_with_it(suite, upstream):
    """Its pictures lie in a folder of its name."""
    source = """
    import requests

    def test_a(agentcache):
        assert requests.post(
            URL + "/picture", b"\\0" * 500, headers={"content-type": "image/png"}
        ).ok

    def test_b(agentcache):
        assert requests.get(URL + "/b").ok
    """
    suite.write(source)
    suite.record()
    suite.write(source.replace("test_a", "test_c"))

    assert follow(suite.run(), suite) == (
        "mv cassettes/test_suite/test_a.yaml cassettes/test_suite/test_c.yaml && "
        "mv cassettes/test_suite/test_a cassettes/test_suite/test_c"
    )
    assert replays(suite, upstream)


def test_in_a_repository_git_moves_it(suite, upstream):
    """So that its history goes along; brackets are quoted for the shell."""
    suite.write(PARAMETERS.format(cities=["paris", "oslo"]))
    suite.record()
    for words in (["init", "-q"], ["add", "cassettes"]):
        subprocess.run(["git", *words], cwd=suite.root, check=True)
    suite.write(PARAMETERS.replace("test_city", "test_town").format(cities=["paris", "oslo"]))

    for _ in range(2):
        command = follow(suite.run("-x"), suite)
        assert command.startswith("git mv 'cassettes/test_suite/test_city[")
    done = subprocess.run(
        ["git", "ls-files"], cwd=suite.root, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [
        "cassettes/test_suite/test_town[oslo].yaml",
        "cassettes/test_suite/test_town[paris].yaml",
    ]
    assert replays(suite, upstream)


def test_what_git_does_not_know_yet_is_moved_without_it(suite, upstream):
    """A test that is renamed before its cassette was added: `git mv` would refuse."""
    suite.write(ONE, "test_old.py")
    suite.record()
    subprocess.run(["git", "init", "-q"], cwd=suite.root, check=True)
    suite.write(ONE.replace("test_x", "test_y"), "test_old.py")

    assert follow(suite.run(), suite).startswith("mv cassettes/test_old/test_x.yaml ")
    assert replays(suite, upstream)


def test_command_is_for_the_folder_that_pytest_runs_in(suite, upstream, monkeypatch):
    """Not for the root of the suite."""
    suite.write("[pytest]\n", "pytest.ini")
    suite.write(ONE, "sub/test_trip.py")
    suite.record()
    suite.write(ONE.replace("test_x", "test_y"), "sub/test_trip.py")
    monkeypatch.chdir(suite.root / "sub")

    suite.run().stdout.fnmatch_lines(
        ["    mv cassettes/test_trip/test_x.yaml cassettes/test_trip/test_y.yaml"]
    )


def test_recording_says_that_there_was_one(suite, upstream):
    """It records as requested, and names the cassettes that it could have used."""
    suite.write(ONE, "test_old.py")
    suite.record()
    suite.write(ONE.replace("test_x", "test_y"), "test_old.py")
    outcome = suite.run("--agentcache-record")

    outcome.assert_outcomes(passed=1)
    command = "mv -f cassettes/test_old/test_x.yaml cassettes/test_old/test_y.yaml"
    assert of(outcome) == [f"{GONE}; if that is test_old.py::test_y now: {command}"]
    assert len(suite.files()) == 2
    assert len(upstream.hits) == 2


ANOTHER = {
    "there": ("def test_x(): pass", "test_x", False),
    "there in a branch": ("if 1:\n    def test_x(): pass", "test_x", False),
    "imported": ("from test_suite import test_x", "test_x", False),
    "imported with all": ("from test_suite import *", "test_x", False),
    "assigned": ("test_x = print", "test_x", False),
    "in its class": ("class TestA:\n    def test_x(self): pass", "TestA.test_x", False),
    "inherited": ("class TestA(Other): pass", "TestA.test_x", False),
    "no Python": ("def test_x(:", "test_x", False),
    "gone": ("def test_z(): pass", "test_x", True),
    "gone from its class": ("class TestA:\n    pass\ndef test_x(): pass", "TestA.test_x", True),
    "gone with its class": ("def test_x(): pass", "TestA.test_x", True),
    "gone into a class": ("class TestA:\n    def test_x(self): pass", "test_x", True),
}


@pytest.mark.parametrize("case", ANOTHER)
def test_what_did_not_run_is_looked_into(suite, case):
    """A cassette whose test may still be there, in a module that was not collected, is its own."""
    source, name, offered = ANOTHER[case]
    suite.write(ONE)
    suite.write(source, "more/test_more.py")
    path = suite.root / "more" / "cassettes" / "test_more" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("agentcache: 1\n")
    outcome = suite.run("test_suite.py")

    outcome.assert_outcomes(failed=1)
    assert bool(of(outcome)) is offered


def test_what_was_collected_is_there(suite):
    """However its module came by it."""
    suite.write(ONE)
    suite.write("globals()['test_' + 'x'] = lambda agentcache: None", "more/test_more.py")
    path = suite.root / "more" / "cassettes" / "test_more" / "test_x.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("agentcache: 1\nrecorded_at: '2026-01-01T00:00:00Z'\ninteractions: []\n")
    outcome = suite.run()

    outcome.assert_outcomes(failed=1, passed=1)
    assert of(outcome) == []


def test_what_is_not_alike_is_not_offered(suite):
    """Neither the name nor what it asks for is the same; of two that are alike nobody can tell."""
    suite.write(ONE)
    suite.record()
    suite.write(ONE.replace("test_x", "test_y").replace("/one", "/two"))
    assert of(suite.run()) == []

    other = ONE.replace("/one", "/two")
    suite.write("")
    suite.write(other, "sub/test_a.py")
    for module in ("test_a1", "test_a2"):
        path = suite.root / "sub" / "cassettes" / module / "test_x.yaml"
        path.parent.mkdir(parents=True)
        shutil.copy(suite.cassette("test_x"), path)
    suite.cassette("test_x").unlink()
    assert of(suite.run()) == []


def test_on_two_workers(suite, upstream):
    """Workers find it, the controller tells it once."""
    suite.write(ONE)
    suite.record()
    suite.write(ONE.replace("test_x", "test_y"))
    outcome = suite.spawn("-n", "2")

    assert len(of(outcome)) == 2
    assert "orphan" not in outcome.stdout.str()
