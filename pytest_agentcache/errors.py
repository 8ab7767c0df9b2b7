"""What can go wrong, each with the culprit as an attribute and the remedy in the text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class AgentCacheError(Exception):
    """Root of every error that pytest-agentcache raises on purpose."""


class SettingsError(AgentCacheError):
    """A setting has an unknown name or a value that is not allowed."""


class ClockError(AgentCacheError, ValueError):
    """A clock was asked to do what clocks do not: go back, move by no span, move while real."""


class FaultError(AgentCacheError):
    """A fault was planned that cannot be, or one that was planned never came to pass."""


class RefreshError(AgentCacheError):
    """A background refresh of stale-while-revalidate failed; its cause is what went wrong."""


class AutoCacheError(AgentCacheError, ValueError):
    """A request whose `requesty.auto_cache` is none that the router knows.

    Args:
        request: Method and URL of the request.
        place: What is wrong, as a path into its JSON body.
        value: The value that stands there.
        takes: What may stand there.
    """

    def __init__(self, request: str, place: str, value: object, takes: str) -> None:
        self.request, self.place, self.value = request, place, value
        super().__init__(f"{request}: {place} is {value!r}; it takes {takes}")


class UsageError(AgentCacheError, ValueError):
    """What was asked for its usage is no answer of an LLM, or one whose body nobody kept."""


class CassetteError(AgentCacheError):
    """A cassette that cannot be read, written or trusted.

    Args:
        path: The cassette (or the file beside it) that is at fault.
        problem: What is wrong, as a sentence without its full stop.
        remedy: What to do about it, likewise.
        line: Line in the file, counted from 1, where it is known.
    """

    def __init__(self, path: Path, problem: str, remedy: str, line: int | None = None) -> None:
        self.path, self.problem, self.remedy, self.line = path, problem, remedy, line
        place = f"{path}:{line}" if line else str(path)
        stop = "" if problem.endswith("?") else "."
        super().__init__(f"{place}: {problem}{stop}\n  {remedy}.")


class SecretError(CassetteError):
    """A cassette that was not written, for something in it may be a secret.

    Args:
        path: The cassette.
        doubts: What it is, each with its place and its fingerprint.
    """

    def __init__(self, path: Path, doubts: Sequence[object]) -> None:
        self.doubts = tuple(doubts)
        lines = [str(each) for each in self.doubts[:10]]
        if len(self.doubts) > 10:
            lines.append(f"and {len(self.doubts) - 10} more")
        told = "\n    ".join(["", *lines])
        super().__init__(
            path,
            f"was not written, for it may hold a secret:{told}",
            "If it is one, name what holds it in agentcache_redact or agentcache_redact_shapes; if "
            "it is none, put the twelve digits behind it into agentcache_allow_secrets",
        )


class NetworkBlocked(AgentCacheError, ConnectionError):
    """A socket or a DNS look-up that the mode does not allow.

    An `OSError`, so that clients treat it as the failed connection that it is.

    Args:
        target: Host, or host and port, that was asked for.
        why: The mode and the remedy.
    """

    def __init__(self, target: str, why: str) -> None:
        self.target = target
        super().__init__(f"connection to {target} refused by pytest-agentcache: {why}")


class MissError(BaseException):
    """A miss under `on_miss="raise"`.

    A `BaseException` because agents catch `Exception` and retry.
    """
