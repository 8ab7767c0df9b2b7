"""Bodies without their secrets, whatever they are made of."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from ..body import aws_events, multipart, sse
from ..body.form import is_form
from .fields import Fields
from .names import PLACEHOLDER, Names, placeholder
from .shapes import Shapes
from .spans import Span, merged, replaced
from .streams import split_over_events
from .values import Values

_FIELD = re.compile(rb"(?:^|(?<=&))([^=&]+)=([^&]+)")
_LOOKS_LIKE_FORM = re.compile(rb"[\w.%+\[\]-]+=[^&\s{}\"]*(?:&[\w.%+\[\]-]+=[^&\s{}\"]*)*")
_XML = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?(?:xml|html)\b", re.IGNORECASE)
_GZIP = b"\x1f\x8b\x08"
# No document of text is as large once it is unpacked.
_LARGEST = 2**26
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
        if aws_events.is_stream(content_type) and (lines := aws_events.lines(raw)):
            safe = self.redacted(lines.encode(), "", every=every)
            return raw if safe == lines.encode() else aws_events.text(safe.decode())
        if raw.startswith(_GZIP) and (inside := unpacked(raw)) is not None:
            safe = self.redacted(inside, "", every=every)
            return raw if safe == inside else gzip.compress(safe, mtime=0)
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
        if not every and sse.is_stream(content_type):
            found += split_over_events(raw, self._known)
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
            found += self._shapes.spans(raw)
        return merged(found)

    def text(self, raw: bytes) -> bytes:
        """`raw` without secrets that are known by value, by shape, or by name in a URL."""
        return replaced(raw, merged([*self._known(raw), *self.fields.in_urls(raw)]))

    def _known(self, raw: bytes) -> list[Span]:
        return merged([*self._values.spans(raw), *self._shapes.spans(raw)])

    def _form(self, raw: bytes, every: bool) -> Iterator[Span]:
        for match in _FIELD.finditer(raw):
            name, value = unquote_plus(match[1].decode("latin-1")), match[2]
            inside = unquote_to_bytes(value.replace(b"+", b" "))
            if self._names.is_secret(name):
                known = inside if every else replaced(inside, merged(self._values.spans(inside)))
                kept = _MARK.fullmatch(known) and not every
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
                kept = _MARK.fullmatch(content) and not every
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


_MARK = re.compile(PLACEHOLDER.pattern.encode())


def _with(text: bytes, escapes: tuple[tuple[bytes, bytes], ...]) -> bytes:
    for plain, escaped in escapes:
        text = text.replace(plain, escaped)
    return text


def unpacked(raw: bytes) -> bytes | None:
    """What gzip has packed, or None if it is none, is cut off, or is too large to look into."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        done = stream.decompress(raw, _LARGEST)
    except zlib.error:
        return None
    return done if stream.eof and not stream.unused_data else None
