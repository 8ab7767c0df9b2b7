"""The checks of settings: how each kind of value is read from an ini file and validated.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from ..errors import SettingsError
from .durations import age, instant
from .json_path import PathError, json_path
from .named_patterns import ids, lines_of, shape

PERSONAL = ("email", "account", "arn")
IDS = ("answer", "call", "request", "object", "uuid", "timestamp")
URL_PARTS = ("scheme", "host", "port", "path", "query")
MATCHERS = ("method", "url", *URL_PARTS, "body", "headers")


def _split_words(lines: Sequence[str], source: str) -> list[str]:
    return [word for line in lines for word in line.split()]


def _keep_lines(lines: Sequence[str], source: str) -> list[str]:
    return list(lines)


class Check(NamedTuple):
    """The check that a setting carries.

    Args:
        convert: Returns the value in the setting's type, from the setting's name, the value as
            it was written, and its source for the error. It raises a `SettingsError`.
        ini: The type of the key in pytest's ini file.
        read_lines: For a `linelist`, what the lines of the ini file stand for.
        choices: The values that are allowed, if these can be listed.
    """

    convert: Callable[[str, Any, str], Any]
    ini: Literal["bool", "string", "linelist"] = "linelist"
    read_lines: Callable[[Sequence[str], str], Any] = _split_words
    choices: tuple[str, ...] = ()


def one_of(*choices: str) -> Check:
    """Return the check of a setting that is one of `choices`."""

    def convert(name: str, value: Any, source: str) -> str:
        if value not in choices:
            raise SettingsError(f"{source}: {name} is {value!r}; allowed are {', '.join(choices)}")
        chosen: str = value
        return chosen

    return Check(convert, "string", choices=choices)


def words(check: Callable[[str, str, str], None] = lambda name, word, source: None) -> Check:
    """Return the check of a setting that lists words, each of which must pass `check`."""

    def convert(name: str, value: Any, source: str) -> tuple[str, ...]:
        found = _words(name, value, source)
        for word in found:
            check(name, word, source)
        return found

    return Check(convert)


def _words(name: str, value: Any, source: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        found = tuple(value)
        if all(isinstance(each, str) for each in found):
            return found
    raise SettingsError(f"{source}: {name} is {value!r}; it takes a list of strings")


def _truth(name: str, value: Any, source: str) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise SettingsError(f"{source}: {name} is {value!r}; it takes true or false")
    return value


def _start(name: str, value: Any, source: str) -> bool | datetime:
    """Return whether to freeze the clock, or the instant at which it starts, in UTC."""
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false")):
        return _truth(name, value, source)
    try:
        return instant(value)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{source}: {name} is {value!r}; {error}") from None


def _age(name: str, value: Any, source: str) -> timedelta | None:
    if value is None:
        return None
    try:
        return age(value)
    except ValueError:
        raise SettingsError(
            f"{source}: {name} is {value!r}; it takes hours, days or weeks: 48h, 90d, 12w"
        ) from None


def _budget(name: str, value: Any, source: str) -> float | None:
    if value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not 0 < found < math.inf:
        raise SettingsError(f"{source}: {name} is {value!r}; it takes US dollars above 0: 0.50")
    return found


def _cassette(name: str, value: Any, source: str) -> str:
    if not isinstance(value, str) and not hasattr(value, "__fspath__"):
        raise SettingsError(f"{source}: {name} is {value!r}; it takes a name or a path")
    return str(value)


def _keywords(name: str, value: Any, source: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"{source}: {name} is {value!r}; it takes keywords as a dict")
    return dict(value)


def _keyword_lines(lines: Sequence[str], source: str) -> dict[str, Any]:
    for line in lines:
        if "=" not in line:
            raise SettingsError(f"{source} has {line!r}; write KEYWORD = VALUE")
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): _literal(text.strip()) for key, _, text in pairs}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _matchers(name: str, value: Any, source: str) -> tuple[str, ...]:
    found = _words(name, value, source)
    for matcher in found:
        named = matcher.startswith("header:") and matcher != "header:"
        if matcher not in MATCHERS and not named:
            allowed = ", ".join((*MATCHERS, "header:NAME"))
            raise SettingsError(f"{source}: {name} has {matcher!r}; allowed are {allowed}")
    if not found:
        raise SettingsError(f"{source}: {name} is empty, so any request would match any other")
    return found


def _is_json_path(name: str, path: str, source: str) -> None:
    try:
        json_path(path)
    except PathError as error:
        raise SettingsError(f"{source}: {error}") from None


def _is_host(name: str, host: str, source: str) -> None:
    _is_address(name, host, source)
    # An IPv6 address has no slash, and no glob needs one: paths are not compared here.
    bare, slash, _ = host.partition("/")
    if slash:
        raise SettingsError(
            f"{source}: {name} has {host!r}; it takes a host without a path: {bare}"
        )


def _is_address(name: str, host: str, source: str) -> None:
    _, found, rest = host.removeprefix("!").partition("://")
    if found:
        raise SettingsError(f"{source}: {name} has {host!r}; write it without scheme: {rest}")


def _is_personal(name: str, kind: str, source: str) -> None:
    if kind not in PERSONAL:
        raise SettingsError(f"{source}: {name} has {kind!r}; allowed are {', '.join(PERSONAL)}")


def _is_fingerprint(name: str, word: str, source: str) -> None:
    if len(word) != 12 or not set(word) <= set("0123456789abcdef"):
        # Not shown: someone may have put the secret itself here.
        raise SettingsError(
            f"{source}: {name} has a value that is not a fingerprint; it takes the twelve digits "
            "that the error shows"
        )


def _shapes(name: str, value: Any, source: str) -> tuple[str, ...]:
    return tuple(shape(name, line, source) for line in lines_of(name, value, source))


def _ids(name: str, value: Any, source: str) -> tuple[str, ...]:
    return ids(value, source, IDS)


def _replacements(name: str, value: Any, source: str) -> tuple[tuple[str, str], ...]:
    pairs = _pairs(name, value, source, "PATTERN")
    for pattern, stable in pairs:
        try:
            # Both ways in which it will be used: on URLs and on bodies.
            re.compile(pattern).sub(stable, "")
            re.compile(pattern.encode()).sub(stable.encode(), b"")
        except (re.error, ValueError, IndexError) as error:
            raise SettingsError(
                f"{source}: replace has {pattern!r} => {stable!r}, which is not a valid regular "
                f"expression with its text: {error}"
            ) from None
    return pairs


def _placeholders(name: str, value: Any, source: str) -> tuple[tuple[str, str], ...]:
    pairs = _pairs(name, value, source, "PLACEHOLDER")
    for placeholder, text in pairs:
        if not placeholder or not text:
            raise SettingsError(f"{source}: {name} has an empty side; write PLACEHOLDER => TEXT")
    return pairs


def _variables(name: str, value: Any, source: str) -> tuple[tuple[str, str], ...]:
    pairs = _pairs(name, value, source, "NAME", "=", "VALUE")
    for variable, _ in pairs:
        if not variable or "\0" in variable:
            raise SettingsError(f"{source}: {name} has a line without a name; write NAME = VALUE")
    return pairs


def _pairs(
    name: str, value: Any, source: str, left: str, arrow: str = "=>", right: str = "TEXT"
) -> tuple[tuple[str, str], ...]:
    form = f"{left} {arrow} {right}"
    return tuple(
        _pair(name, each, source, arrow, form) for each in _pair_lines(name, value, source, form)
    )


def _pair_lines(name: str, value: Any, source: str, form: str) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, str):
        return value.splitlines()
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return list(value)
    raise SettingsError(f"{source}: {name} is {value!r}; it takes a dict, pairs, or lines {form}")


def _pair(name: str, each: Any, source: str, arrow: str, form: str) -> tuple[str, str]:
    if isinstance(each, str):
        before, found, after = each.partition(arrow)
        if found:
            return before.strip(), after.strip()
    elif isinstance(each, (tuple, list)) and len(each) == 2:
        before, after = each
        if isinstance(before, str) and isinstance(after, str):
            return before, after
    raise SettingsError(f"{source}: {name} has {each!r}; write {form}")


TRUTH = Check(_truth, "bool")
START = Check(_start, "string")
AGE = Check(_age, "string")
BUDGET = Check(_budget, "string")
CASSETTE = Check(_cassette, "string")
KEYWORDS = Check(_keywords, read_lines=_keyword_lines)
MATCH = Check(_matchers)
PLACEHOLDERS = Check(_placeholders, read_lines=_keep_lines)
REPLACEMENTS = Check(_replacements, read_lines=_keep_lines)
VARIABLES = Check(_variables, read_lines=_keep_lines)
SHAPES = Check(_shapes, read_lines=_keep_lines)
STABLE_IDS = Check(_ids, read_lines=_keep_lines)
WORDS = words()
JSON_PATHS = words(_is_json_path)
HOSTS = words(_is_host)
ADDRESSES = words(_is_address)
PERSONAL_KINDS = words(_is_personal)
FINGERPRINTS = words(_is_fingerprint)
