"""`agentcache git-setup`, which has git show cassettes as `agentcache diff` does."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import git_client
from ..exit_codes import FINE, CommandError
from ..git import Repository
from ..terminal import Screen

PATTERN = "**/cassettes/**/*.yaml diff=agentcache"
COMMENT = "# Cassettes in words, with line ends as recorded: agentcache git-setup"
# Line ends are a part of recorded bodies.
ATTRIBUTES = (COMMENT, PATTERN, "**/cassettes/** -text")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--undo", action="store_true", help="remove the setup")


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Change .gitattributes, which is committed, and the configuration of this clone."""
    repository = Repository.here()
    attributes = repository.root / ".gitattributes"
    changed = _undo(repository, attributes) if args.undo else _set_up(repository, attributes)
    if args.json:
        screen.json({"changed": changed})
        return FINE
    for each in changed or ["nothing to change"]:
        screen.wrapped(each)
    if not args.undo and changed:
        screen.wrapped(
            "Commit .gitattributes, and run agentcache git-setup once in each clone. "
            "git diff --no-ext-diff --no-textconv shows the lines of the file, and makes patches.",
            "",
            "dim",
        )
    return FINE


def _commands() -> dict[str, str]:
    """Return the commands for git, which show lines where this environment is gone.

    An error of one of them would end `git diff`.
    """
    # The full path, because git also runs outside the virtual environment.
    python = shlex.quote(sys.executable)
    program = f"{python} -P -m pytest_agentcache"
    # Isolated, because it starts faster. Windows has no processes that could stay behind.
    client = f"{python} -I -S {shlex.quote(git_client.__file__)} $PPID"
    diff = f"{program} git-diff" if os.name == "nt" else client
    lines = 'diff -u -L "a/$1" -L "b/$1" "$2" "$5"'
    instead = f"{{ echo 'agentcache cannot be run: agentcache git-setup' >&2; {lines}; :; }}"
    return {
        "command": f'f() {{ {diff} "$@" 2>/dev/null || {instead}; }}; f',
        "textconv": f'f() {{ {program} git-textconv "$1" 2>/dev/null || cat "$1"; }}; f',
    }


def missing_program(command: str) -> str:
    """Return the first path in a command for git at which there is no file; empty if all exist."""
    paths = (word for word in shlex.split(command) if Path(word).is_absolute())
    return next((path for path in paths if not Path(path).exists()), "")


def _set_up(repository: Repository, attributes: Path) -> list[str]:
    text = _read(attributes)
    lines = missing_lines(text)
    if lines:
        _write(attributes, with_lines(text, lines))
    changed = [f".gitattributes: {line}" for line in lines if line != COMMENT]
    missing = drivers(repository)
    configure(repository, missing)
    return changed + [f"git config {key} = {value}" for key, value in missing.items()]


def missing_lines(text: str) -> list[str]:
    """Return the lines that a `.gitattributes` lacks; a comment only above lines of its own."""
    missing = [line for line in ATTRIBUTES if line not in text.splitlines()]
    return missing if PATTERN in missing else [line for line in missing if line != COMMENT]


def with_lines(text: str, lines: Iterable[str]) -> str:
    """Return the text of a `.gitattributes` with lines at its end."""
    end = "" if not text or text.endswith("\n") else "\n"
    return text + end + "".join(f"{line}\n" for line in lines)


def drivers(repository: Repository) -> dict[str, str]:
    """Return the settings of git that this clone lacks, or has for another environment."""
    values = {f"diff.agentcache.{key}": command for key, command in _commands().items()}
    return {key: value for key, value in values.items() if configured(repository, key) != value}


def configure(repository: Repository, settings: Mapping[str, str]) -> None:
    """Change the configuration of this clone."""
    for key, value in settings.items():
        repository.git("config", "--local", key, value)


def _undo(repository: Repository, attributes: Path) -> list[str]:
    changed = []
    text = _read(attributes)
    lines = [line for line in text.splitlines(keepends=True) if line.strip() not in ATTRIBUTES]
    if "".join(lines) != text:
        if lines:
            _write(attributes, "".join(lines))
        else:
            attributes.unlink()
        removed = [line for line in ATTRIBUTES[1:] if line in text.splitlines()]
        changed += [f".gitattributes: removed {line}" for line in removed]
    keys = ("diff.agentcache.command", "diff.agentcache.textconv")
    if any(configured(repository, key) for key in keys):
        repository.git("config", "--local", "--remove-section", "diff.agentcache")
        changed.append("git config: removed diff.agentcache")
    return changed


def configured(repository: Repository, key: str) -> str:
    """Return a setting of this clone, empty if it is not set."""
    try:
        return repository.git("config", "--local", key).decode().strip()
    except CommandError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: cannot be read: {error}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}") from None
