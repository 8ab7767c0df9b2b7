"""The hooks of conftest files and plugins that change the requests of a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..http.messages import Interaction, Request
from .misses import Miss


def unchanged(request: Request) -> Request:
    """Return `request`: no hook changes it."""
    return request


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks that apply to a test, each a function that does nothing by default."""

    redact: Callable[[Interaction], Interaction] = lambda interaction: interaction
    normalize: Callable[[Request], Request] = unchanged
    miss: Callable[[Miss], None] = lambda miss: None
