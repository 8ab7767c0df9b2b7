"""What the formats of all tools have in common: header fields, content codings, instants."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ...http.body import encoding
from ...http.messages import Headers, Interaction
from ..model import Cassette
from .source import Place, Source

_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})(?:;[^\r\n]*)?\r\n")


def headers(source: Source, value: Any, place: Place) -> Headers:
    """Header fields of a mapping from names to a text or a list of texts."""
    if value is None:
        return Headers()
    pairs = []
    for name, given in source.mapping(value, place).items():
        for each in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(each, (dict, list)) or not isinstance(name, (str, bytes)):
                raise source.error((*place, name), f"the header {name!r} is not text")
            if each is not None:
                pairs.append((name, each))
    return Headers.of(pairs)


def answered(raw: bytes, fields: Headers, *, method: str) -> tuple[bytes, Headers]:
    """The body of an answer without its codings, and its headers without those that told of them.

    A body is decoded at most once: some recorders keep what came over the wire, others what their
    client made of it, under the same `content-encoding`.
    """
    codings = [
        coding.strip().lower()
        for name, value in fields
        if name == "content-encoding"
        for coding in value.split(",")
    ]
    size = fields.get("content-length").strip()
    if raw and size.isdecimal() and int(size) != len(raw):
        # Not what came over the wire, so it is what a client made of that.
        codings = []
    while codings:
        done = raw if codings[-1] in ("", "identity") else _undone(raw, codings[-1])
        if done is None:
            break
        raw = done
        codings.pop()
    # Who plays it frames it anew. The length of an answer to HEAD is an answer.
    wire = ["transfer-encoding", "content-encoding"]
    kept = fields.without(*wire, *([] if method == "HEAD" else ["content-length"]))
    # What nothing here can undo stays coded, and then the caller must know.
    return raw, kept.plus("content-encoding", ", ".join(codings)) if codings else kept


def _undone(raw: bytes, coding: str) -> bytes | None:
    """`raw` without `coding`, `raw` itself if it was decoded before, None if no one knows how."""
    if not raw or _is_text(raw):
        # Of coded bodies only some of zlib's are text by accident; that one has a checksum.
        return _undone_exactly(raw) if coding == "deflate" else raw
    try:
        return encoding.undone(raw, coding)
    except ValueError:
        return raw


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _undone_exactly(raw: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        done = stream.decompress(raw)
    except zlib.error:
        return raw
    return done if stream.eof and not stream.unused_data else raw


def dechunked(raw: bytes) -> bytes:
    """The body of a request whose recorder kept the framing of chunks; else `raw` as it is."""
    done, at = b"", 0
    while head := _CHUNK.match(raw, at):
        size = int(head[1], 16)
        done, at = done + raw[head.end() : head.end() + size], head.end() + size
        if raw[at : at + 2] != b"\r\n":
            return raw
        at += 2
        if size == 0:
            return done if at == len(raw) else raw
    return raw


def cassette_of(
    source: Source, key: str, interaction: Callable[[Source, Any, Place], Interaction]
) -> Cassette:
    """The cassette whose interactions stand in the list called `key`.

    Args:
        source: Where they stand.
        key: What the list is called.
        interaction: Reads one of them.
    """
    items = source.sequence(source.mapping(source.document, ())[key], (key,))
    found = [interaction(source, item, (key, at)) for at, item in enumerate(items)]
    told = [item.get("recorded_at") for item in items]
    return Cassette(source.path, recorded_at(source, told, found), tuple(found))


def recorded_at(
    source: Source, told: Iterable[Any], interactions: Iterable[Interaction]
) -> datetime:
    """When a cassette was recorded, in whole seconds.

    The earliest instant that the tool wrote down; if it wrote none, the earliest that a server
    told by its `Date`; if none did, the time of the file.
    """
    instants = [*_instants(told)] or [*_dates(interactions)]
    found = min(instants, default=None)
    if found is None:
        is_there = source.path.is_file()
        seconds = source.path.stat().st_mtime if is_there else datetime.now(UTC).timestamp()
        found = datetime.fromtimestamp(seconds, UTC)
    return found.replace(microsecond=0)


def _instants(told: Iterable[Any]) -> Iterator[datetime]:
    for each in told:
        if not isinstance(each, str):
            continue
        try:
            yield _utc(datetime.fromisoformat(each))
        except ValueError:
            yield from _http_date(each)


def _dates(interactions: Iterable[Interaction]) -> Iterator[datetime]:
    for each in interactions:
        age = each.response.headers.get("age").strip()
        for date in _http_date(each.response.headers.get("date")):
            # What comes out of a cache bears the date of when that got it (RFC 9111, section 5.1).
            yield date + timedelta(seconds=int(age) if age.isdecimal() and len(age) < 9 else 0)


def _http_date(text: str) -> Iterator[datetime]:
    try:
        yield _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError):
        return


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
