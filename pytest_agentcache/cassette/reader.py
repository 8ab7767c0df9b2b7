"""Read cassettes, and check every key and value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import canonical_yaml as cassette_yaml
from ..errors import CassetteError
from ..http import body
from ..http.body import encoding
from ..http.header_names import LOWER, names_are_lower, names_as_sent
from ..http.messages import (
    CANCELLED,
    Headers,
    Interaction,
    Request,
    Response,
    codings_of,
    standard_reason,
)
from .model import VERSION, Cassette
from .references import BrokenReferenceError, ReferenceReader
from .sidecars import change_of, head, sidecar_folder

_BODY_KEYS = {*body.KEYS, *body.STYLES}
_KEYS = {"agentcache", "recorded_at", "test", "interactions"}
_REQUEST_KEYS = {"method", "url", "headers"} | _BODY_KEYS
_RESPONSE_KEYS = {
    "status",
    "reason",
    "headers",
    "header_names",
    "http_version",
    "encoded",
    "chunks",
    "cancelled",
} | _BODY_KEYS
# A header may go on in the next line, which starts with a space (RFC 9112, section 5.2).
_BREAK = re.compile(r"\r(?!\n[ \t])|(?<!\r)\n|\r\n(?![ \t])|\0")
# RFC 9110, section 5.6.2: the characters of a header name.
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# The lines of a text follow the line of its key.
_BLOCK = re.compile(r": (?:[|>][-+\d]*|\"\\)$")
_NUMBERED = re.compile(r"# (\d{1,9}) · ")
_RERECORD = "Correct the line, or record the cassette again with --agentcache-rerecord"
_REMOVE_TEST = "Remove the line; it only helps to find the cassette of a test that was renamed"


def read(path: Path) -> Cassette:
    """Return the cassette at `path`; if there is no file, an empty one without `recorded_at`.

    Raises:
        CassetteError: If the file is not a cassette, or a file beside it is missing.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Cassette(path)
    except OSError as error:
        raise CassetteError(
            path,
            f"cannot be read: {error.strerror}",
            "Check what is at that path, and its permissions",
        ) from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CassetteError(path, "this is not UTF-8 text", _RERECORD, line) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Cassette:
    """Return the cassette with this text, whose files are beside `path`.

    Raises:
        CassetteError: If the text is not a cassette.
    """
    return _Reader(path, text).cassette()


def test_named_in(path: Path) -> str:
    """Return the test that a cassette names; empty if it names none. Reads only the file's head."""
    for line in head(path).split(b"\n"):
        if line.startswith(b"interactions:"):
            break
        if line.startswith(b"test:"):
            try:
                named = cassette_yaml.load(line.decode("utf-8"))["test"]
            except (UnicodeDecodeError, cassette_yaml.UnreadableError):
                break
            return named if isinstance(named, str) else ""
    return ""


def _instant(text: str) -> datetime:
    """Return the time that a cassette gives as text.

    Raises:
        ValueError: If there is no such time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        # Ten times slower; its error says what is wrong.
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


class _Reader:
    """Checks every key and value while it builds the interactions."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text
        self.references = ReferenceReader()
        self._numbers_hold = False

    def cassette(self) -> Cassette:
        if not self.text.strip():
            raise CassetteError(self.path, "the file is empty", _RERECORD, 1)
        try:
            document = cassette_yaml.load(self.text)
        except cassette_yaml.UnreadableError as error:
            problem, line = error.problem, error.line
            if conflict := re.search(r"^<{7} ", self.text, re.MULTILINE):
                line = self.text.count("\n", 0, conflict.start()) + 1
                problem = "merge conflict markers"
            raise CassetteError(
                self.path, f"this is not a cassette: {problem}", _RERECORD, line
            ) from None
        # First the version: another format may have other keys.
        self._check_version(document)
        document = self._mapping(document, (), _KEYS)
        recorded_at = document.get("recorded_at")
        if not isinstance(recorded_at, str) or not _INSTANT.fullmatch(recorded_at):
            raise self.error(
                ("recorded_at",), "`recorded_at` must be an instant like '2026-11-21T18:29:15Z'"
            )
        try:
            instant = _instant(recorded_at)
        except ValueError as error:
            raise self.error(
                ("recorded_at",), f"`recorded_at` is not a valid instant: {error}"
            ) from None
        test = document.get("test", "")
        if not isinstance(test, str):
            raise self.error(("test",), "`test` must be text", _REMOVE_TEST)
        items = document.get("interactions")
        if not isinstance(items, list):
            raise self.error(
                ("interactions",),
                "`interactions` is missing or is not a list; is the file cut off?",
            )
        built = tuple(self.interaction(item, at) for at, item in enumerate(items))
        return Cassette(self.path, instant, built, test)

    def _check_version(self, document: Any) -> None:
        version = document.get("agentcache") if isinstance(document, dict) else VERSION
        if version == VERSION and not isinstance(version, bool):
            return
        found = "no `agentcache:` line" if version is None else f"format {version!r}"
        remedy = "Update pytest-agentcache, or record the cassette again with --agentcache-rerecord"
        if version is None and "version" in document:
            remedy = "A cassette of VCR.py is converted with: agentcache import"
        raise self.error(
            ("agentcache",),
            f"{found}, but this version of pytest-agentcache reads format {VERSION}",
            remedy,
        )

    def interaction(self, item: Any, at: int) -> Interaction:
        place = ("interactions", at)
        item = self._mapping(item, place, {"request", "response", "cancelled"})
        if "cancelled" in item:
            self._check_cancelled(item, place)
        for part in ("request",) if "cancelled" in item else ("request", "response"):
            if part not in item:
                raise self.error(place, f"an interaction has no `{part}`; is the file cut off?")
        asked = (*place, "request")
        request = self._mapping(item["request"], asked, _REQUEST_KEYS)
        for name in ("method", "url"):
            if not isinstance(request.get(name), str):
                raise self.error((*asked, name), f"`{name}` is missing or is not text")
        try:
            urlsplit(request["url"])
        except ValueError as error:
            raise self.error((*asked, "url"), f"`url` is not a URL: {error}") from None
        if "cancelled" in item:
            sent = self._headers(request, asked)
            content = self._body(request, asked, sent.get("content-type"))
            return Interaction(Request(request["method"], request["url"], sent, content), CANCELLED)
        answered = (*place, "response")
        response = self._mapping(item["response"], answered, _RESPONSE_KEYS)
        status = response.get("status")
        if type(status) is not int or not 100 <= status <= 999:
            raise self.error((*answered, "status"), "`status` is not an HTTP status")
        if "cancelled" in response:
            self._check_cancelled(response, answered)
        reason = response.get("reason", standard_reason(status))
        if not isinstance(reason, str):
            raise self.error((*answered, "reason"), "`reason` must be text")
        sent, came = self._headers(request, asked), self._headers(response, answered)
        # In this order, because a response may refer to its request.
        asked_with = self._body(request, asked, sent.get("content-type"))
        content = self._body(response, answered, came.get("content-type"))
        chunks = response.get("chunks", [])
        if not isinstance(chunks, list) or any(
            type(size) is not int or size < 1 for size in chunks
        ):
            raise self.error((*answered, "chunks"), "`chunks` must be a list of sizes in bytes")
        if chunks and sum(chunks) != len(content):
            raise self.error(
                (*answered, "chunks"),
                f"`chunks` add up to {sum(chunks)} bytes, but the body has {len(content)}",
                "Remove the line `chunks` if you edited the body",
            )
        encoded = self._encoded(response, answered, came, content)
        return Interaction(
            Request(
                request["method"],
                request["url"],
                sent,
                asked_with,
            ),
            Response(
                status,
                came,
                content,
                reason,
                tuple(chunks),
                encoded=encoded,
                names=self._names(response, answered),
                http_version=self._http_version(response, answered),
                cancelled="cancelled" in response,
            ),
        )

    def _check_cancelled(self, item: Mapping[str, Any], place: tuple[str | int, ...]) -> None:
        if item["cancelled"] is not True:
            raise self.error(
                (*place, "cancelled"),
                "`cancelled` must be true",
                "Write `cancelled: true` where the caller gave up, or remove the line",
            )
        if "response" in item:
            raise self.error(
                (*place, "cancelled"),
                "an interaction has both `cancelled` and a `response`",
                "Remove one of them: a cancelled request is never answered",
            )

    def _mapping(self, value: Any, place: tuple[str | int, ...], keys: set[str]) -> dict[str, Any]:
        what = f"`{place[-1]}`" if place and isinstance(place[-1], str) else "this"
        if not isinstance(value, dict):
            raise self.error(place, f"{what} must be a mapping")
        for key in value:
            if key not in keys:
                allowed = ", ".join(sorted(keys))
                raise self.error((*place, key), f"unknown key {key!r}; allowed are {allowed}")
        return value

    def _names(self, response: Mapping[str, Any], place: tuple[str | int, ...]) -> tuple[str, ...]:
        """Return the header names that were not sent in their usual case."""
        # From HTTP/2 on, all names are in lower case.
        version = str(response.get("http_version", ""))
        marked = response.get("header_names", LOWER if names_are_lower(version) else [])
        if marked != LOWER and not (
            isinstance(marked, list)
            and all(isinstance(name, str) and name == name.lower() for name in marked)
        ):
            raise self.error(
                (*place, "header_names"),
                "`header_names` must be `lower` or a list of header names in lower case",
            )
        return names_as_sent(marked, response.get("headers", {}))

    def _http_version(self, response: Mapping[str, Any], place: tuple[str | int, ...]) -> str:
        version = response.get("http_version", "")
        if version and (not isinstance(version, str) or not version.startswith("HTTP/")):
            raise self.error(
                (*place, "http_version"), "`http_version` must be a version like HTTP/2"
            )
        return str(version)

    def _encoded(
        self,
        response: Mapping[str, Any],
        place: tuple[str | int, ...],
        headers: Headers,
        content: bytes,
    ) -> bool:
        """Return whether the body is as it was sent, in the content coding that it has."""
        codings = codings_of(headers)
        if "encoded" in response:
            if response["encoded"] is not True:
                raise self.error(
                    (*place, "encoded"), "`encoded` must be true", "Correct or remove the line"
                )
            if not codings:
                raise self.error(
                    (*place, "encoded"),
                    "`encoded` without a header content-encoding",
                    "Remove the line, or add the header",
                )
            return True
        if not codings or not ("base64" in response or "file" in response):
            return False
        decoder = encoding.decoder(*codings)
        if set(codings) <= {"gzip", "deflate"}:
            return False
        # Before there was `encoded`, bodies that could not be decoded kept that header.
        try:
            return decoder is None or bool(decoder.decompress(content) + decoder.flush())
        except Exception:  # noqa: BLE001 - each coding has errors of its own
            return False

    def _headers(self, part: Mapping[str, Any], place: tuple[str | int, ...]) -> Headers:
        pairs = []
        headers = part.get("headers", {})
        if not isinstance(headers, dict):
            raise self.error((*place, "headers"), "`headers` must be a mapping")
        for name, value in headers.items():
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(name, str) or not isinstance(each, str):
                    raise self.error(
                        (*place, "headers", name),
                        f"the header {name!r} is not text; put it in quotes",
                    )
                if not _HEADER_NAME.fullmatch(name) or _BREAK.search(each):
                    raise self.error(
                        (*place, "headers", name),
                        f"the header {name!r} is not a valid header line",
                    )
                pairs.append((name.lower(), each))
        return Headers(tuple(pairs))

    def _body(
        self, part: Mapping[str, Any], place: tuple[str | int, ...], content_type: str
    ) -> bytes:
        for style in body.STYLES:
            if style in part and not isinstance(part[style], str):
                raise self.error((*place, style), f"`{style}` must be text")
            kind = style.removesuffix("_style") if style != "charset" else "text"
            if style in part and kind not in part:
                raise self.error(
                    (*place, style), f"`{style}` without the `{kind}` that it describes"
                )
        if "json" in part:
            part = {**part, "json": self._restored(part["json"], place)}
        try:
            return body.from_fields(part, self._file, content_type)
        except body.BodyError as error:
            remedy = _RERECORD
            if "line ends" in error.problem:
                remedy = (
                    "Add `**/cassettes/** -text` to .gitattributes, remove the file, and check it "
                    "out again"
                )
            elif error.key == "file":
                remedy = _RERECORD.replace("Correct", "Commit the file too, correct")
            raise self.error((*place, error.key), error.problem, remedy, error.row) from None

    def _restored(self, value: Any, place: tuple[str | int, ...]) -> Any:
        """Return JSON with its references resolved."""
        _, at, side = place
        try:
            whole = self.references.restore(f"{side} {int(at) + 1}", value)
        except BrokenReferenceError as error:
            self._check_numbers()
            raise self.error(
                (*place, "json", *error.path),
                error.problem,
                "Write the value itself, or record the cassette again with --agentcache-rerecord",
            ) from None
        if self.references.used:
            self._check_numbers()
        return whole

    def _check_numbers(self) -> None:
        """Reject references by number if an interaction above was removed or moved."""
        if self._numbers_hold:
            return
        number = 1
        for at, line in enumerate(self.text.split("\n"), 1):
            caption = _NUMBERED.match(line)
            if caption and int(caption[1]) != number:
                raise CassetteError(
                    self.path,
                    f"interaction {caption[1]} is at position {number}, but references name "
                    "interactions by number",
                    "Put back what was removed or moved, or record the cassette again with "
                    "--agentcache-rerecord",
                    at,
                )
            number += line.startswith("- ")
        self._numbers_hold = True

    def _file(self, name: str) -> bytes:
        folder = sidecar_folder(self.path)
        target = folder / name
        if Path(name).is_absolute() or target.resolve().parent != folder.resolve():
            raise body.BodyError("file", f"the file {name!r} is outside {folder.name}/")
        try:
            # Opening a pipe would wait for its writer.
            if target.exists() and not target.is_file():
                raise body.BodyError("file", f"{folder.name}/{name} is not a regular file")
            content = target.read_bytes()
        except OSError as error:
            raise body.BodyError(
                "file", f"the file {folder.name}/{name} cannot be read: {error.strerror}"
            ) from None
        if change := change_of(name, content):
            raise body.BodyError("file", f"the file {folder.name}/{name} {change}")
        return content

    def error(
        self,
        place: tuple[str | int, ...],
        problem: str,
        remedy: str = _RERECORD,
        row: int | None = None,
    ) -> CassetteError:
        """Return an error about a value, or about a row of the text that is its value."""
        line = cassette_yaml.line_of(self.text, place) or 1
        if row is not None and _BLOCK.search(self.text.split("\n")[line - 1]):
            line += row + 1
        return CassetteError(self.path, problem, remedy, line)
