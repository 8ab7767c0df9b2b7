"""Text inside a body in another coding: compressed, in base64, or in the escapes of JSON."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .protocol import BodyKind, Editor
from .spans import Span
from .text import decoded

# No text document is this large after decompression.
_LARGEST = 2**26
_LARGEST_SHOWN = 2**24
_MOST_FILES = 1000
_ZIP = b"PK\x03\x04"
_GZIP = b"\x1f\x8b\x08"
_ZLIB = (b"x\x01", b"x^", b"x\x9c", b"x\xda")
_SIGNS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_OUTLINE = bytes(ord("x") if code in _SIGNS else ord(" ") for code in range(256))
_STANDARD = bytes.maketrans(b"-_", b"+/")
# The chance that other base64 begins with nothing but text is one in ten million.
_BEGINNING = 24
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]+")
# Letters, digits and other characters of keys; careful writers escape only characters like `<`.
_LETTER = re.compile(rb"\\u00(?:2[b-f]|3[0-9ad]|[46][1-9a-f]|5[0-9af]|7[0-9a])", re.IGNORECASE)
# From the first backslash of a run only, or each of a long run would be tried.
_ESCAPE = re.compile(rb"(?<!\\)\\+u00([0-7][0-9a-f])", re.IGNORECASE)


class Packed(BodyKind):
    """A body compressed by gzip or zlib, though no header says so. It is written as binary."""

    name = "packed"
    is_rebuilt = True

    def detect(self, raw: bytes, content_type: str) -> bool:
        # The marks of zlib are letters as well.
        return raw.startswith(_GZIP) or (raw.startswith(_ZLIB) and packing(raw) is not None)

    def replace(self, raw: bytes, content_type: str, editor: Editor) -> bytes:
        found = packing(raw)
        if found is None:
            return raw
        inside = editor.packed(found.inside)
        return raw if inside == found.inside else found.again(inside)

    def render(self, raw: bytes, content_type: str) -> str:
        try:
            # Both formats, as far as they go.
            inside = zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(raw, _LARGEST_SHOWN)
        except zlib.error:
            return ""
        return decoded(inside, content_type)


@dataclass(frozen=True, slots=True)
class Packing:
    """Compressed bytes.

    Attributes:
        inside: The bytes before compression.
        again: Compresses other bytes in the same format.
    """

    inside: bytes
    again: Callable[[bytes], bytes]


def packing(raw: bytes) -> Packing | None:
    """Return the content of `raw`; None if not compressed, cut off, binary or too large."""
    if raw.startswith(_GZIP):
        inside = _unpacked(raw, 16 + zlib.MAX_WBITS)
        again: Callable[[bytes], bytes] = _gzipped
    elif raw.startswith(_ZLIB):
        inside, again = _unpacked(raw, zlib.MAX_WBITS), zlib.compress
    else:
        return None
    return None if inside is None or b"\0" in inside else Packing(inside, again)


def is_packed(raw: bytes) -> bool:
    """Return whether `raw` begins like compressed bytes."""
    return raw.startswith((_GZIP, *_ZLIB))


def members(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a zip archive, or the content of other compressed bytes, unless huge."""
    if raw.startswith(_ZIP):
        import zipfile

        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                small = [each for each in archive.infolist() if each.file_size < _LARGEST]
                for each in small[:_MOST_FILES]:
                    yield f"body, file {each.filename} in it", archive.read(each)
        # Names, passwords and methods of compression may be anything.
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, OSError):
            return
    elif is_packed(raw):
        inside = _unpacked(raw, 32 + zlib.MAX_WBITS)
        if inside is not None:
            yield "body, unpacked", inside


def _gzipped(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


def _unpacked(raw: bytes, window: int) -> bytes | None:
    stream = zlib.decompressobj(window)
    try:
        done = stream.decompress(raw, _LARGEST)
    except zlib.error:
        return None
    return done if stream.eof and not stream.unused_data else None


def coded(raw: bytes, safe: Callable[[bytes], bytes]) -> Iterator[Span]:
    """Yield where base64 of a text, or of a compressed one, has secrets in it.

    Args:
        raw: The text to search.
        safe: Returns a text without its secrets.
    """
    for start, stop in _runs(raw):
        # Both alphabets, because most bytes look the same in either.
        written = raw[start:stop].translate(_STANDARD)
        begins = b64decode(written[:_BEGINNING])
        if not _TEXT.fullmatch(begins) and not is_packed(begins):
            continue
        if len(written) % 4 == 1:
            continue
        inside = b64decode(written + b"=" * (-len(written) % 4))
        if (kept := safe(inside)) != inside:
            # Always the standard alphabet, or the result would depend on the secret.
            padding = len(raw[stop : stop + 2]) - len(raw[stop : stop + 2].lstrip(b"="))
            yield Span(start, stop + padding, b64encode(kept))


def _runs(raw: bytes) -> Iterator[tuple[int, int]]:
    """Yield where characters of base64 form a long enough run."""
    # Searching an outline for a run is much faster than a regular expression.
    outline, row = raw.translate(_OUTLINE), b"x" * _BEGINNING
    start = outline.find(row)
    while start >= 0:
        stop = outline.find(b" ", start)
        stop = stop if stop >= 0 else len(raw)
        yield start, stop
        start = outline.find(row, stop)


def decoded_by(
    code: re.Pattern[bytes], raw: bytes, said: Callable[[re.Match[bytes]], bytes]
) -> tuple[bytes, Callable[[int], int]]:
    """Return a text without its escapes, and a function from its places to those in `raw`.

    Args:
        code: Matches one escape.
        raw: The text with escapes.
        said: Returns the text of an escape.
    """
    parts: list[bytes] = []
    # Where each piece without escapes begins: in the decoded text, and in `raw`.
    begins, written = [0], [0]
    end = size = 0
    for match in code.finditer(raw):
        text = said(match)
        parts += [raw[end : match.start()], text]
        size += match.start() - end
        begins += [size, size + len(text)]
        written += [match.start(), match.end()]
        end, size = match.end(), size + len(text)

    def place(at: int) -> int:
        piece = bisect_right(begins, at) - 1
        return written[piece] + at - begins[piece]

    return b"".join([*parts, raw[end:]]), place


def escaped(raw: bytes, find: Callable[[bytes], list[Span]]) -> Iterator[Span]:
    r"""Yield where secrets are whose letters are written like `\u0041`, some or all of them.

    Args:
        raw: JSON, or JSON in a text of JSON.
        find: Finds secrets in a text.
    """
    if b"\\u00" not in raw or not _LETTER.search(raw):
        return
    whole, place = decoded_by(_ESCAPE, raw, lambda match: bytes([int(match[1], 16)]))
    for span in find(whole):
        yield Span(place(span.start), place(span.stop), span.text)
