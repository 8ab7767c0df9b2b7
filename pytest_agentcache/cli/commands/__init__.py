"""The commands of `agentcache`: one module each, and the table that finds them.

To add a command, add its module and its line in `COMMANDS`. `agentcache list` is the module `list`,
`git-setup` is `git_setup`, and `import`, which is a keyword of Python, is `import_`.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from keyword import iskeyword
from typing import Protocol, cast

from ..terminal import Screen

# The name of each command and its help, in the order of `agentcache --help`. The help is here, not
# in the module, so that one command starts without importing what the others need.
COMMANDS = {
    "init": "set up a project: settings, git, pre-commit and workflows of GitHub",
    "doctor": "find what is wrong with the setup of a project; exits with 1 if anything is",
    "list": "list cassettes with their tests, interactions, hosts, age, size and tokens",
    "show": "show a cassette as a conversation, or request by request",
    "diff": "describe in words what changed between two recordings",
    "summary": "summarize for a pull request what changed since a revision, with tokens and money",
    "report": "write one HTML page with all conversations, images, tokens and ages",
    "check": "find secrets, wrong form, old, large and orphaned cassettes; exits with 1 if it does",
    "redact": "apply today's redaction rules to old cassettes",
    "prune": "remove orphans and files that no cassette refers to, after confirmation",
    "import": "convert cassettes of VCR.py, pytest-recording and betamax, and HAR files",
    "export": "convert a cassette to the format of VCR.py or to a HAR file",
    "serve": "serve a cassette to other test runners, containers and languages",
    "git-setup": "have `git diff` and `git log -p` show cassettes in words",
    "offline": "run a command without a network, in a namespace of its own (Linux)",
    "git-diff": "called by `git diff` after git-setup",
    "git-textconv": "called by `git log -p` after git-setup",
}
# Commands that run a program, which follows `--` with its arguments, as `args.program`.
WITH_PROGRAM = {"serve"}


class Command(Protocol):
    """A module that is a command: `add` declares its arguments, `run` returns its exit code."""

    def add(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace, screen: Screen) -> int: ...


def load(name: str) -> Command:
    """Import the module of a command.

    Args:
        name: A key of `COMMANDS`.
    """
    module = name.replace("-", "_") + ("_" if iskeyword(name) else "")
    return cast("Command", import_module(f".{module}", __name__))
