"""XML and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .json_text import is_document
from .protocol import BodyKind
from .text import decoded

_TYPE = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?(?:xml|html)\b", re.IGNORECASE)
_DECLARATION = b"<?xml"
_ELEMENT = re.compile(
    rb"<([A-Za-z_][\w:.-]{0,63})(?:\s[^<>]{0,1024})?>"
    rb"(?:<!\[CDATA\[([^\]]{1,65536})\]\]>|([^<>]{1,65536}))</\1\s{0,8}>"
)
_ATTRIBUTE = re.compile(
    rb"(?<=\s)([A-Za-z_][\w:.-]{0,63})=(?:\"([^\"<>]{1,65536})\"|'([^'<>]{1,65536})')"
)
# `<input name="csrf_token" value="…">`, `<meta name="csrf-token" content="…">`.
_TAG = re.compile(rb"<(?:input|meta)\s[^<>]{1,4096}>", re.IGNORECASE)
_TAG_NAME = re.compile(rb"\sname=[\"']?([\w:.-]{1,64})", re.IGNORECASE)
_TAG_VALUE = re.compile(
    rb"\s(?:value|content)=(?:\"([^\"]+)\"|'([^']+)'|([^\s\"'>]+))", re.IGNORECASE
)


class Xml(BodyKind):
    """A document of XML or HTML. On a cassette it is text.

    It has no leaves: the names of elements say little (S3 calls the names of objects `Key`).
    """

    name = "xml"

    def has_type(self, content_type: str) -> bool:
        return _TYPE.match(content_type) is not None

    def detect(self, raw: bytes, content_type: str) -> bool:
        return raw.startswith(_DECLARATION) or (
            self.has_type(content_type) and not is_document(raw)
        )

    def escape(self, text: bytes) -> bytes:
        # A bare placeholder would be taken for an element.
        return text.replace(b"<", b"&lt;").replace(b">", b"&gt;")

    def render(self, raw: bytes, content_type: str) -> str:
        return decoded(raw, content_type)


def named_values(raw: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield the name, start and stop of the text of each element, attribute and form field."""
    # The first byte of an attribute may be any, so each of `raw` would be tried.
    has_tags, has_attributes = b"<" in raw, b'="' in raw or b"='" in raw
    for pattern, may_match in ((_ELEMENT, has_tags), (_ATTRIBUTE, has_attributes)):
        for match in pattern.finditer(raw) if may_match else ():
            yield _local(match[1]), *match.span(match.lastindex or 0)
    for tag in _TAG.finditer(raw) if has_tags else ():
        name = _TAG_NAME.search(raw, *tag.span())
        value = _TAG_VALUE.search(raw, *tag.span())
        if name and value:
            yield _local(name[1]), *value.span(value.lastindex or 0)


def _local(name: bytes) -> str:
    return name.decode("latin-1").rpartition(":")[2]
