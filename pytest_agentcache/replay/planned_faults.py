"""Decide what a planned fault does to a request."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import FaultError
from ..faults import Planned
from ..http.framing import framed_by_events, length
from ..http.messages import Request, Response
from .decisions import Fail, Replay, Scripted, Truncate


def apply_fault(
    planned: Planned, request: Request, find_response: Callable[[], Response | None]
) -> Scripted:
    """Return the decision for `request` when `planned` applies to it.

    Args:
        planned: The fault.
        request: The request, redacted and normalized.
        find_response: Finds the response to truncate, if the fault has none of its own.

    Raises:
        FaultError: If there is no response to truncate.
    """
    if planned.kind != "truncate":
        if planned.answer is not None:
            return Replay(planned.answer)
        return Fail("refuse" if planned.kind == "down" else planned.kind, request, planned.seconds)
    try:
        response = planned.answer or find_response()
        if response is None:
            raise ValueError(
                "for which nothing is recorded that could break off; give the answer too: json=, "
                "text=, sse= or content="
            )
        after = _kept_bytes(response, planned.after, planned.unit, request.method)
    except ValueError as error:
        raise FaultError(f"{planned} met {request.method} {request.url}, {error}") from None
    return Truncate(request, response, after)


def _kept_bytes(response: Response, after: int, unit: str, method: str) -> int:
    """Return the number of bytes of the body that arrive.

    Args:
        response: The whole response.
        after: The number of its bytes or events that arrive; in a stream of lines, each line is an
            event.
        unit: `bytes` or `events`.
        method: The method of the request.

    Raises:
        ValueError: If nothing would be missing; the text says why.
    """
    if method == "HEAD" or response.status in (204, 304):
        raise ValueError("whose answer has no body")
    size = len(response.body)
    if unit == "events":
        stream = framed_by_events(response.content_type)
        if stream is None:
            raise ValueError(
                f"whose answer is no stream of events but {response.content_type or 'untyped'}"
            )
        events = stream.split(response.body)
        if after > len(events):
            raise ValueError(f"whose answer has {len(events)} events only")
        return sum(map(len, events[:after]))
    # A stream may break off at its very end, where its last chunk should come.
    if after > size or (after == size and length(response) is not None):
        raise ValueError(f"whose answer has {size} bytes only, so nothing of it would be missing")
    return after
