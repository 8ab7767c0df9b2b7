"""Responses that a test scripts."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import FaultError
from ..http.messages import Headers, Response, standard_reason

UNSET: Any = type("Unset", (), {"__repr__": lambda self: "…"})()
HeaderFields = Mapping[str, str | int] | Iterable[tuple[str, str | int]]
_TYPES = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "sse": "text/event-stream; charset=utf-8",
}
_BODILESS = (204, 304)
# These headers follow from the body.
_FRAMING = ("content-length", "transfer-encoding")


def scripted(
    where: str,
    status: int,
    headers: HeaderFields | None,
    bodies: Mapping[str, Any],
    least: int = 200,
) -> Response:
    """Return the response that a test describes.

    Args:
        where: The call that describes it, for errors.
        status: The status code.
        headers: The header fields: a mapping or pairs.
        bodies: `json`, `text`, `sse` and `content`, of which at most one is not `UNSET`.
        least: The lowest status that is allowed.

    Raises:
        FaultError: For an invalid status, header or body.
    """
    if isinstance(status, bool) or not isinstance(status, int) or not least <= status <= 999:
        hint = "; any other is given by reply()" if least > 200 else ""
        allowed = f"a number from {least} to 999{hint}"
        raise FaultError(f"{where}: status is {status!r}; it takes {allowed}")
    given = {name: value for name, value in bodies.items() if value is not UNSET}
    if len(given) > 1:
        raise FaultError(f"{where}: two bodies, {' and '.join(given)}; give one of them")
    fields = _fields(where, headers)
    if status in _BODILESS and given:
        raise FaultError(
            f"{where}: an answer of status {status} has no body; leave {' and '.join(given)} out"
        )
    body = b""
    for name, value in given.items():
        body = _body(where, name, value)
        if name in _TYPES and "content-type" not in fields:
            fields = fields.plus("content-type", _TYPES[name])
    return Response(int(status), fields, body, standard_reason(status))


def _fields(where: str, headers: Any) -> Headers:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    try:
        fields = [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        raise FaultError(
            f"{where}: headers is {headers!r}; it takes a mapping, or pairs of name and value"
        ) from None
    for name, value in fields:
        plain = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
        if not isinstance(name, str) or not name or not plain:
            raise FaultError(
                f"{where}: headers has {name!r}: {value!r}; a header is text, or a whole number"
            )
        if any(mark in f"{name}{value}" for mark in "\r\n\0"):
            raise FaultError(f"{where}: the header {name!r} has a line break in it")
        if name.lower() in _FRAMING:
            raise FaultError(f"{where}: the header {name!r} follows from the body; leave it out")
    return Headers.of((name, str(value)) for name, value in fields)


def _body(where: str, name: str, value: Any) -> bytes:
    if name == "json":
        return _json(where, name, value).encode()
    if name == "text" and isinstance(value, str):
        return value.encode("utf-8")
    if name == "content" and isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    listed = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    if name == "sse" and listed:
        return "".join(_event(where, each) for each in value).encode("utf-8")
    wants = {
        "text": "text",
        "content": "bytes",
        "sse": "a list of events: each text, a JSON value, or a pair of event name and data",
    }[name]
    raise FaultError(f"{where}: {name} is {value!r}; it takes {wants}")


def _event(where: str, event: Any) -> str:
    head = ""
    if isinstance(event, tuple):
        if len(event) != 2 or not isinstance(event[0], str):
            raise FaultError(f"{where}: sse has {event!r}; a pair is (event name, data)")
        head, event = f"event: {event[0]}\n", event[1]
    data = event if isinstance(event, str) else _json(where, "sse", event)
    return head + "".join(f"data: {line}\n" for line in data.split("\n")) + "\n"


def _json(where: str, name: str, value: Any) -> str:
    try:
        return json_module.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FaultError(f"{where}: {name} is no JSON: {error}") from None
