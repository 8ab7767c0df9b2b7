"""Cassettes and interactions that nothing of a whole run used."""

from __future__ import annotations

import shutil

import pytest

TWO = """
    import pytest, requests

    def test_one(agentcache):
        requests.get(URL + "/one")

    def test_two(agentcache):
        requests.get(URL + "/two")
"""
ORPHAN = "cassettes/test_suite/test_gone.yaml: orphan, no test uses it: agentcache prune"


@pytest.fixture
def recorded(suite):
    """Two tests with their cassettes, and a cassette of one that is no more."""
    suite.write(TWO)
    suite.record()
    shutil.copy(suite.cassette("test_one"), suite.cassette("test_gone"))
    return suite


def orphans(outcome):
    """Return the lines about orphans at the end of a run."""
    return [line for line in outcome.outlines if ": orphan" in line or "more orphans" in line]


def test_orphan_is_listed(recorded):
    """A cassette that no test uses is listed at the end, and fails nothing."""
    outcome = recorded.run()

    assert orphans(outcome) == [ORPHAN]
    assert outcome.ret == 0


def test_orphan_is_listed_in_each_mode_with_cassettes(recorded):
    """Listed, ignored, or a failure of the offline run; and left alone in every mode."""
    for mode, value, code, lines in (
        ("rerecord", "list", 0, [ORPHAN]),
        ("record", "fail", 0, [ORPHAN]),
        ("offline", "list", 0, [ORPHAN]),
        ("offline", "ignore", 0, []),
        ("offline", "fail", 1, [ORPHAN]),
    ):
        outcome = recorded.run(f"--agentcache-{mode}", "-o", f"agentcache_unused={value}")

        outcome.assert_outcomes(passed=2)
        assert (orphans(outcome), outcome.ret) == (lines, code), (mode, value)
        assert recorded.cassette("test_gone").exists()


def test_no_orphan_is_listed_when_a_part_ran(recorded):
    """A test that did not run might have used it."""
    recorded.write(TWO, "sub/test_sub.py")
    recorded.write("def test_plain(): pass", "test_more.py")
    # Before any run with a cache, there is nothing that failed last and `--lf` runs all.
    recorded.run("--agentcache-record", "sub", "-p", "no:cacheprovider")

    for arguments in (
        ["--lf"],
        ["-k", "one"],
        ["--deselect", "test_suite.py::test_two"],
        ["test_suite.py"],
        ["test_suite.py::test_one"],
        ["test_suite.py", "test_more.py"],
        ["sub"],
        ["--collect-only"],
        ["--setup-only"],
        ["--setup-plan"],
        ["--agentcache-live"],
    ):
        assert orphans(recorded.run(*arguments)) == [], arguments
    assert orphans(recorded.run()) == [ORPHAN]


def test_nothing_is_told_after_a_stop(recorded):
    """With -x the tests behind the failure did not run; without it all did."""
    recorded.write("def test_wrong(): assert False", "test_a.py")

    assert orphans(recorded.run("-x")) == []
    assert orphans(recorded.run("--maxfail=1")) == []
    assert orphans(recorded.run()) == [ORPHAN]


def test_nothing_is_told_where_something_was_not_collected(recorded):
    """A module that cannot be imported may have the test, even if the run goes on."""
    recorded.write("import no_such_module", "test_a.py")

    assert orphans(recorded.run()) == []
    assert orphans(recorded.run("--continue-on-collection-errors")) == []


def test_nothing_is_told_where_a_plugin_leaves_tests_out(recorded):
    """A suite that is split over machines is a part, though nobody says that it deselects."""
    recorded.write("def pytest_collection_modifyitems(items): del items[0]", "conftest.py")

    assert orphans(recorded.run()) == []


def test_the_whole_is_what_testpaths_names(recorded):
    """Cassettes beyond it are nobody's business; naming all of it is the whole."""
    (recorded.root / "tests").mkdir()
    for name in ("test_suite.py", "cassettes"):
        shutil.move(recorded.root / name, recorded.root / "tests" / name)
    shutil.copytree(recorded.root / "tests" / "cassettes", recorded.root / "other" / "cassettes")
    for named in ("tests", "t*", ".", str(recorded.root / "tests")):
        recorded.write(f"[pytest]\ntestpaths = {named}\nnorecursedirs = other\n", "pytest.ini")
        assert orphans(recorded.run()) == [f"tests/{ORPHAN}"]
    recorded.write("[pytest]\ntestpaths = tests\n", "pytest.ini")
    assert orphans(recorded.run("tests")) == [f"tests/{ORPHAN}"]
    assert orphans(recorded.run("tests/test_suite.py")) == []


def test_what_is_no_orphan(suite):
    """Cassettes of skipped and failing tests, parameters, shared names and blocks; body files."""
    source = """
        import pathlib
        import pytest, requests
        from pytest_agentcache import use_cassette

        SKIP = pathlib.Path(__file__).with_name("skip").exists()
        HERE = pathlib.Path(__file__).parent

        @pytest.mark.skipif(SKIP, reason="today")
        def test_skipped(agentcache):
            requests.get(URL)

        today = pytest.mark.skipif(SKIP, reason="today")

        @pytest.mark.parametrize("n", [1, pytest.param(2, marks=today)])
        def test_parameter(agentcache, n):
            requests.get(URL)

        @pytest.mark.skipif(SKIP, reason="today")
        @pytest.mark.agentcache(cassette="skipped")
        def test_skipped_on_a_shared_one():
            requests.get(URL)

        @pytest.mark.agentcache(cassette="shared")
        def test_on_a_shared_one():
            requests.get(URL)

        def test_block():
            name = "bl" + "ock"
            with use_cassette(HERE / "cassettes" / f"{name}.yaml"):
                requests.get(URL)

        @pytest.mark.skipif(SKIP, reason="today")
        def test_skipped_block():
            with use_cassette(HERE / "cassettes/skipped_block.yaml"):
                requests.get(URL)

        def test_failing(agentcache):
            requests.get(URL)
            assert not SKIP

        def test_expected(agentcache):
            requests.get(URL)
            if SKIP:
                pytest.xfail("today")

        def test_picture(agentcache):
            requests.get(URL + "/?h=X:y")

        def test_dynamic(request):
            if not SKIP:
                request.getfixturevalue("agentcache")
                requests.get(URL)
    """
    suite.write(source)
    suite.record()
    (suite.root / "skip").touch()
    beside = suite.root / "cassettes" / "test_suite" / "test_picture"
    beside.mkdir()
    (beside / "body.yaml").write_text("a: body\n")
    outcome = suite.run()

    assert outcome.parseoutcomes()["skipped"] == 4
    assert orphans(outcome) == []
    assert len(suite.files()) == 12


def test_a_name_that_only_a_fixture_gives(suite):
    """A test that was skipped might be on any cassette that its fixture names."""
    suite.write(TWO.replace('"/one")', '"/one")\n\n    def test_sometimes(agentcache): ...'))
    fixture = """
        import pytest

        @pytest.fixture
        def agentcache_config(request):
            return {"cassette": "of_" + request.node.name[5:]}
    """
    suite.write(fixture, "conftest.py")
    suite.record()
    suite.cassette("x", "").parent.joinpath("of_gone.yaml").write_bytes(
        suite.files()["cassettes/of_one.yaml"]
    )

    assert orphans(suite.run()) == [
        "cassettes/of_gone.yaml: orphan, no test uses it: remove it by hand"
    ]
    for skipped in ("def test_two(agentcache)", "@pytest.mark.agentcache\n    def test_two()"):
        source = TWO.replace("def test_two(agentcache)", f"@pytest.mark.skip\n    {skipped}")
        suite.write(source)
        assert orphans(suite.run()) == []


def test_a_test_that_says_something_wrong_keeps_its_cassette(recorded):
    """Nobody knows what it meant, so what would be its own is in use; and the run goes on."""
    recorded.write(TWO.replace("def test_two", "@pytest.mark.agentcache(x=1)\n    def test_two"))
    assert orphans(recorded.run()) == [ORPHAN]

    recorded.write(TWO)
    hook = "def pytest_agentcache_cassette_name(item): 1 / (item.name != 'test_two')"
    recorded.write(hook, "conftest.py")
    outcome = recorded.run()
    outcome.assert_outcomes(passed=1, errors=1)
    assert orphans(outcome) == [ORPHAN]


def test_files_that_are_no_cassettes_of_ours_stay_unmentioned(recorded):
    """Cassettes of other tools may be in use there, and notes are notes."""
    folder = recorded.cassette("x").parent
    (folder / "notes.yaml").write_text("a: note\n")
    (folder / "of_vcr.yaml").write_text("interactions: []\nversion: 1\n")

    assert orphans(recorded.run()) == [ORPHAN]


def test_a_module_that_pytest_left_out_has_no_orphans(recorded):
    """A test that is skipped or ignored may use its cassettes elsewhere."""
    recorded.write(TWO, "test_other.py")
    recorded.record()
    recorded.write('import pytest\npytest.skip("today", allow_module_level=True)', "test_other.py")

    assert orphans(recorded.run()) == [ORPHAN]
    recorded.write(TWO, "test_other.py")
    assert orphans(recorded.run("--ignore", "test_other.py")) == [ORPHAN]


def test_a_module_without_tests_has_only_orphans(recorded):
    """An empty module uses no cassettes, and neither does a missing one."""
    recorded.write("", "test_empty.py")
    for module in ("test_empty", "test_removed"):
        path = recorded.cassette("test_x", module)
        path.parent.mkdir()
        shutil.copy(recorded.cassette("test_one"), path)

    assert [line.partition(":")[0] for line in orphans(recorded.run())] == [
        "cassettes/test_empty/test_x.yaml",
        "cassettes/test_removed/test_x.yaml",
        "cassettes/test_suite/test_gone.yaml",
    ]


def test_many_orphans_are_counted(recorded):
    """The list does not fill the screen."""
    for number in range(30):
        shutil.copy(recorded.cassette("test_one"), recorded.cassette(f"test_gone{number:02}"))
    lines = orphans(recorded.run())

    assert len(lines) == 21
    assert lines[-1] == "… and 11 more orphans"


def test_no_cassette_is_read_to_find_orphans(suite, monkeypatch):
    """Files are listed; only the head of what nothing uses is looked at."""
    suite.write("""
        import pytest

        @pytest.mark.parametrize("n", range(50))
        def test_many(n):
            pass
    """)
    for number in range(50):
        path = suite.cassette(f"test_many[{number}]")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("agentcache: 1\n")
    suite.cassette("test_gone").write_text("agentcache: 1\nnothing: that could be parsed: [\n")
    suite.write(
        """
        import sys

        opened = []
        sys.addaudithook(
            lambda event, args: opened.append(str(args[0])) if event == "open" else None
        )

        def pytest_unconfigure():
            print("read", [path.rpartition("/")[2] for path in opened if "cassettes/" in path])
        """,
        "conftest.py",
    )
    outcome = suite.spawn("-s")

    assert orphans(outcome) == [ORPHAN]
    outcome.stdout.fnmatch_lines(["read ['test_gone.yaml']"])


SHARED = """
    import pytest, requests

    @pytest.mark.agentcache(cassette="shared")
    class TestShared:
        def test_one(self):
            requests.get(URL + "/one")

        def test_two(self):
            requests.get(URL + "/two")
            requests.get(URL + "/three")
"""
UNUSED = "cassettes/shared.yaml: unused: interaction 3"


def test_what_no_test_asks_of_a_shared_cassette_is_unused(suite):
    """Each test replays its part; interactions that none requested are listed once, by number."""
    suite.write(SHARED)
    suite.record()
    assert "unused:" not in suite.run().stdout.str()
    suite.write(SHARED.replace('requests.get(URL + "/three")', ""))
    outcome = suite.run()

    outcome.stdout.fnmatch_lines([UNUSED, "agentcache: 2 replayed, * 1 unused, *"])
    assert outcome.ret == 0
    assert UNUSED not in suite.run("-k", "test_two").stdout.str()
    assert UNUSED not in suite.run("--agentcache-record").stdout.str()


def test_unused_of_a_shared_cassette_may_fail_the_run(suite):
    """There is no one test to blame, so the run fails."""
    suite.write(SHARED)
    suite.record()
    suite.write(SHARED.replace('requests.get(URL + "/three")', ""))
    for value, code, listed in (("fail", 1, True), ("list", 0, True), ("ignore", 0, False)):
        outcome = suite.run("--agentcache-offline", "-o", f"agentcache_unused={value}")

        outcome.assert_outcomes(passed=2)
        assert (outcome.ret, UNUSED in outcome.outlines) == (code, listed), value


def test_a_test_that_did_not_pass_might_have_sent_it(suite):
    """An interaction of a shared cassette is unused only after all its tests have run."""
    suite.write(SHARED)
    suite.record()
    ignoring = SHARED.replace(
        "def test_two", "@pytest.mark.agentcache(unused='ignore')\n        def test_two"
    )
    for source, end in (
        (SHARED, "pytest.skip()"),
        (SHARED, "assert False"),
        (SHARED, "pytest.xfail()"),
        (ignoring, ""),
    ):
        suite.write(source.replace('requests.get(URL + "/three")', end))
        assert UNUSED not in suite.run().stdout.str(), end


def test_what_a_block_asks_of_a_shared_cassette_is_used(suite):
    """`use_cassette` asks too."""
    suite.write(SHARED)
    suite.record()
    suite.write(
        SHARED.replace('requests.get(URL + "/three")', "")
        + """
    def test_block():
        from pytest_agentcache import use_cassette
        with use_cassette("cassettes/shared.yaml"):
            requests.get(URL + "/three")
    """
    )
    outcome = suite.run()

    outcome.assert_outcomes(passed=3)
    assert UNUSED not in outcome.stdout.str()


PARTS = SHARED.replace('requests.get(URL + "/three")', "") + TWO.partition("requests\n")[2]


@pytest.fixture
def left_over(suite):
    """A suite that does not use an interaction of a shared cassette, and one cassette at all."""
    suite.write(SHARED + TWO.partition("requests\n")[2])
    suite.record()
    suite.write(PARTS)
    shutil.copy(suite.cassette("test_one"), suite.cassette("test_gone"))
    return suite


@pytest.mark.parametrize(
    "arguments",
    [
        ["-n", "2", "--dist", "loadgroup", "--agentcache-offline", "-o", "agentcache_unused=fail"],
        ["--dist", "each", "--tx", "2*popen"],
        ["-p", "randomly"],
    ],
    ids=" ".join,
)
def test_workers_are_merged(left_over, arguments):
    """However a whole suite is run, the same is reported, once."""
    arguments = [*arguments, "-o", "addopts="]
    outcome = left_over.spawn(*arguments)

    assert orphans(outcome) == [ORPHAN]
    assert outcome.outlines.count(UNUSED) == 1
    assert outcome.ret == (1 if "agentcache_unused=fail" in arguments else 0)


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        (["-x"], PARTS + "\n    def test_wrong(): assert False"),
        ([], PARTS + "\n    def test_crash():\n        import os\n        os._exit(1)"),
    ],
    ids=["-x", "crash"],
)
def test_workers_that_ran_a_part_tell_nothing(left_over, arguments, source):
    """One worker that did less than all makes the whole a part."""
    left_over.write(source)
    outcome = left_over.spawn("-n", "2", *arguments)

    assert "passed" in outcome.parseoutcomes()
    assert orphans(outcome) == []
    assert UNUSED not in outcome.outlines


def test_a_skipped_test_may_be_on_a_shared_cassette_by_a_fixture(suite):
    """Nobody knows what a fixture that did not run would have named."""
    source = TWO.replace(
        "import pytest, requests",
        """import pytest, requests

    @pytest.fixture
    def agentcache_config():
        return {"cassette": "shared"}
    """,
    )
    suite.write(source)
    suite.record()
    suite.write(source.replace('requests.get(URL + "/two")', "pass"))
    assert "cassettes/shared.yaml: unused: interaction 2" in suite.run().outlines
    for end in ("pytest.skip()", "assert False"):
        suite.write(source.replace('requests.get(URL + "/two")', end))
        assert "unused:" not in suite.run().stdout.str()
    suite.write(source.replace("def test_two", "@pytest.mark.skip\n    def test_two"))
    assert "unused:" not in suite.run().stdout.str()
