"""Values and limits that the writer and the reader share."""

from __future__ import annotations

import re
from typing import Self

import yaml

# libyaml refuses a simple key past 1024 characters, quotes and escapes included, and recursion has
# to end somewhere.
LONGEST_KEY = 1000
DEEPEST = 100
RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers


class Number(float):
    """A float that remembers how it was written: `1.0`, `5e-7`, `1.50`."""

    literal: str

    def __new__(cls, literal: str) -> Self:
        number = super().__new__(cls, literal)
        number.literal = literal
        return number


class UnwritableError(ValueError):
    """A value that has no place in the canonical form (too deep, too long a key)."""


class UnreadableError(ValueError):
    """Text that is no YAML, or not the YAML that we write.

    Args:
        problem: What is wrong.
        line: Line, counted from 1, if known.
    """

    def __init__(self, problem: str, line: int | None) -> None:
        self.problem, self.line = problem, line
        super().__init__(problem)
