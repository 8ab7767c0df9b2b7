"""Other processes and languages use the cassette of a test through `agentcache.serve()`."""

from __future__ import annotations

SUITE = """
    import json, os, subprocess, sys
    import pytest

    READ = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
    FETCH = "fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t))"
    PROGRAMS = {
        "curl": ["curl", "-sS"],
        "node": ["node", "-e", FETCH],
        "python": [sys.executable, "-c", READ],
    }

    def output(program, url, **options):
        run = [*PROGRAMS[program], url]
        done = subprocess.run(run, capture_output=True, text=True, **options)
        assert not done.returncode, done.stderr
        return done.stdout

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_by_base_url(agentcache, program):
        url = agentcache.serve().base(URL + "/base")
        assert json.loads(output(program, url))["path"] == "/base"

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_by_proxy(agentcache, program):
        env = os.environ | agentcache.serve().env
        assert json.loads(output(program, URL + "/proxy", env=env))["path"] == "/proxy"
"""


def test_child_is_recorded_and_replayed(suite, upstream):
    """A child in any language is recorded, and replays with upstream stopped."""
    suite.write(SUITE)
    suite.record()
    assert sorted(upstream.hits) == ["GET /base"] * 3 + ["GET /proxy"] * 3
    upstream.stop()

    suite.run().assert_outcomes(passed=6)
    suite.run("--agentcache-offline").assert_outcomes(passed=6)
