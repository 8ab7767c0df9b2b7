"""Programs that start at once: in children of a process that has loaded what they import.

A fresh Python takes a second for pytest and three for the SDKs. What a program does is the same:
nothing is patched before it starts, and each has a process, an environment and a folder of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

# What most programs of the tests import.
_LOADED = (
    *("aiohttp", "anthropic", "httpx", "openai", "pytest", "pytest_asyncio", "requests"),
    *("requests_cache", "time_machine", "vcr", "yaml"),
    *("pytest_agentcache.plugin", "pytest_agentcache.standalone", "pytest_agentcache.reports"),
    *("pytest_agentcache.cache.session", "pytest_agentcache.cli"),
)
# Fixed when an interpreter starts.
_FIXED = {"PYTHONHASHSEED", "PYTHONPATH", "PYTHONSTARTUP"}


class ForkServer:
    """The process that forks; started for the first program."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> tuple[int, str, str]:
        """Run Python with arguments, a file or `-m MODULE` and its own.

        Returns:
            The exit code, and what was written to stdout and to stderr.
        """
        with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
            code = self._do(output.name, errors.name, arguments, cwd, environment)
            texts = (each.read().decode("utf-8", "replace") for each in (output, errors))
            return code, *texts

    def run_merged(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> tuple[int, str]:
        """Do the same, and return what was written to either in its order."""
        with tempfile.NamedTemporaryFile() as output:
            code = self._do(output.name, output.name, arguments, cwd, environment)
            return code, output.read().decode("utf-8", "replace")

    def _do(
        self,
        output: str,
        errors: str,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
    ) -> int:
        assert not _FIXED & (environment.keys() - os.environ.keys())
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "utf8", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            atexit.register(self.stop)
        process, job = self._process, [output, errors, list(arguments), str(cwd), dict(environment)]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        try:
            return int(process.stdout.readline())
        except BaseException:
            # The test ran out of time: the next one must not get the exit code of this program.
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the process; the next program starts another."""
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None


FORK_SERVER = ForkServer()


def _serve() -> None:
    # This folder, in which `http` is a package of tests.
    del sys.path[0]
    for name in _LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Or each child copies what the collector touches.
    gc.freeze()
    for line in sys.stdin:
        job = json.loads(line)
        if (child := os.fork()) == 0:
            os._exit(_run(*job))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(
    output: str, errors: str, arguments: list[str], cwd: str, environment: dict[str, str]
) -> int:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_APPEND), 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_APPEND), 2)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", 1, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(cwd)
    code: object = 0
    try:
        if arguments[0] == "-m":
            sys.path.insert(0, cwd)
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(arguments[0]).absolute().parent))
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as error:
        code = error.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    # As an interpreter ends.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()  # type: ignore[attr-defined]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return code if isinstance(code, int) else 1 if code else 0


if __name__ == "__main__":
    _serve()
