"""What today's rules of redaction would take out of a cassette."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..http.messages import Interaction
from ..redaction import Redaction
from ..settings.settings import Settings
from .diff.changes import changes


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of a cassette.

    Attributes:
        safe: Its interactions without them.
        places: Where they stand, never what they are, by the number of the interaction.
        doubts: What may be one all the same: number and place, look, and fingerprint.
    """

    safe: tuple[Interaction, ...]
    places: dict[int, list[str]]
    doubts: list[tuple[int, str, str]]


def find(interactions: Sequence[Interaction], settings: Settings) -> Secrets:
    """The secrets in the interactions of one cassette, by name, by value and by shape."""
    redaction = Redaction.of(settings, os.environ)
    redaction.continue_behind(interactions)
    done = []
    for each in interactions:
        safe = redaction.interaction(each)
        redaction.asked(safe.request)
        redaction.learn(each.response)
        done.append(safe)
    # Once more, for what an answer further down gave away.
    safe_all = tuple(redaction.interaction(each) for each in done)
    if safe_all != tuple(interactions):
        safe_all = redaction.renumbered(safe_all)
    places = {
        number: _places(was, now)
        for number, (was, now) in enumerate(zip(interactions, safe_all, strict=True), 1)
        if was != now
    }
    doubts = [
        (doubt.interaction, f"{doubt.place}: {doubt.why}", doubt.fingerprint)
        for doubt in redaction.doubts(safe_all)
    ]
    return Secrets(safe_all, places, doubts)


def _places(was: Interaction, now: Interaction) -> list[str]:
    found = [f"{change.side} {change.place}" for change in changes(was, now)]
    return [*dict.fromkeys(found)] or ["a body"]
