"""Which messages of a conversation an earlier call of the same cassette showed already.

Agents send their whole history with each call; a reader wants what is new in it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

from .conversation import Part, Turn

# Calls to look back at; among more of them a history is hardly found anyhow.
_BACK = 24
_Sign = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What was shown before.

    Attributes:
        call: The call that showed it, counted from 0.
        turns: How many of that call's messages.
        answered: Whether its answer comes next.
    """

    call: int
    turns: int
    answered: bool

    @property
    def length(self) -> int:
        """How many messages that are in all."""
        return self.turns + self.answered


class History:
    """The conversations of a cassette, call by call."""

    def __init__(self) -> None:
        self._known: list[tuple[list[_Sign], _Sign]] = []

    def add(self, turns: tuple[Turn, ...], answer: Turn) -> Told | None:
        """Takes in the next call, and tells what of it was shown before; None if nothing was."""
        signs = [_sign(turn) for turn in turns]
        best: Told | None = None
        for at in range(len(self._known) - 1, max(-1, len(self._known) - 1 - _BACK), -1):
            found = self._shared(at, signs)
            if found.turns and (best is None or found.length > best.length):
                best = found
        self._known.append((signs, _sign(answer)))
        return best

    def _shared(self, at: int, signs: list[_Sign]) -> Told:
        known, answer = self._known[at]
        same = 0
        while same < min(len(known), len(signs)) and known[same] == signs[same]:
            same += 1
        whole = same == len(known)
        answered = whole and bool(answer[1]) and same < len(signs) and signs[same] == answer
        return Told(at, same, answered)


def _sign(turn: Turn) -> _Sign:
    """What makes two messages the same; thoughts are often left out when they are sent back."""
    return (turn.role, tuple(_part(part) for part in turn.parts if part.kind != "thought"))


def _part(part: Part) -> _Sign:
    text = part.text.strip()
    if part.kind == "call":
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text or "{}"), sort_keys=True)
    return (part.kind, text, part.name if part.kind == "call" else "", part.data[:200])
