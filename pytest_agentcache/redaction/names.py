"""Names that hold secrets, and the placeholder for a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

# The ends of names, in any case and spelling (`apiKey`, `API-KEY`, `api_key`).
_SECRET = re.compile(
    r"""[\w.-]*?(?:
    (?:api|app|subscription|secret|private|signing|encryption|access|auth|account|master|shared
       |storage)[_-]?keys?(?:[_-]?id)?
    | (?:api|access|refresh|auth|bearer|oauth)[_-]?tokens?
    | (?:id|session|security|csrf|xsrf|authenticity|csrf[_-]?middleware|verification)[_-]?token
    | (?:api|client|app|oauth|consumer|webhook|signing)[_-]?secrets?
    | secret[_-]?access[_-]?key
    | client[_-]?assertion | code[_-]?verifier | (?:device|auth|authorization)[_-]?code
    | jwt | passwords? | passwd | passphrase | passcode
    | credentials? | authorization | connection[_-]?string | [_-]secrets?
    | (?:bot|user|subject|hf|gh|github)[_-]?token
    ) | _?token | _?[cx]srf | secret | pwd | assertion | (?:set-)?cookie""",
    re.VERBOSE | re.IGNORECASE,
)
# Further names of secrets in a header, or in the query of a URL.
HEADER = re.compile(
    r"""(?:proxy-)?authorization | api-?key | key | x-auth-key | x-functions-key
    | authentication | x-auth
    | (?!idempotency-|sec-)[\w-]*-(?:key|token|secret|assertion|bearer|credentials?|session-id)
    | [\w-]*-signature(?:-\d+)?""",
    re.VERBOSE | re.IGNORECASE,
)
QUERY = re.compile(
    r"key|sig|hmac|auth|(?:x-amz-|x-goog-|oauth_)?signature|x-(?:amz|goog)-credential",
    re.IGNORECASE,
)
# Further names of secrets in the URL of a redirect: the code of OAuth, if it is long.
REDIRECT = re.compile(rf"{QUERY.pattern}|code", re.IGNORECASE)
PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]{0,127}>")
MARK = re.compile(PLACEHOLDER.pattern.encode())


class Names:
    """Decides which names hold secrets.

    Args:
        extra: Globs of further names; one that starts with `!` is for names of harmless values.
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        names = [name.lower() for name in extra]
        self._extra = [name for name in names if not name.startswith("!")]
        self._harmless = [name[1:] for name in names if name.startswith("!")]
        self.is_secret = lru_cache(maxsize=4096)(self._judge)

    def is_harmless(self, name: str) -> bool:
        """Return whether a setting says that values under `name` are harmless."""
        return any(fnmatchcase(name.lower(), glob) for glob in self._harmless)

    def _judge(self, name: str, place: re.Pattern[str] | None = None) -> bool:
        if self.is_harmless(name):
            return False
        if any(fnmatchcase(name.lower(), glob) for glob in self._extra):
            return True
        # Forms nest by brackets: `user[password]`.
        leaf = name.rstrip("[]").rpartition("[")[2]
        return bool((place and place.fullmatch(leaf)) or _SECRET.fullmatch(leaf))


@lru_cache(maxsize=4096)
def placeholder(name: str) -> str:
    """Return `<API_KEY>` for `apiKey`, `api-key` or `API_KEY`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    text = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper()
    return f"<{text}>" if text[:1].isalpha() else f"<SECRET_{text}>"
