"""Write cassettes, whole and in canonical form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import canonical_yaml as cassette_yaml
from ..errors import CassetteError
from ..files import replace_file
from ..http import body
from ..http.header_names import LOWER, marked_names, names_are_lower
from ..http.messages import Headers, Interaction, Request, Response, standard_reason
from .caption import caption
from .model import VERSION, Cassette
from .references import LooksLikeReferenceError, ReferenceWriter
from .sidecars import (
    change_of,
    digest,
    is_sidecar,
    sidecar_folder,
    sidecars_named_in,
    unwritable,
)

_HEADER = "# Recorded by pytest-agentcache. Edit freely: it is checked when it is read."
_GZIP = b"\x1f\x8b"
_KINDS = ("image", "audio", "video", "font")
_EXTENSIONS = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/x-ndjson": "jsonl",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/x-wav": "wav",
    "font/woff2": "woff2",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "text": "txt",
    "text/csv": "csv",
    "text/event-stream": "txt",
    "text/html": "html",
    "video/mp4": "mp4",
    "video/webm": "webm",
}


def write(cassette: Cassette) -> bool:
    """Write a cassette if that changes anything: first its files, then the cassette.

    Returns:
        Whether a file was written.

    Raises:
        CassetteError: If the folder cannot be written. The old cassette is unchanged.
    """
    files: dict[str, bytes] = {}
    try:
        text = render(cassette, files)
    except cassette_yaml.UnwritableError as error:
        raise CassetteError(
            cassette.path,
            f"cannot be written: it would hold {error}",
            "Nothing was changed; remove that with the hook pytest_agentcache_redact",
        ) from None
    path, folder = cassette.path, sidecar_folder(cassette.path)
    try:
        before = _read_or_none(path)
        changed = before != text.encode("utf-8")
        for name, content in files.items():
            if _read_or_none(folder / name) != content:
                folder.mkdir(parents=True, exist_ok=True)
                replace_file(folder / name, content)
                changed = True
        if changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text.encode("utf-8"))
        _remove_stale(folder, before, files)
    except OSError as error:
        raise unwritable(path, error) from None
    return changed


def remove(path: Path) -> None:
    """Remove a cassette and the files beside it, if it exists.

    Raises:
        CassetteError: If it cannot be removed.
    """
    try:
        before = _read_or_none(path)
        path.unlink(missing_ok=True)
        _remove_stale(sidecar_folder(path), before, {})
    except OSError as error:
        raise CassetteError(
            path, f"cannot be removed: {error.strerror}", "Check the permissions of the folder"
        ) from None


def render(cassette: Cassette, files: dict[str, bytes] | None) -> str:
    """Return the canonical text of a cassette.

    Args:
        cassette: The cassette.
        files: Receives the bodies that get files of their own, by name. If None, all bodies are
            part of the text.
    """

    def store(content: bytes, media: str) -> str:
        kind, _, subtype = media.partition("/")
        plain = re.sub(r"\W+", "-", subtype, flags=re.ASCII).strip("-")
        what = kind if kind in _KINDS else plain
        # Not `mimetypes`, which differs between machines: a response has the same name everywhere.
        extension = _EXTENSIONS.get(media) or _EXTENSIONS.get(kind, "bin")
        if content.startswith(_GZIP) and not extension.endswith("gz"):
            # It is compressed although no header says so: the name tells the reader.
            extension += ".gz"
        name = f"{what[:40] or 'body'}-{digest(content)}.{extension}"
        if files is not None:
            files[name] = content
        return name

    instant = cassette.recorded_at or datetime.now(UTC)
    text = f"agentcache: {VERSION}  {_HEADER}\n"
    text += cassette_yaml.dump_entry("recorded_at", instant.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if cassette.test:
        text += cassette_yaml.dump_entry("test", cassette.test)
    if not cassette.interactions:
        return text + "interactions: []\n"
    parts = [text, "interactions:\n"]
    references = ReferenceWriter()
    for number, interaction in enumerate(cassette.interactions, 1):
        parts.append(caption(number, interaction) + "\n")
        item = _item(interaction, None if files is None else store)
        for side, message in (("request", interaction.request), ("response", interaction.response)):
            if side not in item:
                continue
            item[side] = _shortened(item[side], message, f"{side} {number}", references)
        parts.append(cassette_yaml.dump_item(item, frame=2))
    return "".join(parts)


def _shortened(
    fields: dict[str, Any], message: Request | Response, name: str, references: ReferenceWriter
) -> dict[str, Any]:
    """Return the fields of a request or response, with references to earlier content."""
    if "json" not in fields:
        return fields
    try:
        return fields | {"json": references.shorten(name, fields["json"])}
    except LooksLikeReferenceError:
        # Text cannot be read as a reference.
        kept = {key: value for key, value in fields.items() if key not in ("json", "json_style")}
        return kept | body.unstructured(message.body, message.content_type)


def _item(interaction: Interaction, store: body.Store | None) -> dict[str, Any]:
    request, response = interaction.request, interaction.response
    sent: dict[str, Any] = {"method": request.method, "url": request.url}
    if request.headers:
        sent["headers"] = _header_fields(request.headers)
    # A request is compared as JSON and never sent again.
    sent |= body.to_fields(request.body, request.content_type, store, exact=False)
    if interaction.cancelled:
        return {"request": sent, "cancelled": True}
    received: dict[str, Any] = {"status": response.status}
    if response.reason != standard_reason(response.status):
        received["reason"] = response.reason
    if response.headers:
        received["headers"] = _header_fields(response.headers, response.names)
    marked = marked_names((name for name, _ in response.headers), response.names)
    # From HTTP/2 on, all names are in lower case.
    if marked and not (marked == LOWER and names_are_lower(response.http_version)):
        received["header_names"] = marked
    if response.http_version:
        received["http_version"] = response.http_version
    if response.encoded:
        received["encoded"] = True
    if response.chunks:
        received["chunks"] = list(response.chunks)
    if response.cancelled:
        received["cancelled"] = True
    received |= body.to_fields(response.body, response.content_type, store)
    return {"request": sent, "response": received}


def _header_fields(headers: Headers, names: Iterable[str] = ()) -> dict[str, Any]:
    sent = {name.lower(): name for name in reversed(tuple(names)) if name != name.lower()}
    fields: dict[str, Any] = {}
    for lower, value in headers:
        name = sent.get(lower, lower)
        if name not in fields:
            fields[name] = value
        elif isinstance(known := fields[name], list):
            known.append(value)
        else:
            fields[name] = [known, value]
    return fields


def _read_or_none(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _remove_stale(folder: Path, before: bytes | None, files: Mapping[str, bytes]) -> None:
    """Remove the files that the old text refers to, and those that a killed run has left.

    Other files are not ours.
    """
    if not folder.is_dir():
        return
    old = {*sidecars_named_in(before or b"")}
    for path in folder.iterdir():
        if path.name not in files and (path.name in old or _is_body(path)):
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _is_body(path: Path) -> bool:
    """Return true if the name of a file is the one that the writer gives to its content."""
    is_named_so = is_sidecar(path.name) and path.is_file()
    return is_named_so and change_of(path.name, path.read_bytes()) is None
