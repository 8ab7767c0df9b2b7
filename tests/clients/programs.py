"""Programs that ask for something, one thing after another or at once, and what may be under way.

A program is a path that is asked for, or steps of it: `Seq` one after another, `Par` at once.
"""

from __future__ import annotations

from dataclasses import dataclass

Program = "str | Steps"


@dataclass(frozen=True)
class Steps:
    parts: tuple[Program, ...]


class Seq(Steps):
    """One after another."""

    def __init__(self, *parts: Program) -> None:
        super().__init__(parts)


class Par(Steps):
    """At once, or as many at once as `width` lets; the last part may run where the others start."""

    def __init__(self, *parts: Program, width: int = 99) -> None:
        super().__init__(parts)
        object.__setattr__(self, "width", width)

    width: int


def leaves(program: Program) -> list[str]:
    """Return the requests as if all of them ran one after another."""
    if isinstance(program, str):
        return [program]
    return [leaf for part in program.parts for leaf in leaves(part)]


def under_way(program: Program, answered: set[str]) -> list[str]:
    """Return the requests that are sent once the others are answered."""
    if isinstance(program, str):
        return [] if program in answered else [program]
    going = [part for part in program.parts if under_way(part, answered)]
    width = program.width if isinstance(program, Par) else 1
    return [leaf for part in going[:width] for leaf in under_way(part, answered)]
