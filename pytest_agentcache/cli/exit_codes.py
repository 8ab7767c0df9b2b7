"""The exit codes of the commands, and the error for wrong usage."""

from __future__ import annotations

from ..errors import AgentCacheError

FINE, FOUND, REFUSED = 0, 1, 2


class CommandError(AgentCacheError):
    """A command that cannot run, because of wrong usage or unusable input.

    Args:
        problem: The cause, as a sentence without its full stop.
        remedy: The remedy, in the same form; empty if it is obvious.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}\n  {remedy}" if remedy else problem)
