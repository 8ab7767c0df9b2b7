"""`--agentcache-record` with nothing to record touches no file."""

from __future__ import annotations

import os
import re

import pytest

SOURCE = """
    import pathlib
    import pytest, requests
    from pytest_agentcache import use_cassette

    HERE = pathlib.Path(__file__).parent

    def ask(path):
        requests.post(URL + path, json={"messages": [{"role": "user", "content": "Hi"}] * 3})

    def test_plain(agentcache):
        ask("/plain")
        requests.post(URL + "/p", b"\\0" * 500, headers={"content-type": "image/png"})

    @pytest.mark.agentcache(cassette="named")
    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_named(n):
        ask(f"/{n}")
        ask("/all")

    @pytest.mark.parametrize("name", ["Escaped, like this"])
    def test_parameter(agentcache, name):
        ask("/escaped")

    def test_block():
        with use_cassette(HERE / "cassettes" / "block.yaml"):
            ask("/block")

    @pytest.mark.agentcache(match=["method", "url"])
    def test_matched_loosely():
        ask("/loose")
"""

# Each is the same cassette to a reader.
LAID_OUT = {
    "as written": lambda text: text,
    "without captions": lambda text: re.sub(r"(?m)^# \d.*\n", "", text),
    "with a note": lambda text: f"# A person wrote this.\n{text}# And this.\n",
    "in another order of keys": lambda text: re.sub(
        r"(?m)^(    method: .*\n)(    url: .*\n)", r"\2\1", text
    ),
    "in other quotes": lambda text: re.sub(r"(?m)^recorded_at: '(.*)'", r'recorded_at: "\1"', text),
    "written out": lambda text: text.replace(
        "{role: user, content: Hi}", '{"role": user, "content":   "Hi"}'
    ),
    "with the line ends of Windows": lambda text: text.replace("\n", "\r\n"),
    "without the test that it is of": lambda text: re.sub(r"(?m)^test: .*\n", "", text),
}


def recorded(suite):
    suite.write(SOURCE)
    suite.record()
    return [path for path in suite.root.rglob("cassettes/**/*") if path.is_file()]


def age(paths):
    """Gives them a time that no write would leave; what they hold and when they were written."""
    for path in paths:
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return state(paths)


def state(paths):
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in paths
    }


@pytest.mark.parametrize("laid_out", LAID_OUT)
def test_nothing_to_record_touches_nothing(suite, upstream, laid_out):
    """However a person or an older version laid it out; not its time, not `recorded_at`."""
    paths = recorded(suite)
    hits, changed = len(upstream.hits), 0
    for path in paths:
        if path.suffix == ".yaml":
            text = LAID_OUT[laid_out](path.read_text())
            changed += text.encode() != path.read_bytes()
            path.write_bytes(text.encode())
    before = age(paths)
    outcome = suite.run("--agentcache-record")

    outcome.assert_outcomes(passed=7)
    outcome.stdout.fnmatch_lines(["agentcache: * 0 recorded, * 0 cassettes written"])
    assert state(paths) == before
    assert len(upstream.hits) == hits
    assert sorted(path for path in suite.root.rglob("cassettes/**/*") if path.is_file()) == sorted(
        paths
    )
    assert changed or laid_out == "as written"


@pytest.mark.slow
def test_nor_do_two_workers(suite):
    """Though both hold the shared cassette at once."""
    paths = recorded(suite)
    named = suite.root / "cassettes" / "named.yaml"
    named.write_text(LAID_OUT["with a note"](named.read_text()))
    before = age(paths)
    outcome = suite.spawn("-n", "2", "--agentcache-record")

    outcome.assert_outcomes(passed=7)
    assert state(paths) == before


def test_nor_does_a_block_outside_pytest(tmp_path, upstream):
    """`use_cassette` in a program of one's own."""
    import requests

    from pytest_agentcache import use_cassette

    path = tmp_path / "block.yaml"
    with use_cassette(path, mode="record"):
        requests.get(upstream.url, timeout=10)
    path.write_text(LAID_OUT["with a note"](path.read_text()))
    before = age([path])
    with use_cassette(path, mode="record"):
        requests.get(upstream.url, timeout=10)

    assert state([path]) == before
    assert len(upstream.hits) == 1


def test_a_red_run_touches_nothing_either(suite):
    """Nor one in which a test is skipped or asks for less."""
    paths = recorded(suite)
    before = age(paths)
    suite.write(
        SOURCE.replace(
            "def test_plain(agentcache):", "def test_plain(agentcache):\n        assert 0"
        )
        .replace('ask("/loose")', 'pytest.skip("today")')
        .replace('ask("/escaped")', 'pytest.xfail("today")')
        .replace('ask("/all")', "")
    )

    suite.run("--agentcache-record").assert_outcomes(passed=4, failed=1, skipped=1, xfailed=1)
    assert state(paths) == before
