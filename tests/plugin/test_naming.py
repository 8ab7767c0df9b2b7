"""Every test has a file of its own whose name is readable and fits any filesystem."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HOSTILE = [
    "a/b", "a:b", "a?b", "a*b", "a\\b", "a<b", "a|b", 'a"b', "a b", "a-b", "a_b", "a.b",
    "upper", "Upper", "UPPER", "naïve", "nai\u0308ve", "日本", "日本語", "🎉", "a::b", "::", "..",
    "../x", "", ".", "x" * 300, "x" * 300 + "y", "é" * 300, "CON", "nul", "a\nb", "a\tb",
    "trailing.", "~", "a]", "[a", "a]b[", "%2F",
]  # fmt: skip


def test_no_two_parameters_share_a_file(suite, upstream):
    """With any parameter, the test has its own file, and replays it."""
    suite.write(f"""
        import pytest, requests

        NAMES = {HOSTILE!r}

        @pytest.mark.parametrize("at", range(len(NAMES)), ids=NAMES.__getitem__)
        def test_hostile(agentcache, at):
            assert requests.get(f"{{URL}}/{{at}}").json()["path"] == f"/{{at}}"
    """)
    suite.record()
    files = list(suite.files())
    names = [Path(file).name for file in files]

    assert len({name.casefold() for name in names}) == len(HOSTILE)
    assert {Path(file).parent.as_posix() for file in files} == {"cassettes/test_suite"}
    assert max(len(os.fsencode(name)) for name in names) <= 255
    assert all(name.isascii() and not set(name) & set('<>:"/\\|?*\n\t ') for name in names)
    upstream.stop()
    suite.run("--agentcache-offline").assert_outcomes(passed=len(HOSTILE))


def test_a_plain_name_stays_as_it_is(suite):
    """If no character has to be replaced, the file is named like the test."""
    suite.write("""
        import pytest, requests

        class TestOuter:
            class TestInner:
                @pytest.mark.parametrize("city", ["paris", "new-york", "1.5"])
                def test_one(self, agentcache, city):
                    requests.get(URL)

        def test_plain(agentcache):
            requests.get(URL)
    """)
    suite.record()

    assert list(suite.files()) == [
        "cassettes/test_suite/TestOuter.TestInner.test_one[1.5].yaml",
        "cassettes/test_suite/TestOuter.TestInner.test_one[new-york].yaml",
        "cassettes/test_suite/TestOuter.TestInner.test_one[paris].yaml",
        "cassettes/test_suite/test_plain.yaml",
    ]


def test_the_same_name_in_two_classes_and_modules(suite):
    """Tests of one name in different places have different files."""
    source = """
        import requests

        class TestA:
            def test_one(self, agentcache):
                requests.get(URL)

        class TestB:
            def test_one(self, agentcache):
                requests.get(URL)

        def test_one(agentcache):
            requests.get(URL)
    """
    suite.write(source)
    suite.write(source, "test_other.py")
    suite.write(source, "sub/test_third.py")
    suite.record()

    assert len(suite.files()) == 9
    assert "sub/cassettes/test_third/TestA.test_one.yaml" in suite.files()


@pytest.mark.parametrize(
    "source",
    [
        """
        import requests
        def test_one(agentcache): requests.get(URL)
        def test_ONE(agentcache): requests.get(URL)
        """,
        """
        import requests
        class TestA:
            def test_one(self, agentcache): requests.get(URL)
        class Testa:
            def test_one(self, agentcache): requests.get(URL)
        """,
        """
        import pytest, requests
        @pytest.mark.parametrize("city", ["Paris", "paris"])
        def test_one(agentcache, city): requests.get(URL)
        """,
    ],
)
def test_names_that_differ_in_case_alone(suite, source):
    """Functions, classes and parameters keep apart where a filesystem does not tell case."""
    suite.write(source)
    suite.record()

    assert len({name.casefold() for name in suite.files()}) == 2


@pytest.mark.parametrize(
    "name", ["../x", "..", ".", "", "/abs/olute", "a/../../x", "a\\0b", "sub/../../../x"]
)
def test_a_named_cassette_stays_in_its_folder(suite, name):
    """A name that leads out of the cassettes folder fails its test; an empty one is none."""
    suite.write(f"""
        import pytest, requests

        @pytest.mark.agentcache(cassette="{name}")
        def test_one():
            requests.get(URL)
    """)
    outcome = suite.run("--agentcache-record")

    if name == "":
        outcome.assert_outcomes(passed=1)
    else:
        outcome.assert_outcomes(errors=1)
        outcome.stdout.fnmatch_lines(
            ["*leads out of */cassettes.", "*Use a name below that folder*"]
        )
        assert suite.files() == {}
    assert [*suite.root.rglob("x.yaml"), *suite.root.parent.glob("x.yaml")] == []


def test_a_link_that_leads_out_of_the_folder_is_no_way(suite, tmp_path):
    """Links count for where they lead."""
    (suite.root / "cassettes").mkdir()
    (suite.root / "cassettes" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(cassette="link/x")
        def test_one():
            requests.get(URL)
    """)
    suite.run("--agentcache-record").assert_outcomes(errors=1)

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_name_that_no_filesystem_takes_is_an_error(suite):
    """A cassette named past 255 bytes is refused with the reason, and the others go on."""
    suite.write("""
        import pytest, requests

        @pytest.mark.agentcache(cassette="x" * 300)
        def test_one():
            requests.get(URL)

        def test_two(agentcache):
            requests.get(URL)
    """)
    outcome = suite.run("--agentcache-record")

    assert outcome.parseoutcomes()["errors"] == 1
    outcome.stdout.fnmatch_lines(["*File name too long*"])
    assert list(suite.files()) == ["cassettes/test_suite/test_two.yaml"]


def test_one_folder_for_all_cassettes(suite, upstream):
    """Modules of one name in two folders have separate cassettes there; names are below theirs."""
    suite.write("[pytest]\nagentcache_cassette_dir = recordings\n", "pytest.ini")
    for folder in ("a", "b"):
        suite.write("", f"{folder}/__init__.py")
        suite.write(
            """
            import pytest, requests

            def test_one(agentcache):
                assert requests.get(URL + "/" + __name__[0]).ok

            @pytest.mark.agentcache(cassette="shared")
            def test_two():
                assert requests.get(URL + "/shared").ok
            """,
            f"{folder}/test_suite.py",
        )
    suite.record()
    upstream.stop()

    found = (path for path in (suite.root / "recordings").rglob("*.yaml"))
    assert sorted(path.relative_to(suite.root).as_posix() for path in found) == [
        "recordings/a/shared.yaml",
        "recordings/a/test_suite/test_one.yaml",
        "recordings/b/shared.yaml",
        "recordings/b/test_suite/test_one.yaml",
    ]
    assert suite.files() == {}
    outcome = suite.run("--agentcache-offline", "-o", "agentcache_unused=fail")
    outcome.assert_outcomes(passed=4)
