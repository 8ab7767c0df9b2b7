"""`agentcache doctor`, which finds what is wrong with the setup of a project."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import AgentCacheError
from ...settings.settings import Settings
from ...settings.suggestions import did_you_mean
from ..collect import collect
from ..exit_codes import FINE, FOUND, CommandError
from ..git import Repository
from ..selection import find, local_path, read_bytes
from ..settings_file import configuration_here, settings_here
from ..terminal import Screen, counted
from .git_setup import PATTERN, configured, missing_program

_OTHERS = ("pytest-recording", "pytest-vcr")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a setup.

    Attributes:
        problem: The problem in words.
        remedy: The remedy in words.
    """

    problem: str
    remedy: str


def add(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(args: argparse.Namespace, screen: Screen) -> int:
    """Show each problem with its remedy; return 1 if there is any."""
    found = list(_problems())
    if args.json:
        screen.json({"problems": [asdict(each) for each in found]})
    for each in () if args.json else found:
        screen.line(each.problem, "red")
        for line in each.remedy.splitlines():
            screen.wrapped(line, "  ", "dim")
    if not args.json:
        total = f"{counted(len(found), 'problem')} found" if found else "nothing is wrong"
        screen.line(total, "bold", "red" if found else "green")
    return FOUND if found else FINE


def _problems() -> Iterator[Problem]:
    path, keys = configuration_here()
    unknown = list(_unknown_keys(path, keys))
    yield from unknown
    try:
        settings = settings_here()
    except AgentCacheError as error:
        yield Problem(str(error), "Correct the value")
        return
    yield from _engine(settings)
    yield from _other_plugins(settings)
    if not unknown:
        # With an unknown key, pytest does not start.
        yield from _suite(settings)
    cassettes = find([], may_be_empty=True)
    yield from _line_ends(cassettes)
    try:
        repository = Repository.here()
    except CommandError:
        return
    yield from _ignored(repository, cassettes)
    yield from _drivers(repository)


def _unknown_keys(path: Path | None, keys: dict[str, Any]) -> Iterator[Problem]:
    known = [f"agentcache_{each.name}" for each in fields(Settings)]
    for key in keys:
        if key.startswith("agentcache_") and key not in known:
            guess = did_you_mean(key, known)
            yield Problem(f"{path}: there is no setting {key}{guess}", "Correct or remove it")


def _engine(settings: Settings) -> Iterator[Problem]:
    name = settings.clock_engine
    if find_spec(name.replace("-", "_")) is None:
        other = "freezegun" if name == "time-machine" else "time-machine"
        yield Problem(
            f"{name} is not installed, which freezes the clock of tests on a cassette",
            f"pip install {name}, or set agentcache_clock_engine = {other}",
        )


def _other_plugins(settings: Settings) -> Iterator[Problem]:
    for name in _OTHERS:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        remedy = f"pip uninstall {name}"
        if not settings.vcr:
            remedy += ", and set agentcache_vcr = true for tests that use its markers"
        yield Problem(f"{name} is installed, and patches the same clients", remedy)


def _suite(settings: Settings) -> Iterator[Problem]:
    try:
        suite = collect()
    except CommandError as error:
        if "agentcache" in error.remedy and "KeyError" in error.remedy:
            yield Problem(
                "pytest does not load the plugin",
                "Remove -p no:agentcache from addopts, or where plugins are not loaded by "
                "themselves (PYTEST_DISABLE_PLUGIN_AUTOLOAD), add -p agentcache",
            )
        else:
            yield Problem(error.problem, error.remedy)
        return
    if not suite.on_cassette and not settings.vcr:
        yield Problem(
            f"no test is on a cassette, of {counted(suite.tests, 'test')}",
            "Add @pytest.mark.agentcache or a fixture to a test, or set agentcache_auto = true",
        )


def _line_ends(cassettes: list[Path]) -> Iterator[Problem]:
    found = [path for path in cassettes if b"\r\n" in read_bytes(path)]
    if found:
        yield Problem(
            f"{_named(found)}: lines end with CR LF, as git writes them on Windows",
            "Add to .gitattributes: **/cassettes/** -text\n"
            "Then rewrite them: agentcache check --fix",
        )


def _ignored(repository: Repository, cassettes: list[Path]) -> Iterator[Problem]:
    # A name that a cassette could have, for a project without any.
    paths = [path.absolute() for path in cassettes] or [Path.cwd() / "cassettes/test_x/test_y.yaml"]
    try:
        output = repository.git("check-ignore", "-v", "--", *map(str, paths)).decode()
    except CommandError:
        return
    # SOURCE:LINE:PATTERN<tab>PATH, also where the last pattern that matches includes it again.
    rules = (line.partition("\t") for line in output.splitlines())
    found = [(rule.split(":", 2), path) for rule, _, path in rules]
    for (source, line, pattern), path in found:
        if not pattern.startswith("!"):
            yield Problem(
                f"git ignores {local_path(Path(path))}",
                f"Remove {pattern} from line {line} of {source}, or add below it:\n"
                "!**/cassettes/\n!**/cassettes/**",
            )
            return


def _drivers(repository: Repository) -> Iterator[Problem]:
    try:
        attributes = (repository.root / ".gitattributes").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    if PATTERN not in attributes.splitlines():
        return
    command = configured(repository, "diff.agentcache.command")
    if not command:
        yield Problem(
            "this clone does not show cassettes in words, as .gitattributes says",
            "Run agentcache git-setup",
        )
    elif program := missing_program(command):
        yield Problem(
            f"git calls {program} for each cassette, which is gone",
            "Run agentcache git-setup in the environment that you use now",
        )


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{local_path(paths[0])}{more}"
