"""The table of commands, and the modules that a command loads."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest
from _pytest.config import findpaths

from pytest_agentcache.cli import commands
from pytest_agentcache.cli.arguments import parser
from pytest_agentcache.cli.commands import COMMANDS, load
from pytest_agentcache.cli.settings_file import configuration_of

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
    "serve": ["cassettes/test_t/test_t.yaml", "--", sys.executable, "-c", ""],
    "git-setup": [],
    "init": ["--dry-run"],
    "doctor": [],
}
# Called by git, whose arguments and output are fixed.
FOR_GIT = {"git-diff", "git-textconv"}
# The output is that of another program.
OF_ANOTHER = {"offline"}
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


def test_without_a_command_there_is_help(run):
    """`agentcache` alone lists the commands, and is wrong usage."""
    done = run()

    assert (done.code, done.out) == (2, "")
    assert all(name in done.err for name in COMMANDS)


def test_parser_knows_every_command():
    """The parser for completion scripts, which is made without a command, has all options."""
    text = parser().format_help()
    assert all(name in text for name in COMMANDS)
    assert parser().parse_args(["check", "--max-size", "5MB"]).max_size == 5_000_000
    assert parser().parse_args(["list", "--sort", "size"]).run is load("list").run


@pytest.mark.parametrize("name", sorted({*COMMANDS} - FOR_GIT - OF_ANOTHER))
def test_command_writes_json(folder, repository, run, name):
    """With `--json`, each command writes one JSON document and nothing else."""
    write(folder / "cassettes/test_t/test_t.yaml", get())
    repository.commit()
    run("export", "cassettes/test_t/test_t.yaml", "--to", "har", "--out", "a.har")
    (folder / "test_t.py").write_text("def test_t(agentcache): pass\n")

    done = run(name, "--json", *ARGUMENTS[name])

    assert isinstance(done.json, dict)
    assert (done.code, done.err) == (0, "")


def test_commands_start_quickly(folder, repository):
    """No command loads pytest, an HTTP client or a cache; one that only reads loads less."""
    write(folder / "cassettes/test_t/test_t.yaml", get())
    repository.commit()
    har = "export", "cassettes/test_t/test_t.yaml", "--to", "har", "--out", "a.har"
    first = [("--help",), *((name, *ARGUMENTS[name]) for name in ("list", "show", "diff"))]
    others = [
        (name, *words) for name, words in ARGUMENTS.items() if name not in {"doctor", "serve"}
    ]
    program = f"""
import contextlib, os, sys
from pytest_agentcache.cli import main
for words in {[*first, har, *others]!r}:
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        assert main(words) < 2, words
    print(words[0], *sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    # In the order of the runs; each starts with the modules of those before it.
    loaded = [set(line.split()) for line in done.stdout.splitlines()]
    assert "yaml" not in loaded[0]
    read_only = {"email.utils", "pytest_agentcache.redaction", "subprocess", "tomllib"}
    assert loaded[len(first) - 2] & read_only == set()
    assert loaded[-1] & HEAVY == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".pytest.ini", ""),
        ("pytest.ini", "[pytest]\na = 1 # x\nb =\n  c\n  # d\n  e ; f\n"),
        ("tox.ini", "[tox]\na = 1\n"),
        ("tox.ini", "[pytest]\na = %x\n"),
        ("setup.cfg", "[tool:pytest]\na =\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\na = true\nb = ['x', 1]\nc = 1.5\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\n"),
        ("pyproject.toml", "[tool.x]\na = 1\n"),
    ],
)
def test_configuration_is_read_as_pytest_reads_it(tmp_path, name, text):
    """The keys in each kind of file are those that pytest itself finds."""
    path = tmp_path / name
    path.write_text(text)
    found = findpaths.load_config_dict_from_file(path)

    mine = configuration_of(tmp_path)

    # pytest 9 wraps the values.
    theirs = found and {key: getattr(value, "value", value) for key, value in found.items()}
    assert mine == (None if theirs is None else (path, theirs))


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
