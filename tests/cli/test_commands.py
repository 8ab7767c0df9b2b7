"""The table of commands, and the modules that a command loads."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

from pytest_agentcache.cli import commands
from pytest_agentcache.cli.arguments import parser
from pytest_agentcache.cli.commands import COMMANDS, load

from .conftest import environment, get, write

# Arguments with which each command succeeds. A new command needs a line here.
ARGUMENTS = {
    "list": [],
    "show": ["cassettes/test_t/test_t.yaml"],
    "diff": ["cassettes", "cassettes"],
    "summary": [],
    "report": ["-o", "report.html"],
    "check": [],
    "redact": [],
    "prune": ["--no-suite"],
    "import": ["a.har"],
    "export": ["cassettes/test_t/test_t.yaml", "--to", "har", "--out", "b.har"],
    "git-setup": [],
    "init": ["--dry-run"],
    "doctor": [],
}
# Called by git, whose arguments and output are fixed.
FOR_GIT = {"git-diff", "git-textconv"}
HEAVY = {"aiohttp", "freezegun", "httpx", "pytest", "requests", "requests_cache", "urllib3", "vcr"}


def test_every_module_is_in_the_table():
    """Each module of the folder is a command, and each command has its module."""
    modules = {each.name for each in pkgutil.iter_modules(commands.__path__)}

    assert {load(name).__name__.rpartition(".")[2] for name in COMMANDS} == modules


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_help(run, name):
    """Each command has its line in `agentcache --help`, and a `--help` of its own."""
    assert " ".join(COMMANDS[name].split()) in " ".join(run("--help").out.split())
    assert f"usage: agentcache {name} " in run(name, "--help").out


def test_parser_knows_every_command():
    """The parser for completion scripts, which is made without a command, has all options."""
    text = parser().format_help()
    assert all(name in text for name in COMMANDS)
    assert parser().parse_args(["check", "--max-size", "5MB"]).max_size == 5_000_000
    assert parser().parse_args(["list", "--sort", "size"]).run is load("list").run


@pytest.mark.parametrize("name", sorted({*COMMANDS} - FOR_GIT))
def test_command_writes_json(folder, repository, run, name):
    """With `--json`, each command writes one JSON document and nothing else."""
    write(folder / "cassettes/test_t/test_t.yaml", get())
    repository.commit()
    run("export", "cassettes/test_t/test_t.yaml", "--to", "har", "--out", "a.har")
    (folder / "test_t.py").write_text("def test_t(agentcache): pass\n")

    done = run(name, *ARGUMENTS[name], "--json")

    assert isinstance(done.json, dict)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    "words", [["--help"], ["list"], ["show", "a.yaml"], ["diff", "a.yaml", "a.yaml"]], ids=" ".join
)
def test_command_starts_quickly(folder, words):
    """Commands that only read cassettes load no test runner, HTTP client or redaction rules."""
    write(folder / "a.yaml", get())
    program = (
        "import sys\nfrom pytest_agentcache.cli import main\n"
        f"code = main({words!r})\nprint(*sys.modules, file=sys.stderr)\nsys.exit(code)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        check=True,
    )

    loaded = set(done.stderr.split())
    assert loaded & (HEAVY | {"pytest_agentcache.redaction"}) == set()
    assert ("yaml" in loaded) is (words != ["--help"])


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["chek"], "check"),
        (["list", "--sotr", "size"], "--sort"),
        (["list", "--sort", "sise"], "size"),
    ],
    ids=" ".join,
)
def test_misspelled_word_names_the_one_that_was_meant(run, words, meant):
    """A command, an option or a choice that is close to one gets a suggestion."""
    done = run(*words)

    assert done.code == 2
    assert f"; did you mean {meant}?" in done.err
