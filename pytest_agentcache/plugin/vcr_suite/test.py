"""One test that is marked with `vcr`, as pytest-agentcache runs it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ...errors import SettingsError
from ...http.messages import Request, Response
from ...replay.hooks import Hooks
from ...settings.settings import Settings
from .config import VcrInstance, merged_config, sensitive_data, without_effect
from .filters import functions, ignored_hosts, request_filter
from .matching import DEFAULT, matchers
from .messages import changed_response, vcr_response

# VCR.py's `once` depends on the file.
_MODES = {"none": "replay", "new_episodes": "record", "all": "rerecord", "rewrite": "rerecord"}
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class VcrTest:
    """The configuration of one test.

    Args:
        config: `vcr_config` and the arguments of the markers.
        instance: The object that `pytest_recording_configure` has configured.
        path: The cassette.
        more: More cassettes, which are replayed after it.
        shared: Whether other tests may use the same cassette.
        record_mode: VCR.py's record mode.
        explicit: The names of settings in pytest's ini file, which override VCR.py's.
    """

    config: Mapping[str, Any]
    instance: VcrInstance
    path: Path
    more: tuple[Path, ...]
    shared: bool
    record_mode: str
    explicit: frozenset[str]

    def settings(self, run: Settings) -> Settings:
        """Return the settings of the run with those of VCR.py laid over them."""
        match, _, _ = self._matchers()
        values: dict[str, Any] = {
            "match": match,
            "repeat": bool(self.config.get("allow_playback_repeats")),
            # VCR.py leaves the clock alone.
            "freeze": False,
        }
        kept = {name: value for name, value in values.items() if name not in self.explicit}
        placeholders = [
            (str(name), str(value))
            for name, value in sensitive_data(self.config)
            if value and name and not callable(value)
        ]
        return replace(
            run,
            mode=self._mode() if run.mode == "replay" else run.mode,
            passthrough=(*run.passthrough, *ignored_hosts(self.config)),
            placeholders=(*run.placeholders, *placeholders),
            cassette=self.path.name if self.shared else "",
            **kept,
        )

    def hooks(self, hooks: Hooks) -> Hooks:
        """Return the hooks of the test with VCR.py's filters, which run first."""
        filtered = request_filter(self.config)

        def before_request(request: Request) -> Request | None:
            changed = filtered(request) if filtered else request
            return None if changed is None else hooks.before_request(changed)

        def before_response(response: Response, request: Request) -> Response | None:
            changed = self._filtered_response(response)
            return None if changed is None else hooks.before_response(changed, request)

        return replace(
            hooks,
            before_request=before_request if filtered else hooks.before_request,
            before_response=before_response,
            alike=self._matchers()[1],
        )

    @property
    def without_effect(self) -> list[str]:
        """The parts of the configuration that have no effect."""
        unknown = [f"matcher {name!r}" for name in self._matchers()[2]]
        return [*without_effect(self.config, self.instance), *unknown]

    def _mode(self) -> str:
        if self.record_mode == "once":
            return "replay" if self.path.exists() else "record"
        if self.record_mode not in _MODES:
            raise SettingsError(
                f"vcr: record_mode is {self.record_mode!r}; allowed are once, {', '.join(_MODES)}"
            )
        return _MODES[self.record_mode]

    def _matchers(self) -> tuple[tuple[str, ...], Any, tuple[str, ...]]:
        names = [
            *(self.config.get("match_on") or DEFAULT),
            *(self.config.get("additional_matchers") or ()),
        ]
        return matchers(names, self.instance.matchers)

    def _filtered_response(self, response: Response) -> Response | None:
        changed: dict[str, Any] | None = vcr_response(response)
        for function in functions(self.config.get("before_record_response")):
            if changed is None:
                return None
            changed = function(changed)
        return None if changed is None else changed_response(response, changed)


def vcr_test(
    request: pytest.FixtureRequest, explicit: frozenset[str], record_mode: str | None
) -> VcrTest:
    """Return the configuration of the test that requests a fixture, from its own fixtures.

    Args:
        request: The request of a fixture of the test.
        explicit: The names of settings in pytest's ini file.
        record_mode: The record mode of the command line.
    """
    item, instance = request.node, VcrInstance()
    markers = list(item.iter_markers("vcr"))
    item.ihook.pytest_recording_configure(config=item.config, vcr=instance)
    config = merged_config(request.getfixturevalue("vcr_config"), markers, instance)
    folder = str(request.getfixturevalue("vcr_cassette_dir"))
    name = str(request.getfixturevalue("vcr_cassette_name"))
    extra = [Path(folder, each).absolute() for mark in markers for each in mark.args]
    path = _existing(_path(name, folder, config), item.path)
    return VcrTest(
        config,
        instance,
        path,
        tuple(each for each in dict.fromkeys(extra) if each != path),
        item.get_closest_marker("default_cassette") is not None,
        str(_value(config.get("record_mode") or record_mode or "none")),
        explicit,
    )


def _value(mode: Any) -> Any:
    # `vcr.mode.ONCE` is a member of an enumeration.
    return getattr(mode, "value", mode)


def _path(name: str, folder: str, config: Mapping[str, Any]) -> Path:
    suffix = f".{config.get('serializer', 'yaml')}"
    if len(name) + len(suffix) > _LONGEST:
        # As pytest-recording shortens it.
        digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        name = f"{name[: _LONGEST - len(suffix) - len(digest) - 3]}...{digest}"
    transform: Callable[[str], str] = config.get("path_transformer") or (
        lambda path: path if path.endswith(suffix) else path + suffix
    )
    library = os.fspath(config.get("cassette_library_dir") or folder)
    path = transform(name)
    return Path(path if path.startswith(library) else os.path.join(library, path)).absolute()  # noqa: PTH118 - as VCR.py joins them


def _existing(path: Path, module: Path) -> Path:
    """Return `path`, or the path of the same cassette under another convention, if that exists."""
    others: Sequence[Path] = [path.with_suffix(".yaml"), path.with_suffix(".json")]
    if path.parent == module.parent / "cassettes" / module.stem:
        # pytest-vcr has one folder for all modules.
        others = [*others, path.parent.parent / path.name]
    found = next((each for each in (path, *others) if each.exists()), None)
    if found is not None:
        return found
    return path if path.suffix in (".yaml", ".yml") else path.with_name(f"{path.stem}.yaml")
