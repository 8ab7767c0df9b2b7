"""A cassette before and after, and how that is written for a person."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..selection import Loaded, shown
from ..terminal import Screen, clean, columns, counted, cut_middle, label, shortened, wrap
from .alignment import Pair, align, with_repeats
from .changes import ABSENT, Change
from .wording import headline, listed, told_of
from .words import written

# Lines of one changed value that are shown; more are counted.
_MOST_LINES = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """A cassette before and after, either of which may be missing.

    Attributes:
        name: What it is called now, or was.
        was_name: What it was called, if that differs.
        was: The older.
        now: The newer.
        pairs: Its interactions side by side.
        follows: Whether both are versions of one file.
    """

    name: str
    was_name: str
    was: Loaded | None
    now: Loaded | None
    pairs: tuple[Pair, ...]
    follows: bool = False

    @classmethod
    def of(cls, was: Loaded | None, now: Loaded | None, *, follows: bool = False) -> Comparison:
        """Compares; one of both must be there."""
        names = [shown(each.path) if each else "" for each in (was, now)]
        pairs = align(was.interactions if was else (), now.interactions if now else ())
        return cls(names[1] or names[0], names[0], was, now, with_repeats(pairs), follows)

    @property
    def kind(self) -> Literal["same", "renamed", "changed", "added", "removed"]:
        """What became of it."""
        if self.was is None:
            return "added"
        if self.now is None:
            return "removed"
        return "changed" if self.changed else "renamed" if self.renamed else "same"

    @property
    def renamed(self) -> bool:
        """Whether git says that it was called otherwise."""
        return self.follows and self.was_name != self.name

    @property
    def title(self) -> str:
        """Its name, and what it was called before."""
        both = self.was and self.now and self.was_name != self.name
        return label(f"{self.was_name} → {self.name}" if both else self.name)

    @property
    def changed(self) -> list[Pair]:
        """The pairs that are not the same."""
        return [pair for pair in self.pairs if pair.kind != "same"]


def verdict(comparison: Comparison) -> str:
    """`2 of 5 interactions changed, 1 added`."""
    if comparison.was is None:
        return f"new, {counted(len(comparison.pairs), 'interaction')}"
    if comparison.now is None:
        return f"removed, {counted(len(comparison.pairs), 'interaction')}"
    counts = Counter(pair.kind for pair in comparison.pairs)
    parts = ["renamed"] if comparison.renamed else []
    if counts["changed"]:
        total = len(comparison.was.interactions)
        parts.append(f"{counts['changed']} of {counted(total, 'interaction')} changed")
    parts += [f"{counts[kind]} {kind}" for kind in ("added", "removed", "moved") if counts[kind]]
    also = sum(pair.moved for pair in comparison.pairs if pair.kind == "changed")
    if also:
        parts.append(f"{also} of the changed moved")
    return ", ".join(parts) or "the same"


def write(
    comparison: Comparison, screen: Screen, *, brief: bool = False, everything: bool = False
) -> None:
    """Writes what changed: one line an interaction, and below it place by place."""
    changed = comparison.changed
    _write_title(comparison, screen)
    for pair in changed:
        screen.line(headline(pair, screen))
        if not brief and pair.kind == "changed":
            _write_changes(pair.changes, screen, everything=everything)


def _write_title(comparison: Comparison, screen: Screen) -> None:
    name = comparison.title
    told = verdict(comparison)
    if columns(name) + 3 + columns(told) <= screen.width:
        screen.line(f"{screen.style(name, 'bold')} · {told}")
    else:
        screen.line(screen.style(cut_middle(name, screen.width), "bold"))
        screen.wrapped(told, "  ")


def _write_changes(changes: Sequence[Change], screen: Screen, *, everything: bool) -> None:
    if everything:
        shown_changes, hidden, again = list(changes), [], []
    else:
        shown_changes = [change for change in changes if change.weight and not change.again]
        hidden = [change for change in changes if not change.weight]
        again = [change for change in changes if change.weight and change.again]
    for change in shown_changes:
        _write_change(change, screen)
    for number in sorted({change.again for change in again}):
        places = [change.place for change in again if change.again == number]
        screen.wrapped(f"as in {number}: {', '.join(places)}", "    ", "dim")
    if hidden:
        screen.wrapped(f"also {listed(hidden)} (--all)", "    ", "dim")


def _write_change(change: Change, screen: Screen) -> None:
    head = f"{change.side} {change.place}"
    indent = "      "
    room = screen.width - len(indent)
    if change.pieces:
        lines = _wrapped(written(list(change.pieces), screen), room, screen)
        screen.line("    " + screen.style(cut_middle(head, screen.width - 4), "bold"))
        for line in _limited(lines, screen):
            screen.line(indent + line)
        return
    one = [_json(each) for each in (change.was, change.now)]
    was = screen.style(one[0], "red", "struck") if screen.colour else f"[-{one[0]}-]"
    now = screen.style(one[1], "green", "underline") if screen.colour else f"{{+{one[1]}+}}"
    sides = " ".join(
        text for text, value in ((was, change.was), (now, change.now)) if value is not ABSENT
    )
    plain = columns(head) + columns(one[0]) + columns(one[1]) + 16
    if plain <= screen.width and "\n" not in sides:
        screen.line(f"    {screen.style(head, 'bold')}  {sides}")
        return
    screen.line("    " + screen.style(cut_middle(head, screen.width - 4), "bold"))
    for text, value, mark, colour in (
        (one[0], change.was, "-", "red"),
        (one[1], change.now, "+", "green"),
    ):
        if value is not ABSENT:
            for line in _limited(list(wrap(text, room - 2)), screen):
                screen.line(f"{indent}{screen.style(f'{mark} {line}', colour)}")


def _limited(lines: list[str], screen: Screen) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    left = len(lines) - _MOST_LINES + 1
    return [*lines[: _MOST_LINES - 1], screen.style(f"… {counted(left, 'more line')}", "dim")]


def _wrapped(text: str, width: int, screen: Screen) -> list[str]:
    """Lines of a text that may hold colours, which end and begin again with each line."""
    if not screen.colour:
        return list(wrap(text, width))
    lines: list[str] = []
    current, used, colour = "", 0, ""

    for piece in re.findall(r"\x1b\[[\d;]*m|\n|[^\S\n]+|[^\s\x1b]+", text):
        if piece.startswith("\x1b"):
            colour = "" if piece == "\x1b[0m" else piece
            current += piece
            continue
        size = columns(piece)
        if piece == "\n" or (used and used + size > width):
            lines.append(current.rstrip() + ("\x1b[0m" if colour else ""))
            current, used = colour, 0
            if not piece.strip():
                continue
        current, used = current + piece, used + size
    return [*lines, current]


def _json(value: Any) -> str:
    if value is ABSENT:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shortened(clean(text))


def as_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison for a machine."""
    return {
        "path": comparison.name,
        "was_path": comparison.was_name or None,
        "kind": comparison.kind,
        "interactions": [
            {
                "kind": pair.kind,
                "before": pair.before,
                "after": pair.after,
                "moved": pair.moved,
                "method": pair.shown.request.method,
                "url": pair.shown.request.url,
                "status": pair.shown.response.status,
                "summary": told_of(pair),
                "changes": [
                    {
                        "side": change.side,
                        "place": change.place,
                        **({} if change.was is ABSENT else {"was": change.was}),
                        **({} if change.now is ABSENT else {"now": change.now}),
                        "volatile": change.weight == 0,
                    }
                    for change in pair.changes
                ],
            }
            for pair in comparison.changed
        ],
    }
