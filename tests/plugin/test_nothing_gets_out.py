"""Every moment of a run and every way out, against listeners on addresses that are not loopback.

The runs are in a network namespace of their own, where these addresses exist.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's"),
    pytest.mark.slow,
]

# Each way is named; its name has an address of its own, so that what arrives says what sent it.
WAYS = '''
import asyncio, ctypes, multiprocessing, os, socket, subprocess, sys
import _socket

OFFLINE = os.environ["AGENTCACHE_MODE"] == "offline"
PORT = 8080
IN_PROCESS = {}
CHILDREN = {}
OPEN = {}


def way(table):
    def keep(function):
        table[function.__name__] = function
        return function
    return keep


def address(name):
    return f"203.0.113.{2 + NAMES.index(name)}"


def reach(name, by=None):
    """Go out by a way, and swallow what comes back, as agents do."""
    try:
        (by or WAYS[name.partition("-")[0]])(address(name))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise


@way(IN_PROCESS)
def raw(host):
    socket.create_connection((host, PORT), timeout=1).close()

@way(IN_PROCESS)
def in_c(host):
    opened = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.connect((host, PORT))
    finally:
        opened.close()

@way(IN_PROCESS)
def datagram(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(host.encode(), (host, PORT))

@way(IN_PROCESS)
def name_of_socket(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(b"x", (f"{host.replace('.', '-')}.invalid", PORT))

@way(IN_PROCESS)
def look_up(host):
    socket.getaddrinfo(f"{host.replace('.', '-')}.invalid", PORT)

@way(IN_PROCESS)
def asynchronous(host):
    asyncio.run(asyncio.open_connection(host, PORT))

@way(IN_PROCESS)
def with_requests(host):
    import requests
    requests.get(f"http://{host}:{PORT}/", timeout=1)

@way(IN_PROCESS)
def with_urllib(host):
    import urllib.request
    urllib.request.urlopen(f"http://{host}:{PORT}/", timeout=1)

@way(IN_PROCESS)
def with_httpx(host):
    import httpx
    httpx.get(f"http://{host}:{PORT}/", timeout=1)

@way(IN_PROCESS)
def with_aiohttp(host):
    import aiohttp
    async def get():
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{PORT}/"):
            pass
    asyncio.run(get())

@way(IN_PROCESS)
def with_grpc(host):
    import grpc
    with grpc.insecure_channel(f"{host}:{PORT}") as channel:
        channel.unary_unary("/a/b")(b"", timeout=1)

@way(IN_PROCESS)
def with_grpc_aio(host):
    import grpc
    async def call():
        async with grpc.aio.insecure_channel(f"{host}:{PORT}") as channel:
            await channel.unary_unary("/a/b")(b"", timeout=1)
    asyncio.run(call())

@way(IN_PROCESS)
def with_pycurl(host):
    import pycurl
    curl = pycurl.Curl()
    curl.setopt(curl.URL, f"http://{host}:{PORT}/")
    curl.perform()

@way(IN_PROCESS)
def with_uvloop(host):
    import uvloop
    async def connect():
        await asyncio.open_connection(host, PORT)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(connect())


def python(host, *flags):
    code = f"import socket; socket.create_connection(('{host}', {PORT}), timeout=1)"
    return [sys.executable, *flags, "-c", code]

@way(CHILDREN)
def child(host):
    subprocess.run(python(host), stderr=subprocess.DEVNULL)

@way(CHILDREN)
def child_without_environment(host):
    subprocess.run(python(host), env={}, stderr=subprocess.DEVNULL)

@way(CHILDREN)
def grandchild(host):
    code = f"import subprocess; subprocess.run({python(host)!r}, env={{}}, stderr=-3)"
    subprocess.run([sys.executable, "-c", code])

@way(CHILDREN)
def spawned(host):
    os.waitpid(os.posix_spawn(sys.executable, python(host), {}), 0)

@way(CHILDREN)
def executed(host):
    if not (pid := os.fork()):
        os.execv(sys.executable, python(host))
    os.waitpid(pid, 0)

@way(CHILDREN)
def multiprocess(host):
    process = multiprocessing.get_context("spawn").Process(target=raw, args=(host,))
    process.start()
    process.join()

@way(CHILDREN)
def forked(host):
    if not (pid := os.fork()):
        try:
            raw(host)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

@way(CHILDREN)
def program(host):
    os.system(f"curl -sm1 http://{host}:{PORT}/")

@way(CHILDREN)
def program_without_environment(host):
    subprocess.run(["curl", "-sm1", f"https://{host}:{PORT}/"], env={})


@way(OPEN)
def foreign_function(host):
    class Address(ctypes.Structure):
        _fields_ = [("family", ctypes.c_ushort), ("port", ctypes.c_uint16.__ctype_be__),
                    ("host", ctypes.c_ubyte * 4), ("zero", ctypes.c_ubyte * 8)]
    target = Address(socket.AF_INET, PORT, (ctypes.c_ubyte * 4)(*socket.inet_aton(host)))
    with socket.socket() as opened:
        ctypes.CDLL(None).connect(opened.fileno(), ctypes.byref(target), 16)

@way(OPEN)
def python_without_site(host):
    subprocess.run(python(host, "-S"))

@way(OPEN)
def isolated_python(host):
    subprocess.run(python(host, "-I"))

@way(OPEN)
def program_without_proxy(host):
    subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/{host}/{PORT}"])


WAYS = {**IN_PROCESS, **CHILDREN, **OPEN}
MOMENTS = ["conftest", "configure", "sessionstart", "modifyitems", "import", "parametrize",
           "fixture", "sessionfinish", "unconfigure", "atexit", "thread"]
AT = {"raw": raw, "http": with_requests, "child": child}
NAMES = [
    *(f"{way}-plain" for way in WAYS), *(f"{way}-cassette" for way in IN_PROCESS),
    *(f"{way}-cassette" for way in ("child", "program")), "thread-late",
    *(f"{moment}-{way}" for moment in MOMENTS for way in ("raw", "http")),
    *(f"{moment}-child" for moment in ("conftest", "fixture", "atexit")),
]

def at(moment):
    for name, by in AT.items():
        if f"{moment}-{name}" in NAMES:
            reach(f"{moment}-{name}", by)
'''
CONFTEST = """
import atexit, threading
import pytest
import ways

at = ways.at if ways.OFFLINE else lambda moment: None

at("conftest")

def pytest_configure():
    at("configure")
def pytest_sessionstart():
    at("sessionstart")
def pytest_collection_modifyitems():
    at("modifyitems")
def pytest_sessionfinish():
    at("sessionfinish")
def pytest_unconfigure():
    at("unconfigure")
    threading.Timer(0.1, at, ["thread"]).start()
atexit.register(at, "atexit")

@pytest.fixture(scope="session")
def token():
    at("fixture")
"""
SUITE = """
import threading
import pytest
import ways
from conftest import at

at("import")
gate = threading.Event()
IN_CHILDREN = [*ways.CHILDREN, *ways.OPEN] if ways.OFFLINE else []

@pytest.mark.parametrize("number", [at("parametrize")])
def test_collected(number):
    pass

def test_fixture(token):
    pass

@pytest.mark.parametrize("way", [*ways.IN_PROCESS, *IN_CHILDREN] if ways.OFFLINE else [])
def test_plain(way):
    ways.reach(f"{way}-plain")

@pytest.mark.agentcache
@pytest.mark.parametrize("way", [*ways.IN_PROCESS, *(["child", "program"] if ways.OFFLINE else [])])
def test_cassette(way):
    ways.reach(f"{way}-cassette")

def outlive():
    gate.wait(30)
    ways.reach("thread-late", ways.raw)

@pytest.mark.agentcache
def test_starts_a_thread():
    global thread
    thread = threading.Thread(target=outlive)
    thread.start()

def test_last():
    gate.set()
    thread.join()
"""
RUNS = {
    "offline": ["offline"],
    "offline with xdist": ["offline", "-p", "xdist", "-n1"],
    "replay": ["replay"],
    "replay with xdist": ["replay", "-p", "xdist", "-n1"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run the suite in each way, and return what has arrived and what was printed."""
    folder = tmp_path_factory.mktemp("suite")
    for name, source in (("ways", WAYS), ("conftest", CONFTEST), ("test_suite", SUITE)):
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    arena = Path(__file__).with_name("arena.py")
    done = subprocess.run(
        [sys.executable, arena, folder, *map(json.dumps, RUNS.values())],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("this kernel allows no namespace")
    assert done.stderr == ""
    return dict(zip(RUNS, json.loads(done.stdout), strict=True))


def module_of_ways():
    """Return the module of the suite, to look names up."""
    module = types.ModuleType("ways")
    exec(WAYS.replace('os.environ["AGENTCACHE_MODE"]', "''"), vars(module))
    return module


@pytest.mark.parametrize("run", RUNS)
def test_nothing_arrives_but_what_the_docs_name(runs, run):
    """Only what no Python code can hold arrives; each other attempt is reported."""
    ways = module_of_ways()
    found, is_offline = runs[run], run.startswith("offline")
    names = [
        name
        for name in ways.NAMES
        if is_offline or name == "thread-late" or name.removesuffix("-cassette") in ways.IN_PROCESS
    ]
    left_open = {f"{name}-plain" for name in ways.OPEN} if is_offline else set()
    reported = "\n".join(
        line
        for line in found["output"].splitlines()
        if re.match(r"(CONNECT|GET|late:|outside any test:) ", line)
    )
    hosts = set(re.findall(r"203[.-]0[.-]113[.-]\d+", reported))

    assert arrived_names(found["arrived"], ways) == left_open
    missing = {name for name in names if ways.address(name) not in normal(hosts)} - left_open
    assert missing == set(), found["output"]
    assert found["code"] == 1


def normal(hosts):
    return {host.replace("-", ".") for host in hosts}


def arrived_names(arrived, ways):
    """Return the names of what has arrived: addresses, or what datagrams said."""
    hosts = [re.search(r"203[.-]0[.-]113[.-]\d+", each) for each in arrived]
    assert all(hosts), arrived
    found = normal({host[0] for host in hosts})
    return {name for name in ways.NAMES if ways.address(name) in found}
