"""The configuration of one test: the fixture `vcr_config`, its markers, and the conftest's hook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest

# Honoured, here or because pytest-agentcache does it in any case.
_HONOURED = frozenset(
    {
        "additional_matchers",
        "allow_playback_repeats",
        "allowed_hosts",
        "before_record",
        "before_record_request",
        "before_record_response",
        "cassette_library_dir",
        "decode_compressed_response",
        "drop_unused_requests",
        "filter_headers",
        "filter_nested_post_data_parameters",
        "filter_post_data_parameters",
        "filter_query_parameters",
        "filter_sensitive_data",
        "ignore_hosts",
        "ignore_localhost",
        "match_on",
        "path_transformer",
        "record_mode",
        "serializer",
    }
)
_FORMATS = ("yaml", "json")


class VcrInstance:
    """The `vcr` that `pytest_recording_configure` gets, in place of a `vcr.VCR`.

    Attributes that a hook sets are defaults for `vcr_config`.

    Attributes:
        matchers: The matchers that the hook has registered, by name.
        serializers: Its serializers, by name.
        persister: Its persister.
    """

    def __init__(self) -> None:
        self.matchers: dict[str, Callable[..., Any]] = {}
        self.serializers: dict[str, Any] = {}
        self.persister: Any = None
        self._own = frozenset(vars(self)) | {"_own"}

    def register_matcher(self, name: str, matcher: Callable[..., Any]) -> None:
        """Register a function that compares two requests."""
        self.matchers[name] = matcher

    def register_serializer(self, name: str, serializer: Any) -> None:
        """Register a serializer; cassettes are read by their contents."""
        self.serializers[name] = serializer

    def register_persister(self, persister: Any) -> None:
        """Register a persister, which has no effect."""
        self.persister = persister

    @property
    def defaults(self) -> dict[str, Any]:
        """The other attributes that the hook has set."""
        return {name: value for name, value in vars(self).items() if name not in self._own}


def merged_config(
    config: Mapping[str, Any], markers: Sequence[pytest.Mark], instance: VcrInstance
) -> dict[str, Any]:
    """Return the configuration of a test.

    Args:
        config: The value of the fixture `vcr_config`.
        markers: The `vcr` markers of the test, the nearest first; they override `config`.
        instance: The object that `pytest_recording_configure` has configured.
    """
    merged = {**instance.defaults, **deepcopy(dict(config))}
    for marker in reversed(markers):
        merged |= marker.kwargs
    return merged


def without_effect(config: Mapping[str, Any], instance: VcrInstance) -> list[str]:
    """Return the parts of a configuration that have no effect."""
    found = [name for name in config if name not in _HONOURED]
    found += [f"serializer {name!r}" for name in instance.serializers if name not in _FORMATS]
    if instance.persister is not None:
        found.append("register_persister")
    if any(callable(value) for _, value in sensitive_data(config)):
        found.append("filter_sensitive_data with a function")
    return found


def sensitive_data(config: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Return the placeholders of `filter_sensitive_data`, and the values that they replace."""
    data = config.get("filter_sensitive_data") or ()
    return list(data.items() if isinstance(data, Mapping) else data)
