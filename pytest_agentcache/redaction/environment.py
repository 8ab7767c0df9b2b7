"""Secrets in the environment: the values of variables with the names of secrets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from ..state import on_reset
from .names import PLACEHOLDER

_NAMES = re.compile(
    r"""(?:.*_)?(?:
    (?:API|ACCESS|ACCOUNT|AUTH|MASTER|PRIVATE|SECRET|SIGNING|ENCRYPTION|SUBSCRIPTION)?_?KEY(?:_?ID)?
    | TOKEN | SECRET | PASSWORD | PASSWD | PASSPHRASE | PASSCODE | CREDENTIALS? | JWT | BEARER
    | (?:API|ACCESS|AUTH|CLIENT|APP|WEBHOOK|SIGNING)(?:KEY|TOKEN|SECRET)
    | CONNECTION_?STRING | COOKIE
    )(?:_?\d{1,2})? | .+(?:PASSWORD|PASSWD|PASSPHRASE) | .+_(?:PASS|PWD|PW|PAT|AUTH|SAS)""",
    re.VERBOSE | re.IGNORECASE,
)
# `SORT_KEY` and `CACHE_KEY` may hold a word; a real key has a digit in it, or is long.
_WEAK = re.compile(
    r"(?:.*_)?(?<!API)(?<!API_)(?<!SECRET_)(?<!ACCESS_)(?<!PRIVATE_)KEY(?:_?\d{1,2})?",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"[a-z][a-z0-9+.-]*://[^/@?#\s:]*:([^/?#\s]+)@", re.IGNORECASE)
_HARMLESS = re.compile(
    r"""[\d.,:+-]{1,11} | <[A-Z][A-Z0-9_]*> | \$\{?[A-Za-z_]\w*\}? | (.)\1* | \*+
    | (?:~|\.{0,2})/.* | [A-Za-z]:\\.* | \w+://[^@]*""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
        anonymous changeme default demo development disabled enabled example fake-key fakekey foobar
        localhost optional password placeholder production redacted required secret staging test
        testing undefined unknown username yourapikey your-api-key your_api_key test-key test_key
        testkey test-token test_token testtoken dummy-key dummy_key dummykey api-key api_key apikey
        my-api-key password123 notasecret not-a-secret not_a_secret postgres
        """,
    )
)
SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Findings:
    """The secrets in an environment.

    Attributes:
        credentials: The values of variables with the names of secrets, short ones included.
        secrets: Name and value of each variable that holds a secret, ordered by name.
    """

    credentials: tuple[str, ...]
    secrets: tuple[tuple[str, str], ...]


# pytest sets it for each part of each test.
_OF_PYTEST: tuple[Any, ...] = ("PYTEST_CURRENT_TEST", b"PYTEST_CURRENT_TEST")
# The environments that were searched last. Each test searches two, which hardly ever change.
_SEARCHED: deque[tuple[dict[Any, Any], tuple[str, ...], Findings]] = deque(maxlen=4)
on_reset("redaction.environment._SEARCHED")(_SEARCHED.clear)


def search(environment: Mapping[str, str], extra: tuple[str, ...] = ()) -> Findings:
    """Return the secrets in an environment.

    Args:
        environment: Variables by their names.
        extra: Globs of further names; one that starts with `!` is for names of harmless values.
    """
    # Decoding all of `os.environ` would cost more than the rest.
    written = dict(getattr(environment, "_data", None) or environment)
    for name in _OF_PYTEST:
        written.pop(name, None)
    for known, globs, found in tuple(_SEARCHED):
        if known == written and globs == extra:
            return found
    found = Findings(tuple(credentials_of(environment)), tuple(secrets_of(environment, extra)))
    _SEARCHED.append((written, extra, found))
    return found


def secrets_of(
    environment: Mapping[str, str], extra: Iterable[str] = ()
) -> Iterable[tuple[str, str]]:
    """Yield name and value of each variable that holds a secret, ordered by name.

    Args:
        environment: Variables by their names.
        extra: Globs of further names; one that starts with `!` is for names of harmless values.
    """
    more, harmless = _globs(extra)
    for name, written in sorted(environment.items()):
        upper, value = name.upper(), written.strip()
        if _is_listed(upper, harmless):
            continue
        named = _is_listed(upper, more)
        if not named and not _NAMES.fullmatch(upper):
            # Other variables hold at most a password in a URL.
            if (found := _USERINFO.match(value)) and is_secret(password := unquote(found[1])):
                yield f"{name}_PASSWORD", password
            continue
        if is_secret(value) and (named or not _WEAK.fullmatch(upper) or _is_key(value)):
            yield name, value


def credentials_of(environment: Mapping[str, str]) -> Iterable[str]:
    """Yield the values of variables with the names of secrets, short ones included."""
    for name, written in environment.items():
        value = written.strip()
        named = _NAMES.fullmatch(name) and not _WEAK.fullmatch(name)
        harmless = PLACEHOLDER.fullmatch(value) or value.lower() in _WORDS
        if named and value and not harmless:
            yield value


def names_secret(name: str, extra: Iterable[str] = ()) -> bool:
    """Return whether a variable of this name would hold a secret.

    Args:
        name: The name.
        extra: Globs of further names; one that starts with `!` is for names of harmless values.
    """
    more, harmless = _globs(extra)
    upper = name.upper()
    if _is_listed(upper, harmless):
        return False
    return _is_listed(upper, more) or _NAMES.fullmatch(upper) is not None


def _globs(extra: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the globs of secret names, and those of harmless ones."""
    globs = [each.upper() for each in extra]
    more = [each for each in globs if not each.startswith("!")]
    return more, [each[1:] for each in globs if each.startswith("!")]


def _is_listed(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def is_secret(value: str) -> bool:
    """Return whether a value is long and unusual enough to be searched for in all messages."""
    return len(value) >= SHORTEST and value.lower() not in _WORDS and not _HARMLESS.fullmatch(value)


def _is_key(value: str) -> bool:
    return " " not in value and (len(value) >= 20 or any(each.isdecimal() for each in value))
