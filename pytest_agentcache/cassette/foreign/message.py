"""The common parts of all tools' formats: headers, content encodings and times."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ...http.body import encoding
from ...http.header_names import as_sent, recorded_names
from ...http.messages import Headers, Interaction, Response
from ...http.stand_ins import filled, request_seed
from ..model import Cassette
from .source import Place, Source

_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})(?:;[^\r\n]*)?\r\n")


def headers(source: Source, value: Any, place: Place) -> Headers:
    """Return the headers of a mapping from names to a text or a list of texts."""
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
    """Return the decoded body of a response, and its headers without the encodings.

    A body is decoded at most once: under the same `content-encoding`, some recorders keep the bytes
    from the wire and others the decoded ones.
    """
    codings = [
        coding.strip().lower()
        for name, value in fields
        if name == "content-encoding"
        for coding in value.split(",")
    ]
    size = fields.get("content-length").strip()
    if raw and size.isdecimal() and int(size) != len(raw):
        # These are not the bytes from the wire, so they are decoded already.
        codings = []
    while codings:
        done = raw if codings[-1] in ("", "identity") else _undone(raw, codings[-1])
        if done is None:
            break
        raw = done
        codings.pop()
    # Replay frames the body again. The length in a response to HEAD is content.
    wire = ["transfer-encoding", "content-encoding"]
    kept = fields.without(*wire, *([] if method == "HEAD" else ["content-length"]))
    # Encodings that cannot be decoded here stay, and the caller must know them.
    return raw, kept.plus("content-encoding", ", ".join(codings)) if codings else kept


def response(code: int, headers: Headers, body: bytes, reason: str) -> Response:
    """Return a response whose body `answered` has decoded, where it could."""
    names = recorded_names((name for name, _ in headers), headers.unusual)
    return Response(code, headers, body, reason, encoded="content-encoding" in headers, names=names)


def exported(interaction: Interaction) -> list[tuple[str, str]]:
    """Return the response headers as other tools write them.

    They get stand-ins for request ids and rate limits, and no content coding, because they get the
    decoded body.
    """
    response = interaction.response
    headers = filled(response.headers, request_seed(interaction.request), datetime.now(UTC))
    dropped: tuple[str, ...] = () if response.encoded else ("content-encoding",)
    dropped += () if "date" in response.headers else ("date",)
    return as_sent(headers.without(*dropped), response.names)


def _undone(raw: bytes, coding: str) -> bytes | None:
    """Return `raw` decoded, or itself if it is decoded already; None if that is impossible."""
    if not raw or _is_text(raw):
        # Only zlib's output can be text by accident, and that has a checksum.
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
    """Return a request body without the framing of chunks, if its recorder kept that."""
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
    """Return a cassette from a document with a list of interactions.

    Args:
        source: The document.
        key: The name of the list.
        interaction: Reads one interaction.
    """
    items = source.sequence(source.mapping(source.document, ())[key], (key,))
    found = [interaction(source, item, (key, at)) for at, item in enumerate(items)]
    times = [item.get("recorded_at") for item in items]
    return Cassette(source.path, recorded_at(times, found), tuple(found))


def recorded_at(times: Iterable[Any], interactions: Iterable[Interaction]) -> datetime | None:
    """Return the time of a recording, in whole seconds; None if the recording does not say it.

    This is the earliest time that the tool wrote down, else the earliest `Date` of a response.
    """
    instants = [*_instants(times)] or [*_dates(interactions)]
    found = min(instants, default=None)
    return found and found.replace(microsecond=0)


def _instants(times: Iterable[Any]) -> Iterator[datetime]:
    for each in times:
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
            # A cached response has the date when the cache got it (RFC 9111, section 5.1).
            yield date + timedelta(seconds=int(age) if age.isdecimal() and len(age) < 9 else 0)


def _http_date(text: str) -> Iterator[datetime]:
    from email.utils import parsedate_to_datetime

    try:
        yield _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError):
        return


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
