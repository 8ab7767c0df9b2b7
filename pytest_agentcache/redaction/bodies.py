"""Bodies without their secrets, for every kind of body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from ..http.body import BodyKind, Part, kind_of, replaced_texts, text_over_events
from ..http.body.compression import coded, escaped
from ..http.body.form import FIELD, looks_like_form
from ..http.body.kinds import FORM, TEXT, XML
from ..http.body.spans import Span, merged, replaced
from ..http.body.split_stream import split_over_events
from .fields import Fields
from .names import MARK, Names, placeholder
from .shapes import Shapes
from .values import Values

_SHORTEST = 4
_ROUNDS = 3


class Bodies:
    """Redacts bodies.

    Args:
        names: Decides which names hold secrets.
        values: Known secrets.
        shapes: The formats of secrets.
    """

    def __init__(self, names: Names, values: Values, shapes: Shapes) -> None:
        self._names, self._values, self._shapes = names, values, shapes
        self.fields = Fields(names)

    def redacted(self, raw: bytes, content_type: str, *, every: bool = False) -> bytes:
        """Return `raw` with placeholders for secrets, and everything else as it was.

        Args:
            raw: The decoded body.
            content_type: Its media type.
            every: Whether to look at names only, and to rename placeholders under them.
        """
        return replaced_texts(raw, content_type, _Editor(self, every))

    def rounds(
        self, raw: bytes, content_type: str, *, every: bool = False
    ) -> list[tuple[list[Span], bytes]]:
        """Return what was replaced and the result, round by round until nothing is found.

        A key may become visible when the text right before it is gone.
        """
        done: list[tuple[list[Span], bytes]] = [([], raw)]
        for _ in range(_ROUNDS):
            spans = self.spans(done[-1][1], content_type, every=every)
            safe = replaced(done[-1][1], spans)
            if safe == done[-1][1]:
                break
            done.append((spans, safe))
        return done

    def spans(self, raw: bytes, content_type: str, *, every: bool = False) -> list[Span]:
        """Return where the secrets are in a body that is text."""
        kind = kind_of(raw, content_type)
        if kind is FORM or looks_like_form(raw):
            found = list(self._form(raw, every))
            if not every:
                # In names, and in text that merely looks like a form.
                found += _escaped(self._known(raw), kind)
            return merged(found)
        found = self._in_text(raw, kind, every)
        found += self.fields.lines(raw, content_type, every=every)
        if not every and (stream := text_over_events(raw, content_type)):
            found += split_over_events(raw, stream, lambda whole: self._in_text(whole, TEXT, every))
        return _escaped(merged(found), kind)

    def _in_text(self, raw: bytes, kind: BodyKind, every: bool) -> list[Span]:
        # Of two that are about the same place, the one that knows more comes first.
        found = [] if every else list(self._values.spans(raw))
        found += self.fields.spans(raw, every=every)
        if kind is XML:
            found += self.fields.elements(raw, every=every)
        if not every:
            found += self.shaped(raw)
        return merged(found)

    def text(self, raw: bytes) -> bytes:
        """Return `raw` without secrets known by value, by shape, or by name in a URL."""
        return replaced(raw, merged([*self._known(raw), *self.fields.in_urls(raw)]))

    def shown(self, raw: bytes) -> bytes:
        """Return `raw` without secrets known by value, by shape or by name."""
        return replaced(raw, merged([*self._known(raw), *self.fields.spans(raw)]))

    def _known(self, raw: bytes) -> list[Span]:
        return merged([*self._values.spans(raw), *self.shaped(raw)])

    def shaped(self, raw: bytes) -> Iterator[Span]:
        """Yield secrets known by shape, and all that are in base64 or in escapes of JSON."""
        yield from self._shapes.spans(raw)
        yield from coded(raw, self.inside)
        yield from escaped(raw, self._known)

    def may_be_in(self, raw: bytes) -> bool:
        """Return whether something in `raw` looks like a secret; numbers none of them."""
        return self._shapes.may_be_in(raw) or any(coded(raw, self.inside))

    def inside(self, raw: bytes, *, every: bool = False) -> bytes:
        """Return a text that is coded inside another, without its secrets."""
        # A number could not be changed later inside another coding.
        return self._shapes.unnumbered(self.redacted(raw, "", every=every))

    def _form(self, raw: bytes, every: bool) -> Iterator[Span]:
        for match in FIELD.finditer(raw):
            name, value = unquote_plus(match[1].decode("latin-1")), match[2]
            inside = unquote_to_bytes(value.replace(b"+", b" "))
            if self._names.hides(name, inside.decode("latin-1"), every=every):
                known = inside if every else replaced(inside, merged(self._values.spans(inside)))
                kept = MARK.fullmatch(known) and not every
                text = known if kept else placeholder(name).encode()
                yield Span(*match.span(2), FORM.escape(text))
                continue
            if len(inside) < _SHORTEST:
                continue
            safe = replaced(inside, self._in_text(inside, TEXT, every))
            if safe != inside:
                write = quote if b"%20" in value else quote_plus
                yield Span(*match.span(2), write(safe).encode())

    def part(self, part: Part, *, every: bool) -> Part:
        """Return a part of a multipart body without its secrets."""
        content = self.redacted(part.content, part.content_type, every=every)
        if (
            part.name
            and content
            and self._names.hides(part.name, content.decode("latin-1"), every=every)
        ):
            kept = MARK.fullmatch(content) and not every
            content = content if kept else placeholder(part.name).encode()
        headers = part.headers
        if not every:
            headers = tuple((name, self._header(value)) for name, value in headers)
        return replace(part, headers=headers, content=content)

    def _header(self, value: str) -> str:
        raw = value.encode("utf-8", "surrogatepass")
        return self.text(raw).decode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class _Editor:
    """Redacts the texts of a body, one kind of body inside another."""

    bodies: Bodies
    every: bool

    def text(self, raw: bytes, content_type: str) -> bytes:
        return self.bodies.rounds(raw, content_type, every=self.every)[-1][1]

    def packed(self, raw: bytes) -> bytes:
        return self.bodies.inside(raw, every=self.every)

    def part(self, part: Part) -> Part:
        return self.bodies.part(part, every=self.every)


def _escaped(spans: list[Span], kind: BodyKind) -> list[Span]:
    return [replace(each, text=kind.escape(each.text)) for each in spans]
