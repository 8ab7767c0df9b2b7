"""The environment that closes the network of child processes, and the patches that pass it on.

A Python child finds a `sitecustomize` on its path, which closes its sockets. Other programs find a
proxy on loopback that refuses every request. Both report what they refuse.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    class Completes(Protocol):
        """Something that adds variables to the environment of a child, such as `Closing`."""

        def environment(self, given: Mapping[Any, Any]) -> dict[Any, Any]:
            """Return the environment of a child that would start with `given`."""
            ...


VARIABLE = "AGENTCACHE_CLOSED"
"""The environment variable that holds a `Closing`: its log, its proxy and the allowed hosts."""
_HERE = os.path.dirname(os.path.abspath(__file__))
SITE = os.path.join(_HERE, "site")
"""The folder on `PYTHONPATH`; it holds the `sitecustomize` and nothing else."""
TEST = "PYTEST_CURRENT_TEST"
"""The environment variable in which pytest names the running test."""
_NODE_OPTION = '--require "{}"'.format(os.path.join(_HERE, "preload.cjs").replace("\\", "\\\\"))
_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_DIRECT = ("no_proxy", "NO_PROXY")
_LOOPBACK = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1", "[::1]", "0.0.0.0")  # noqa: S104 - no bind


class Closing:
    """The closed network of child processes.

    Args:
        allowed: Hosts, host:port or globs that may be reached besides loopback.
        log: The file to which refusals are reported, one line of JSON each.
        proxy: The proxy that refuses requests, as a URL; empty for none.
        replaced: The values of proxies that were set before the run: children do not get them.
    """

    def __init__(
        self,
        allowed: tuple[str, ...],
        log: str,
        proxy: str = "",
        replaced: frozenset[str] = frozenset(),
    ) -> None:
        self.allowed, self.log, self.proxy, self.replaced = allowed, log, proxy, replaced

    @classmethod
    def of_process(cls) -> Closing | None:
        """Return what the environment of this process says; None if it is open."""
        found = os.environ.get(VARIABLE)
        if not found:
            return None
        # The path comes last: it may contain blanks.
        proxy, allowed, log = found.split(" ", 2)
        return cls(tuple(filter(None, allowed.split(","))), log, proxy)

    def __str__(self) -> str:
        return f"{self.proxy} {','.join(self.allowed)} {self.log}"

    def environment(self, given: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return an environment that closes a child, and is otherwise as `given`.

        Proxies that a test sets itself stay.

        Args:
            given: Names and values, strings or bytes.
        """
        found = as_text(given)
        paths = found.get("PYTHONPATH", "")
        if SITE not in paths.split(os.pathsep):
            found["PYTHONPATH"] = os.pathsep.join([SITE, paths] if paths else [SITE])
        found[VARIABLE] = str(self)
        if TEST in os.environ:
            found.setdefault(TEST, os.environ[TEST])
        if self.proxy and proxies_of(found) <= {self.proxy, *self.replaced}:
            found.update({**self.proxy_variables(), **node_variables(found)})
        return found

    def proxy_variables(self) -> dict[str, str]:
        """Return the variables that lead programs to the proxy."""
        # Suffixes of names are all that `no_proxy` knows of globs.
        hosts = [each[1:] if each.startswith("*.") else each for each in self.allowed]
        direct = ",".join([*_LOOPBACK, *(each for each in hosts if "*" not in each)])
        return proxy_variables(self.proxy, direct)

    def report(self, target: str, pid: int | None, command: str, test: str | None) -> None:
        """Add a line about a refused connection to the log, if that is still there.

        Args:
            target: The host, or host:port.
            pid: The process that tried it; None if unknown.
            command: Its command line; empty if unknown.
            test: The value of `PYTEST_CURRENT_TEST` in its environment, empty if it has none;
                None if unknown.
        """
        import json

        facts = {"target": target, "pid": pid, "command": command, "test": test}
        try:
            opened = os.open(self.log, os.O_WRONLY | os.O_APPEND)
        except OSError:
            # The run is over.
            return
        try:
            # One write: several processes share the file.
            os.write(opened, json.dumps(facts).encode() + b"\n")
        finally:
            os.close(opened)


def as_text(environment: Mapping[Any, Any]) -> dict[str, str]:
    """Return an environment of strings; names and values may be bytes."""
    return {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}


def proxy_variables(proxy: str, direct: str) -> dict[str, str]:
    """Return the variables that lead programs to a proxy, in both spellings.

    Args:
        proxy: The URL of the proxy.
        direct: The hosts that are reached without it, separated by commas.
    """
    return {**dict.fromkeys(_PROXIES, proxy), **dict.fromkeys(_DIRECT, direct)}


def proxies_of(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the proxies that an environment names."""
    return frozenset(filter(None, map(environment.get, _PROXIES)))


def node_variables(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which Node.js uses the proxies of an environment."""
    options = given.get("NODE_OPTIONS", "")
    if _NODE_OPTION not in options:
        options = f"{options} {_NODE_OPTION}".lstrip()
    # The option is for versions that do not know the variable.
    return {"NODE_USE_ENV_PROXY": "1", "NODE_OPTIONS": options}


def patch_process_starts(find_completes: Callable[[], Completes | None]) -> None:
    """Complete the environment of every process that this one starts, from now on.

    Args:
        find_completes: Finds what completes that of a child about to start; None for nothing.
    """
    modules: list[Any] = [sys.modules[name] for name in ("os", "posix") if name in sys.modules]
    for module in modules:
        for name in ("posix_spawn", "posix_spawnp", "execve"):
            if start := getattr(module, name, None):
                setattr(module, name, _with_environment(start, find_completes))
        if hasattr(module, "execv") and hasattr(module, "execve"):
            module.execv = _inheriting(module.execv, module.execve, find_completes)
    if os.name == "posix":
        os.system = _system(os.system, find_completes)
        _patch_fork_exec(find_completes)


def _with_environment(
    start: Callable[..., Any], find_completes: Callable[[], Completes | None]
) -> Callable[..., Any]:
    """Return `os.execve` or `os.posix_spawn`, with the environment of the child completed."""

    def start_closed(path: Any, arguments: Any, env: Any, **options: Any) -> Any:
        completes = find_completes()
        if completes is not None:
            env = completes.environment(os.environ if env is None else env)
        return start(path, arguments, env, **options)

    return start_closed


def _inheriting(
    execv: Callable[..., Any],
    execve: Callable[..., Any],
    find_completes: Callable[[], Completes | None],
) -> Callable[..., Any]:
    def execv_closed(path: Any, arguments: Any, /) -> Any:
        if find_completes() is None:
            return execv(path, arguments)
        return execve(path, arguments, os.environ)

    return execv_closed


def _system(
    system: Callable[..., int], find_completes: Callable[[], Completes | None]
) -> Callable[..., int]:
    def system_closed(command: Any) -> int:
        completes = find_completes()
        if completes is None:
            return system(command)
        now = dict(os.environ)
        added = {
            name: value
            for name, value in completes.environment(now).items()
            if now.get(name) != value
        }
        # These change what the shell inherits, and not `os.environ`, which other threads read.
        for name, value in added.items():
            os.putenv(name, value)
        try:
            return system(command)
        finally:
            for name in added:
                if name in now:
                    os.putenv(name, now[name])
                else:
                    os.unsetenv(name)

    return system_closed


def _patch_fork_exec(find_completes: Callable[[], Completes | None]) -> None:
    """Patch the function with which `subprocess` and `multiprocessing` start processes."""
    import _posixsubprocess

    fork_exec: Callable[..., int] = _posixsubprocess.fork_exec

    def fork_exec_closed(*arguments: Any) -> int:
        completes = find_completes()
        if completes is None:
            return fork_exec(*arguments)
        # The same place in all versions of Python: a list of NAME=VALUE, or None to inherit.
        before, listed, after = arguments[:5], arguments[5], arguments[6:]
        given: Mapping[Any, Any] = os.environ
        if listed is not None:
            given = dict(os.fsencode(each).split(b"=", 1) for each in listed)
        env = completes.environment(given)
        listed = [os.fsencode(f"{name}={value}") for name, value in env.items()]
        return fork_exec(*before, listed, *after)

    _posixsubprocess.fork_exec = fork_exec_closed
    subprocess: Any = sys.modules.get("subprocess")
    if subprocess is not None:
        subprocess._fork_exec = fork_exec_closed
