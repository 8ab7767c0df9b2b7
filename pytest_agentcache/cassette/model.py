"""What a cassette holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..http.messages import Interaction

VERSION = 1


@dataclass(frozen=True, slots=True)
class Cassette:
    """What one file holds.

    Args:
        path: Where it lies.
        recorded_at: When it was first recorded, aware, whole seconds; None for a new one.
        interactions: Its interactions in order.
        test: Its test, from its module's file on, where the path does not say that exactly.
    """

    path: Path
    recorded_at: datetime | None = None
    interactions: tuple[Interaction, ...] = field(default=())
    test: str = ""
