"""The guard behind all edges: what opens a connection past them is refused before it leaves.

Names end in `.invalid` and addresses are those of RFC 5737, so that nothing is reached even
where the guard fails.
"""

from __future__ import annotations

import _socket
import asyncio
import os
import socket
import threading

import pytest

from pytest_agentcache import MissError, NetworkBlocked, use_cassette
from pytest_agentcache.clients import DISPATCHER
from pytest_agentcache.clients.sockets import SocketGuard

from .clients import Call
from .upstream import Answer

ADDRESS = ("203.0.113.1", 9)


def on_socket(kind, method, *arguments):
    def act():
        with socket.socket(socket.AF_INET, kind) as opened:
            getattr(opened, method)(*arguments)

    return act


def in_c(method, *arguments, kind="socket"):
    def act():
        opened = getattr(_socket, kind)(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            getattr(opened, method)(*arguments)
        finally:
            opened.close()

    return act


def open_connection(*place):
    return lambda: asyncio.run(asyncio.open_connection(*place))


REFUSED = {
    "connect": (on_socket(socket.SOCK_STREAM, "connect", ADDRESS), "203.0.113.1:9"),
    "connect_ex": (on_socket(socket.SOCK_STREAM, "connect_ex", ADDRESS), "203.0.113.1:9"),
    "connect-name": (on_socket(socket.SOCK_STREAM, "connect", ("a.invalid", 9)), "a.invalid:9"),
    "sendto": (on_socket(socket.SOCK_DGRAM, "sendto", b"x", ADDRESS), "203.0.113.1:9"),
    "sendmsg": (on_socket(socket.SOCK_DGRAM, "sendmsg", [b"x"], [], 0, ADDRESS), "203.0.113.1:9"),
    "create_connection": (lambda: socket.create_connection(("a.invalid", 9)), "a.invalid:9"),
    "getaddrinfo": (lambda: socket.getaddrinfo("a.invalid", 443), "a.invalid:443"),
    "getaddrinfo-bytes": (lambda: socket.getaddrinfo(b"a.invalid", None), "a.invalid"),
    "gethostbyname": (lambda: socket.gethostbyname("a.invalid"), "a.invalid"),
    "gethostbyname_ex": (lambda: socket.gethostbyname_ex("a.invalid"), "a.invalid"),
    "gethostbyaddr": (lambda: socket.gethostbyaddr("203.0.113.1"), "203.0.113.1"),
    "getnameinfo": (lambda: socket.getnameinfo(ADDRESS, 0), "203.0.113.1"),
    "looks-like-loopback": (lambda: socket.gethostbyname("127.0.0.invalid"), "127.0.0.invalid"),
    "below-localhost": (lambda: socket.getaddrinfo("a.localhost", 80), "a.localhost:80"),
    "in-c": (in_c("connect", ADDRESS), "203.0.113.1:9"),
    "in-c-name": (in_c("connect", ("a.invalid", 9)), "a.invalid:9"),
    "in-c-sendto": (in_c("sendto", b"x", ("a.invalid", 9)), "a.invalid:9"),
    "in-c-type": (
        in_c("connect", ("a.invalid", 9), kind="SocketType"),
        "a.invalid:9",
    ),
    "bind": (on_socket(socket.SOCK_STREAM, "bind", ("a.invalid", 0)), "a.invalid:0"),
    "source": (
        lambda: socket.create_connection(("127.0.0.1", 9), source_address=("a.invalid", 0)),
        "a.invalid:0",
    ),
    "number": (on_socket(socket.SOCK_STREAM, "connect", ("3405803777", 9)), "3405803777:9"),
    "link-local": (on_socket(socket.SOCK_DGRAM, "sendto", b"x", ("224.0.0.1", 9)), "224.0.0.1:9"),
    "broadcast": (
        on_socket(socket.SOCK_DGRAM, "sendto", b"x", ("<broadcast>", 9)),
        "<broadcast>:9",
    ),
    "open_connection": (open_connection(*ADDRESS), "203.0.113.1:9"),
    "open_connection-name": (open_connection("a.invalid", 9), "a.invalid:9"),
}


@pytest.mark.parametrize("mode", ["replay", "offline"])
@pytest.mark.parametrize("way", REFUSED)
def test_network_is_shut(cassette, way, mode):
    """Every connection of a socket is refused, and is a miss with the line that opened it."""
    act, target = REFUSED[way]
    block = use_cassette(cassette, mode=mode, on_miss="respond")
    with block as harness, pytest.raises(NetworkBlocked) as caught:
        act()

    assert caught.value.target == target
    assert isinstance(caught.value, ConnectionError)
    assert {(miss.kind, miss.request.url) for miss in harness.misses} == {("socket", target)}


def test_sockets_in_c_are_of_their_type():
    """Sockets of either module are instances of the type of sockets in C."""
    opened = _socket.socket()
    opened.close()
    with socket.socket() as other:
        assert isinstance(opened, _socket.socket)
        assert isinstance(other, _socket.socket)
    assert not isinstance(ADDRESS, _socket.socket)


def test_refusal_fails_the_block_and_names_its_caller(cassette):
    """A swallowed refusal is a miss like any other."""
    with (
        pytest.raises(MissError, match=r"test_sockets\.py"),
        use_cassette(cassette, mode="offline"),
        pytest.raises(NetworkBlocked),
    ):
        socket.gethostbyname("a.invalid")


def test_guard_leaves_with_the_block(cassette):
    """Outside the block nothing is guarded."""
    with use_cassette(cassette, mode="offline"):
        assert DISPATCHER.guard is not None
    assert DISPATCHER.guard is None


def test_loopback_is_open(upstream, cassette):
    """Loopback is reached by name and by address, over IPv4 and what is mapped into IPv6."""
    with use_cassette(cassette, mode="offline") as harness:
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            socket.create_connection((host, upstream.port)).close()
        socket.getaddrinfo("::1", 80)
        socket.getaddrinfo(None, 80)
        socket.getaddrinfo(socket.gethostname(), None)
        socket.getfqdn("127.0.0.1")
        if socket.has_ipv6:
            with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as mapped:
                mapped.connect(("::ffff:127.0.0.1", upstream.port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.bind(("0.0.0.0", 0))
            for host in ("127.0.0.1", "127.1.2.3"):
                datagram.sendto(b"x", (host, upstream.port))
    assert harness.misses == []


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_unix_sockets_are_open(tmp_path, cassette, monkeypatch):
    """Unix sockets do not leave the machine."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server, use_cassette(cassette, mode="offline"):
        server.bind("s")
        server.listen()
        with socket.socket(socket.AF_UNIX) as one:
            one.connect("s")
        first, second = socket.socketpair()
        with first, second:
            os.write(first.fileno(), b"x")
            assert second.recv(1) == b"x"


ALLOWED = {
    "name": ("203.0.113.1", "203.0.113.1", 9, True),
    "port": ("203.0.113.1:9", "203.0.113.1", 9, True),
    "other-port": ("203.0.113.1:10", "203.0.113.1", 9, False),
    "glob": ("203.0.113.*", "203.0.113.1", 9, True),
    "other-glob": ("203.0.114.*", "203.0.113.1", 9, False),
    "glob-of-names": ("*.invalid", "db.invalid", 9, True),
    "glob-and-port": ("*.invalid:9", "db.invalid", 9, True),
    "case": ("DB.invalid", "db.INVALID", 9, True),
}


@pytest.mark.parametrize("way", ALLOWED)
def test_allowed_hosts(way):
    """Hosts are let through by name, by name and port, and by glob."""
    listed, host, port, expected = ALLOWED[way]
    guard = SocketGuard((listed,), "offline", lambda target, caller: None)
    with socket.socket() as opened:
        if expected:
            # Asked of the guard alone: nothing may be sent to a host that is let through.
            guard.check("socket.connect", (opened, (host, port)))
        else:
            with pytest.raises(NetworkBlocked):
                guard.check("socket.connect", (opened, (host, port)))


def test_allowed_name_stands_for_its_addresses():
    """A socket may connect to the address of an allowed name; on its port only, if it has one."""
    guard = SocketGuard(("db.invalid:5432",), "offline", lambda target, caller: None)
    guard.check("socket.getaddrinfo", ("db.invalid", "5432", 0, 0, 0))
    guard.check("socket.gethostbyname", ("db.invalid",))
    with socket.socket() as opened:
        with pytest.raises(NetworkBlocked):
            guard.check("socket.connect", (opened, ADDRESS))
        guard.remember("db.invalid", [(socket.AF_INET, 0, 0, "", ("203.0.113.1", 5432))])
        guard.check("socket.connect", (opened, ("203.0.113.1", 5432)))
        with pytest.raises(NetworkBlocked):
            guard.check("socket.connect", (opened, ("203.0.113.1", 22)))


def test_look_ups_are_remembered(cassette, monkeypatch):
    """The address of an allowed name is learnt from the caller's own look-up."""
    learnt = []
    with use_cassette(cassette, mode="offline"):
        remember = lambda host, found: learnt.append((host, found))  # noqa: E731
        monkeypatch.setattr(DISPATCHER.guard, "remember", remember)
        found = socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        address = socket.gethostbyname("localhost")

    assert learnt == [("localhost", found), ("localhost", address)]


def test_late_connection_is_late(cassette, tmp_path):
    """A thread that outlives its test and opens a socket does not fail the next one."""
    DISPATCHER.take_late_misses()
    gate, raised = threading.Event(), []

    def work():
        gate.wait(20)
        try:
            socket.gethostbyname("a.invalid")
        except OSError as error:
            raised.append(type(error))

    with use_cassette(cassette, mode="offline"):
        thread = threading.Thread(target=work)
        thread.start()
    with use_cassette(tmp_path / "next.yaml", mode="offline") as following:
        gate.set()
        thread.join()

    assert raised == [NetworkBlocked]
    assert following.misses == []
    assert [(miss.kind, miss.request.url) for miss in DISPATCHER.take_late_misses()] == [
        ("late", "a.invalid")
    ]


def test_edges_answer_before_the_guard(client, upstream, cassette):
    """A request that has an edge is a 504 and no refused socket."""
    upstream.serve("/it", Answer(b"live"))
    with use_cassette(cassette, mode="offline", on_miss="respond") as harness:
        assert client.send(Call("http://a.invalid/it"))[0].status == 504

    assert [miss.kind for miss in harness.misses] == ["missing"]
