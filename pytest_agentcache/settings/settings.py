"""Every setting in one frozen value: its name, type, default, check and meaning.

A setting is one field of `Settings`. The ini key, the marker argument, the key of the
`agentcache_config` fixture and the keyword of `use_cassette` all follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from ..errors import SettingsError
from .checks import (
    ADDRESSES,
    AGE,
    BUDGET,
    CASSETTE,
    FINGERPRINTS,
    HOSTS,
    JSON_PATHS,
    KEYWORDS,
    MATCH,
    PERSONAL_KINDS,
    PLACEHOLDERS,
    REPLACEMENTS,
    SHAPES,
    STABLE_IDS,
    START,
    TRUTH,
    VARIABLES,
    WORDS,
    Check,
    one_of,
)
from .suggestions import did_you_mean

MODES = ("replay", "record", "rerecord", "offline", "live", "verify")
ENVIRONMENT = "AGENTCACHE_MODE"


def _setting(default: Any, check: Check, text: str, *, marker: bool = True) -> Any:
    """Return a dataclass field that carries its check, its help text and where it may be set."""
    metadata = {"help": text, "check": check, "marker": marker}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a test, merged in `suite.options` and read everywhere else.

    Each field is an ini key `agentcache_<name>`; all but `mode`, `auto`, `vcr`, `env` and
    `close_children` are also arguments of the marker and keys of the `agentcache_config` fixture.
    """

    mode: str = _setting("replay", one_of(*MODES), "what a test on a cassette may do", marker=False)
    auto: bool = _setting(False, TRUTH, "put every test of the suite on a cassette", marker=False)
    vcr: bool = _setting(
        False,
        TRUTH,
        "run a suite of pytest-recording or pytest-vcr: its markers, options and fixtures",
        marker=False,
    )
    env: tuple[tuple[str, str], ...] = _setting(
        (),
        VARIABLES,
        "variables to set in replay and offline if they are not set, before any test module is "
        "imported: NAME = VALUE",
        marker=False,
    )
    cassette: str = _setting("", CASSETTE, "name of the cassette, or a path below its folder")
    cassette_dir: str = _setting(
        "",
        CASSETTE,
        "folder of all cassettes, relative to the root folder, instead of `cassettes` beside each "
        "module",
    )
    session: dict[str, Any] = _setting({}, KEYWORDS, "keywords of the test's CachedSession")
    on_miss: str = _setting(
        "fail",
        one_of("fail", "respond", "raise"),
        "what a miss does: fail the test, only respond with 504, or raise at once",
    )
    match: tuple[str, ...] = _setting(
        ("method", "url", "body"),
        MATCH,
        "what makes two requests the same: method, url or parts of it (scheme, host, port, path, "
        "query), body, headers, header:NAME",
    )
    ignore_json: tuple[str, ...] = _setting(
        (), JSON_PATHS, "JSON paths left out of matching: messages[*].id"
    )
    ignore_null: bool = _setting(
        False, TRUTH, "whether a member of JSON that is null matches one that is absent"
    )
    ignore_query: tuple[str, ...] = _setting((), WORDS, "query parameters left out of matching")
    ignore_form: tuple[str, ...] = _setting((), WORDS, "form fields left out of matching")
    replace: tuple[tuple[str, str], ...] = _setting(
        (),
        REPLACEMENTS,
        "regular expression => stable text, in URLs and bodies of requests, before matching",
    )
    placeholders: tuple[tuple[str, str], ...] = _setting(
        (),
        PLACEHOLDERS,
        "placeholder on the cassette => text in its place in requests and responses",
    )
    stable_ids: tuple[str, ...] = _setting(
        (),
        STABLE_IDS,
        "ids that differ on each run and are mapped to stable ones: true, kinds, NAME => regex",
    )
    redact: tuple[str, ...] = _setting(
        (), WORDS, "more names of headers, query parameters and fields that hold secrets (glob)"
    )
    redact_env: tuple[str, ...] = _setting(
        (), WORDS, "more environment variables whose values are secrets (glob; !GLOB to exclude)"
    )
    redact_shapes: tuple[str, ...] = _setting(
        (), SHAPES, "more formats of secrets, NAME => regular expression; !NAME to exclude one"
    )
    redact_personal: tuple[str, ...] = _setting(
        (), PERSONAL_KINDS, "personal data to redact in addition to secrets: email, account, arn"
    )
    allow_secrets: tuple[str, ...] = _setting(
        (), FINGERPRINTS, "fingerprints of values that look like secrets but are not"
    )
    drop_headers: tuple[str, ...] = _setting(
        (), WORDS, "more headers to leave off the cassette (glob)"
    )
    keep_headers: tuple[str, ...] = _setting(
        (), WORDS, "headers to keep on the cassette although the built-in list drops them (glob)"
    )
    passthrough: tuple[str, ...] = _setting(
        (), HOSTS, "hosts (host, host:port or glob) whose requests go straight through"
    )
    repeat: bool = _setting(
        False, TRUTH, "whether the last recording of a request is replayed again and again"
    )
    ignore_hosts: tuple[str, ...] = _setting(
        (),
        ADDRESSES,
        "more hosts of telemetry (host, host:port, host/path or glob): their requests are neither "
        "recorded nor sent, and get an empty response; !GLOB to exclude",
    )
    session_cassette: tuple[str, ...] = _setting(
        (),
        ADDRESSES,
        "URLs without scheme (host, host:port, host/path or glob) that are requested once per "
        "process: on cassettes/session.yaml, for every test",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (), HOSTS, "hosts (host, host:port or glob) that sockets may reach while the network is off"
    )
    close_children: bool = _setting(
        True, TRUTH, "close the network of the processes that an offline run starts", marker=False
    )
    freeze: bool | datetime | None = _setting(
        None, START, "whether to freeze the clock, or the time at which it starts (ISO 8601, zone)"
    )
    clock_engine: str = _setting(
        "time-machine",
        one_of("time-machine", "freezegun"),
        "what freezes the clock: time-machine, or freezegun where that cannot be had",
    )
    children: bool = _setting(
        False, TRUTH, "whether the processes that a test starts use its cassette"
    )
    router: bool = _setting(
        False, TRUTH, "put the test's CachedSession between every client and the cassette"
    )
    auto_cache_origins: tuple[str, ...] = _setting(
        ("cline", "roo?code", "roocode"),
        WORDS,
        "origins (glob, in HTTP-Referer, X-Title or User-Agent) that cache without a flag",
    )
    auto_cache_providers: tuple[str, ...] = _setting(
        (), WORDS, "providers (prefix of the model) for which the flag counts; empty means all"
    )
    unused: str = _setting(
        "list",
        one_of("list", "ignore", "fail"),
        "what to do about unused interactions and orphan cassettes; fail applies offline",
    )
    max_age: timedelta | None = _setting(
        None, AGE, "how old a recording may be, in hours, days or weeks: 12h, 90d, 6w"
    )
    budget: float | None = _setting(
        None,
        BUDGET,
        "US dollars that the responses of a run may cost, by what they say, before it stops",
        marker=False,
    )
    aged: str = _setting(
        "list", one_of("list", "fail"), "what to do about a cassette older than max_age"
    )

    @property
    def records(self) -> bool:
        """True if requests may be sent upstream and their responses recorded."""
        return self.mode == "record" or self.sends_all

    @property
    def sends_all(self) -> bool:
        """True if every request is sent upstream, even if it is on the cassette."""
        return self.mode in ("rerecord", "verify")

    def with_values(self, values: Mapping[str, Any], source: str) -> Settings:
        """Return these settings with `values` laid over them.

        Args:
            values: Names and values as a person wrote them; where several values are allowed,
                lists, tuples and single strings are all accepted.
            source: Where they were written, for the error.

        Raises:
            SettingsError: For an unknown name or a value that is not allowed.
        """
        checked = {}
        for name, value in values.items():
            if name not in _ARGUMENTS:
                allowed = ", ".join(sorted(_ARGUMENTS))
                guess = did_you_mean(name, _ARGUMENTS)
                raise SettingsError(
                    f"{source}: unknown argument {name!r}{guess}; allowed are {allowed}"
                )
            checked[name] = check_value(name, value, source)
        return replace(self, **checked) if checked else self


_ARGUMENTS = frozenset(each.name for each in fields(Settings) if each.metadata["marker"])
_FIELDS: dict[str, Field[Any]] = {each.name: each for each in fields(Settings)}


def check_of(name: str) -> Check:
    """Return the check that the setting called `name` carries."""
    check: Check = _FIELDS[name].metadata["check"]
    return check


def check_value(name: str, value: Any, source: str) -> Any:
    """Return `value` in the type of the setting called `name`.

    Raises:
        SettingsError: If it is not allowed; the error names `source`.
    """
    return check_of(name).convert(name, value, source)


def from_ini(name: str, value: Any, source: str) -> Any:
    """Return the value of a setting as pytest read it from an ini file, checked.

    Raises:
        SettingsError: If it is not allowed; the error names `source`.
    """
    check = check_of(name)
    if isinstance(value, list):
        value = check.read_lines(value, source)
    return check.convert(name, value, source)
