"""Bad input: an error with file and line, the other tests go on, and nothing is lost."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

GOOD = """\
agentcache: 1
recorded_at: '2026-11-21T18:29:15Z'
interactions:
- request: {method: GET, url: 'URL/bad'}
  response:
    status: 200
    headers: {content-type: application/json}
    json: {a: 1}
"""
REQUEST = "- request: {method: GET, url: 'URL/bad'}\n"


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


# What the file holds, the line that the error names, and what it says.
BAD = {
    "no YAML": (changed("interactions:", "interactions: ]"), 3, "this is not a cassette"),
    "no YAML at all": ("%PDF-1.4 \x01\x02", 1, "this is not a cassette"),
    "a list": ("- a\n", 1, "*must be a mapping"),
    "a word": ("hello\n", 1, "*must be a mapping"),
    "unknown key": (changed("    status: 200", "    statsu: 200"), 6,
                    "unknown key 'statsu'; allowed are *status*"),
    "unknown key at the top": (changed("recorded_at", "recorded_by"), 2,
                               "unknown key 'recorded_by'; allowed are agentcache, *"),
    "unknown version": (changed("agentcache: 1", "agentcache: 99"), 1,
                        "format 99, but this version of pytest-agentcache reads format 1"),
    "version as text": (changed("agentcache: 1", "agentcache: '1'"), 1, "format '1', but *"),
    "no version": (changed("agentcache: 1\n", ""), 1, "no `agentcache:` line, but *"),
    "unknown body kind": (changed("    json: {a: 1}", "    xml: <a/>"), 8, "unknown key 'xml'; *"),
    "two bodies": (changed("    json: {a: 1}", "    json: {a: 1}\n    text: a"), 9, "two bodies*"),
    "unknown style": (changed("json: {a: 1}", "json: {a: 1}\n    json_style: baroque"), 8,
                      "*baroque*"),
    "Python tag": (changed("{a: 1}", "!!python/object/apply:os.system ['true']"), 8,
                   "*python/object/apply*"),
    "alias": (changed("{a: 1}", "[&x {b: 1}, *x]"), 8, "*alias*"),
    "duplicate key": (changed("    status: 200", "    status: 200\n    status: 201"), 7,
                      "*'status' twice"),
    "two documents": (GOOD + "---\n" + GOOD, 9, "*document*"),
    "wrong base64": (changed("json: {a: 1}", "base64: '%%%'"), 8, "base64 *"),
    "wrong chunks": (changed("    json: {a: 1}", "    chunks: [3, 5]\n    json: {a: 1}"), 8,
                     "`chunks` add up to 8 bytes, but the body has 7"),
    "chunks of nothing": (changed("    json: {a: 1}", "    chunks: [0, 7]\n    json: {a: 1}"), 8,
                          "`chunks` must be a list of sizes in bytes"),
    "missing sidecar": (changed("json: {a: 1}", "file: image-0123456789.png"), 8,
                        "the file bad/image-0123456789.png cannot be read: No such file*"),
    "sidecar elsewhere": (changed("json: {a: 1}", "file: ../../../../etc/passwd"), 8,
                          "the file '../../../../etc/passwd' is outside bad/"),
    "sidecar at the root": (changed("json: {a: 1}", "file: /etc/passwd"), 8,
                            "the file '/etc/passwd' is outside bad/"),
    "status as text": (changed("status: 200", "status: ok"), 6, "`status` is not an HTTP status"),
    "header as number": (changed("application/json", "3"), 7,
                         "the header 'content-type' is not text*"),
    "no url": (changed(", url: 'URL/bad'", ""), 4, "`url` is missing or is not text"),
    "no instant": (changed("'2026-11-21T18:29:15Z'", "yesterday"), 2,
                   "`recorded_at` must be an instant*"),
    "empty": ("", 1, "the file is empty"),
    "blank": ("\n\n", 1, "the file is empty"),
    "cut off in a line": (GOOD[: GOOD.index("application")], 7, "this is not a cassette*"),
    "cut off after a request": (GOOD[: GOOD.index("  response")], 4,
                                "*has no `response`*cut off*"),
    "cut off after a response": (GOOD[: GOOD.index("    status")], 5, "*"),
    "cut off before interactions": (GOOD[: GOOD.index("interactions")], 1, "*cut off*"),
    "no UTF-8": (GOOD.replace("a: 1", "a: \udce9"), 8, "this is not UTF-8 text"),
    "nested without end": (changed("{a: 1}", "[" * 5000 + "]" * 5000), 8, "*"),
}  # fmt: skip
ONE_BAD = """
    @pytest.mark.agentcache(cassette="bad")
    def test_bad():
        assert requests.get(URL + "/bad").ok
"""
SUITE = f"""
    import pytest, requests

    @pytest.mark.agentcache
    def test_before():
        assert requests.get(URL + "/before").ok
{ONE_BAD}
    @pytest.mark.agentcache
    def test_after():
        assert requests.get(URL + "/after").ok
"""
FLAGS = ["", "--agentcache-record", "--agentcache-offline"]


def flags(flag):
    return [flag] if flag else []


@pytest.mark.parametrize("flag", FLAGS)
def test_a_broken_cassette_fails_its_test_alone(suite, flag):
    """The error names the file and the line; nothing is changed, and the other tests run."""
    tests = [
        f"""
    @pytest.mark.agentcache(cassette="bad{number}")
    def test_bad_{number}():
        requests.get(URL + "/bad")
"""
        for number in range(len(BAD))
    ]
    suite.write(SUITE.replace(ONE_BAD, "".join(tests)))
    suite.record("-k", "before or after")
    folder = suite.root / "cassettes"
    for number, (content, _, _) in enumerate(BAD.values()):
        raw = content.replace("URL", suite.upstream.url).encode("utf-8", "surrogateescape")
        (folder / f"bad{number}.yaml").write_bytes(raw)
    before = suite.files()
    outcome = suite.run(*flags(flag))

    outcome.assert_outcomes(passed=2, errors=len(BAD))
    for number, (bad, (_, line, message)) in enumerate(BAD.items()):
        path = folder / f"bad{number}.yaml"
        wanted = f"{path}:{line}: {message.replace('bad/', f'bad{number}/')}*"
        found = [each for each in outcome.outlines if each.startswith(f"{path}:")]
        assert found, bad
        assert fnmatch(found[0], wanted), bad
    outcome.stdout.no_fnmatch_line("*INTERNALERROR*")
    outcome.stdout.no_fnmatch_line("*During handling*")
    assert suite.files() == before


def test_the_good_cassette_is_good(suite):
    """The originals of the broken cassettes replay."""
    suite.write(SUITE)
    suite.record("--deselect", "test_suite.py::test_bad")
    path = suite.root / "cassettes" / "bad.yaml"
    path.write_text(GOOD.replace("URL", suite.upstream.url))

    suite.run("--agentcache-offline").assert_outcomes(passed=3)


@pytest.mark.parametrize("bad", ["no YAML", "unknown version", "empty", "missing sidecar"])
def test_rerecording_mends_a_broken_cassette(suite, bad):
    """The remedy that the error names works."""
    suite.write(SUITE)
    path = suite.root / "cassettes" / "bad.yaml"
    path.parent.mkdir()
    path.write_text(BAD[bad][0].replace("URL", suite.upstream.url))
    suite.run("--agentcache-rerecord").assert_outcomes(passed=3)
    suite.upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=3)


@pytest.mark.parametrize("flag", [*FLAGS, "--agentcache-rerecord"])
def test_a_folder_in_place_of_the_cassette(suite, flag):
    """It is neither read nor replaced."""
    suite.write(SUITE)
    suite.record("--deselect", "test_suite.py::test_bad")
    folder = suite.root / "cassettes" / "bad.yaml"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    outcome = suite.run(*flags(flag))

    assert outcome.parseoutcomes()["errors"] == 1
    outcome.stdout.fnmatch_lines([f"*{folder}: cannot be *: Is a directory*"])
    assert (folder / "mine.txt").read_text() == "mine"
    assert [name for name in suite.files() if name.endswith(".tmp")] == []


@pytest.mark.parametrize("flag", ["--agentcache-record", "--agentcache-rerecord"])
def test_a_file_in_place_of_the_folder(suite, flag):
    """If the folder cannot be created, the test says so, and the others record."""
    suite.write(SUITE)
    (suite.root / "cassettes").mkdir()
    blocked = suite.root / "cassettes" / "test_suite"
    blocked.write_text("mine")
    outcome = suite.run(flag)

    assert outcome.parseoutcomes()["errors"] == 2
    outcome.stdout.fnmatch_lines([f"*{blocked}/test_before.yaml: cannot be *"])
    assert list(suite.files()) == ["cassettes/bad.yaml", "cassettes/test_suite"]
    assert blocked.read_text() == "mine"


FULL = """
    import resource, sys
    import pytest

    LEFT = {left}
    # Compiled modules would be cut, too.
    sys.dont_write_bytecode = True

    def pytest_collection_finish():
        # A disk with room for so many bytes in any one file.
        resource.setrlimit(resource.RLIMIT_FSIZE, (LEFT, LEFT))
"""
LARGE = """
    import pytest, requests

    def test_small(agentcache):
        requests.get(URL + "/small").raise_for_status()

    def test_large(agentcache):
        requests.post(URL + "/large", json=["x" * 9] * MANY).raise_for_status()

    def test_last(agentcache):
        requests.get(URL + "/last").raise_for_status()
"""


@pytest.mark.parametrize("flag", ["--agentcache-record", "--agentcache-rerecord"])
def test_a_full_disk_loses_nothing(suite, flag):
    """A cassette that does not fit is an error; the old one stays intact, with no leftovers."""
    suite.write(LARGE.replace("MANY", "2"))
    suite.record()
    before = suite.files()
    suite.write(LARGE.replace("MANY", "5000"))
    suite.write(FULL.format(left=20_000), "conftest.py")
    outcome = suite.spawn(flag, "-p", "no:cacheprovider")

    outcome.assert_outcomes(passed=3, errors=1)
    outcome.stdout.fnmatch_lines(
        [
            "test_suite.py::test_large: */test_large.yaml: cannot be written: File too large.",
            "*Nothing was changed; check the permissions of the folder and the free space.",
        ]
    )
    outcome.stdout.no_fnmatch_line("*During handling*")
    after = suite.files()
    large = "cassettes/test_suite/test_large.yaml"
    assert after[large] == before[large]
    assert list(after) == list(before)


def test_a_full_disk_while_a_sidecar_is_written_loses_nothing(suite):
    """The files beside a cassette are no exception."""
    suite.write("""
        import pytest, requests

        def test_image(agentcache):
            requests.post(URL, data=b"x" * 50_000, headers={"content-type": "image/png"})
    """)
    suite.write(FULL.format(left=20_000), "conftest.py")
    outcome = suite.spawn("--agentcache-record", "-p", "no:cacheprovider")

    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*cannot be written: File too large.*"])
    assert suite.files() == {}


@pytest.mark.skipif("os.geteuid() == 0", reason="root writes everywhere")
def test_a_read_only_folder_while_recording(suite):
    """Without the right to write the test says so, and what is there stays."""
    suite.write(LARGE.replace("MANY", "2"))
    suite.record()
    before = suite.files()
    folder = suite.root / "cassettes" / "test_suite"
    folder.chmod(0o500)
    try:
        outcome = suite.run("--agentcache-rerecord")
    finally:
        folder.chmod(0o700)

    outcome.assert_outcomes(passed=3, errors=3)
    outcome.stdout.fnmatch_lines(["*test_small.yaml: cannot be written: Permission denied.*"])
    assert suite.files() == before
