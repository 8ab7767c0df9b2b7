"""Record and replay of HTTP for tests of AI agents, on an isolated cache.

Under pytest the plugin does all of it; see the fixtures `agentcache` and `agentcache_session`.
Elsewhere, and around less than a test, use `use_cassette`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cassette import Cassette
    from .clock import Clock
    from .errors import (
        AgentCacheError,
        AutoCacheError,
        CassetteError,
        ClockError,
        FaultError,
        MissError,
        NetworkBlocked,
        RefreshError,
        SecretError,
        SettingsError,
        UsageError,
    )
    from .faults import Upstream
    from .http.messages import Headers, Interaction, Request, Response
    from .llm.prompt_log import PromptCall
    from .llm.usage import Usage
    from .replay.misses import Miss
    from .replay.session import Harness
    from .standalone import use_cassette

__version__ = "0.1.0"

_HOMES = {
    "Cassette": "cassette",
    "AgentCacheError": "errors",
    "AutoCacheError": "errors",
    "CassetteError": "errors",
    "Clock": "clock",
    "ClockError": "errors",
    "FaultError": "errors",
    "MissError": "errors",
    "NetworkBlocked": "errors",
    "RefreshError": "errors",
    "SecretError": "errors",
    "SettingsError": "errors",
    "UsageError": "errors",
    "Harness": "replay.session",
    "Headers": "http.messages",
    "Interaction": "http.messages",
    "Request": "http.messages",
    "Response": "http.messages",
    "Miss": "replay.misses",
    "PromptCall": "llm.prompt_log",
    "use_cassette": "standalone",
    "Upstream": "faults",
    "Usage": "llm.usage",
}

__all__ = [
    "AgentCacheError",
    "AutoCacheError",
    "Cassette",
    "CassetteError",
    "Clock",
    "ClockError",
    "FaultError",
    "Harness",
    "Headers",
    "Interaction",
    "Miss",
    "MissError",
    "NetworkBlocked",
    "PromptCall",
    "RefreshError",
    "Request",
    "Response",
    "SecretError",
    "SettingsError",
    "Upstream",
    "Usage",
    "UsageError",
    "use_cassette",
]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: pytest imports this package in suites that use none of it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
