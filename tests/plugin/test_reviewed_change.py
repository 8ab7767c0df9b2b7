"""From the word that somebody changed in a prompt to the line that a reviewer reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_agentcache import cli

AGENT = '''
"""Asks three things, each with a prompt of its own."""
import requests
import pytest

PROMPTS = ["Is it dry in Paris?", "Name a museum that is open on Mondays.", "Thank you."]


@pytest.mark.agentcache
def test_trip():
    for prompt in PROMPTS:
        body = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
        assert requests.post(MODEL + "/v1/chat/completions", json=body).ok
'''


@pytest.fixture
def model():
    """A model that answers with the last words of what it is asked, the same every time."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            words = asked["messages"][-1]["content"].split()[-2:]
            message = {"role": "assistant", "content": f"You said: {' '.join(words)}"}
            answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("how", ["--agentcache-record", "--agentcache-rerecord"])
def test_one_word_is_one_interaction_in_the_diff(suite, model, monkeypatch, capsys, how):
    """`git diff` touches that interaction alone, and `agentcache diff` says it on one line."""
    # git looks no further up, and knows nobody's configuration.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(suite.root.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("COLUMNS", "120")

    def git(*words):
        person = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
        done = subprocess.run(
            ["git", *person, *words],
            cwd=suite.root,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout

    source = f"MODEL = {model!r}\n{AGENT}"
    suite.write(source)
    suite.run("--agentcache-record").assert_outcomes(passed=1)
    git("init", "-q")
    git("add", "cassettes")
    git("commit", "-qm", "Recorded")
    suite.write(source.replace("on Mondays", "on Sundays"))
    suite.run(how).assert_outcomes(passed=1)
    capsys.readouterr()

    monkeypatch.chdir(suite.root)
    code = cli.main(["diff", "--git", "--brief"])
    lines = capsys.readouterr().out.splitlines()
    changed = [line for line in git("diff", "-U0").splitlines() if re.match(r"[-+](?![-+])", line)]

    title, line = lines
    assert title.endswith("test_trip.yaml · 1 of 3 interactions changed")
    assert re.search(r"~ 2 · POST .* · messages\[0\]\.content 'Mondays' → 'Sundays'", line)
    assert code == 1
    # The comment, the prompt and the answer, before and after, and when it was recorded.
    words = [line for line in changed if "recorded_at" not in line]
    assert len(words) == 6
    assert all("Mondays" in line or "Sundays" in line for line in words)
