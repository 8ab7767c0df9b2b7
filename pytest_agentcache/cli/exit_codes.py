"""What a command refuses, and the codes that it ends with."""

from __future__ import annotations

from ..errors import AgentCacheError

FINE, FOUND, REFUSED = 0, 1, 2


class CommandError(AgentCacheError):
    """A command that cannot do what it was asked: wrong usage, or input that is none.

    Args:
        problem: What is wrong, as a sentence without its full stop.
        remedy: What to do about it, likewise; nothing if that is plain.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}\n  {remedy}" if remedy else problem)
