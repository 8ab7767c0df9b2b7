"""Requests and responses without their secrets."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..http.body import encoding, kind_of
from ..http.body.compression import is_packed
from ..http.body.form import pairs
from ..http.body.kinds import FORM
from ..http.body.spans import chunks
from ..http.messages import Headers, Interaction, Request, Response
from ..settings.settings import Settings
from . import numbering
from .addresses import Addresses
from .bodies import Bodies
from .environment import Findings, is_secret, search
from .names import MARK, PLACEHOLDER, Names, placeholder
from .shapes import Shapes
from .suspects import Doubt, doubts, fingerprint
from .values import LONG, Values

# A shorter one could be anything.
SHORTEST = 4


class Redaction:
    """Redacts requests and responses, by name, by value and by shape.

    Args:
        extra: Globs of further names, for headers, query parameters and fields alike; one that
            starts with `!` is for names of harmless values.
        env: Globs of further environment variables that hold secrets, or with `!` hold none.
        shapes: `NAME => regular expression` for further shapes, `!NAME` for one to leave out.
        personal: Personal data to redact in addition: `email`, `account`, `arn`.
        allowed: Fingerprints of values that look like secrets but are not.
        environment: Variables at the start of the run; None to read no environment.
    """

    def __init__(
        self,
        extra: Iterable[str] = (),
        *,
        env: Iterable[str] = (),
        shapes: Iterable[str] = (),
        personal: Iterable[str] = (),
        allowed: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._names = Names(extra)
        self._env, self._allowed = tuple(env), frozenset(allowed)
        self._values = Values()
        self._shapes = Shapes(shapes, personal, self._is_allowed)
        self._bodies = Bodies(self._names, self._values, self._shapes)
        self._addresses = Addresses(self._names, self._values, self._bodies)
        self._watches = environment is not None
        self._seen: object = None
        self._found: Findings | None = None
        self._asked: list[bytes] = []
        # How often something became known that may change what a request is redacted to.
        self._learned = 0
        # Pairs of a request that was replayed, with its secrets, and the recorded one.
        self._played: list[tuple[Request, Request]] = []
        if environment is not None:
            self._look_into(environment)

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str] | None = None) -> Redaction:
        """Return the redaction for some settings.

        Args:
            settings: Only the settings of redaction are used.
            environment: Variables at the start of the run, in addition to the current ones; None
                for none.
        """
        return cls(
            settings.redact,
            env=settings.redact_env,
            shapes=settings.redact_shapes,
            personal=settings.redact_personal,
            allowed=settings.allow_secrets,
            environment=environment,
        )

    def _is_allowed(self, value: bytes) -> bool:
        return bool(self._allowed) and fingerprint(value) in self._allowed

    @property
    def version(self) -> int:
        """A number that grows when the same request may be redacted to something else."""
        self._look_around()
        return self._learned

    def _look_into(self, environment: Mapping[str, str]) -> None:
        if (found := search(environment, self._env)) == self._found:
            return
        self._found = found
        self._learned += 1
        self._names.credentials(found.credentials)
        for name, value in found.secrets:
            if not self._is_allowed(value.encode("utf-8", "surrogateescape")):
                self._values.add(value, mark := placeholder(name))
                self._shapes.reserve(mark[1:-1], value)

    def _look(self) -> None:
        """Learn what there is to know before a text is redacted."""
        while self._played:
            # Popped first: it looks as well.
            request, recorded = self._played.pop(0)
            self.played(self.request(request), recorded)
        self._look_around()

    def _look_around(self) -> None:
        """Learn the secrets in variables that a test has set."""
        if not self._watches:
            return
        # A copy of all of them would cost more than the rest of redaction.
        now = getattr(os.environ, "_data", None) or os.environ
        if self._seen != now:
            self._seen = dict(now)
            self._look_into(os.environ)

    def interaction(self, interaction: Interaction) -> Interaction:
        """Return `interaction` without its secrets."""
        return Interaction(self.request(interaction.request), self.response(interaction.response))

    def request(self, request: Request, kept: Headers | None = None) -> Request:
        """Return `request` without its secrets. A second call changes nothing more.

        A compressed body is decompressed, because it is compared and never sent again.

        Args:
            request: The request.
            kept: The headers to keep; None for all. Others are not searched.
        """
        self._look()
        headers, raw = request.headers if kept is None else kept, request.body
        if raw and (coding := request.headers.get("content-encoding")):
            # A body that is not in its coding stays as it is.
            with contextlib.suppress(ValueError):
                if (plain := encoding.undone(raw, coding)) is not None:
                    headers, raw = headers.without("content-encoding"), plain
        url, headers = self._addresses.head(request.url, headers)
        body = self._bodies.redacted(raw, request.content_type) if raw else raw
        return Request(request.method, url, headers, body)

    def response(self, response: Response) -> Response:
        """Return `response` without its secrets."""
        self._look()
        headers = self._addresses.headers(response.headers)
        raw, media = response.body, response.content_type
        reason = response.reason and self.text(response.reason)
        response = replace(response, headers=headers, reason=reason)
        kind = kind_of(raw, media)
        if kind.is_opaque:
            return response
        if kind.is_rebuilt:
            body = self._bodies.redacted(raw, media)
            return replace(response, body=body, chunks=response.chunks if body == raw else ())
        body, sizes = raw, response.chunks
        for spans, safe in self._bodies.rounds(raw, media):
            body, sizes = safe, chunks(sizes, spans)
        return replace(response, body=body, chunks=sizes)

    def comparable(self, request: Request) -> Request:
        """Return a redacted request in the form in which it is matched.

        A secret under a secret name gets the placeholder of that name, from whichever variable or
        response it came. Placeholders of one shape lose their numbers.
        """
        url, headers, body = request.url, request.headers, request.body
        # Values under secret names are placeholders already, or match one on the cassette.
        may_match = self._names.matches_any
        if may_match or _has_mark(url):
            url = self._unnumbered(self._addresses.url(url, every=True))
        if may_match or any(_has_mark(value) for _, value in headers.pairs):
            named = self._addresses.headers(headers, every=True)
            headers = Headers(tuple((name, self._unnumbered(value)) for name, value in named))
        marks = (b"<", b"%3C", b"&lt;")
        if body and (may_match or any(mark in body for mark in marks) or is_packed(body)):
            body = self._shapes.unnumbered(
                self._bodies.redacted(body, request.content_type, every=True)
            )
        return Request(request.method, url, headers, body)

    def _unnumbered(self, text: str) -> str:
        raw = self._shapes.unnumbered(text.encode("utf-8", "surrogatepass"))
        return raw.decode("utf-8", "surrogatepass")

    def url(self, url: str) -> str:
        """Return `url` without its secrets."""
        self._look()
        return self._addresses.url(url)

    def headers(self, headers: Headers) -> Headers:
        """Return `headers` without their secrets."""
        self._look()
        return self._addresses.headers(headers)

    def body(self, raw: bytes, content_type: str) -> bytes:
        """Return `raw` without its secrets, and everything else as it was."""
        self._look()
        return self._bodies.redacted(raw, content_type)

    def text(self, text: str) -> str:
        """Return a text that people see, of an error for example, without its secrets.

        Names count inside URLs only, because a value after another name may be code.
        """
        self._look()
        raw = text.encode("utf-8", "surrogatepass")
        return self._bodies.text(raw).decode("utf-8", "surrogatepass")

    def shown(self, text: str) -> str:
        """Return a text of a test report, a compared dict for example, without its secrets.

        All names count, because such a text shows values.
        """
        self._look()
        raw = text.encode("utf-8", "surrogatepass")
        return self._bodies.shown(raw).decode("utf-8", "surrogatepass")

    def asked(self, request: Request) -> None:
        """Remember a redacted request: its values cannot be secrets that upstream issues later."""
        self._asked.append(request.url.encode("utf-8", "surrogatepass") + b"\n" + request.body)

    def learn(self, response: Response) -> None:
        """Remember the secrets that a response issues, to find them in later requests."""
        found: list[tuple[str, str]] = []
        raw, media = response.body, response.content_type
        if kind_of(raw, media) is FORM:
            found += [pair for pair in pairs(raw) if self._names.hides(*pair)]
        elif raw and b"\0" not in raw:
            spans = [*self._bodies.fields.spans(raw), *self._bodies.fields.elements(raw)]
            found += [
                (span.text[1:-1].decode("latin-1"), _said(raw[span.start : span.stop]))
                for span in spans
                if PLACEHOLDER.fullmatch(span.text.decode("latin-1"))
            ]
        worth = [pair for pair in found if _is_worth_it(pair[1], SHORTEST)]
        # Values of cookies and parameters are often not secret at all.
        issued = self._addresses.handed_out(response.headers)
        worth += [pair for pair in issued if _is_worth_it(pair[1], LONG) and _has_digit(pair[1])]
        for name, value in worth:
            raw = value.encode("utf-8", "surrogatepass")
            if not any(raw in each for each in self._asked) and not self._is_allowed(raw):
                self._values.add(value, placeholder(name))
                self._learned += 1

    def continue_behind(self, interactions: Iterable[Interaction]) -> None:
        """Number new secrets of a shape after those of a cassette, and match what it hides."""
        for each in interactions:
            self._shapes.continue_behind(numbering.whole(each))
            if _may_hold_placeholders(each.request):
                sent = numbering.sent(self.comparable(each.request))
                self._names.recorded(_marks(sent))

    def played(self, request: Request, recorded: Request) -> None:
        """Remember that the secrets of a redacted request are those of the recorded one."""
        if _may_hold_placeholders(request):
            self._shapes.equate(numbering.sent(request), numbering.sent(recorded))

    def played_raw(self, request: Request, recorded: Request) -> None:
        """Remember the same of a request with its secrets, before anything else is redacted."""
        self._played.append((request, recorded))

    def renumbered(
        self, interactions: Iterable[Interaction], kept: Iterable[Interaction] = ()
    ) -> tuple[Interaction, ...]:
        """Return redacted interactions, with secrets of one shape numbered in order.

        Args:
            interactions: New interactions.
            kept: Interactions that stay on the cassette unchanged, with their numbers.
        """
        renumber = self._shapes.renumbering(map(numbering.whole, kept))
        return tuple(numbering.renumbered(each, renumber) for each in interactions)

    def doubts(self, interactions: Iterable[Interaction]) -> list[Doubt]:
        """Return the values of redacted interactions that may still be secrets."""
        return [
            doubt
            for number, each in enumerate(interactions, 1)
            for doubt in doubts(number, each, self._names, self._values, self._bodies)
            if doubt.fingerprint not in self._allowed
        ]


def _has_mark(text: str) -> bool:
    """Return whether a placeholder may be in `text`."""
    return "<" in text or "%3C" in text


def _may_hold_placeholders(request: Request) -> bool:
    texts = (request.url, *(value for _, value in request.headers.pairs))
    return any(_has_mark(text) or "&lt;" in text for text in texts) or any(
        mark in request.body for mark in (b"<", b"%3C", b"&lt;")
    )


def _marks(raw: bytes) -> set[str]:
    """Return the placeholders in a text, also where it escapes them (forms, XML)."""
    for left, right in ((b"%3C", b"%3E"), (b"&lt;", b"&gt;")):
        raw = raw.replace(left, b"<").replace(right, b">")
    return {mark.decode() for mark in MARK.findall(raw)}


def _said(written: bytes) -> str:
    """Return the content of a JSON text."""
    text = written.decode("utf-8", "replace")
    try:
        said = json.loads(f'"{text}"')
    except ValueError:
        return text
    return said if isinstance(said, str) else text


def _is_worth_it(value: str, shortest: int) -> bool:
    """Return whether an issued secret is unusual enough to be searched for."""
    if PLACEHOLDER.fullmatch(value) or len(value) < shortest:
        return False
    return is_secret(value) if len(value) >= LONG else _has_digit(value) and not value.isdecimal()


def _has_digit(value: str) -> bool:
    return any(each.isdecimal() for each in value)
