"""The cassette: the ordered interactions of one test, one YAML file, and the files beside it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import body, cassette_yaml
from .caption import caption
from .errors import CassetteError
from .interaction import Headers, Interaction, Request, Response, standard_reason

VERSION = 1
HEADER = "# Recorded by pytest-agentcache. Edit freely: it is checked when it is read.\n"
_BODY_KEYS = {*body.KINDS, *body.STYLES}
_REQUEST_KEYS = {"method", "url", "headers"} | _BODY_KEYS
_RESPONSE_KEYS = {"status", "reason", "headers", "chunks"} | _BODY_KEYS
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
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
_RERECORD = "Mend the line, or record the cassette anew with --agentcache-rerecord"


@dataclass(frozen=True, slots=True)
class Cassette:
    """What one file holds.

    Args:
        path: Where it lies.
        recorded_at: When it was first recorded, aware, whole seconds; None for a new one.
        interactions: Its interactions in order.
    """

    path: Path
    recorded_at: datetime | None = None
    interactions: tuple[Interaction, ...] = field(default=())


def read(path: Path) -> Cassette:
    """The cassette at `path`; an empty one without `recorded_at` if there is none.

    Raises:
        CassetteError: If there is a file that is no cassette, or one beside it is missing.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Cassette(path)
    except OSError as error:
        raise CassetteError(
            path, f"cannot be read: {error.strerror}", "See to its rights"
        ) from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CassetteError(path, "this is no UTF-8 text", _RERECORD, line) from None
    return _Reader(path, text).cassette()


class _Reader:
    """Checks every key and value while it builds the interactions."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text

    def cassette(self) -> Cassette:
        if not self.text.strip():
            raise CassetteError(self.path, "the file is empty", _RERECORD, 1)
        try:
            document = cassette_yaml.load(self.text)
        except cassette_yaml.UnreadableError as error:
            raise CassetteError(
                self.path, f"this is no cassette: {error.problem}", _RERECORD, error.line
            ) from None
        document = self._mapping(document, (), {"agentcache", "recorded_at", "interactions"})
        version = document.get("agentcache")
        if version != VERSION or isinstance(version, bool):
            found = "no `agentcache:` line" if version is None else f"format {version!r}"
            raise self.error(
                ("agentcache",),
                f"{found}, but this version of pytest-agentcache reads format {VERSION}",
                "Update pytest-agentcache, or record the cassette anew with --agentcache-rerecord",
            )
        recorded_at = document.get("recorded_at")
        if not isinstance(recorded_at, str) or not _INSTANT.fullmatch(recorded_at):
            raise self.error(
                ("recorded_at",), "`recorded_at` is no instant like '2026-11-21T18:29:15Z'"
            )
        try:
            instant = datetime.strptime(recorded_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise self.error(("recorded_at",), f"`recorded_at` is no instant: {error}") from None
        items = document.get("interactions")
        if not isinstance(items, list):
            raise self.error(
                ("interactions",), "`interactions` is missing or no list; is the file cut off?"
            )
        built = tuple(self.interaction(item, ("interactions", at)) for at, item in enumerate(items))
        return Cassette(self.path, instant, built)

    def interaction(self, item: Any, place: tuple[str | int, ...]) -> Interaction:
        item = self._mapping(item, place, {"request", "response"})
        for part in ("request", "response"):
            if part not in item:
                raise self.error(place, f"an interaction without `{part}`; is the file cut off?")
        asked = (*place, "request")
        request = self._mapping(item["request"], asked, _REQUEST_KEYS)
        for name in ("method", "url"):
            if not isinstance(request.get(name), str):
                raise self.error((*asked, name), f"`{name}` is missing or no text")
        try:
            urlsplit(request["url"])
        except ValueError as error:
            raise self.error((*asked, "url"), f"`url` is no address: {error}") from None
        answered = (*place, "response")
        response = self._mapping(item["response"], answered, _RESPONSE_KEYS)
        status = response.get("status")
        if type(status) is not int or not 100 <= status <= 999:
            raise self.error((*answered, "status"), "`status` is no HTTP status")
        reason = response.get("reason", standard_reason(status))
        if not isinstance(reason, str):
            raise self.error((*answered, "reason"), "`reason` is no text")
        sent, came = self._headers(request, asked), self._headers(response, answered)
        content = self._body(response, answered, came.get("content-type"))
        chunks = response.get("chunks", [])
        if not isinstance(chunks, list) or any(
            type(size) is not int or size < 1 for size in chunks
        ):
            raise self.error((*answered, "chunks"), "`chunks` is no list of sizes in bytes")
        if chunks and sum(chunks) != len(content):
            raise self.error(
                (*answered, "chunks"),
                f"`chunks` make {sum(chunks)} bytes, the body has {len(content)}",
                "Take out the line `chunks` if you edited the body",
            )
        return Interaction(
            Request(
                request["method"],
                request["url"],
                sent,
                self._body(request, asked, sent.get("content-type")),
            ),
            Response(status, came, content, reason, tuple(chunks)),
        )

    def _mapping(self, value: Any, place: tuple[str | int, ...], keys: set[str]) -> dict[str, Any]:
        what = f"`{place[-1]}`" if place and isinstance(place[-1], str) else "this"
        if not isinstance(value, dict):
            raise self.error(place, f"{what} is no mapping")
        for key in value:
            if key not in keys:
                allowed = ", ".join(sorted(keys))
                raise self.error((*place, key), f"unknown key {key!r}; allowed are {allowed}")
        return value

    def _headers(self, part: Mapping[str, Any], place: tuple[str | int, ...]) -> Headers:
        pairs = []
        headers = part.get("headers", {})
        if not isinstance(headers, dict):
            raise self.error((*place, "headers"), "`headers` is no mapping")
        for name, value in headers.items():
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(name, str) or not isinstance(each, str):
                    raise self.error(
                        (*place, "headers", name),
                        f"the header {name!r} is no text; put it in quotes",
                    )
                pairs.append((name.lower(), each))
        return Headers(tuple(pairs))

    def _body(
        self, part: Mapping[str, Any], place: tuple[str | int, ...], content_type: str
    ) -> bytes:
        for style in body.STYLES:
            if style in part and not isinstance(part[style], str):
                raise self.error((*place, style), f"`{style}` is no text")
            kind = style.removesuffix("_style") if style != "charset" else "text"
            if style in part and kind not in part:
                raise self.error((*place, style), f"`{style}` without a `{kind}` that it tells of")
        try:
            return body.from_fields(part, self._file, content_type)
        except body.BodyError as error:
            raise self.error((*place, error.key), error.problem) from None

    def _file(self, name: str) -> bytes:
        folder = sidecar_folder(self.path)
        target = folder / name
        if Path(name).is_absolute() or target.resolve().parent != folder.resolve():
            raise body.BodyError("file", f"the file {name!r} lies outside {folder.name}/")
        try:
            return target.read_bytes()
        except OSError as error:
            raise body.BodyError(
                "file", f"the file {folder.name}/{name} cannot be read: {error.strerror}"
            ) from None

    def error(
        self, place: tuple[str | int, ...], problem: str, remedy: str = _RERECORD
    ) -> CassetteError:
        return CassetteError(
            self.path, problem, remedy, cassette_yaml.line_of(self.text, place) or 1
        )


def sidecar_folder(path: Path) -> Path:
    """Where the bodies lie that have files of their own: a folder named like the cassette."""
    return path.with_suffix("")


def write(cassette: Cassette) -> bool:
    """Writes a cassette whole, its files first, if that changes anything.

    Returns:
        Whether a file was written.

    Raises:
        CassetteError: If the folder cannot be written; what was there stays as it was.
    """
    files: dict[str, bytes] = {}
    try:
        text = render(cassette, files)
    except cassette_yaml.UnwritableError as error:
        raise CassetteError(
            cassette.path,
            f"cannot be written: it would hold {error}",
            "Nothing was changed; take that out with the hook pytest_agentcache_redact",
        ) from None
    path, folder = cassette.path, sidecar_folder(cassette.path)
    try:
        changed = _read_or_none(path) != text.encode("utf-8")
        for name, content in files.items():
            if _read_or_none(folder / name) != content:
                folder.mkdir(parents=True, exist_ok=True)
                replace_file(folder / name, content)
                changed = True
        if changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text.encode("utf-8"))
        _remove_stale(folder, files)
    except OSError as error:
        raise CassetteError(
            path,
            f"cannot be written: {error.strerror or error}",
            "Nothing was changed; see to the rights of the folder and the room on the disk",
        ) from None
    return changed


def remove(path: Path) -> None:
    """Removes a cassette and the files beside it, if there is one.

    Raises:
        CassetteError: If it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
        _remove_stale(sidecar_folder(path), {})
    except OSError as error:
        raise CassetteError(
            path, f"cannot be removed: {error.strerror}", "See to the rights of the folder"
        ) from None


def render(cassette: Cassette, files: dict[str, bytes]) -> str:
    """The canonical text of a cassette; bodies that want a file of their own go into `files`."""

    def store(content: bytes, media: str) -> str:
        kind, _, subtype = media.partition("/")
        plain = re.sub(r"\W+", "-", subtype, flags=re.ASCII).strip("-")
        what = kind if kind in _KINDS else plain
        digest = hashlib.sha256(content).hexdigest()[:10]
        # Not `mimetypes`, which asks the machine: the same answer has the same name everywhere.
        extension = _EXTENSIONS.get(media) or _EXTENSIONS.get(kind, "bin")
        name = f"{what[:40] or 'body'}-{digest}.{extension}"
        files[name] = content
        return name

    instant = cassette.recorded_at or datetime.now(UTC)
    text = HEADER + cassette_yaml.dump_entry("agentcache", VERSION)
    text += cassette_yaml.dump_entry("recorded_at", instant.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if not cassette.interactions:
        return text + "interactions: []\n"
    text += "interactions:\n"
    for number, interaction in enumerate(cassette.interactions, 1):
        text += caption(number, interaction) + "\n"
        text += cassette_yaml.dump_item(_item(interaction, store))
    return text


def _item(interaction: Interaction, store: Callable[[bytes, str], str]) -> dict[str, Any]:
    request, response = interaction.request, interaction.response
    asked: dict[str, Any] = {"method": request.method, "url": request.url}
    if request.headers:
        asked["headers"] = _header_fields(request.headers)
    asked |= body.to_fields(request.body, request.content_type, store)
    answered: dict[str, Any] = {"status": response.status}
    if response.reason != standard_reason(response.status):
        answered["reason"] = response.reason
    if response.headers:
        answered["headers"] = _header_fields(response.headers)
    if response.chunks:
        answered["chunks"] = list(response.chunks)
    answered |= body.to_fields(response.body, response.content_type, store)
    return {"request": asked, "response": answered}


def _header_fields(headers: Headers) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in headers:
        known = fields.get(name)
        if known is None:
            fields[name] = value
        else:
            fields[name] = [*(known if isinstance(known, list) else [known]), value]
    return fields


def _read_or_none(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _remove_stale(folder: Path, files: Mapping[str, bytes]) -> None:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        # Only what we named ourselves: the folder may also hold a person's own files.
        if path.name not in files and re.fullmatch(r"[\w-]+-[0-9a-f]{10}\.\w+", path.name):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Puts `content` in place of `path`'s in one step: no reader sees half of it.

    Args:
        path: The file, which need not exist; its folder must.
        content: All that it shall hold.
        durable: Whether it must also survive a power cut.

    Raises:
        OSError: If it cannot be written; then `path` is as it was and nothing lies beside it.
    """
    if path.is_symlink():
        path = path.resolve()
    # Not `tempfile`, whose files are nobody else's: a new file gets the rights that are usual here.
    temporary = path.with_name(f".{path.name[:32]}.{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds `path` for this process, so that two that write one cassette do it one by one.

    The lock is the kernel's and ends with the process; its file lies in the folder for temporary
    files, not beside the cassette.
    """
    name = hashlib.sha256(os.fspath(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"pytest-agentcache-{_user()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / f"{name[:32]}.lock").open("ab") as file:
        if os.name == "nt":  # pragma: no cover - shown by hand on Windows only
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _user() -> int | str:
    return os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
