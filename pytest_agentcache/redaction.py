"""Secrets out, placeholders in: by the name of the header, parameter or field that holds them.

A placeholder is made from the name alone, so the same request matches whatever its secret was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise

from .body import multipart
from .body.form import is_form
from .interaction import Headers, Interaction, Request, Response

# Names as they end, in any case and spelling (`apiKey`, `API-KEY`, `api_key`).
_SECRET = re.compile(
    r"""[\w.-]*?(?:
    (?:api|app|subscription|secret|private|signing|encryption|access|auth)[_-]?key(?:[_-]?id)?
    | (?:api|access|refresh|id|auth|session|security|bearer|oauth|csrf)[_-]?token
    | (?:api|client|app|oauth|consumer)[_-]?secret | secret[_-]?access[_-]?key
    | client[_-]?assertion | jwt | password | passwd | passphrase | credential | authorization
    ) | token | secret | pwd""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADER = re.compile(
    r"""(?:proxy-)?authorization | api-?key | key | x-auth-key | x-functions-key
    | [\w-]*-(?:api-?key|token|secret|signature)""",
    re.VERBOSE | re.IGNORECASE,
)
_QUERY = re.compile(r"key|sig|signature|x-amz-(?:signature|credential)", re.IGNORECASE)
_SCHEME = re.compile(r"(?:bearer|basic|token|digest|aws4-hmac-sha256|apikey)\s+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=//)[^/@?#:\s]*(:[^/@?#\s]*)?@")
_COOKIE = re.compile(r"([^=;\s]+)=([^;]+)")
_PARAMETER = re.compile(r"(^|&)([^=&#]+)=([^&#]+)")
_FIELD = re.compile(rb"(^|&)([^=&]+)=([^&]+)")
# A name and the start of its text value: in JSON, in JSON inside a stream, and (with the quotes
# escaped) in JSON inside a string of JSON.
_HEAD = re.compile(rb"""(?P<quote>\\*")(?P<name>[\w.$-]{1,64})(?P=quote)\s*:\s*(?P=quote)""")
_OBJECT = re.compile(
    rb"""(?P<quote>\\*")(?P<name>[\w.$-]{1,64})(?P=quote)\s*:\s*\{[^{}]*?(?P=quote)value(?P=quote)"""
    rb"""\s*:\s*(?P=quote)"""
)
# A "token" beside a "logprob" is a piece of text, not a credential.
_LOGPROB = re.compile(rb"""\s*,\s*\\*"(?:logprob|bytes)\\*\"""")


class Redaction:
    """Redacts requests and responses by name.

    Args:
        extra: Globs of more names, for headers, query parameters and fields alike; one that
            starts with `!` names what is no secret.
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        names = [name.lower() for name in extra]
        self._extra = [name for name in names if not name.startswith("!")]
        self._harmless = [name[1:] for name in names if name.startswith("!")]
        self._is_secret = lru_cache(maxsize=4096)(self._judge)

    def _judge(self, name: str, place: re.Pattern[str] | None) -> bool:
        lower = name.lower()
        if any(fnmatchcase(lower, glob) for glob in self._harmless):
            return False
        if any(fnmatchcase(lower, glob) for glob in self._extra):
            return True
        return bool((place and place.fullmatch(name)) or _SECRET.fullmatch(name))

    def interaction(self, interaction: Interaction) -> Interaction:
        """`interaction` without its secrets."""
        return Interaction(self.request(interaction.request), self.response(interaction.response))

    def request(self, request: Request) -> Request:
        """`request` without its secrets; the same again if called on what it returned."""
        return replace(
            request,
            url=self.url(request.url),
            headers=self.headers(request.headers),
            body=self.body(request.body, request.content_type),
        )

    def response(self, response: Response) -> Response:
        """`response` without its secrets."""
        body = self.body(response.body, response.content_type)
        return replace(
            response,
            headers=self.headers(response.headers),
            body=body,
            chunks=response.chunks if body == response.body else self._chunks(response, body),
        )

    def _chunks(self, response: Response, body: bytes) -> tuple[int, ...]:
        """Chunk sizes after redaction; a chunk that ended inside a secret joins the next one."""
        ends = [0]
        done = 0
        for size in response.chunks:
            done += size
            ends.append(len(self.body(response.body[:done], response.content_type)))
        if not response.chunks:
            return ()
        ends[-1] = len(body)
        whole = [0]
        for end in ends[1:]:
            if whole[-1] < end <= len(body):
                whole.append(end)
        return tuple(end - start for start, end in pairwise(whole))

    def url(self, url: str) -> str:
        """`url` with placeholders for userinfo and for secret query parameters."""
        if "@" in url:
            url = _USERINFO.sub(lambda m: "<USER>" + (":<PASSWORD>" if m[1] else "") + "@", url)
        head, mark, query = url.partition("?")
        return head + mark + _PARAMETER.sub(self._parameter, query) if mark else url

    def _parameter(self, match: re.Match[str]) -> str:
        secret = self._is_secret(match[2], _QUERY)
        return f"{match[1]}{match[2]}={placeholder(match[2])}" if secret else match[0]

    def headers(self, headers: Headers) -> Headers:
        """`headers` with placeholders for credentials and for the values of cookies."""
        return Headers(tuple((name, self._header(name, value)) for name, value in headers))

    def _header(self, name: str, value: str) -> str:
        if name in ("cookie", "set-cookie"):
            # Of a Set-Cookie only the first pair is the cookie, the rest are its attributes.
            count = 0 if name == "cookie" else 1
            return _COOKIE.sub(lambda m: f"{m[1]}={placeholder(m[1])}", value, count=count)
        if name in ("location", "content-location", "link", "referer"):
            return self.url(value)
        if not value or not self._is_secret(name, _HEADER):
            return value
        scheme = _SCHEME.match(value)
        return (scheme[0] if scheme else "") + placeholder(name)

    def body(self, raw: bytes, content_type: str) -> bytes:
        """`raw` with placeholders for the values of secret fields, all else as it was."""
        if not raw:
            return raw
        if boundary := multipart.boundary_of(content_type):
            return self._multipart(raw, boundary)
        if is_form(content_type):
            return _FIELD.sub(self._form_field, raw)
        return self._json(raw)

    def _form_field(self, match: re.Match[bytes]) -> bytes:
        name = match[2].decode("latin-1")
        if not self._is_secret(name, None):
            return match[0]
        text = placeholder(name)[1:-1].encode()
        return match[1] + match[2] + b"=%3C" + text + b"%3E"

    def _json(self, raw: bytes) -> bytes:
        done: list[bytes] = []
        start = 0
        for match in sorted(
            [*_HEAD.finditer(raw), *_OBJECT.finditer(raw)], key=lambda match: match.end()
        ):
            name = match["name"].decode("latin-1")
            if match.end() < start or not self._is_secret(name, None):
                continue
            quote = re.escape(match["quote"])
            value = re.compile(rb"((?:[^\"\\]|\\.)*?)" + quote, re.DOTALL).match(raw, match.end())
            if value is None or not value[1] or _LOGPROB.match(raw, value.end()):
                continue
            done += [raw[start : match.end()], placeholder(name).encode()]
            start = value.end(1)
        return b"".join([*done, raw[start:]]) if done else raw

    def _multipart(self, raw: bytes, boundary: str) -> bytes:
        parts = multipart.split(multipart.neutral(raw, boundary))
        if parts is None:
            return self._json(raw)
        done = []
        for part in parts:
            content = self.body(part.content, part.header("content-type"))
            if part.name and self._is_secret(part.name, None):
                content = placeholder(part.name).encode()
            done.append(replace(part, content=content))
        fixed = b"--" + multipart.BOUNDARY.encode()
        return multipart.join(done).replace(fixed, b"--" + boundary.encode("latin-1"))


def placeholder(name: str) -> str:
    """`<API_KEY>` for `apiKey`, `api-key` or `API_KEY`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    text = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper()
    return f"<{text}>" if text[:1].isalpha() else f"<SECRET_{text}>"
