"""`agentcache init`, which sets up a project: settings, git, pre-commit and GitHub."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CassetteError
from ...redaction.dummies import variables_of
from ..exit_codes import FINE, CommandError
from ..git import Repository
from ..selection import Loaded, find, load
from ..settings_file import configuration_of
from ..setup import insertions
from ..setup.installation import commands
from ..setup.workflows import workflows
from ..terminal import Screen
from . import git_setup

_PRE_COMMIT = ".pre-commit-config.yaml"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--dry-run", action="store_true", help="show the changes, write nothing")


@dataclass(slots=True)
class Plan:
    """The files to write and the files that stay as they are.

    Attributes:
        root: The folder that the paths are relative to.
        files: The new content of each file.
        kept: The files that stay, each with the reason.
    """

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def new(self, name: str, text: str) -> None:
        """Plan a file, unless there is one."""
        if (self.root / name).exists():
            self.kept[name] = "it exists already"
        else:
            self.files[name] = text

    def change(self, name: str, text: str) -> None:
        """Plan a new content for a file that may exist."""
        self.files[name] = text

    def diff(self, name: str) -> list[str]:
        """Return the change of a file as lines of a unified diff."""
        was = _read(self.root / name)
        start = name if (self.root / name).exists() else "/dev/null"
        lines = difflib.unified_diff(
            was.splitlines(), self.files[name].splitlines(), start, name, lineterm=""
        )
        return list(lines)

    def write(self) -> None:
        """Write the files.

        Raises:
            CommandError: If a file cannot be written.
        """
        for name, text in self.files.items():
            path = self.root / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="")
            except OSError as error:
                raise CommandError(f"{name}: cannot be written: {error.strerror}") from None


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Write the files that are missing, and configure this clone of git."""
    repository = Repository.here()
    loaded = _cassettes(repository.root)
    plan = Plan(repository.root)
    _plan_settings(plan, loaded)
    _plan_git(plan)
    _plan_pre_commit(plan)
    keys = variables_of(each for cassette in loaded for each in cassette.interactions)
    for name, text in workflows(_branch(repository), commands(plan.root), keys).items():
        plan.new(name, text)
    drivers = git_setup.drivers(repository)
    if not args.dry_run:
        plan.write()
        git_setup.configure(repository, drivers)
    if args.json:
        screen.json({"written": plan.files, "kept": plan.kept, "git_config": drivers})
        return FINE
    _show(plan, drivers, screen, dry_run=args.dry_run)
    return FINE


def _cassettes(root: Path) -> list[Loaded]:
    found = []
    for path in find([root], may_be_empty=True):
        try:
            found.append(load(path))
        except CassetteError:
            # `agentcache check` reports it.
            continue
    return found


# Nothing is left unused, and recording again does not change the ids of responses and calls.
_OF_NEW_SUITE = {"agentcache_unused": "fail", "agentcache_stable_ids": "answer call request"}


def _plan_settings(plan: Plan, loaded: list[Loaded]) -> None:
    known = configuration_of(plan.root)
    name = known[0].name if known else "pytest.ini"
    if not known and (plan.root / "pyproject.toml").exists():
        name = "pyproject.toml"
    if known and any(key.startswith("agentcache_") for key in known[1]):
        plan.kept[name] = "it has settings of the plugin already"
        return
    # A suite of pytest-recording runs as it is.
    is_vcr = any(each.foreign for each in loaded)
    settings = {"agentcache_vcr": "true"} if is_vcr else _OF_NEW_SUITE
    plan.change(name, insertions.with_settings(name, _read(plan.root / name), settings))


def _plan_git(plan: Plan) -> None:
    text = _read(plan.root / ".gitattributes")
    missing = git_setup.missing_lines(text)
    if not missing:
        plan.kept[".gitattributes"] = "it has the lines already"
        return
    plan.change(".gitattributes", git_setup.with_lines(text, missing))


def _plan_pre_commit(plan: Plan) -> None:
    text = _read(plan.root / _PRE_COMMIT)
    if "agentcache" in text:
        plan.kept[_PRE_COMMIT] = "it has the hook already"
    else:
        plan.change(_PRE_COMMIT, insertions.with_hook(text))


def _branch(repository: Repository) -> str:
    for arguments in (
        ("symbolic-ref", "--short", "refs/remotes/origin/HEAD"),
        ("symbolic-ref", "--short", "HEAD"),
    ):
        try:
            return repository.git(*arguments).decode().strip().removeprefix("origin/")
        except CommandError:
            continue
    return "main"


def _read(path: Path) -> str:
    try:
        # Line ends stay as they are.
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: cannot be read: {error}") from None


def _show(plan: Plan, drivers: dict[str, str], screen: Screen, *, dry_run: bool) -> None:
    for name, reason in plan.kept.items():
        screen.line(f"{name}: left as it is, {reason}", "dim")
    for name in plan.files:
        if dry_run:
            for line in plan.diff(name):
                screen.line(line)
        else:
            screen.line(f"{name}: written", "green")
    for key, value in drivers.items():
        screen.line(f"git config {key} = {value}" if dry_run else f"git config: {key}")
    if dry_run:
        screen.line("nothing was written: run agentcache init without --dry-run")
    elif plan.files:
        screen.line(
            "Look at it with git diff, and commit it. The clone's own setup is undone by "
            "agentcache git-setup --undo.",
            "dim",
        )
