"""URLs and headers without their secrets."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from ..http.body.spans import merged, replaced
from ..http.messages import Headers
from .bodies import Bodies
from .names import HEADER, PLACEHOLDER, QUERY, REDIRECT, Names, placeholder
from .signed_urls import is_signed, name_of, scheme_of
from .values import Values

_SCHEME = re.compile(r"(?:bearer|basic|token|digest|aws4-hmac-sha256|apikey)\s+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=//)([^/@?#:\s]*)(?::([^/@?#\s]+))?@")
_COOKIE = re.compile(r"(^|[;\s])([^=;\s]+)=(\"[^\"]*\"|[^;]+)")
# Libraries join several Set-Cookie fields with commas; only the first pair of each is the cookie.
_SET_COOKIE = re.compile(r"(^\s*|,\s*)([^=;,\s]+)=([^;]+)")
_LINK = re.compile(r"<((?:[^<>]|<[A-Z0-9_]+>)*)>")
_PARAMETER = re.compile(r"(?<=[?&#])([^=&#]+)=([^&#]+)")
# Parameters of a path: the session of a servlet, for example.
_OF_PATH = re.compile(r"(?<=[;/])([\w.-]{1,64})=([^/;?#&]+)")
_PLACES = ("location", "content-location", "referer")
_ADDRESSES = (*_PLACES, "link")
# A shorter `code` is that of a country or a status.
_LONG_CODE = 10


def _is_random(value: str) -> bool:
    return len(value) >= _LONG_CODE and any(each.isdecimal() for each in value)


def _joined(*texts: str) -> bytes:
    return "\n".join(texts).encode("utf-8", "surrogatepass")


class Addresses:
    """Redacts URLs and headers.

    Args:
        names: Decides which names hold secrets.
        values: Known secrets.
        bodies: Redacts texts in parameters, and texts that look like secrets.
    """

    def __init__(self, names: Names, values: Values, bodies: Bodies) -> None:
        self._names, self._values, self._bodies = names, values, bodies

    def head(self, url: str, headers: Headers) -> tuple[str, Headers]:
        """Return a URL and headers without their secrets."""
        # Few of them hold any, so they are searched as a whole first.
        raw, fields = _joined(url), _joined(*(value for _, value in headers.pairs))
        if (
            next(self._values.spans(raw + b"\n" + fields), None)
            or next(self._bodies.shaped(raw), None)
            or self._bodies.may_be_in(fields)
        ):
            return self.url(url), self.headers(headers)
        return self._by_name(url), Headers(
            tuple((name, self._header(name, value, False)) for name, value in headers.pairs)
        )

    def url(self, url: str, *, every: bool = False, place: re.Pattern[str] = QUERY) -> str:
        """Return `url` with placeholders for userinfo, secret parameters and known secrets.

        Args:
            url: Absolute or not.
            every: Whether to look at names only, and to rename placeholders under them.
            place: Further names that are secret in this kind of URL.
        """
        if not every:
            url = self._by_value(url)
        url = self._by_name(url, every=every, place=place)
        return url if every else self._by_shape(url)

    def _by_name(self, url: str, *, every: bool = False, place: re.Pattern[str] = QUERY) -> str:
        if "@" in url:
            url = _USERINFO.sub(lambda match: self._userinfo(match, every), url)
        if is_signed(url):
            url = self._signed(url, every)
        if "=" in url:
            path = len(url) - len(url.partition("?")[2])
            if "=" in url[:path]:
                found = _OF_PATH.sub(lambda match: self._parameter(match, every, place), url[:path])
                url = found + url[path:]
            url = _PARAMETER.sub(lambda match: self._parameter(match, every, place), url)
        return url

    def _signed(self, url: str, every: bool) -> str:
        """Return a signed URL with placeholders for what changes with each signature."""
        before, _, rest = url.partition("?")
        query, mark, fragment = rest.partition("#")
        parameters = query.split("&")
        scheme = scheme_of(frozenset(map(name_of, parameters)))
        if scheme is None:
            return url
        volatile, kept = scheme.volatile | scheme.optional | {scheme.signature}, []
        for parameter in parameters:
            name, equals, value = parameter.partition("=")
            if every and name_of(parameter) in scheme.optional:
                continue
            if value and name_of(parameter) in volatile:
                value = self._kept(value, placeholder(unquote_plus(name)), every)
            kept.append(name + equals + value)
        return f"{before}?{'&'.join(kept)}{mark}{fragment}"

    def _userinfo(self, match: re.Match[str], every: bool) -> str:
        user, password = match.groups()
        if password is None:
            return f"{self._kept(user, '<USER>', every)}@"
        kept = self._kept(password, "<PASSWORD>", every)
        return f"{'<USER>' if user else ''}:{kept}@"

    def _kept(self, value: str, mark: str, every: bool) -> str:
        return value if PLACEHOLDER.fullmatch(value) and not every else mark

    def _parameter(self, match: re.Match[str], every: bool, place: re.Pattern[str]) -> str:
        name, value = unquote_plus(match[1]), match[2]
        plain = unquote_plus(value)
        if self._names.hides(name, plain, place, every=every) and (
            _is_random(value) or name.lower() != "code"
        ):
            return f"{match[1]}={self._kept(value, placeholder(name), every)}"
        if not every and ("%" in value or "+" in value):
            inside = unquote_to_bytes(value.replace("+", " "))
            safe = self._bodies.redacted(inside, "text/plain")
            if safe != inside:
                write = quote if "%20" in value else quote_plus
                return f"{match[1]}={write(safe, safe='<>')}"
        return match[0]

    def headers(self, headers: Headers, *, every: bool = False) -> Headers:
        """Return `headers` with placeholders for credentials, cookies and known secrets."""
        if not every:
            # Most headers hold nothing, so look at all of them at once first.
            whole = _joined(*(value for _, value in headers.pairs))
            by_value = any(True for _ in self._values.spans(whole))
            by_shape = self._bodies.may_be_in(whole)
            headers = Headers(
                tuple(
                    (name, value if name in _PLACES or not by_value else self._by_value(value))
                    for name, value in headers.pairs
                )
            )
        else:
            by_shape = False
        safe = [(name, self._header(name, value, every)) for name, value in headers.pairs]
        if by_shape:
            safe = [(name, self._by_shape(value)) for name, value in safe]
        return Headers(tuple(safe))

    def _header(self, name: str, value: str, every: bool) -> str:
        if not value:
            return value
        if name in _PLACES:
            return self.url(value, every=every, place=REDIRECT if name == "location" else QUERY)
        if name == "link":
            return _LINK.sub(lambda match: f"<{self.url(match[1], every=every)}>", value)
        if name == "cookie" and "=" not in value:
            return self._kept(value, placeholder(name), every)
        if name in ("cookie", "set-cookie", "set-cookie2"):
            pair = _COOKIE if name == "cookie" else _SET_COOKIE
            return pair.sub(
                lambda m: f"{m[1]}{m[2]}={self._kept(m[3], placeholder(m[2]), every)}", value
            )
        scheme = _SCHEME.match(value)
        start = scheme.end() if scheme else 0
        if not self._names.hides(name, value[start:], HEADER, every=every):
            return self._inside(value, every)
        return value[:start] + self._kept(value[start:], placeholder(name), every)

    def _inside(self, value: str, every: bool) -> str:
        """Return the value of any other header without the secrets that have a name in it."""
        if ":" not in value and "=" not in value and "%" not in value:
            return value
        raw = value.encode("utf-8", "surrogatepass")
        spans = merged(self._bodies.fields.spans(raw, every=every))
        return replaced(raw, spans).decode("utf-8", "surrogatepass") if spans else value

    def _by_value(self, text: str) -> str:
        raw = text.encode("utf-8", "surrogatepass")
        spans = merged(self._values.spans(raw))
        return replaced(raw, spans).decode("utf-8", "surrogatepass") if spans else text

    def _by_shape(self, text: str) -> str:
        raw = text.encode("utf-8", "surrogatepass")
        spans = merged(self._bodies.shaped(raw))
        return replaced(raw, spans).decode("utf-8", "surrogatepass") if spans else text

    def handed_out(self, headers: Headers) -> list[tuple[str, str]]:
        """Return the names and values of secrets in the headers of a response."""
        found: list[tuple[str, str]] = []
        for name, value in headers:
            if name == "set-cookie":
                found += [(match[2], match[3].strip('"')) for match in _SET_COOKIE.finditer(value)]
            elif name in _ADDRESSES:
                for match in _PARAMETER.finditer(value):
                    given = unquote_plus(match[2].rstrip(">"))
                    if self._names.hides(parameter := unquote_plus(match[1]), given, REDIRECT):
                        found.append((parameter, given))
            elif self._names.hides(name, value, HEADER):
                scheme = _SCHEME.match(value)
                found.append((name, value[scheme.end() :] if scheme else value))
        return found
