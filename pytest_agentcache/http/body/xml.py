"""XML and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .json_text import is_document
from .protocol import BodyKind
from .text import decoded

_TYPE = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?(?:xml|html)\b", re.IGNORECASE)
_DECLARATION = b"<?xml"
_TEXT = (
    rb"\s{0,64}(?:<[A-Za-z]\w{0,31}>\s{0,64})?"
    rb"(?:<!\[CDATA\[([^\]]{1,65536})\]\]>|([^<>\s][^<>]{0,65535}))"
)
# Only the tag is consumed, because the next one may be that of the name.
_ELEMENT = re.compile(
    rb"<([A-Za-z_][\w:.-]{0,63})(?:\s[^<>]{0,4096})?>(?=" + _TEXT + rb"\s{0,64}</)"
)
# `<key>password</key><string>…`, `<name>…</name><value>…` and the cells of a table.
_NAMED = re.compile(
    rb"<(?i:[\w:.-]{0,24}(?:key|name)|t[dh]|dt)>\s{0,64}([\w:.-]{1,64})\s{0,64}"
    rb"</[\w:.-]{1,32}>\s{0,64}<(?i:[\w:.-]{0,24}value|string|t[dh]|dd)>" + _TEXT
)
# `<Parameter Name="password"><Value>…`.
_NAMED_BY_ATTRIBUTE = re.compile(
    rb"<[\w:.-]{1,64}\s(?:[^<>]{0,512}\s)?(?i:name|key|id)=\\{0,7}[\"']([\w:.-]{1,64})\\{0,7}[\"']"
    rb"[^<>]{0,512}>" + _TEXT
)
# In a text of JSON the quotes are escaped.
_ATTRIBUTE = re.compile(
    rb"(?<=\s)([A-Za-z_][\w:.-]{0,63})=\\{0,7}"
    rb"(?:\"([^\"<>\\]{1,65536})\\{0,7}\"|'([^'<>\\]{1,65536})\\{0,7}')"
)
# `<input name="csrf_token" value="…">`, `<meta name="csrf-token" content="…">`, `<add key="…"`.
_TAG = re.compile(rb"<[\w:.-]{1,64}\s[^<>]{0,4096}?(?:value|content)=[^<>]{1,4096}>", re.IGNORECASE)
_TAG_NAME = re.compile(rb"\s(?:name|key)=\\{0,7}[\"']?([\w:.-]{1,64})", re.IGNORECASE)
_TAG_VALUE = re.compile(
    rb"\s(?:value|content)=\\{0,7}(?:\"([^\"\\]+)|'([^'\\]+)|([^\s\"'>\\]+))", re.IGNORECASE
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
    has_tags, has_attributes = b"<" in raw, b'="' in raw or b"='" in raw or b"=\\" in raw
    patterns = [_ELEMENT, _NAMED] if has_tags else []
    if has_attributes:
        patterns += [_ATTRIBUTE, _NAMED_BY_ATTRIBUTE]
    for pattern in patterns:
        for match in pattern.finditer(raw):
            yield _local(match[1]), *match.span(match.lastindex or 0)
    for tag in _TAG.finditer(raw) if has_tags else ():
        name = _TAG_NAME.search(raw, *tag.span())
        value = _TAG_VALUE.search(raw, *tag.span())
        if name and value:
            yield _local(name[1]), *value.span(value.lastindex or 0)


def _local(name: bytes) -> str:
    return name.decode("latin-1").rpartition(":")[2]
