"""Every error of the package, with its culprit as an attribute and its remedy in the text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class AgentCacheError(Exception):
    """The base class of every error that pytest-agentcache raises on purpose."""


class SettingsError(AgentCacheError):
    """A setting has an unknown name or a value that is not allowed."""


class ClockError(AgentCacheError, ValueError):
    """A clock cannot move backwards, by an invalid duration, or while it is not frozen."""


class FaultError(AgentCacheError):
    """A planned fault is impossible, or it was never used."""


class RefreshError(AgentCacheError):
    """A background refresh of stale-while-revalidate failed; the cause is chained to it."""


class AutoCacheError(AgentCacheError, ValueError):
    """A request has a `requesty.auto_cache` that the router does not know.

    Args:
        request: Method and URL of the request.
        place: The path of the flag in the JSON body.
        value: Its value.
        takes: The values that are allowed.
    """

    def __init__(self, request: str, place: str, value: object, takes: str) -> None:
        self.request, self.place, self.value = request, place, value
        super().__init__(f"{request}: {place} is {value!r}; it takes {takes}")


class NeverAnsweredError(AgentCacheError, TimeoutError):
    """A request waits for a response that never comes: it was cancelled while recording.

    Args:
        request: Method and URL of the request.
    """

    def __init__(self, request: str) -> None:
        self.request = request
        super().__init__(
            f"{request} was cancelled while recording, so it is never answered, and nothing has "
            "cancelled it now. Give the client a timeout, or record again with "
            "--agentcache-rerecord"
        )


class RedactedTwinsWarning(UserWarning):
    """Requests that differ only in redacted values got different responses."""


class OverlapError(AgentCacheError):
    """A request may belong to several `use_cassette` blocks, which are open at the same time."""

    def __init__(self) -> None:
        super().__init__(
            "several use_cassette() blocks are open side by side, and nothing shows to which of "
            "them this request belongs. Send it in the task or thread that opened its block, or in "
            "one that is started there"
        )


class UsageError(AgentCacheError, ValueError):
    """The usage was requested of something that is not a response of an LLM, or has no body."""


class CassetteError(AgentCacheError):
    """A cassette that cannot be read, written or trusted.

    Args:
        path: The cassette, or the file beside it, with the problem.
        problem: The problem, as a sentence without its full stop.
        remedy: The remedy, likewise.
        line: The line in the file, counted from 1, if it is known.
    """

    def __init__(self, path: Path, problem: str, remedy: str, line: int | None = None) -> None:
        self.path, self.problem, self.remedy, self.line = path, problem, remedy, line
        place = f"{path}:{line}" if line else str(path)
        stop = "" if problem.endswith("?") else "."
        super().__init__(f"{place}: {problem}{stop}\n  {remedy}.")


class SecretError(CassetteError):
    """A cassette that was not written because it may hold a secret.

    Args:
        path: The cassette.
        doubts: The possible secrets, each with its place and its fingerprint.
    """

    def __init__(self, path: Path, doubts: Sequence[object]) -> None:
        self.doubts = tuple(doubts)
        lines = [str(each) for each in self.doubts[:10]]
        if len(self.doubts) > 10:
            lines.append(f"and {len(self.doubts) - 10} more")
        places = "\n    ".join(["", *lines])
        super().__init__(
            path,
            f"was not written, for it may hold a secret:{places}",
            "If it is one, name what holds it in agentcache_redact or agentcache_redact_shapes; if "
            "it is none, put the twelve digits behind it into agentcache_allow_secrets",
        )


class NetworkBlocked(AgentCacheError, ConnectionError):
    """A connection or a DNS look-up that the mode does not allow.

    It is an `OSError`, so that clients treat it as a failed connection.

    Args:
        target: The host, or host and port.
        why: The reason, with the mode and the remedy.
    """

    def __init__(self, target: str, why: str) -> None:
        self.target = target
        super().__init__(f"connection to {target} refused by pytest-agentcache: {why}")


class MissError(BaseException):
    """A miss under `on_miss="raise"`.

    It is a `BaseException` because agents catch `Exception` and retry.
    """
