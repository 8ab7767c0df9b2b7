"""Bodies without their secrets, whatever they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from ..http.body import aws_events, multipart
from ..http.body.compression import coded, escaped, packing
from ..http.body.form import is_form
from ..http.body.spans import Span, merged, replaced
from ..http.body.split_stream import is_in_pieces, split_over_events
from .fields import Fields
from .names import MARK, Names, placeholder
from .shapes import Shapes
from .values import Values

_FIELD = re.compile(rb"(?:^|(?<=&))([^=&]+)=([^&]+)")
_LOOKS_LIKE_FORM = re.compile(rb"[\w.%+\[\]-]+=[^&\s{}\"]*(?:&[\w.%+\[\]-]+=[^&\s{}\"]*)*")
_XML = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?(?:xml|html)\b", re.IGNORECASE)
_SHORTEST = 4
_ROUNDS = 3
_PERCENT = ((b"<", b"%3C"), (b">", b"%3E"))
_ENTITIES = ((b"<", b"&lt;"), (b">", b"&gt;"))


class Bodies:
    """Finds secrets in bodies, and takes them out.

    Args:
        names: Tells names of secrets.
        values: Known secrets.
        shapes: What secrets look like.
    """

    def __init__(self, names: Names, values: Values, shapes: Shapes) -> None:
        self._names, self._values, self._shapes = names, values, shapes
        self.fields = Fields(names)

    def redacted(self, raw: bytes, content_type: str, *, every: bool = False) -> bytes:
        """`raw` with placeholders for secrets, all else as it was.

        Args:
            raw: The decoded body.
            content_type: Its media type.
            every: Whether to look at names alone, and to rename placeholders under them.
        """
        if not raw:
            return raw
        if boundary := multipart.boundary_of(content_type):
            return self._multipart(raw, boundary, every)
        if aws_events.is_stream(content_type) and b"\0" in raw:
            lines = (aws_events.lines(raw) or "").encode()
            safe = self.rounds(lines, content_type, every=every)[-1][1]
            # Frames of another kind tell how long they are, and cannot be changed.
            return raw if safe == lines else aws_events.text(safe.decode())
        if packed := packing(raw):
            safe = self._inside(packed.inside, every=every)
            return raw if safe == packed.inside else packed.again(safe)
        return self.rounds(raw, content_type, every=every)[-1][1]

    def rounds(
        self, raw: bytes, content_type: str, *, every: bool = False
    ) -> list[tuple[list[Span], bytes]]:
        """What was replaced, and what came of it, until nothing is found any more.

        A key may come to light when what stood right before it is gone.
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
        """Where secrets stand in a body that is neither multipart nor binary."""
        if is_form(content_type) or (len(raw) < 2**16 and _LOOKS_LIKE_FORM.fullmatch(raw)):
            found = list(self._form(raw, every))
            if not every:
                # In names, and in what merely looks like a form.
                known = self._known(raw)
                percent = _PERCENT if is_form(content_type) else ()
                found += [replace(each, text=_with(each.text, percent)) for each in known]
            return merged(found)
        xml = bool(_XML.match(content_type)) or raw[:5] == b"<?xml"
        found = self._in_text(raw, every, xml)
        if not every and is_in_pieces(content_type, raw):
            found += split_over_events(raw, lambda whole: self._in_text(whole, every))
        spans = merged(found)
        if xml:
            # A bare placeholder would be taken for an element.
            spans = [replace(each, text=_with(each.text, _ENTITIES)) for each in spans]
        return spans

    def _in_text(self, raw: bytes, every: bool, xml: bool = False) -> list[Span]:
        """Of two that say something of the same place, the one that knows more comes first."""
        found = [] if every else list(self._values.spans(raw))
        found += self.fields.spans(raw, every=every)
        if xml:
            found += self.fields.elements(raw, every=every)
        if not every:
            found += self.shaped(raw)
        return merged(found)

    def text(self, raw: bytes) -> bytes:
        """`raw` without secrets that are known by value, by shape, or by name in a URL."""
        return replaced(raw, merged([*self._known(raw), *self.fields.in_urls(raw)]))

    def _known(self, raw: bytes) -> list[Span]:
        return merged([*self._values.spans(raw), *self.shaped(raw)])

    def shaped(self, raw: bytes) -> Iterator[Span]:
        """Secrets known by shape, and all that stand in `raw` in base64 or escaped as JSON can."""
        yield from self._shapes.spans(raw)
        yield from coded(raw, self._inside)
        yield from escaped(raw, self._known)

    def may_be_in(self, raw: bytes) -> bool:
        """Whether something in `raw` looks like a secret; gives none a number."""
        return self._shapes.may_be_in(raw) or any(coded(raw, self._inside))

    def _inside(self, raw: bytes, *, every: bool = False) -> bytes:
        # A number could not be changed any more where it stands.
        return self._shapes.unnumbered(self.redacted(raw, "", every=every))

    def _form(self, raw: bytes, every: bool) -> Iterator[Span]:
        for match in _FIELD.finditer(raw):
            name, value = unquote_plus(match[1].decode("latin-1")), match[2]
            inside = unquote_to_bytes(value.replace(b"+", b" "))
            if self._names.is_secret(name):
                known = inside if every else replaced(inside, merged(self._values.spans(inside)))
                kept = MARK.fullmatch(known) and not every
                yield Span(
                    *match.span(2), _with(known if kept else placeholder(name).encode(), _PERCENT)
                )
                continue
            if len(inside) < _SHORTEST:
                continue
            safe = replaced(inside, self._in_text(inside, every))
            if safe != inside:
                write = quote if b"%20" in value else quote_plus
                yield Span(*match.span(2), write(safe).encode())

    def _multipart(self, raw: bytes, boundary: str, every: bool) -> bytes:
        parts = multipart.split(raw, boundary)
        if parts is None:
            return self.rounds(raw, "text/plain", every=every)[-1][1]
        done = []
        for part in parts:
            content = self.redacted(part.content, part.header("content-type"), every=every)
            if part.name and content and self._names.is_secret(part.name):
                kept = MARK.fullmatch(content) and not every
                content = content if kept else placeholder(part.name).encode()
            headers = part.headers
            if not every:
                headers = tuple(
                    (
                        name,
                        self.text(value.encode("utf-8", "surrogatepass")).decode(
                            "utf-8", "surrogatepass"
                        ),
                    )
                    for name, value in headers
                )
            done.append(replace(part, headers=headers, content=content))
        return multipart.join(done, boundary)


def _with(text: bytes, escapes: tuple[tuple[bytes, bytes], ...]) -> bytes:
    for plain, written in escapes:
        text = text.replace(plain, written)
    return text
