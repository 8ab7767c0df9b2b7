"""Every setting in one frozen value, with its default, its meaning and the values it allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from ..errors import SettingsError
from .durations import age, instant
from .json_path import PathError, json_path
from .named_patterns import ids, lines_of, shape

MODES = ("replay", "record", "rerecord", "offline", "live")
ENVIRONMENT = "AGENTCACHE_MODE"
PERSONAL = ("email", "account", "arn")
IDS = ("answer", "call", "request", "object", "uuid", "timestamp")
MATCHERS = ("method", "url", "body", "headers")


def _setting(default: Any, text: str, *, choices: tuple[str, ...] = (), marker: bool = True) -> Any:
    """A dataclass field that says of itself what the docs, the ini file and the marker need."""
    metadata = {"help": text, "choices": choices, "marker": marker}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a test, a suite or a command line chose. Merged in `options`, read everywhere else.

    Each field is an ini key `agentcache_<name>`; all but `mode` and `auto` are also arguments of
    the marker and keys of the `agentcache_config` fixture.
    """

    mode: str = _setting("replay", "what a test on a cassette may do", choices=MODES, marker=False)
    auto: bool = _setting(False, "put every test of the suite on a cassette", marker=False)
    cassette: str = _setting("", "name of the cassette, or a path below the cassettes folder")
    session: dict[str, Any] = _setting({}, "keywords of the test's CachedSession")
    on_miss: str = _setting(
        "fail",
        "what a miss does: fail the test, just respond with 504, or raise on the spot",
        choices=("fail", "respond", "raise"),
    )
    match: tuple[str, ...] = _setting(
        ("method", "url", "body"),
        "what makes two requests the same: method, url, body, headers, header:NAME",
    )
    ignore_json: tuple[str, ...] = _setting((), "JSON paths left out of matching: messages[*].id")
    ignore_query: tuple[str, ...] = _setting((), "query parameters left out of matching")
    ignore_form: tuple[str, ...] = _setting((), "form fields left out of matching")
    replace: tuple[tuple[str, str], ...] = _setting(
        (), "regular expression => stable text, in URLs and bodies of requests, before matching"
    )
    stable_ids: tuple[str, ...] = _setting(
        (), "ids that differ on each run and are mapped to stable ones: true, kinds, NAME => regex"
    )
    redact: tuple[str, ...] = _setting(
        (), "more names of headers, query parameters and fields that hold secrets (glob)"
    )
    redact_env: tuple[str, ...] = _setting(
        (), "more variables of the environment whose values are secrets (glob; !GLOB for none)"
    )
    redact_shapes: tuple[str, ...] = _setting(
        (), "more shapes of secrets, NAME => regular expression, and !NAME for one to leave alone"
    )
    redact_personal: tuple[str, ...] = _setting(
        (), "what of people and accounts is replaced too: email, account, arn"
    )
    allow_secrets: tuple[str, ...] = _setting(
        (), "fingerprints of what looks like a secret and is none"
    )
    drop_headers: tuple[str, ...] = _setting((), "more headers to leave off the cassette (glob)")
    keep_headers: tuple[str, ...] = _setting(
        (), "headers to keep on the cassette against the built-in list (glob)"
    )
    passthrough: tuple[str, ...] = _setting(
        (), "hosts (host, host:port or glob) whose requests go straight through"
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (), "hosts (host, host:port or glob) that sockets may reach where the network is shut"
    )
    freeze: bool | datetime | None = _setting(
        None, "whether the clock stands still, or where it starts (ISO 8601, with its zone)"
    )
    router: bool = _setting(
        False, "put the test's CachedSession between every client and the cassette"
    )
    auto_cache_origins: tuple[str, ...] = _setting(
        ("cline", "roo?code", "roocode"),
        "origins (glob, in HTTP-Referer, X-Title or User-Agent) that cache where no flag is sent",
    )
    auto_cache_providers: tuple[str, ...] = _setting(
        (), "providers (prefix of the model) for which the flag counts; none named means all"
    )
    unused: str = _setting(
        "list",
        "what unused interactions and orphan cassettes do: listed, ignored, or fail when offline",
        choices=("list", "ignore", "fail"),
    )
    max_age: timedelta | None = _setting(
        None, "how old a recording may be, in hours, days or weeks: 12h, 90d, 6w"
    )
    aged: str = _setting(
        "list",
        "what a cassette older than max_age does: listed, or fail its test",
        choices=("list", "fail"),
    )

    @property
    def records(self) -> bool:
        """Whether upstream may be asked and a cassette written."""
        return self.mode in ("record", "rerecord")

    def with_values(self, values: Mapping[str, Any], source: str) -> Settings:
        """These settings with `values` laid over them.

        Args:
            values: Names and values as a person wrote them; lists, tuples and single strings
                are all taken where several values are allowed.
            source: Where they were written, for the error.

        Raises:
            SettingsError: For an unknown name or a value that is not allowed.
        """
        known = {known.name: known for known in fields(self) if known.metadata["marker"]}
        checked = {}
        for name, value in values.items():
            if name not in known:
                raise SettingsError(
                    f"{source}: unknown argument {name!r}; allowed are {', '.join(sorted(known))}"
                )
            checked[name] = check_value(name, value, source)
        return replace(self, **checked)


def check_value(name: str, value: Any, source: str) -> Any:
    """`value` in the type that the setting called `name` has, or a `SettingsError`."""
    known = next(known for known in fields(Settings) if known.name == name)
    if choices := known.metadata["choices"]:
        if value not in choices:
            raise SettingsError(f"{source}: {name} is {value!r}; allowed are {', '.join(choices)}")
        return value
    if name in ("auto", "router"):
        return _truth(name, value, source)
    if name == "freeze":
        return _start(value, source)
    if name == "max_age":
        return _age(value, source)
    if name == "cassette":
        if not isinstance(value, str) and not hasattr(value, "__fspath__"):
            raise SettingsError(f"{source}: cassette is {value!r}; it takes a name or a path")
        return str(value)
    if name == "session":
        if not isinstance(value, Mapping):
            raise SettingsError(f"{source}: session is {value!r}; it takes keywords as a dict")
        return dict(value)
    if name == "replace":
        return _replacements(value, source)
    if name == "redact_shapes":
        return tuple(shape(name, line, source) for line in lines_of(name, value, source))
    if name == "stable_ids":
        return ids(value, source, IDS)
    names = _names(name, value, source)
    _check_names(name, names, source)
    return names


def _truth(name: str, value: Any, source: str) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise SettingsError(f"{source}: {name} is {value!r}; it takes true or false")
    return value


def _start(value: Any, source: str) -> bool | datetime:
    """Whether to freeze, or where the clock starts, in UTC."""
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false")):
        return _truth("freeze", value, source)
    try:
        return instant(value)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{source}: freeze is {value!r}; {error}") from None


def _age(value: Any, source: str) -> timedelta | None:
    if value is None:
        return None
    try:
        return age(value)
    except ValueError:
        raise SettingsError(
            f"{source}: max_age is {value!r}; it takes hours, days or weeks: 48h, 90d, 12w"
        ) from None


def _check_names(name: str, names: tuple[str, ...], source: str) -> None:
    if name == "ignore_json":
        for path in names:
            try:
                json_path(path)
            except PathError as error:
                raise SettingsError(f"{source}: {error}") from None
    _check_secrets(name, names, source)
    if name == "match":
        for matcher in names:
            named = matcher.startswith("header:") and matcher != "header:"
            if matcher not in MATCHERS and not named:
                allowed = ", ".join((*MATCHERS, "header:NAME"))
                raise SettingsError(f"{source}: match has {matcher!r}; allowed are {allowed}")
        if not names:
            raise SettingsError(f"{source}: match is empty, so any request would match any other")


def _check_secrets(name: str, names: tuple[str, ...], source: str) -> None:
    if name == "redact_personal":
        for kind in names:
            if kind not in PERSONAL:
                allowed = ", ".join(PERSONAL)
                raise SettingsError(
                    f"{source}: redact_personal has {kind!r}; allowed are {allowed}"
                )
    if name == "allow_secrets":
        for each in names:
            if len(each) != 12 or not set(each) <= set("0123456789abcdef"):
                # Not shown: whoever takes this for the place of the secret shall not see it here.
                raise SettingsError(
                    f"{source}: allow_secrets has something that is no fingerprint; it takes the "
                    "twelve digits that the error shows"
                )


def _names(name: str, value: Any, source: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        names = tuple(value)
        if all(isinstance(each, str) for each in names):
            return names
    raise SettingsError(f"{source}: {name} is {value!r}; it takes a list of strings")


def _replacements(value: Any, source: str) -> tuple[tuple[str, str], ...]:
    import re

    pairs = [_replacement(each, source) for each in _replacement_lines(value, source)]
    for pattern, stable in pairs:
        try:
            # Both ways in which it will be used: on URLs and on bodies.
            re.compile(pattern).sub(stable, "")
            re.compile(pattern.encode()).sub(stable.encode(), b"")
        except (re.error, ValueError, IndexError) as error:
            raise SettingsError(
                f"{source}: replace has {pattern!r} => {stable!r}, which is no regular expression "
                f"with its text: {error}"
            ) from None
    return tuple(pairs)


def _replacement_lines(value: Any, source: str) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, str):
        return value.splitlines()
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return list(value)
    raise SettingsError(
        f"{source}: replace is {value!r}; it takes a dict, pairs, or lines PATTERN => TEXT"
    )


def _replacement(each: Any, source: str) -> tuple[str, str]:
    if isinstance(each, str):
        pattern, arrow, stable = each.partition("=>")
        if arrow:
            return pattern.strip(), stable.strip()
    elif isinstance(each, (tuple, list)) and len(each) == 2:
        pattern, stable = each
        if isinstance(pattern, str) and isinstance(stable, str):
            return pattern, stable
    raise SettingsError(f"{source}: replace has {each!r}; write PATTERN => TEXT")
