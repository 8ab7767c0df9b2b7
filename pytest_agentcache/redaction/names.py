"""Names that hold secrets, and the placeholder for a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from .credible import AMBIGUOUS, may_be_credential

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
    | (?:bot|user|subject|hf|gh|github|private|personal|deploy|service|login|git|gitlab)[_-]?token
    ) | _?token | _?[cx]srf | secret | pwd | assertion | (?:set-)?cookie""",
    re.VERBOSE | re.IGNORECASE,
)
# Further names of secrets in a header, or in the query of a URL.
HEADER = re.compile(
    r"""(?:proxy-)?authorization | api-?key | key | x-auth-key | x-functions-key
    | authentication | x-auth
    | (?!idempotency-|sec-)[\w-]*-(?:key|token|secret|assertion|bearer|credentials?|session-id|pass)
    | [\w-]*-signature(?:-\d+)?""",
    re.VERBOSE | re.IGNORECASE,
)
QUERY = re.compile(
    r"""key|sig|hmac|auth|(?:x-amz-|x-goog-|x-oss-|oauth_|q-)?signature
    | x-(?:amz|goog|oss)-credential | (?:login_?)?ticket | pass | saml(?:request|response)
    | (?:j|php|aspx?)sess(?:ion)?id""",
    re.VERBOSE | re.IGNORECASE,
)
# Further names of secrets in text: those of headers that have no other meaning.
TEXT = re.compile(
    r"(?:proxy-)?authorization|x-(?!idempotency-)(?:[\w-]*-)?(?:key|token|secret|auth)|api-?key",
    re.IGNORECASE,
)
# Further names of secrets in the URL of a redirect: the code of OAuth, if it is long.
REDIRECT = re.compile(rf"{QUERY.pattern}|code", re.VERBOSE | re.IGNORECASE)
# Letters of a name may be written with escapes.
ESCAPED = re.compile(rb"\\u00[2-7]")
# Every name above contains one of these; most bodies contain none.
_HINTS = (
    *(b"key", b"token", b"secret", b"pass", b"pwd", b"credential", b"auth", b"jwt", b"srf"),
    *(b"cookie", b"assertion", b"verifier", b"code", b"connection", b"bearer", b"session"),
    *(b"sig", b"hmac", b"ticket", b"saml", b"sess"),
)
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
        self.is_ambiguous = lru_cache(maxsize=4096)(self._may_mean_more)
        # The placeholders on the cassette: keys differ between machines, so they match any value.
        self._recorded: set[str] = set()
        self._credentials: set[str] = set()

    def may_be_in(self, raw: bytes) -> bool:
        """Return whether `raw` may contain a name that holds secrets; this is a fast look."""
        if self._extra or ESCAPED.search(raw):
            return True
        lower = raw.lower()
        return any(hint in lower for hint in _HINTS)

    def is_harmless(self, name: str) -> bool:
        """Return whether a setting says that values under `name` are harmless."""
        return any(fnmatchcase(name.lower(), glob) for glob in self._harmless)

    def recorded(self, marks: Iterable[str]) -> None:
        """Remember placeholders on the cassette: under their names, every value matches."""
        self._recorded |= {mark for mark in marks if _may_be_kept(mark[1:-1])}

    @property
    def has_globs(self) -> bool:
        """Return true if the settings add names, which may be any."""
        return bool(self._extra)

    @property
    def matches_any(self) -> bool:
        """Return whether a value that is kept may have to match a placeholder on the cassette."""
        return bool(self._recorded)

    def credentials(self, values: Iterable[str]) -> None:
        """Remember credentials that are too short or too common to be searched for."""
        self._credentials.update(values)

    def hides(
        self, name: str, value: str, place: re.Pattern[str] | None = None, *, every: bool = False
    ) -> bool:
        """Return whether `value` under `name` is replaced.

        Args:
            name: The name.
            value: The value, without the escapes of its place.
            place: Further names that are secret in this place.
            every: Whether to decide for matching: what the cassette hides matches any value.
        """
        if not self.is_secret(name, place):
            return False
        if not self.is_ambiguous(name) or PLACEHOLDER.fullmatch(value):
            return True
        if every:
            return self._is_recorded(name)
        return value in self._credentials or may_be_credential(value)

    def hides_number(self, name: str, *, every: bool = False) -> bool:
        """Return whether a number of JSON under a secret name is replaced: not if it counts."""
        if every and self._is_recorded(name):
            return True
        if self._is_forced(name):
            return True
        return not _may_be_kept(name)

    def _is_recorded(self, name: str) -> bool:
        return placeholder(name) in self._recorded

    def _is_forced(self, name: str) -> bool:
        return any(fnmatchcase(name.lower(), glob) for glob in self._extra)

    def _may_mean_more(self, name: str) -> bool:
        leaf = name.rstrip("[]").rpartition("[")[2]
        return not self._is_forced(name) and AMBIGUOUS.fullmatch(leaf) is not None

    def _judge(self, name: str, place: re.Pattern[str] | None = None) -> bool:
        if self.is_harmless(name):
            return False
        if self._is_forced(name):
            return True
        # Forms nest by brackets: `user[password]`.
        leaf = name.rstrip("[]").rpartition("[")[2]
        return bool((place and place.fullmatch(leaf)) or _SECRET.fullmatch(leaf))


def _may_be_kept(name: str) -> bool:
    """Return whether some values under a secret name are kept."""
    return bool(AMBIGUOUS.fullmatch(name)) or name.lower().endswith(("s", "_id"))


@lru_cache(maxsize=4096)
def placeholder(name: str) -> str:
    """Return `<API_KEY>` for `apiKey`, `api-key` or `API_KEY`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    text = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper()
    return f"<{text}>" if text[:1].isalpha() else f"<SECRET_{text}>"
