"""`agentcache git-setup`, which has git show cassettes as `agentcache diff` does."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from ..exit_codes import FINE, CommandError
from ..git import Repository
from ..terminal import Screen

_PATTERN = "**/cassettes/**/*.yaml diff=agentcache"
_COMMENT = "# Cassettes in words: agentcache git-setup"


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
            "git diff --no-ext-diff shows the lines of the file.",
            "",
            "dim",
        )
    return FINE


def _program() -> str:
    # The full path, because git also runs outside the virtual environment.
    return f"{shlex.quote(sys.executable)} -P -m pytest_agentcache"


def _set_up(repository: Repository, attributes: Path) -> list[str]:
    changed = []
    text = _read(attributes)
    if _PATTERN not in text.splitlines():
        end = "" if not text or text.endswith("\n") else "\n"
        _write(attributes, f"{text}{end}{_COMMENT}\n{_PATTERN}\n")
        changed.append(f".gitattributes: {_PATTERN}")
    for key, command in (("command", "git-diff"), ("textconv", "git-textconv")):
        value = f"{_program()} {command}"
        if _configured(repository, key) != value:
            repository.git("config", "--local", f"diff.agentcache.{key}", value)
            changed.append(f"git config diff.agentcache.{key} = {value}")
    return changed


def _undo(repository: Repository, attributes: Path) -> list[str]:
    changed = []
    text = _read(attributes)
    lines = [
        line for line in text.splitlines(keepends=True) if line.strip() not in (_PATTERN, _COMMENT)
    ]
    if "".join(lines) != text:
        if lines:
            _write(attributes, "".join(lines))
        else:
            attributes.unlink()
        changed.append(f".gitattributes: removed {_PATTERN}")
    if any(_configured(repository, key) for key in ("command", "textconv")):
        repository.git("config", "--local", "--remove-section", "diff.agentcache")
        changed.append("git config: removed diff.agentcache")
    return changed


def _configured(repository: Repository, key: str) -> str:
    try:
        return repository.git("config", "--local", f"diff.agentcache.{key}").decode().strip()
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
