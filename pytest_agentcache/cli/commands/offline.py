"""`agentcache offline`, which runs a command in a network of its own with nothing but loopback."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import struct
import sys
from pathlib import Path
from typing import NoReturn

from ..exit_codes import CommandError
from ..terminal import Screen

# From Linux's sched.h, if.h and sockios.h.
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_IS_UP, _SET_FLAGS = 0x1, 0x8914
_REMEDY = "Use a container without a network instead: docker run --network none"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="-- PROGRAM ...",
        help="the program, with its arguments",
    )


def run(args: argparse.Namespace, screen: Screen) -> NoReturn:
    """Become the program, whose exit code is that of the command.

    Raises:
        CommandError: If the system allows no network of its own, or there is no such program.
    """
    program = args.program[1:] if args.program[:1] == ["--"] else args.program
    if not program:
        raise CommandError("there is no program to run", "Name it: agentcache offline -- pytest")
    if sys.platform != "linux":
        raise CommandError("a network of its own is possible on Linux only", _REMEDY)
    try:
        _leave_network()
        _start_loopback()
    except OSError as error:
        raise CommandError(
            f"this system allows no network of its own: {error.strerror}", _REMEDY
        ) from None
    screen.out.flush()
    try:
        os.execvp(program[0], program)  # noqa: S606 - that is the purpose
    except OSError as error:
        raise CommandError(f"{program[0]}: {error.strerror}") from None


def _leave_network() -> None:
    """Move this process to a new network namespace, where only loopback will be.

    Raises:
        OSError: If the kernel does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        _unshare(_NEW_NETWORK)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        # Without privileges, it takes a namespace of users as well, with this user in it.
        _unshare(_NEW_USER | _NEW_NETWORK)
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")


def _unshare(flags: int) -> None:
    import ctypes

    # `os.unshare` is new in Python 3.12.
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _start_loopback() -> None:
    """Start the loopback interface of a new network, which is down at first."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _IS_UP))
