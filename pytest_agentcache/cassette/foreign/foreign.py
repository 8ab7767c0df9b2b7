"""Read files of other tools by their contents, and write them by their name."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...errors import CassetteError
from ...files import replace_file
from ...http.messages import Interaction
from ..model import Cassette
from ..sidecars import unwritable
from . import betamax, har, har_writer, source, vcrpy
from .source import NotHttpError, Source

_READERS: dict[str, Callable[[Source], Cassette]] = {
    "vcrpy": vcrpy.read,
    "betamax": betamax.read,
    "har": har.read,
}
_CONVERT = "Convert it first: agentcache import {}"


def modified_at(path: Path) -> datetime:
    """Return the time at which a file was changed, which for a checkout is that of the checkout."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)


def read_foreign(
    path: Path, *more: Path, undated: Callable[[Path], datetime] = modified_at
) -> Cassette:
    """Return the content of another tool's file: decoded bodies, and all end-to-end headers.

    Nothing is redacted; see `converted`.

    Args:
        path: A cassette of VCR.py or pytest-recording (YAML, JSON), of betamax, or a HAR.
        more: More files, whose interactions follow: pytest-recording has
            `@pytest.mark.vcr(a, b)`.
        undated: Returns the time of a recording in a file that does not say it.

    Raises:
        CassetteError: If a file has none of these formats, or is incomplete.
    """
    found = [_read(each, undated) for each in (path, *more)]
    return Cassette(
        path,
        min(each.recorded_at for each in found if each.recorded_at),
        tuple(interaction for each in found for interaction in each.interactions),
    )


def _read(path: Path, undated: Callable[[Path], datetime]) -> Cassette:
    loaded = source.load(path)
    found = _READERS[kind_of(loaded)](loaded)
    return found if found.recorded_at else replace(found, recorded_at=undated(path))


def kind_of(loaded: Source) -> str:
    """Return the format of a file: `vcrpy`, `betamax` or `har`.

    Raises:
        CassetteError: If it has another format.
    """
    document = loaded.document
    if isinstance(document, dict):
        if "agentcache" in document:
            raise loaded.error(
                ("agentcache",),
                "this is a cassette of pytest-agentcache already",
                "There is nothing to convert",
            )
        if isinstance(document.get("log"), dict):
            return "har"
        for key, kind in (("http_interactions", "betamax"), ("interactions", "vcrpy")):
            if key in document:
                _check_http(loaded, key)
                return kind
    if isinstance(document, list) and any("request" in each for each in _mappings(document)):
        raise loaded.error(
            (),
            "this is a cassette of VCR.py before version 1.0",
            f"Migrate it with VCR.py: python -m vcr.migration {loaded.path}",
        )
    raise loaded.error((), f"this is not {source.KINDS}", source.CORRECT)


def _check_http(loaded: Source, key: str) -> None:
    """Raise if no item of a list is a request or a response of HTTP."""
    items = loaded.document[key]
    if isinstance(items, list) and items and not any(map(_is_http, items)):
        raise NotHttpError(
            loaded.path, "this is a recording of something other than HTTP", "It is not converted"
        )


def _is_http(item: Any) -> bool:
    if not isinstance(item, dict) or not item:
        return True
    request = item.get("request")
    if isinstance(request, dict) and request:
        return not {"method", "uri", "url"}.isdisjoint(request)
    return not {"request", "response"}.isdisjoint(item)


def _mappings(items: Sequence[Any]) -> list[dict[str, Any]]:
    return [each for each in items if isinstance(each, dict)]


def write_vcr(cassette: Cassette, path: Path) -> None:
    """Write a cassette for VCR.py: as JSON if the suffix says so, else as YAML.

    Raises:
        CassetteError: If it cannot be written. The old file is unchanged.
    """
    _write(path, (vcrpy.as_json if path.suffix == ".json" else vcrpy.as_yaml)(cassette))


def write_har(cassette: Cassette, path: Path) -> None:
    """Write a cassette as HAR 1.2.

    Raises:
        CassetteError: If it cannot be written. The old file is unchanged.
    """
    _write(path, har_writer.as_har(cassette))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode("utf-8"))
    except OSError as error:
        raise unwritable(path, error) from None


def unplayable(path: Path) -> CassetteError:
    """Return the error of recording over another tool's cassette."""
    return CassetteError(
        path,
        "is a cassette of another tool, which is replayed but never overwritten",
        f"{_CONVERT.format(shlex.quote(str(path)))}; or remove it, and record",
    )


def nothing_new(path: Path, added: Sequence[Interaction]) -> CassetteError:
    """Return the error of recording something that another tool's cassette does not hold."""
    first = added[0].request
    others = f" and {len(added) - 1} more" if len(added) > 1 else ""
    return CassetteError(
        path,
        f"is a cassette of another tool, to which {first.method} {first.url}{others} was not added",
        f"{_CONVERT.format(shlex.quote(str(path)))}; then record",
    )
