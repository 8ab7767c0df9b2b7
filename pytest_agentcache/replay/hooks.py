"""The hooks of conftest files and plugins that change the requests of a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..http.messages import Interaction, Request, Response
from .misses import Miss


def unchanged(request: Request) -> Request:
    """Return `request`: no hook changes it."""
    return request


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks that apply to a test, each a function that does nothing by default.

    Attributes:
        before_request: Returns a request as it is to be matched and written, from the request that
            is sent, before redaction; None if it goes straight to the network.
        before_response: Returns a response as it is to be written; None to drop the interaction.
        alike: Compares a request with another in addition to `match`; None for no comparison.
        redact: Returns an interaction without its secrets.
        normalize: Returns a request as it is to be matched and written, after redaction.
        miss: Called with each miss.
    """

    before_request: Callable[[Request], Request | None] = unchanged
    before_response: Callable[[Response, Request], Response | None] = lambda response, request: (
        response
    )
    alike: Callable[[Request, Request], bool] | None = None
    redact: Callable[[Interaction], Interaction] = lambda interaction: interaction
    normalize: Callable[[Request], Request] = unchanged
    miss: Callable[[Miss], None] = lambda miss: None
