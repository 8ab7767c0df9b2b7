"""The processes at the other end of connections on loopback, as far as the system says: Linux."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
# 127.0.0.1, as /proc/net/tcp writes it: in the byte order of the machine.
_LOOPBACK = f"{int.from_bytes(bytes((127, 0, 0, 1)), 'little'):08X}"


def process_at(port: int, server: int) -> int | None:
    """Return the id of the process that is connected from `port` to the port `server`."""
    if (inode := _inode(port, server)) is None:
        return None
    link = f"socket:[{inode}]"
    for process in _PROC.iterdir():
        # Processes end meanwhile, and those of other users may not be read.
        with suppress(OSError):
            if process.name.isdecimal() and _holds(process, link):
                return int(process.name)
    return None


def command_line(pid: int) -> str:
    """Return the command line of a process; empty if it has ended."""
    return " ".join(_parts(pid, "cmdline"))


def variable(pid: int, name: str) -> str:
    """Return a variable of the environment in which a process was started; empty without it."""
    found = (each.partition("=") for each in _parts(pid, "environ"))
    return next((value for known, _, value in found if known == name), "")


def _parts(pid: int, name: str) -> list[str]:
    with suppress(OSError):
        text = (_PROC / str(pid) / name).read_bytes().decode("utf-8", "replace")
        return text.rstrip("\0").split("\0")
    return []


def _holds(process: Path, link: str) -> bool:
    return any(str(each.readlink()) == link for each in (process / "fd").iterdir())


def _inode(port: int, server: int) -> str | None:
    ends = [f"{_LOOPBACK}:{each:04X}" for each in (port, server)]
    with suppress(OSError):
        for line in (_PROC / "net" / "tcp").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1:3] == ends:
                return fields[9]
    return None
