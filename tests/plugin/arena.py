"""A network of its own with listeners on addresses that are not loopback; runs pytest in it.

    python arena.py FOLDER '["offline", "-n1"]' ...

It writes JSON: the names whose bytes have arrived, and the exit code and the output of each run.
A name is reached over the address that the suite's `ways.address` gives it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from pytest_agentcache.cli.commands import offline

SET_ADDRESS, SET_MASK, PORT, DNS = 0x8916, 0x891C, 8080, 53


def add_address(alias: str, address: str, mask: str) -> None:
    """Give an address to the loopback interface of this network; with its mask, a whole block."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for code, text in ((SET_ADDRESS, address), (SET_MASK, mask)):
            packed = struct.pack(
                "16sHH4s8x", alias.encode(), socket.AF_INET, 0, socket.inet_aton(text)
            )
            fcntl.ioctl(any_socket, code, packed)


def nameservers() -> list[str]:
    """Return the addresses of the name servers of this machine."""
    lines = Path("/etc/resolv.conf").read_text("utf-8").splitlines()
    found = [line.split()[1] for line in lines if line.startswith("nameserver ")]
    return [each for each in found if ":" not in each]


def listen(kind: int, address: str, port: int, arrived: set[str]) -> None:
    """Note the addresses at which connections arrive, and what datagrams say."""
    listener = socket.socket(socket.AF_INET, kind)
    listener.bind((address, port))

    def serve() -> None:
        while True:
            if kind == socket.SOCK_STREAM:
                connection = listener.accept()[0]
                arrived.add(connection.getsockname()[0])
                connection.close()
            else:
                # A label of a name in DNS has its length in front.
                arrived.add("".join(map(chr, filter(lambda each: each > 31, listener.recv(512)))))

    if kind == socket.SOCK_STREAM:
        listener.listen(64)
    threading.Thread(target=serve, daemon=True).start()


def main() -> None:
    folder, *runs = sys.argv[1:]
    offline._leave_network()
    offline._start_loopback()
    arrived: set[str] = set()
    add_address("lo:1", "203.0.113.1", "255.255.255.0")
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        listen(kind, "0.0.0.0", PORT, arrived)
    for number, address in enumerate(nameservers()):
        with suppress(OSError):
            add_address(f"lo:{number + 2}", address, "255.255.255.255")
        listen(socket.SOCK_DGRAM, address, DNS, arrived)
    results = []
    for run in runs:
        arrived.clear()
        mode, *arguments = json.loads(run)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-pagentcache", "-pno:cacheprovider", *arguments],
            cwd=folder,
            env={**os.environ, "AGENTCACHE_MODE": mode, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        results.append({"arrived": sorted(arrived), "code": done.returncode, "output": output})
    print(json.dumps(results))


main()
