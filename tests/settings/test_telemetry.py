"""The default list of telemetry, and the setting that extends it."""

from __future__ import annotations

import pytest

from pytest_agentcache.settings.telemetry import is_ignored

TELEMETRY = [
    "http://localhost:4318/v1/metrics",
    "http://localhost:8126/v0.5/traces",
    "https://api.honeycomb.io/v1/traces",
    "https://api.openai.com/v1/traces/ingest",
    "https://api.segment.io/v1/batch",
    "https://api.smith.langchain.com/runs/multipart",
    "https://eu.api.smith.langchain.com/info",
    "https://cloud.langfuse.com/api/public/ingestion",
    "https://http-intake.logs.datadoghq.com/api/v2/logs",
    "https://instrumentation-telemetry-intake.datadoghq.eu/api/v2/apmtelemetry",
    "https://logfire-us.pydantic.dev/v1/traces",
    "https://o1.ingest.de.sentry.io/api/2/envelope/",
    "https://o1.ingest.sentry.io/api/2/envelope/?sentry_key=a",
    "https://sentry.internal/api/2/envelope/",
    "https://statsigapi.net/v1/log_event",
    "https://telemetry.crewai.com:4319/v1/traces",
    "https://US.i.posthog.com/batch/",
]
API = [
    "https://api.datadoghq.com/api/v1/monitor",
    "https://api.openai.com/v1/chat/completions",
    "https://api.smith.langchain.com/runs/query",
    "https://api.smith.langchain.com/commits/a/b/latest",
    "https://cloud.langfuse.com/api/public/v2/prompts/a",
    "https://huggingface.co/api/models/gpt2",
    "https://sentry.io/api/0/projects/",
    "https://us.posthog.com/api/projects/1/query/",
]


@pytest.mark.parametrize("url", TELEMETRY)
def test_telemetry_is_ignored(url):
    """The requests that SDKs send in the background are on the list."""
    assert is_ignored(url, ())


@pytest.mark.parametrize("url", API)
def test_api_of_the_same_vendor_is_not(url):
    """An agent may use the API of such a service as a tool."""
    assert not is_ignored(url, ())


@pytest.mark.parametrize(
    ("listed", "posthog", "segment", "own"),
    [
        ((), True, True, False),
        (("own.invalid",), True, True, True),
        (("own.invalid/v1/*",), True, True, True),
        (("own.invalid/v2/*",), True, True, False),
        (("own.invalid:443",), True, True, True),
        (("!api.segment.io",), True, False, False),
        (("!*",), False, False, False),
        (("!*", "own.invalid"), False, False, True),
        (("own.invalid", "!*"), False, False, False),
    ],
)
def test_last_entry_that_matches_decides(listed, posthog, segment, own):
    """The setting extends the default, and may exclude some or all of it."""
    urls = ("https://us.i.posthog.com/flags", "https://api.segment.io/", "https://own.invalid/v1/x")

    assert [is_ignored(url, listed) for url in urls] == [posthog, segment, own]
