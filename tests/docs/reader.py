"""A reader who follows a page: writes its files, runs its commands, and compares their output."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from importlib import metadata
from pathlib import Path

from guide import Block, Project

from pytest_agentcache import cassette
from tests.fork_server import FORK_SERVER

_HEAD = "agentcache: 1\nrecorded_at: '2026-11-21T18:29:15Z'\n"
_CONFIGURATIONS = {"ini": "pytest.ini", "toml": "pyproject.toml"}
_APIS = ("api.weather.example", "api.open-meteo.com", "api.openai.com", "router.requesty.ai")
# Output that differs between machines or runs; the widths of rules and columns come last.
_VOLATILE = [
    (re.compile(r"\b\d+\.\d\ds\b"), "0.00s"),
    (re.compile(r"'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'"), "'(then)'"),
    (re.compile(r"=====+|_____+|-----+"), "====="),
    (re.compile(r"[ \t]+"), " "),
]


class Reader:
    """Follow a project in `folder`.

    Args:
        folder: The folder of the project.
        upstream: The address of the server that takes the place of every API on the pages.
    """

    def __init__(self, folder: Path, upstream: str) -> None:
        self._folder, self._upstream = folder, upstream
        self._exported: dict[str, str] = {}
        # The exit code of the last command, for `echo $?`.
        self._exit_code = 0

    def follow(self, project: Project) -> int:
        """Follow the blocks of a project.

        Returns:
            The number of blocks that were followed.

        Raises:
            AssertionError: If a statement of the page is wrong.
        """
        blocks = [block for block in project.blocks if not block.not_run]
        if project.is_plain:
            for block in blocks:
                self._write(block)
            self._run(*blocks)
            return len(blocks)
        consoles = [at for at, block in enumerate(blocks) if block.language == "console"]
        for at, block in enumerate(blocks):
            match block.language:
                case "python":
                    self._write(block)
                    if not any(later > at for later in consoles):
                        self._run(block)
                case "console":
                    self._follow_console(block)
                case "ini" | "toml":
                    self._configure(block)
                case "yaml":
                    self._read_cassette(block)
        return len(blocks)

    def _write(self, block: Block) -> None:
        file = self._folder / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._local(block.text), encoding="utf-8")

    def _run(self, *blocks: Block) -> None:
        found = [block for block in blocks if not block.file.endswith("conftest.py")]
        if not found:
            return
        files = " ".join(block.file for block in found)
        command = f"{'pytest' if found[0].is_test else 'python'} {files}"
        for mode in ("record", "offline"):
            code, output = self._do(command, AGENTCACHE_MODE=mode)
            assert code == 0, f"{found[0]}: {command} in mode {mode} failed\n{output}"

    def _follow_console(self, block: Block) -> None:
        assert block.text.startswith("$ "), f"{block}: a console starts with a command"
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            code, output = self._do(self._local(command))
            missing = first_missing(self._local(expected), output)
            assert not missing, f"{block}: `{command}` does not print {missing!r}, but\n{output}"
            self._exit_code = code

    def _configure(self, block: Block) -> None:
        folder = self._folder / f".configured_{block.line}"
        folder.mkdir()
        (folder / _CONFIGURATIONS[block.language]).write_text(block.text, encoding="utf-8")
        (folder / "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        code, output = self._do("pytest --strict-config", folder=folder)
        assert code == 0, f"{block}: pytest rejects it\n{output}"

    def _read_cassette(self, block: Block) -> None:
        is_whole = re.search(r"^agentcache:", block.text, re.MULTILINE)
        text = block.text if is_whole else f"{_HEAD}interactions:\n{block.text}"
        path = self._folder / f"read_{block.line}.yaml"
        for name in re.findall(r"\bfile: ([\w.-]+)", text):
            cassette.sidecar_folder(path).mkdir(exist_ok=True)
            (cassette.sidecar_folder(path) / name).write_bytes(b"its bytes")
        path.write_text(text, encoding="utf-8")
        found = cassette.read(path)
        assert found.interactions, f"{block}: it has no interactions"
        if "file:" not in text:
            canonical = cassette.render(found, {})
            # Comments are for people; the first key has one on its line.
            commented = ("#", "agentcache:")
            lines = [line for line in text.splitlines() if not line.startswith(commented)]
            again = [line for line in canonical.splitlines() if not line.startswith(commented)]
            assert lines == again, f"{block}: the canonical form is\n{canonical}"

    def _do(self, command: str, folder: Path | None = None, **settings: str) -> tuple[int, str]:
        """Run a command as a shell would: `NAME=value program arguments`."""
        words = shlex.split(command)
        without = set()
        while words[:2] == ["env", "-u"]:
            without.add(words[2])
            words = words[3:]
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            settings[name] = value
        folder, environment = folder or self._folder, self._environment() | settings
        match words:
            case ["echo", "$?"]:
                return 0, f"{self._exit_code}\n"
            case ["export", assignment]:
                name, _, value = assignment.partition("=")
                self._exported[name] = value
                return 0, ""
            case ["pip", "install", *names]:
                # The page names every package that it uses, and CI has installed them.
                assert all(metadata.version(name.partition("[")[0]) for name in names)
                return 0, ""
            case ["cat", file]:
                return 0, (folder / file).read_text(encoding="utf-8")
            case ["sed", "-i", script, file]:
                _, was, now, _ = script.split("/")
                path = folder / file
                text = path.read_text(encoding="utf-8")
                assert was in text, f"`{command}` changes nothing"
                path.write_text(text.replace(was, now), encoding="utf-8")
                return 0, ""
            case ["python", *arguments]:
                return FORK_SERVER.run_merged(arguments, folder, environment)
            case ["agentcache", *arguments]:
                return FORK_SERVER.run_merged(
                    ["-m", "pytest_agentcache", *arguments], folder, environment
                )
            case ["pytest", *arguments]:
                return FORK_SERVER.run_merged(["-m", "pytest", *arguments], folder, environment)
            case ["git" | "cp" | "rm", *_]:
                pass
            case _:
                raise AssertionError(f"unknown command `{command}`")
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AGENTCACHE", "PYTEST_", "COV_", "COVERAGE_"))
        }
        return inherited | {
            "OPENAI_BASE_URL": f"{self._upstream}/v1",
            "OPENAI_API_KEY": "sk-none-needed",
            "ANTHROPIC_BASE_URL": self._upstream,
            "ANTHROPIC_API_KEY": "sk-ant-none-needed",
            "NO_PROXY": "127.0.0.1",
            # Commands keep no results on this machine.
            "XDG_CACHE_HOME": os.devnull,
            # Only the plugins that the pages use: pytest starts in half the time.
            "PYTEST_ADDOPTS": (
                "-p agentcache -p asyncio -p no:cacheprovider"
                " -o asyncio_default_fixture_loop_scope=function"
                # They are loaded before pytest starts.
                " -W ignore::pytest.PytestAssertRewriteWarning"
            ),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "COLUMNS": "80",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{
                f"GIT_{role}_{what}": value
                for role in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", "Reader"), ("EMAIL", "reader@example.org"))
            },
            "PYTHONUTF8": "1",
        }

    def _local(self, text: str) -> str:
        """Return `text` with the server in place of the APIs on the pages."""
        for api in _APIS:
            text = text.replace(f"https://{api}", self._upstream)
        text = text.replace("http://127.0.0.1:8765", self._upstream)
        return re.sub(
            rf"\b({'|'.join(map(re.escape, (*_APIS, '127.0.0.1:8765')))})\b",
            self._upstream.removeprefix("http://"),
            text,
        )


def first_missing(expected: str, output: str) -> str:
    """Return the first line of `expected` that is missing in `output`, in order.

    A line `…` matches any lines, and `…` within a line matches any text. Lines without a line `…`
    between them must be adjacent.
    """
    lines = [_plain(line) for line in output.splitlines()]
    at, anywhere = 0, True
    for line in (_plain(line) for line in expected.splitlines()):
        if line.strip() in ("…", "..."):
            anywhere = True
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        if not line.strip():
            continue
        while at < len(lines) and not lines[at].strip():
            at += 1
        until = len(lines) if anywhere else min(at + 1, len(lines))
        found = next((n for n in range(at, until) if pattern.fullmatch(lines[n])), None)
        if found is None:
            return line
        at, anywhere = found + 1, False
    return ""


def _plain(line: str) -> str:
    for pattern, stable in _VOLATILE:
        line = pattern.sub(stable, line)
    return line.strip()
