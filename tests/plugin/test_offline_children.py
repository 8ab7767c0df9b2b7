"""The processes that an offline run starts are closed as well, and what they try is reported."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="environments pass on by fork and exec")

# Addresses are those of RFC 5737: nothing is reached even where the guard fails.
HEAD = """
    import asyncio, multiprocessing, os, subprocess, sys
    from unittest import mock
    import pytest, uvloop

    CONNECT = "import socket; socket.create_connection(('203.0.113.1', 9), timeout=1)"
    PYTHON = [sys.executable, "-c", CONNECT]

    def connect():
        exec(CONNECT)

    def in_fork(start, *arguments):
        if not (child := os.fork()):
            try:
                start(*arguments)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
"""

# Each is the body of one test, and each reaches for the network once.
WAYS = {
    "run": "subprocess.run(PYTHON)",
    "own_environment": "subprocess.run(PYTHON, env={'PATH': os.environ['PATH']})",
    "empty_environment": "subprocess.run(PYTHON, env={})",
    "bytes_environment": "subprocess.run(PYTHON, env={b'A': b'1'})",
    "own_path": "subprocess.run(PYTHON, env={**os.environ, 'PYTHONPATH': '/nowhere'})",
    "shell": "subprocess.run(f'{sys.executable} child.py', shell=True)",
    "system": "os.system(f'{sys.executable} child.py')",
    "popen": "os.popen(f'{sys.executable} child.py').read()",
    "posix_spawn": "os.waitpid(os.posix_spawn(PYTHON[0], PYTHON, {}), 0)",
    "spawnv": "os.spawnv(os.P_WAIT, PYTHON[0], PYTHON)",
    "spawnve": "os.spawnve(os.P_WAIT, PYTHON[0], PYTHON, {})",
    "execv": "in_fork(os.execv, PYTHON[0], PYTHON)",
    "execvpe": "in_fork(os.execvpe, PYTHON[0], PYTHON, {'PATH': '/bin'})",
    "asyncio": """
        async def start():
            await (await asyncio.create_subprocess_exec(*PYTHON)).wait()

        asyncio.run(start())
    """,
    "uvloop": """
        async def start():
            await (await asyncio.create_subprocess_exec(*PYTHON, env={})).wait()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(start())
    """,
    "spawned": """
        process = multiprocessing.get_context("spawn").Process(target=connect)
        process.start()
        process.join()
    """,
    "forkserver": """
        process = multiprocessing.get_context("forkserver").Process(target=connect)
        process.start()
        process.join()
    """,
    "forked": "in_fork(connect)",
    "grandchild": """
        code = f"import subprocess; subprocess.run({PYTHON!r}, env={{}})"
        subprocess.run([sys.executable, "-c", code], env={})
    """,
    "name": """
        code = "import socket; socket.socket().connect(('203-0-113-1.invalid', 9))"
        subprocess.run([sys.executable, "-c", code])
    """,
}
CURL = {
    "curl": "subprocess.run(['curl', '-sm1', 'http://203.0.113.1:9/path?key=s3cret'])",
    "curl_tls": "subprocess.run(['curl', '-sm1', 'https://203.0.113.1:9/'])",
    "curl_own_environment": "subprocess.run(['curl', '-sm1', 'https://203.0.113.1:9/'], env={})",
    "curl_of_spawned": """
        process = multiprocessing.get_context("spawn").Process(
            target=subprocess.run, args=(['curl', '-sm1', 'https://203.0.113.1:9/'],)
        )
        process.start()
        process.join()
    """,
}
# The first, for which the proxy is started; a test may have replaced what could start it.
MOCKED = {
    "mocked": """
        with mock.patch("subprocess.run"), mock.patch("subprocess.Popen"):
            os.system("curl -sm1 http://203.0.113.1:9/")
    """
}
if shutil.which("curl"):
    WAYS = MOCKED | WAYS | CURL
if shutil.which("node"):
    WAYS["node"] = """
        get = "require('http').get('http://203.0.113.1:9/').on('error', console.log); "
        subprocess.run(["node", "-e", get + "fetch('https://203.0.113.1:8443/').catch(console.log)"])
    """


def source_of(ways, marker=""):
    """Return the source of a suite with a test for each way."""
    bodies = {
        name: body if body.startswith("\n") else f"\n        {body}" for name, body in ways.items()
    }
    return HEAD + "".join(
        f"\n    {marker}\n    def test_{name}():{body}\n" for name, body in bodies.items()
    )


def test_no_way_to_start_a_process_is_open(suite):
    """Each child is refused, and what it tried is a miss of the test that started it."""
    suite.write(source_of(WAYS))
    suite.write(
        "import socket; socket.create_connection(('203.0.113.1', 9), timeout=1)", "child.py"
    )
    outcome = suite.spawn_fresh("--agentcache-offline")
    printed = outcome.stdout.str()

    outcome.assert_outcomes(failed=len(WAYS))
    failed = re.split(r"^_+ test_(\w+) _+$", printed, flags=re.MULTILINE)
    for name, text in zip(failed[1::2], failed[2::2], strict=True):
        assert re.search(r"^CONNECT \S+:\d+ was refused: no client", text, re.MULTILINE), name
        # A forked child is a copy of the test: its own lines are known.
        assert ("sent by process " in text) == (name != "forked"), name


FACTS = """
    CODE = "import sys, sitecustomize; print(sitecustomize.OWN, *sys.path)"

    def output(code, env=None):
        done = subprocess.run([sys.executable, "-c", code], env=env, stdout=-1, text=True)
        return done.stdout.strip()

    def test_a_proxy_of_the_test_stays(monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        code = "import os; print(os.environ['HTTPS_PROXY'], os.environ.get('http_proxy'))"
        assert output(code) == "http://127.0.0.1:1 None"
        assert output(code, {"HTTPS_PROXY": "http://proxy"}) == "http://proxy None"

    def test_the_process_itself_has_no_proxy():
        assert not {"HTTP_PROXY", "https_proxy", "no_proxy"} & os.environ.keys()

    def test_sitecustomize_and_path(tmp_path):
        (tmp_path / "sitecustomize.py").write_text("OWN = 'own'")
        found = output(CODE, {"PYTHONPATH": str(tmp_path)})
        open_path = output("import sys; print(*sys.path)", {"PYTHONPATH": str(tmp_path)})
        assert found.split() == ["own", *open_path.split()]
        assert "site" not in [os.path.basename(each) for each in open_path.split()]

    def test_loopback():
        code = "import socket; server = socket.create_server(('localhost', 0))"
        code += "; socket.create_connection(server.getsockname()); print(1)"
        assert output(code) == "1"

    @pytest.mark.agentcache(allowed_hosts=["*.invalid", "db.example:5432"])
    def test_allowed():
        code = "import socket; socket.getaddrinfo('203-0-113-1.invalid', 9)"
        assert subprocess.run([sys.executable, "-c", code], stderr=-1).returncode == 1
        assert output("import os; print(os.environ['no_proxy'])").endswith(
            ",.invalid,db.example:5432"
        )

    def test_ignored():
        subprocess.run([sys.executable, "-c", "import socket; socket.gethostbyname('t.invalid')"])

    @pytest.mark.agentcache(on_miss="respond")
    def test_respond():
        subprocess.run(PYTHON)

    def test_missed_once():
        for _ in range(2):
            subprocess.run(PYTHON)

    def test_outlived():
        global child
        code = f"input(); {CONNECT}"
        child = subprocess.Popen([sys.executable, "-c", code], stdin=-1)

    def test_next():
        child.communicate(b"\\n")
"""
CONFTEST = """
    import os, socket, subprocess, sys
    code = "import socket; socket.gethostbyname('early.invalid')"
    subprocess.run([sys.executable, "-c", code])
    if not (child := os.fork()):
        try:
            socket.gethostbyname("forked.invalid")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("workers", ["", "-n1"])
def test_the_rest_stays_as_it_is(suite, workers):
    """Loopback, allowed hosts, telemetry, proxies of tests, and the user's `sitecustomize`."""
    suite.write(HEAD + FACTS)
    suite.write(CONFTEST, "conftest.py")
    arguments = ["--agentcache-offline", "-o", "agentcache_ignore_hosts=t.invalid"]
    outcome = suite.spawn_fresh(*arguments, *([workers] if workers else []))

    outcome.assert_outcomes(passed=9, failed=1)
    outcome.stdout.fnmatch_lines(
        [
            "CONNECT 203.0.113.1:9 was refused: no client that can be recorded sent it",
            "  sent by process * (*python* -c import socket; socket.create_connection(*",
            "late: CONNECT 203.0.113.1:9 was asked after the end of its test, by process *",
            "outside any test: CONNECT early.invalid was refused, by process * (*python* -c *",
        ]
    )
    outcome.stdout.fnmatch_lines(
        ["outside any test: CONNECT forked.invalid was refused, at conftest.py:*"]
    )
    assert not list(Path(tempfile.gettempdir()).glob("agentcache-*.jsonl"))


def test_children_may_be_left_open(suite):
    """`agentcache_close_children = false` starts them as they are."""
    suite.write("[pytest]\nagentcache_close_children = false\n", "pytest.ini")
    suite.write(
        HEAD
        + """
    def test_one():
        code = "import sys; sys.exit('_agentcache_network' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    """
    )
    suite.spawn("--agentcache-offline").assert_outcomes(passed=1)
