"""Telemetry: requests that libraries send in the background, and that no test is about."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

from .hosts import url_listed

TELEMETRY = {
    "AgentOps": ("api.agentops.ai",),
    "Amplitude": ("api*.amplitude.com",),
    "Braintrust": ("api.braintrust.dev/logs3",),
    "Bugsnag": ("notify.bugsnag.com", "sessions.bugsnag.com"),
    "Datadog": ("*intake*datadoghq.*", "*.agent.datadoghq.*", "*:8126"),
    "Google Analytics": ("*.google-analytics.com",),
    "Honeycomb": ("api*.honeycomb.io/1/events/*", "api*.honeycomb.io/1/batch/*"),
    "Hugging Face": ("huggingface.co/api/telemetry/*",),
    "Langfuse": ("*/api/public/ingestion", "*/api/public/otel/*"),
    "LangSmith": (
        "*api.smith.langchain.com/info",
        "*api.smith.langchain.com/runs",
        "*api.smith.langchain.com/runs/batch",
        "*api.smith.langchain.com/runs/multipart",
        "*api.smith.langchain.com/otel/*",
    ),
    "Logfire": ("logfire-*.pydantic.dev",),
    "Mixpanel": ("api*.mixpanel.com/track", "api*.mixpanel.com/engage"),
    "New Relic": ("*.nr-data.net", "collector*.newrelic.com"),
    "OpenAI Agents SDK": ("api.openai.com/v1/traces/ingest",),
    "OpenTelemetry": ("*:4318", "*/v1/traces", "otel.*", "otlp.*", "otlp-*", "otel-collector*"),
    "PostHog": ("*.i.posthog.com", "*.posthog.com/batch", "*.posthog.com/capture"),
    "Rollbar": ("api.rollbar.com/api/1/item",),
    "Scarf": ("*.scarf.sh",),
    "Segment": ("api.segment.io",),
    "Sentry": ("*.ingest.sentry.io", "*.ingest.*.sentry.io", "*/api/*/envelope"),
    "Statsig": ("statsigapi.net", "*.statsigapi.net"),
    "Traceloop": ("api.traceloop.com",),
    "Weave": ("trace.wandb.ai",),
    "others": ("telemetry.*",),
}
"""The hosts that are ignored by default: by vendor, as in the setting `ignore_hosts`."""

_DEFAULT = tuple(glob for globs in TELEMETRY.values() for glob in globs)
_LOOKS_LIKE = re.compile(
    r"(?<![a-z])(analytics|beacon|collect(or)?|ingest(ion)?|intake|metrics|otel|otlp|sentry"
    r"|telemetry|traces|tracing)(?![a-z])"
)


@lru_cache(maxsize=256)
def is_ignored(url: str, listed: tuple[str, ...]) -> bool:
    """Return true if requests to `url` are ignored.

    Args:
        url: The URL, or a host and port after `//`.
        listed: The setting `ignore_hosts`, which comes after the default. Each entry is a host,
            host:port or glob, with or without a path; the last that matches decides, and one with
            `!` in front decides that the request is not ignored.
    """
    origin, path = _origin_and_path(url)
    for glob, ignored in _entries(origin, listed):
        if glob is None or fnmatchcase(path, glob):
            return ignored
    return False


def looks_like_telemetry(url: str) -> bool:
    """Return true if a word in the host or the path of `url` suggests telemetry."""
    return bool(_LOOKS_LIKE.search("/".join(_origin_and_path(url))))


def _origin_and_path(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("//")
    host, _, path = rest.partition("?")[0].partition("#")[0].lower().partition("/")
    return f"{scheme}//{host}", path.rstrip("/")


@lru_cache(maxsize=256)
def _entries(origin: str, listed: tuple[str, ...]) -> tuple[tuple[str | None, bool], ...]:
    """Return the entries for a host, the last first: a glob of the path, and what it decides."""
    found = []
    for each in reversed((*_DEFAULT, *listed)):
        host, slash, path = each.removeprefix("!").lower().partition("/")
        if url_listed(origin, (host,)):
            found.append((path.rstrip("/") if slash else None, not each.startswith("!")))
    return tuple(found)
