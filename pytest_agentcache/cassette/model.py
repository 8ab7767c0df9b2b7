"""The content of a cassette."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..http.messages import Interaction

VERSION = 1


@dataclass(frozen=True, slots=True)
class Cassette:
    """The content of one cassette file.

    Args:
        path: The path of the file.
        recorded_at: The time of the first recording, aware, in whole seconds; None for a new one.
        interactions: Its interactions in order.
        test: The id of its test from the module's file on, if the path does not say it exactly.
    """

    path: Path
    recorded_at: datetime | None = None
    interactions: tuple[Interaction, ...] = field(default=())
    test: str = ""
