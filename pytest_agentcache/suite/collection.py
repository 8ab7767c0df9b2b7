"""The tests that pytest collected, and the paths of their cassettes.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import options

if TYPE_CHECKING:
    from ..settings.settings import Settings
    from .orphans import Collected

# Asking for one of these puts a test on a cassette.
_OPENING = {
    "agentcache",
    "agentcache_cassette",
    "agentcache_clock",
    "agentcache_session",
    "agentcache_upstream",
}
_MOST_SECONDS = 2.0


@dataclass
class Collection:
    """The tests that this process collected.

    Args:
        config: That of the run.
        settings: Those of the run.

    Attributes:
        tests: All tests of all modules that were looked into, deselected ones included.
        modules: The files that all of their tests are known of.
        narrowed: Whether some of the tests do not run.
        broken: Whether something could not be collected.
    """

    config: pytest.Config
    settings: Settings
    tests: list[pytest.Function] = field(default_factory=list)
    modules: set[Path] = field(default_factory=set)
    narrowed: bool = False
    broken: bool = False

    def note(self, collector: pytest.Collector, report: pytest.CollectReport) -> None:
        """Takes in what one collector gave."""
        self.broken = self.broken or report.failed
        self.tests += [node for node in report.result or () if isinstance(node, pytest.Function)]
        # With `--lf` whole modules are passed over, and look empty.
        all_there = report.passed and not self.config.getoption("lf", default=False)
        if isinstance(collector, pytest.Module) and all_there:
            self.modules.add(collector.path)

    @cached_property
    def claims(self) -> dict[Path, list[str]]:
        """Return the paths of the cassettes of all tests, whether they exist or not.

        Each with its tests, if several may be on it because it was given a name. What the fixture
        `agentcache_config` says of a cassette is not in it.
        """
        found: dict[Path, list[str]] = {}
        twins: dict[int, Counter[str]] = {}
        for item in self.tests:
            try:
                settings = options.settings_of_test(self.settings, None, item)
                settings, path, _ = cassette_of(item, settings, twins)
            except Exception:  # noqa: BLE001 - a wrong marker, or a hook's own; its test tells
                settings, path, _ = unnamed_cassette_of(item, self.settings, twins)
            tests = found.setdefault(path.absolute(), [])
            if settings.cassette:
                tests.append(item.nodeid)
        return found

    @cached_property
    def names(self) -> dict[Path, set[str]]:
        """The tests of each module, by its file."""
        found: dict[Path, set[str]] = {}
        for item in self.tests:
            found.setdefault(item.path, set()).add(test_name(item))
        return found

    @cached_property
    def collected(self) -> Collected:
        """Return the same as names by which orphans and moved tests are found."""
        from .orphans import Collected

        return Collected(frozenset(self.claims), frozenset(self.modules))

    @cached_property
    def left(self) -> list[Path]:
        """The cassettes of tests that are gone, as far as they are found in a moment."""
        from .orphans import listed
        from .renames import gone

        files = listed(roots_of(self.config), passed_over(self.config), _MOST_SECONDS)
        return gone(files, self.collected)

    @property
    def has_folders(self) -> bool:
        """Return true if there is a folder of cassettes beside one of the modules."""
        folders = {module.parent for module in self.modules}
        return any((folder / "cassettes").is_dir() for folder in folders)

    @property
    def unsure(self) -> dict[str, list[str]]:
        """Tests that may be on a cassette that only a fixture of theirs names, by folder."""
        found: dict[str, list[str]] = {}
        for item in self.tests:
            # Not in the closure of a test that a marker puts on its cassette.
            known = item.session._fixturemanager.getfixturedefs("agentcache_config", item) or ()
            if len(known) > 1 and is_on_cassette(item):
                found.setdefault(str(item.path.parent), []).append(item.nodeid)
        return found


def is_on_cassette(item: pytest.Item) -> bool:
    """Return true if a test uses a cassette, as far as that is known before it runs."""
    if not isinstance(item, pytest.Function):
        return False
    return (
        item.config.stash[SETTINGS].auto
        or item.get_closest_marker("agentcache") is not None
        or not _OPENING.isdisjoint(item.fixturenames)
    )


def cassette_of(
    item: pytest.Item, settings: Settings, twins: dict[int, Counter[str]] | None = None
) -> tuple[Settings, Path, str]:
    """The cassette of a test.

    Args:
        item: The test.
        settings: Its own.
        twins: Filled with the names that were looked up, for more tests of the same module.

    Returns:
        The settings with the name that a hook may have given, the path, and the name of the test
        where the path is made from it and does not say it exactly.

    Raises:
        CassetteError: If the name leads out of the folder.
    """
    from ..cassette import paths as naming

    name = settings.cassette or item.ihook.pytest_agentcache_cassette_name(item=item)
    if name:
        folder = naming.cassette_folder(item.path, item.config.rootpath, settings.cassette_dir)
        return replace(settings, cassette=name), naming.named_cassette(folder, name), ""
    return unnamed_cassette_of(item, settings, twins)


def unnamed_cassette_of(
    item: pytest.Item, settings: Settings, twins: dict[int, Counter[str]] | None = None
) -> tuple[Settings, Path, str]:
    """As `cassette_of`, for a test whose cassette has no name but the test's."""
    from ..cassette import paths as naming

    chain = _chain(item)
    known = {} if twins is None else twins
    ambiguous = any(_has_twin(node, known) for node in chain)
    name = ".".join(node.name for node in chain)
    folder = naming.cassette_folder(item.path, item.config.rootpath, settings.cassette_dir)
    path = naming.cassette_path(folder, item.path, name, ambiguous=ambiguous)
    test = test_name(item)
    if not path.exists():
        own = getattr(item, "cls", None)
        theirs = f"{own.__name__}.{item.name}" if own else item.name
        others = item.config.stash[COLLECTION].names.get(item.path, ())
        path = naming.recorded_by_vcr(folder, item.path, theirs, test, others) or path
    return settings, path, "" if naming.owner_of(path) == test else test


def test_name(item: pytest.Item) -> str:
    """A test from its module's file on: `test_trip.py::TestA::test_x[a]`."""
    return "::".join([item.path.name, *(node.name for node in _chain(item))])


def _chain(item: pytest.Item) -> list[pytest.Class | pytest.Function]:
    return [node for node in item.listchain() if isinstance(node, (pytest.Class, pytest.Function))]


def _has_twin(node: pytest.Class | pytest.Function, known: dict[int, Counter[str]]) -> bool:
    """Return true if a sibling of `node` has a name that differs only in case."""
    own = (getattr(node, "originalname", None) or node.name).casefold()
    around: Any = getattr(node.parent, "obj", None)
    if id(around) not in known:
        known[id(around)] = Counter(name.casefold() for name in dir(around))
    return known[id(around)][own] > 1


def roots_of(config: pytest.Config) -> list[Path]:
    """Return the folders of the suite: those in `testpaths`, else the root folder."""
    named: Iterable[str] = config.getini("testpaths")
    start = config.rootpath
    found = [start / path for each in named for path in _globbed(each, start)]
    return found or [config.rootpath]


def _globbed(pattern: str, start: Path) -> list[str]:
    # `Path.glob` takes neither an absolute pattern nor a plain dot, and pytest takes both.
    return sorted(glob(pattern, root_dir=start, recursive=True))  # noqa: PTH207


def covers(config: pytest.Config) -> bool:
    """Return true if the arguments of a run name the whole suite."""
    start = config.invocation_params.dir
    given = [(start / argument).resolve() for argument in config.args if "::" not in argument]
    return all(
        any(root.resolve().is_relative_to(path) for path in given) for root in roots_of(config)
    )


def passed_over(config: pytest.Config) -> list[str]:
    """Globs of the folders that pytest does not look into."""
    found: list[str] = config.getini("norecursedirs")
    return found


SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
COLLECTION: pytest.StashKey[Collection] = pytest.StashKey()
