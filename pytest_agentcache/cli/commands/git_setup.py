"""`agentcache git-setup`: has git show cassettes as `agentcache diff` does."""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import sys
from pathlib import Path

from ... import cassette
from ...errors import AgentCacheError, CassetteError
from ..conversation_view import write_cassette
from ..diff.comparison import Comparison, write
from ..exit_codes import FINE, CommandError
from ..git import Repository, from_bytes
from ..selection import Loaded, read_bytes
from ..terminal import Screen, clean, label
from .show import numbered

_PATTERN = "**/cassettes/**/*.yaml diff=agentcache"
_COMMENT = "# Cassettes in words: agentcache git-setup"


class Setup:
    """`agentcache git-setup`."""

    HELP = "have `git diff` and `git log -p` show cassettes in words"

    @staticmethod
    def add(parser: argparse.ArgumentParser) -> None:
        """Declares its arguments."""
        parser.add_argument("--undo", action="store_true", help="take it back")

    @staticmethod
    def run(args: argparse.Namespace, screen: Screen) -> int:
        """Writes .gitattributes, which is shared, and the configuration of this clone."""
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
                "Commit .gitattributes; each clone runs agentcache git-setup once. "
                "git diff --no-ext-diff shows the lines of the file.",
                "",
                "dim",
            )
        return FINE


def _program() -> str:
    # By its full path, as git also runs where no environment is active.
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
        changed.append(f".gitattributes: no more {_PATTERN}")
    if any(_configured(repository, key) for key in ("command", "textconv")):
        repository.git("config", "--local", "--remove-section", "diff.agentcache")
        changed.append("git config: no more diff.agentcache")
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


class Diff:
    """`agentcache git-diff`, which git calls with both versions of a file."""

    HELP = "what git calls for `git diff`"

    @staticmethod
    def add(parser: argparse.ArgumentParser) -> None:
        """Declares what git gives: path, old file, hash, mode, new file, hash, mode."""
        parser.add_argument("path", metavar="PATH")
        parser.add_argument("rest", nargs="*", metavar="WORD")

    @staticmethod
    def run(args: argparse.Namespace, screen: Screen) -> int:
        """Writes what changed; it never fails, or git would end there."""
        if os.environ.get("GIT_PAGER_IN_USE") and not os.environ.get("NO_COLOR"):
            screen.colour = screen.colour or args.color == "auto"
        if len(args.rest) < 6:
            screen.line(f"* Unmerged path {label(args.path)}")
            return FINE
        old, _, _, new = args.rest[:4]
        name = args.rest[6] if len(args.rest) > 6 else args.path
        try:
            was, now = (
                _of_git(Path(file), Path(each)) for file, each in ((old, args.path), (new, name))
            )
            write(Comparison.of(was, now, follows=True), screen)
        except AgentCacheError as error:
            _write_plain(args.path, old, new, str(error), screen)
        return FINE


class Textconv:
    """`agentcache git-textconv`, which git calls for one version of a file."""

    HELP = "what git calls for `git log -p`"

    @staticmethod
    def add(parser: argparse.ArgumentParser) -> None:
        """Declares its arguments."""
        parser.add_argument("file", metavar="FILE")

    @staticmethod
    def run(args: argparse.Namespace, screen: Screen) -> int:
        """Writes a cassette as text whose lines git compares; other files as they are."""
        path = Path(args.file)
        try:
            loaded = _of_git(path, path)
            if loaded is not None:
                plain = Screen(screen.out, screen.err, colour=False, width=100)
                write_cassette(loaded, numbered(loaded, None), plain, full=True, title=False)
        except AgentCacheError:
            screen.out.write(path.read_bytes().decode("utf-8", "replace"))
        return FINE


def _of_git(file: Path, path: Path) -> Loaded | None:
    """A file that git put somewhere, whose bodies lie beside `path` as far as they are there."""
    if str(file) == os.devnull:
        return None
    raw = read_bytes(file)
    folder = cassette.sidecar_folder(path)

    def beside(name: str) -> bytes | None:
        try:
            # Named by its content, so that of today is that of then.
            return (folder / name).read_bytes()
        except OSError:
            return None

    try:
        return from_bytes(raw, path, beside)
    except CassetteError as error:
        raise CommandError(f"{path}: {error.problem}") from None


def _write_plain(path: str, old: str, new: str, why: str, screen: Screen) -> None:
    """The lines that differ, for what is no cassette (yet)."""

    def lines(file: str) -> list[str]:
        try:
            return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    screen.line(label(path), "bold")
    screen.wrapped(why.partition("\n")[0], "  ", "yellow")
    before, after = (f"{side}/{label(path)}" for side in "ab")
    for line in difflib.unified_diff(lines(old), lines(new), before, after, lineterm=""):
        colour = {"+": ("green",), "-": ("red",), "@": ("cyan",)}.get(line[:1], ())
        screen.line(clean(line), *colour)
