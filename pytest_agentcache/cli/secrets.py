"""The secrets that today's redaction rules find in a cassette."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..http.messages import Interaction
from ..redaction import Redaction
from ..redaction.environment import Findings, search
from ..settings.settings import Settings
from .diff.changes import changes


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of a cassette.

    Attributes:
        safe: The redacted interactions.
        places: The places of the secrets, never their values, by the interaction's number.
        suspects: Possible secrets: the interaction's number, the place and look, the fingerprint.
    """

    safe: tuple[Interaction, ...]
    places: dict[int, list[str]]
    suspects: list[tuple[int, str, str]]


def of_environment(settings: Settings) -> Findings:
    """Return the secrets in the environment, on which the result of `find` depends."""
    return search(os.environ, settings.redact_env)


def find(interactions: Sequence[Interaction], settings: Settings) -> Secrets:
    """Find the secrets in the interactions of one cassette by name, value and shape."""
    redaction = Redaction.of(settings, os.environ)
    redaction.continue_behind(interactions)
    done = []
    for each in interactions:
        safe = redaction.interaction(each)
        redaction.asked(safe.request)
        redaction.learn(each.response)
        done.append(safe)
    # A second pass, because a later response may have introduced a secret.
    safe_all = tuple(redaction.interaction(each) for each in done)
    if safe_all != tuple(interactions):
        safe_all = redaction.renumbered(safe_all)
    places = {
        number: _places(was, now)
        for number, (was, now) in enumerate(zip(interactions, safe_all, strict=True), 1)
        if was != now
    }
    suspects = [
        (doubt.interaction, f"{doubt.place}: {doubt.why}", doubt.fingerprint)
        for doubt in redaction.doubts(safe_all)
    ]
    return Secrets(safe_all, places, suspects)


def _places(was: Interaction, now: Interaction) -> list[str]:
    found = [f"{change.side} {change.place}" for change in changes(was, now)]
    return [*dict.fromkeys(found)] or ["a body"]
