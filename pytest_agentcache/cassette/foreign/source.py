"""A parsed file of another tool, whose errors name the line."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ... import canonical_yaml as cassette_yaml
from ...canonical_yaml import UnreadableError
from ...errors import CassetteError
from . import yaml_text

# In bytes: larger than any cassette or HAR that anyone would keep.
LARGEST = 256 * 2**20
KINDS = "a cassette of VCR.py, pytest-recording or betamax, or a HAR"
CORRECT = "Correct it, or record it again"
_HEAD = 4096
_OURS = re.compile(rb"^[\"']?agentcache[\"']?\s*:", re.MULTILINE)
_OURS_TOO = re.compile(rb"^recorded_at\s*:", re.MULTILINE)
_YAML = re.compile(rb"^(?:http_)?interactions\s*:", re.MULTILINE)
_JSON = re.compile(rb'"(?:log|(?:http_)?interactions)"\s*:')


class NotHttpError(CassetteError):
    """A file with recordings of something other than HTTP."""


Place = tuple[str | int, ...]


def is_foreign(path: Path) -> bool:
    """Return whether a file looks like another tool's cassette, or the rest of one.

    It may still be invalid; `read_foreign` checks that.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf")
            if _OURS.search(head) or _OURS_TOO.search(head):
                return False
            if head.lstrip().startswith(b"{"):
                return bool(_JSON.search(head))
            # In a cassette of ours that was edited by hand, the version may be at the end.
            if not _YAML.search(head):
                return False
            return path.stat().st_size > LARGEST or not _OURS.search(file.read())
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Source:
    """The content of a file.

    Args:
        path: The file.
        text: Its text.
        document: The text parsed as JSON or YAML.
    """

    path: Path
    text: str
    document: Any

    def error(self, place: Place, problem: str, remedy: str = CORRECT) -> CassetteError:
        """Return an error about the value at `place`, a path of keys and indices."""
        try:
            line = cassette_yaml.line_of(self.text, place) if self.text else None
        except yaml.YAMLError:
            # JSON with tabs, which YAML does not allow.
            line = None
        return CassetteError(self.path, problem, remedy, line)

    def mapping(self, value: Any, place: Place) -> dict[str, Any]:
        """Return `value` if it is a mapping."""
        if not isinstance(value, dict):
            raise self.error(place, f"{named(place)} is not a mapping; is the file cut off?")
        return value

    def sequence(self, value: Any, place: Place) -> list[Any]:
        """Return `value` if it is a list."""
        if not isinstance(value, list):
            raise self.error(place, f"{named(place)} is not a list; is the file cut off?")
        return value

    def pair(self, item: Any, place: Place) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the request and the response of an interaction."""
        item = self.mapping(item, place)
        for part in ("request", "response"):
            if part not in item:
                raise self.error(place, f"an interaction has no `{part}`; is the file cut off?")
        return (
            self.mapping(item["request"], (*place, "request")),
            self.mapping(item["response"], (*place, "response")),
        )

    def address(self, value: Any, place: Place) -> str:
        """Return `value` if it is an absolute URL."""
        try:
            found = isinstance(value, str) and urlsplit(value).scheme
        except ValueError:
            found = ""
        if not found:
            raise self.error(place, f"{named(place)} is not a URL")
        return str(value)

    def method(self, value: Any, place: Place) -> str:
        """Return `value` if it can be the method of a request."""
        if not isinstance(value, str) or not value:
            raise self.error(place, f"{named(place)} is missing or is not text")
        return value

    def status(self, value: Any, place: Place) -> int:
        """Return `value` if it can be the status of a response."""
        if type(value) is not int or not 100 <= value <= 999:
            raise self.error(place, f"{named(place)} is not an HTTP status")
        return value


def named(place: Place) -> str:
    """Return the name of a place for an error."""
    return f"`{place[-1]}`" if place and isinstance(place[-1], str) else "this"


def load(path: Path) -> Source:
    """Return the parsed file at `path`, which is JSON or YAML.

    Raises:
        CassetteError: If it is neither.
    """
    raw = _bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _binary(path, raw.count(b"\n", 0, error.start) + 1) from None
    if "\0" in text:
        raise _binary(path, text.count("\n", 0, text.index("\0")) + 1)
    if not text.strip():
        raise CassetteError(path, "the file is empty", CORRECT, 1)
    try:
        return Source(path, text, _document(text))
    except UnreadableError as error:
        problem, line = error.problem, error.line
        if conflict := re.search(r"^<{7} ", text, re.MULTILINE):
            line = text.count("\n", 0, conflict.start()) + 1
            problem = "merge conflict markers"
        raise CassetteError(path, f"this is not {KINDS}: {problem}", CORRECT, line) from None


def _bytes(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise CassetteError(
                path, "cannot be read: it is not a regular file", "Use the path of a file"
            )
        if found.st_size > LARGEST:
            raise CassetteError(
                path,
                f"is too large: {found.st_size / 2**20:,.0f} MiB of {LARGEST // 2**20}",
                "Split it, or remove the large bodies",
            )
        return path.read_bytes()
    except OSError as error:
        raise CassetteError(
            path, f"cannot be read: {error.strerror}", "Check its name and its permissions"
        ) from None


def _binary(path: Path, line: int) -> CassetteError:
    return CassetteError(
        path,
        f"this is binary, not {KINDS}",
        "Unpack it if it is compressed; save it as UTF-8",
        line,
    )


def _document(text: str) -> Any:
    if text.lstrip()[0] not in "{[":
        return yaml_text.load(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"JSON breaks off or goes wrong: {error.msg}", error.lineno) from None
    except RecursionError:
        raise UnreadableError("nested too deeply", None) from None
    except ValueError as error:
        raise UnreadableError(str(error), None) from None
