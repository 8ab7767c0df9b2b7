"""Other processes and languages use the cassette of a test through `agentcache.serve()`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from examples import upstream as examples

SUITE = """
    import json, os, shutil, subprocess, sys
    import pytest

    READ = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
    FETCH = "fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t))"
    PROGRAMS = {
        "curl": ["curl", "-sS"],
        "node": ["node", "-e", FETCH],
        "python": [sys.executable, "-c", READ],
    }
    NEEDED = [pytest.param(each, marks=pytest.mark.skipif(not shutil.which(run[0]), reason=each))
              for each, run in PROGRAMS.items()]

    def output(program, url, **options):
        run = [*PROGRAMS[program], url]
        done = subprocess.run(run, capture_output=True, text=True, **options)
        assert not done.returncode, done.stderr
        return done.stdout

    @pytest.mark.parametrize("program", NEEDED)
    def test_by_base_url(agentcache, program):
        url = agentcache.serve().base(URL + "/base")
        assert json.loads(output(program, url))["path"] == "/base"

    @pytest.mark.parametrize("program", NEEDED)
    def test_by_proxy(agentcache, program):
        env = os.environ | agentcache.serve().env
        assert json.loads(output(program, URL + "/proxy", env=env))["path"] == "/proxy"
"""


def test_child_is_recorded_and_replayed(suite, upstream):
    """A child in any language is recorded, and replays with upstream stopped."""
    suite.write(SUITE)
    suite.record()
    programs = 1 + bool(shutil.which("curl")) + bool(shutil.which("node"))
    assert sorted(upstream.hits) == ["GET /base"] * programs + ["GET /proxy"] * programs
    upstream.stop()

    both = {"passed": 2 * programs, "skipped": 6 - 2 * programs}
    suite.run().assert_outcomes(**both)
    suite.run("--agentcache-offline").assert_outcomes(**both)


CHILDREN = """
    import asyncio, multiprocessing, os, subprocess, sys
    import pytest

    ASK = "import urllib.request as u; u.urlopen(sys.argv[1]).read()"
    NESTED = "import subprocess, sys; subprocess.check_call([sys.executable, '-c', *sys.argv[1:]])"
    pytestmark = pytest.mark.agentcache(children=True)

    def child(path):
        return [sys.executable, "-c", f"import sys; {ASK}", URL + path]

    def ask(url):
        exec(ASK, {"sys": type("", (), {"argv": ["", url]})})

    def test_subprocess():
        subprocess.check_call(child("/subprocess"))
        subprocess.check_call(child("/own-environment"), env={"PATH": os.environ["PATH"]})

    def test_grandchild():
        program, *rest = child("/grandchild")[1:][1:]
        subprocess.check_call([sys.executable, "-c", NESTED, program, *rest])

    def test_asyncio():
        async def start():
            return await (await asyncio.create_subprocess_exec(*child("/asyncio"))).wait()
        assert asyncio.run(start()) == 0

    def test_posix_spawn():
        pid = os.posix_spawn(sys.executable, child("/spawn"), os.environ)
        assert os.waitpid(pid, 0)[1] == 0

    def test_multiprocessing():
        process = multiprocessing.get_context("spawn").Process(target=ask, args=(URL + "/mp",))
        process.start()
        process.join()
        assert process.exitcode == 0
"""
PATHS = {"/subprocess", "/own-environment", "/grandchild", "/asyncio", "/spawn", "/mp"}


def test_children_use_the_cassette(suite, upstream):
    """With `children = true`, however a process is started, its requests are those of the test."""
    suite.write(CHILDREN)
    suite.record()
    assert {hit.removeprefix("GET ") for hit in upstream.hits} == PATHS
    upstream.stop()

    suite.run("--agentcache-offline").assert_outcomes(passed=5)


JAVASCRIPT = Path(__file__).parent / "javascript"
CHAT = """
    import os, subprocess
    import pytest

    def ask(agentcache, *arguments):
        env = os.environ | agentcache.serve().env
        command = ["node", PROGRAM, *arguments]
        return subprocess.check_output(command, env=env, text=True).strip()

    @pytest.mark.agentcache(router=True, session={"expire_after": 300})
    def test_router(agentcache):
        for seconds, flag in [(0, "true"), (299, "true"), (1, "true"), (0, "false")]:
            agentcache.clock.tick(seconds)
            assert ask(agentcache, "openai", flag) == "You asked: Say hello."
        cached = [call.from_cache for call in agentcache.prompt_cache]
        assert cached == [False, True, False, False]

    @pytest.mark.parametrize("client", ["openai", "stream", "anthropic", "ai", "fetch"])
    def test_client(agentcache, client):
        assert ask(agentcache, client) == "You asked: Say hello."
"""


@pytest.mark.skipif(
    not (JAVASCRIPT / "node_modules").exists(),
    reason=f"no packages of JavaScript: npm install --no-package-lock --prefix {JAVASCRIPT}",
)
def test_clients_of_javascript(suite, monkeypatch):
    """SDKs of JavaScript are recorded and replayed, through the router as the page of it says."""
    with examples.Upstream(0) as upstream:
        for name, value in {
            "ANTHROPIC_API_KEY": "none-needed",
            "ANTHROPIC_BASE_URL": upstream.url,
            "OPENAI_API_KEY": "none-needed",
            "OPENAI_BASE_URL": f"{upstream.url}/v1",
        }.items():
            monkeypatch.setenv(name, value)
        suite.write(CHAT.replace("PROGRAM", repr(str(JAVASCRIPT / "chat.mjs"))))
        suite.record()
        assert upstream.hits == {"/v1/chat/completions": 7, "/v1/messages": 1}

    suite.run("--agentcache-offline").assert_outcomes(passed=6)
