"""`agentcache serve`, which serves a cassette to programs that are no tests of pytest."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.clients.upstream import Answer, Upstream

from .conftest import environment, get, write

READ = """
import sys, urllib.error, urllib.request, os
try:
    print(urllib.request.urlopen(os.environ["HTTP_PROXY"] + sys.argv[1]).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def cassette(folder):
    """A cassette with one GET, of https://api.weather.example/now."""
    write(folder / "chat.yaml", get())
    return "chat.yaml"


def program(path: str, code: int = 0) -> list[str]:
    """A program that sends one GET to the server, and its arguments."""
    return ["--", sys.executable, "-c", READ, path, str(code)]


API = ["--upstream", "https://api.weather.example"]


def test_program_gets_what_is_on_the_cassette(cassette, spawn):
    """A program is started with the variables, and the command ends with it."""
    done = spawn("serve", cassette, "--mode", "offline", *API, *program("/now"))

    assert done.out.splitlines() == [
        '{"sky": "rain"}',
        "agentcache: 1 replayed, 0 recorded, 0 missed, 0 unused, 0 cassettes written",
    ]
    assert done.code == 0


def test_miss_ends_with_1_and_a_report(cassette, spawn):
    """A miss is reported with a command that records it, and with the process that sent it."""
    done = spawn("serve", cassette, *API, *program("/then"))

    assert done.out.splitlines()[0] == "504"
    assert "GET api.weather.example/then is not on the cassette" in done.err
    assert "sent by process" in done.err
    assert "record it: agentcache serve chat.yaml --mode record" in done.err
    assert done.code == 1


def test_recording_is_kept_only_if_the_program_succeeds(folder, spawn):
    """The recordings of a failing program are discarded, and the command ends with its code."""
    upstream = Upstream()
    upstream.serve("/one", Answer(b"first"))
    words = ["serve", "new.yaml", "--mode", "record", "--upstream", upstream.url]
    try:
        failed = spawn(*words, *program("/one", 3))
        left = (folder / "new.yaml").exists()
        done = spawn(*words, *program("/one"))
    finally:
        upstream.stop()

    assert (failed.code, left) == (3, False)
    assert "new.yaml: 1 recording discarded: the program ended with 3" in failed.out
    assert "1 recorded, 0 missed, 0 unused, 1 cassette written" in done.out
    assert "first" in (folder / "new.yaml").read_text()


def test_without_a_program_it_serves_until_a_signal(cassette):
    """It prints the variables for a shell, says what was missed, and ends with Ctrl-C."""
    command = [sys.executable, "-m", "pytest_agentcache", "serve", cassette, *API]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as server:
        lines = [server.stdout.readline()]
        while lines[-1].startswith("export "):
            lines.append(server.stdout.readline())
        names = dict(line.removeprefix("export ").split("=", 1) for line in lines[:-1])
        url = names["HTTP_PROXY"].strip()
        assert urllib.request.urlopen(f"{url}/now").read() == b'{"sky": "rain"}'
        with pytest.raises(urllib.error.HTTPError, match="504"):
            urllib.request.urlopen(f"{url}/then")
        misses = json.load(urllib.request.urlopen(f"{url}/_agentcache/misses"))["misses"]
        server.send_signal(signal.SIGINT)
        summary = server.stdout.read()

    assert names["OPENAI_BASE_URL"].strip() == f"{url}/https://api.openai.com/v1"
    assert [miss["url"] for miss in misses] == ["https://api.weather.example/then"]
    assert summary.endswith("1 replayed, 0 recorded, 1 missed, 0 unused, 0 cassettes written\n")
    assert server.returncode == 1


@pytest.mark.parametrize(
    ("words", "problem", "remedy"),
    [
        (["none.yaml"], "none.yaml: no such file", "add --mode record"),
        (["chat.txt"], "chat.txt: is no cassette", "Name a YAML file"),
        (["chat.yaml", "--", "no-such-program"], "no-such-program: cannot be run", ""),
        (["chat.yaml", "--upstream", "api.x", "--", "true"], "'api.x' must be an absolute", ""),
    ],
)
def test_bad_input(cassette, run, words, problem, remedy):
    """Wrong arguments end with 2, and with what to do."""
    done = run("serve", *words)

    assert problem in done.err
    assert remedy in done.err
    assert done.code == 2
