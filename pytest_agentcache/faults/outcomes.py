"""What a planned fault makes of a request, and what of an answer arrives at the client."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import FaultError
from ..http.framing import length, pieces, splitter
from ..http.messages import Request, Response
from ..http.wire import WireSocket, message
from . import Fault, Planned


def outcome(
    planned: Planned, request: Request, find_answer: Callable[[], Response | None]
) -> Response | Fault:
    """What becomes of `request` when `planned` comes to pass for it.

    Args:
        planned: The fault.
        request: The request, redacted and normalised.
        find_answer: Finds the answer that a truncation breaks off, if it has none of its own.

    Raises:
        FaultError: If there is nothing that could break off.
    """
    if planned.kind != "truncate":
        kind = "refuse" if planned.kind == "down" else planned.kind
        return planned.answer or Fault(kind, request, planned.seconds)
    try:
        answer = planned.answer or find_answer()
        if answer is None:
            raise ValueError(
                "for which nothing is recorded that could break off; give the answer too: json=, "
                "text=, sse= or content="
            )
        after = _cut(answer, planned.after, planned.unit, request.method)
    except ValueError as error:
        raise FaultError(f"{planned} met {request.method} {request.url}, {error}") from None
    return Fault("truncate", request, answer=answer, after=after)


def given(decision: Response | Fault) -> tuple[Response, list[bytes], Fault | None]:
    """The answer that a decision gives, what of its body arrives, and what breaks it off there.

    Args:
        decision: An answer, or a fault that gives a part of one.
    """
    if isinstance(decision, Response):
        return decision, pieces(decision), None
    assert decision.answer is not None
    return decision.answer, pieces(decision.answer, decision.after), decision


def as_socket(decision: Response | Fault, method: str) -> WireSocket:
    """A socket from which a client reads what a decision gives.

    Args:
        decision: As for `given`.
        method: The method asked with.
    """
    answer, parts, broken = given(decision)
    return WireSocket(
        message(
            method,
            answer.status,
            answer.reason,
            answer.headers,
            parts,
            length=length(answer),
            whole=broken is None,
        )
    )


def _cut(response: Response, after: int, unit: str, method: str) -> int:
    """After how many bytes the body of a response breaks off.

    Args:
        response: The whole response.
        after: How many of its bytes or events arrive; a line counts as an event of its stream.
        unit: `bytes` or `events`.
        method: The method asked with.

    Raises:
        ValueError: If nothing would be missing then; the text says why.
    """
    if method == "HEAD" or response.status in (204, 304):
        raise ValueError("whose answer has no body")
    size = len(response.body)
    if unit == "events":
        split = splitter(response.content_type)
        if split is None:
            raise ValueError(
                f"whose answer is no stream of events but {response.content_type or 'untyped'}"
            )
        events = split(response.body)
        if after > len(events):
            raise ValueError(f"whose answer has {len(events)} events only")
        return sum(map(len, events[:after]))
    # A stream may break off at its very end: where its last chunk should come.
    if after > size or (after == size and length(response) is not None):
        raise ValueError(f"whose answer has {size} bytes only, so nothing of it would be missing")
    return after
