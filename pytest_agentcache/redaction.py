"""Secrets out, placeholders in: by the name of the header, parameter or field that holds them.

A placeholder is made from the name alone, so the same request matches whatever its secret was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from .body import multipart
from .body.form import is_form
from .interaction import Headers, Interaction, Request, Response

# Names as they end, in any case and spelling (`apiKey`, `API-KEY`, `api_key`).
_SECRET = re.compile(
    r"""[\w.-]*?(?:
    (?:api|app|subscription|secret|private|signing|encryption|access|auth|account|master|shared
       |storage)[_-]?key(?:[_-]?id)?
    | (?:api|access|refresh|id|auth|session|security|bearer|oauth|csrf)[_-]?token
    | (?:api|client|app|oauth|consumer)[_-]?secret | secret[_-]?access[_-]?key
    | client[_-]?assertion | jwt | passwords? | passwd | passphrase | passcode | credentials?
    | authorization | connection[_-]?string | [_-]secret
    | (?:bot|user|subject|hf|gh|github)[_-]?token
    ) | token | secret | pwd | assertion | (?:set-)?cookie""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADER = re.compile(
    r"""(?:proxy-)?authorization | api-?key | key | x-auth-key | x-functions-key
    | authentication | x-auth
    | (?!idempotency-|sec-)[\w-]*-(?:key|token|secret|assertion|bearer|credentials?|session-id)
    | [\w-]*-signature(?:-\d+)?""",
    re.VERBOSE | re.IGNORECASE,
)
_QUERY = re.compile(
    r"key|sig|hmac|auth|(?:x-amz-|x-goog-|oauth_)?signature|x-(?:amz|goog)-credential",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(?:bearer|basic|token|digest|aws4-hmac-sha256|apikey)\s+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=//)[^/@?#:\s]*(:[^/@?#\s]*)?@")
_COOKIE = re.compile(r"(^|[;\s])([^=;\s]+)=(\"[^\"]*\"|[^;]+)")
# Libraries join several Set-Cookie fields with commas; only the first pair of each is the cookie.
_SET_COOKIE = re.compile(r"(^\s*|,\s*)([^=;,\s]+)=([^;]+)")
_LINK = re.compile(r"<((?:[^<>]|<[A-Z0-9_]+>)*)>")
_PARAMETER = re.compile(r"(?<=[?&#])([^=&#]+)=([^&#]+)")
_FIELD = re.compile(rb"(^|&)([^=&]+)=([^&]+)")
# The same parameters and userinfo, of URLs that stand in a body.
_INNER_PARAMETER = re.compile(rb"(?<=[?&])([\w.-]{1,64})=([^&#\s\"'\\<>]+)")
_INNER_USERINFO = re.compile(rb"(?<=://)[^/@?#:\s\"'\\<>]{1,256}:[^/@?#\s\"'\\<>]{1,256}@")
_LOOKS_LIKE_FORM = re.compile(rb"[\w.%+\[\]-]+=[^&\s{}\"]*(?:&[\w.%+\[\]-]+=[^&\s{}\"]*)*")
# A name and the start of its text value: in JSON, in JSON inside a stream, and (with the quotes
# escaped, seven times over at most) in JSON inside a string of JSON. Each attempt begins at the
# first of a run of backslashes and is bounded, or a body could be made that takes for ever.
_QUOTED = rb"""(?<!\\)(?P<quote>\\{0,7}")(?P<name>[\w.$-]{1,64})(?P=quote)\s{0,64}:\s{0,64}"""
_HEAD = re.compile(_QUOTED + rb"(?P=quote)")
_OBJECT = re.compile(
    _QUOTED + rb"""\{[^{}]{0,512}?(?P=quote)value(?P=quote)\s{0,64}:\s{0,64}(?P=quote)"""
)
_PAIR = re.compile(
    rb"""(?<!\\)(?P<quote>\\{0,7}")(?:name|key)(?P=quote)\s{0,64}:\s{0,64}(?P=quote)"""
    rb"""(?P<name>[\w.-]{1,64})(?P=quote)\s{0,64},\s{0,64}(?P=quote)value(?P=quote)"""
    rb"""\s{0,64}:\s{0,64}(?P=quote)"""
)
_OTHER = re.compile(
    _QUOTED + rb"""(?P<value>(?P<list>\[(?:\s{0,64}(?P=quote)[^"\\\[\]]{1,4096}(?P=quote)"""
    rb"""\s{0,64},?){1,64}\s{0,64}\])|-?\d[\w.+-]{0,64}(?=\s{0,64}[,}]))"""
)
_QUOTE = re.compile(rb"""(?<!\\)\\*\"""")
# A "token" beside a "logprob" is a piece of text, not a credential.
_PIECE = rb"""\\*"(?:log_?prob(?:ability)?s?|token_?id|bytes)\\*\""""
_PIECE_AFTER = re.compile(rb"\s*,\s*" + _PIECE, re.IGNORECASE)
_PIECE_BEFORE = re.compile(_PIECE + rb"\s*:[^{}]*,\s*\Z", re.IGNORECASE)


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
        # Forms nest by brackets: `user[password]`.
        leaf = name.rstrip("[]").rpartition("[")[2]
        return bool((place and place.fullmatch(leaf)) or _SECRET.fullmatch(leaf))

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
            chunks=response.chunks if body == response.body else self._chunks(response),
        )

    def _chunks(self, response: Response) -> tuple[int, ...]:
        """Chunk sizes after redaction; a chunk that ended inside a secret joins the next one."""
        if multipart.boundary_of(response.content_type) or is_form(response.content_type):
            return ()
        spans = [*self._spans(response.body), (len(response.body) + 1, 0, b"")]
        sizes: list[int] = []
        at = gone = written = done = 0
        for size in response.chunks:
            done += size
            while spans[at][1] and spans[at][1] <= done:
                start, stop, text = spans[at]
                gone += stop - start - len(text)
                at += 1
            if done <= spans[at][0]:
                sizes.append(done - gone - written)
                written = done - gone
        return tuple(size for size in sizes if size)

    def url(self, url: str) -> str:
        """`url` with placeholders for userinfo and for secret query parameters."""
        if "@" in url:
            url = _USERINFO.sub(lambda m: "<USER>" + (":<PASSWORD>" if m[1] else "") + "@", url)
        return _PARAMETER.sub(self._parameter, url)

    def _parameter(self, match: re.Match[str]) -> str:
        name = unquote_plus(match[1])
        return f"{match[1]}={placeholder(name)}" if self._is_secret(name, _QUERY) else match[0]

    def headers(self, headers: Headers) -> Headers:
        """`headers` with placeholders for credentials and for the values of cookies."""
        return Headers(tuple((name, self._header(name, value)) for name, value in headers))

    def _header(self, name: str, value: str) -> str:
        if name == "cookie" and "=" not in value:
            return placeholder(name)
        if name in ("cookie", "set-cookie"):
            pair = _COOKIE if name == "cookie" else _SET_COOKIE
            return pair.sub(lambda m: f"{m[1]}{m[2]}={placeholder(m[2])}", value)
        if name == "link":
            return _LINK.sub(lambda m: f"<{self.url(m[1])}>", value)
        if name in ("location", "content-location", "referer"):
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
        if is_form(content_type) or (len(raw) < 2**16 and _LOOKS_LIKE_FORM.fullmatch(raw)):
            return _FIELD.sub(self._form_field, raw)
        return self._json(raw)

    def _form_field(self, match: re.Match[bytes]) -> bytes:
        name = unquote_plus(match[2].decode("latin-1"))
        if self._is_secret(name, None):
            text = placeholder(name)[1:-1].encode()
            return match[1] + match[2] + b"=%3C" + text + b"%3E"
        inside = unquote_to_bytes(match[3].replace(b"+", b" "))
        if inside[:1] in (b"{", b"[") and (safe := self._json(inside)) != inside:
            write = quote if b"%20" in match[3] else quote_plus
            return match[1] + match[2] + b"=" + write(safe).encode()
        return match[0]

    def _json(self, raw: bytes) -> bytes:
        done: list[bytes] = []
        end = 0
        for start, stop, text in self._spans(raw):
            done += [raw[end:start], text]
            end = stop
        return b"".join([*done, raw[end:]]) if done else raw

    def _spans(self, raw: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Where secrets begin and end, in order, and what to write instead."""
        found = [*self._texts(raw), *self._others(raw), *self._urls(raw)]
        end = 0
        for start, stop, text in sorted(found, key=lambda span: (span[0], -span[1])):
            if start >= end:
                yield start, stop, text
                end = stop

    def _texts(self, raw: bytes) -> Iterator[tuple[int, int, bytes]]:
        """The texts under secret names."""
        for pattern, place in ((_HEAD, None), (_OBJECT, None), (_PAIR, _HEADER)):
            for match in pattern.finditer(raw):
                name = match["name"].decode("latin-1")
                if not self._is_secret(name, place):
                    continue
                end = _end_of_text(raw, match.end(), len(match["quote"]) - 1)
                if end is None or end == match.end():
                    continue
                if name.lower() == "token" and (
                    _PIECE_AFTER.match(raw, end + len(match["quote"]))
                    or _PIECE_BEFORE.search(raw[max(0, match.start() - 400) : match.start()])
                ):
                    continue
                yield match.end(), end, placeholder(name).encode()

    def _others(self, raw: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Numbers and lists of texts under secret names."""
        for match in _OTHER.finditer(raw):
            name, quote = match["name"].decode("latin-1"), match["quote"]
            # A bare "token" with a number is a piece of text by its number.
            if name.lower() != "token" and self._is_secret(name, None):
                text = quote + placeholder(name).encode() + quote
                yield *match.span("value"), b"[" + text + b"]" if match["list"] else text

    def _urls(self, raw: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Secrets in the URLs that stand in a body."""
        for match in _INNER_PARAMETER.finditer(raw):
            name = match[1].decode("latin-1")
            if self._is_secret(name, _QUERY):
                yield *match.span(2), placeholder(name).encode()
        for match in _INNER_USERINFO.finditer(raw):
            yield match.start(), match.end() - 1, b"<USER>:<PASSWORD>"

    def _multipart(self, raw: bytes, boundary: str) -> bytes:
        parts = multipart.split(raw, boundary)
        if parts is None:
            return self._json(raw)
        done = []
        for part in parts:
            content = self.body(part.content, part.header("content-type"))
            if part.name and content and self._is_secret(part.name, None):
                content = placeholder(part.name).encode()
            done.append(replace(part, content=content))
        return multipart.join(done, boundary)


def _end_of_text(raw: bytes, start: int, escapes: int) -> int | None:
    """Where a JSON text ends that began after a quote with so many backslashes before it."""
    for match in _QUOTE.finditer(raw, start):
        run = match.end() - match.start() - 1
        # One level down, a backslash is written as two and a quote has one more before it.
        if run % (2 * escapes + 2) == escapes:
            return match.end() - escapes - 1
        if run < escapes:
            return None
    return None


def placeholder(name: str) -> str:
    """`<API_KEY>` for `apiKey`, `api-key` or `API_KEY`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    text = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper()
    return f"<{text}>" if text[:1].isalpha() else f"<SECRET_{text}>"
