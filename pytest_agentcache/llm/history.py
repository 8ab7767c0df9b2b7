"""Find the messages of a conversation that an earlier call of the same cassette showed already.

Agents send their whole history with each call, but a reader wants to see what is new.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

from .parts import Part, Turn

# The number of earlier calls to look at.
_BACK = 24
_Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The beginning of a conversation that was shown before.

    Attributes:
        call: The call that showed it, counted from 0.
        turns: The number of messages that both requests begin with.
        answered: Whether the response of that call is the next message.
    """

    call: int
    turns: int
    answered: bool

    @property
    def length(self) -> int:
        """The number of messages."""
        return self.turns + self.answered


class History:
    """The conversations of a cassette, call by call."""

    def __init__(self) -> None:
        self._calls: list[tuple[list[_Signature], _Signature]] = []

    def add(self, turns: tuple[Turn, ...], response: Turn) -> Shown | None:
        """Add the next call, and return how much of it was shown before; None for nothing."""
        signatures = [_turn_signature(turn) for turn in turns]
        best: Shown | None = None
        for call in range(len(self._calls) - 1, max(-1, len(self._calls) - 1 - _BACK), -1):
            found = self._shared(call, signatures)
            if found.turns and (best is None or found.length > best.length):
                best = found
        self._calls.append((signatures, _turn_signature(response)))
        return best

    def _shared(self, call: int, signatures: list[_Signature]) -> Shown:
        known, response = self._calls[call]
        same = 0
        while same < min(len(known), len(signatures)) and known[same] == signatures[same]:
            same += 1
        follows = same == len(known) and same < len(signatures)
        answered = follows and bool(response[1]) and signatures[same] == response
        return Shown(call, same, answered)


def _turn_signature(turn: Turn) -> _Signature:
    # Thoughts are often left out when a message is sent back.
    return (
        turn.role,
        tuple(_part_signature(part) for part in turn.parts if part.kind != "thought"),
    )


def _part_signature(part: Part) -> _Signature:
    text = part.text.strip()
    if part.kind == "call":
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text or "{}"), sort_keys=True)
    return (part.kind, text, part.name if part.kind == "call" else "", part.data[:200])
