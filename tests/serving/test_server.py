"""Programs in other processes on one cassette, through the server of a test."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from pytest_agentcache import SettingsError, use_cassette
from pytest_agentcache.reports import miss_report
from tests.clients.upstream import Answer, Upstream

EVENTS = [b'data: {"n":1}\n\n', b'data: {"n":2}\n\n']
STREAM = [("content-type", "text/event-stream")]
DOCUMENT = [("content-type", "application/json")]


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture
def cassette(tmp_path) -> Path:
    return tmp_path / "cassettes" / "one.yaml"


def curl(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run curl, which has to end by itself."""
    command = ["curl", "-sS", "--max-time", "20", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=30, check=False)


@pytest.fixture
def replayed(upstream, cassette):
    """The base URL of a server whose cassette has one response, at `/one`; upstream is gone."""
    url = upstream.serve("/one", Answer(b'{"n":1}', headers=DOCUMENT))
    with use_cassette(cassette, mode="record") as harness:
        assert curl(harness.serve().base(url)).stdout == '{"n":1}'
    upstream.stop()
    return url


def test_stream_arrives_event_by_event(upstream, cassette):
    """An event arrives while upstream still holds the next one back, and so it is replayed."""
    gate = threading.Event()
    url = upstream.serve("/s", Answer(EVENTS, headers=STREAM, framing="chunked", gate=gate))
    with use_cassette(cassette, mode="record") as harness:
        command = ["curl", "-sSN", harness.serve().base(url)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
            assert reader.stdout.readline() + reader.stdout.readline() == EVENTS[0]
            gate.set()
            assert reader.stdout.read() == EVENTS[1]
    upstream.stop()
    with use_cassette(cassette, mode="offline") as harness:
        done = curl("-i", "--raw", harness.serve().base(url))
    assert done.stdout.count("f\n") == 2


def test_hundred_at_once_and_connections_that_stay(upstream, cassette):
    """A hundred requests at once, ten on each of ten connections, get their own responses."""
    urls = [upstream.serve(f"/{n}", Answer(b"%d" % n)) for n in range(100)]

    def read(server) -> list[str]:
        parts = [urls[at : at + 10] for at in range(0, 100, 10)]
        with ThreadPoolExecutor(10) as pool:
            done = pool.map(lambda part: curl("-w", r"\n", *map(server.base, part)), parts)
            return [line for each in done for line in each.stdout.split()]

    with use_cassette(cassette, mode="record") as harness:
        assert read(harness.serve()) == [str(n) for n in range(100)]
    upstream.stop()
    with use_cassette(cassette, mode="offline") as harness:
        assert read(harness.serve()) == [str(n) for n in range(100)]


@pytest.fixture
def secure_upstream(tmp_path, monkeypatch):
    """An upstream on HTTPS, whose authority this machine trusts."""
    authority, server = trustme.CA(), Upstream()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.secure(context)
    yield server
    server.stop()


READ = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
FETCH = "fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t))"
GET = "require('https').get(process.argv[1], r => r.on('data', d => console.log(String(d))))"


@pytest.mark.parametrize(
    "program",
    [["curl", "-sS"], [sys.executable, "-c", READ], ["node", "-e", FETCH], ["node", "-e", GET]],
    ids=["curl", "python", "node-fetch", "node-https"],
)
def test_https_through_the_proxy(secure_upstream, cassette, program):
    """A child trusts the proxy by the variables that it is given."""
    secure_upstream.serve("/one", Answer(b"encrypted"))
    url = f"https://localhost:{secure_upstream.port}/one"

    if not shutil.which(program[0]):
        pytest.skip(f"{program[0]} is not installed")

    def read(harness) -> str:
        env = os.environ | harness.serve().env
        return subprocess.check_output([*program, url], env=env, text=True, timeout=30).strip()

    with use_cassette(cassette, mode="record") as harness:
        assert read(harness) == "encrypted"
    secure_upstream.stop()
    assert url in cassette.read_text()
    with use_cassette(cassette, mode="offline") as harness:
        assert read(harness) == "encrypted"


def test_miss_names_the_process(replayed, cassette):
    """A miss of a child is the miss of the test, and names the child as its sender."""
    with use_cassette(cassette, mode="replay", on_miss="respond") as harness:
        done = curl(harness.serve().base(replayed.replace("one", "two")), "-w", "%{http_code}")
        [miss] = harness.misses
    assert done.stdout.endswith("504")
    assert json.loads(done.stdout[:-3])["error"]["code"] == "agentcache_missing"
    assert miss.caller.pid
    assert "curl -sS" in miss.caller.command


def test_client_that_trusts_no_other_certificate(replayed, cassette):
    """A child that refuses the certificate of the proxy is a miss with its remedy."""
    with use_cassette(cassette, mode="replay", on_miss="respond") as harness:
        bare = os.environ | {"HTTPS_PROXY": harness.serve().url}
        assert curl("https://api.example/", env=bare).returncode
        [miss] = harness.misses
        report = miss_report.misses("a test", [miss], harness.responder, cassette, root=Path())
    assert report.splitlines()[0] == (
        "CONNECT api.example:443: the proxy of agentcache.serve() was not trusted"
    )
    assert "agentcache.serve().base('https://api.example')" in report
    assert "curl" in miss.caller.command


def test_bad_input(replayed, cassette):
    """A path without an upstream, a wrong base URL and a port in use are clear errors."""
    with use_cassette(cassette, mode="replay") as harness:
        server = harness.serve()
        assert curl(harness.serve().base(replayed)).stdout == '{"n":1}'
        done = curl(f"{server.url}/v1/models", "-w", "%{http_code}")
        assert "/v1/models names no upstream. Use http://127.0.0.1" in done.stdout
        assert done.stdout.endswith("400")
        with pytest.raises(SettingsError, match=r"base 'api\.openai\.com' must be an absolute"):
            server.base("api.openai.com")
        taken = f"127.0.0.1:{server.port}: Address already in use"
        with (
            use_cassette(cassette.with_name("two.yaml"), mode="replay") as other,
            pytest.raises(SettingsError, match=taken),
        ):
            other.serve(server.port)
    assert curl(server.url).returncode == 7


FAULTS = {
    "refuse": ["Recv failure"],
    "reset": ["Recv failure"],
    "timeout": ["timed out"],
    "truncate": ["outstanding read data", "bytes remaining to read"],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_reaches_the_child(replayed, cassette, kind):
    """A planned fault reaches another process as it does over TCP."""
    options = {"after_bytes": 3} if kind == "truncate" else {}
    with use_cassette(cassette, mode="replay") as harness:
        getattr(harness.upstream, kind)("*", **options)
        done = curl("--max-time", "1", harness.serve().base(replayed))
    assert done.returncode
    assert any(text in done.stderr for text in FAULTS[kind]), done.stderr
