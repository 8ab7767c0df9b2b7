"""Which headers a cassette keeps: the one list, and the settings that extend it.

Dropped is what changes on every answer and means nothing, what is about the wire or the browser,
and what clients say of themselves. Kept is all that a client or a cache acts on.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from .body.multipart import neutral_type
from .messages import Headers

# About one connection or one coding of the body (RFC 9110, section 7.6.1; RFC 9112).
WIRE = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
]
REQUEST = [
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "amz-sdk-*",
    "baggage",
    "b3",
    "date",
    "idempotency-key",
    "priority",
    "sec-*",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-user-agent",
    "x-b3-*",
    "x-client-request-id",
    "x-datadog-*",
    "x-goog-api-client",
    "x-request-id",
    "x-stainless-*",
]
# Identifiers, clocks and the names of machines and of accounts.
RESPONSE_NOISE = [
    "anthropic-organization-id",
    "apim-request-id",
    "azureml-*",
    "cf-*",
    "cmp-upstream-response-duration",
    "date",
    "fly-request-id",
    "*-correlation-id",
    "inference-id",
    "*-invocation-latency",
    "ms-azureml-*",
    "nel",
    "num_chars",
    "num_tokens",
    "openai-organization",
    "openai-project",
    "*-processing-ms",
    "*-request-id",
    "report-to",
    "reporting-endpoints",
    "request-id",
    "server",
    "server-timing",
    "skip-error-remapping",
    "source-age",
    "traceparent",
    "traceresponse",
    "tracestate",
    "x-amz-cf-*",
    "x-amz-id-*",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-b3-*",
    "x-cache",
    "x-cache-hits",
    "x-cloud-trace-context",
    "x-compute-time",
    "x-correlation-id",
    "x-datadog-*",
    "x-envoy-*",
    "x-github-request-id",
    "x-ms-region",
    "x-powered-by",
    "x-proxy-*",
    "x-ray-*",
    "x-request-id",
    "x-requestid",
    "x-response-time",
    "x-runtime",
    "x-served-by",
    "x-timer",
    "x-trace-id",
    "x-upstream-*",
    "x-vercel-id",
]
# What only a browser obeys.
BROWSER = [
    "access-control-*",
    "alt-svc",
    "content-security-policy",
    "content-security-policy-report-only",
    "cross-origin-*",
    "expect-ct",
    "origin-agent-cluster",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "timing-allow-origin",
    "x-content-type-options",
    "x-dns-prefetch-control",
    "x-download-options",
    "x-frame-options",
    "x-permitted-cross-domain-policies",
    "x-robots-tag",
    "x-xss-protection",
]
# Counters that tick on every answer; on a refusal they say how long to wait, so there they stay.
COUNTERS = ["*ratelimit*", "*rate-limit*"]
BOT_COOKIES = [
    "__cf_bm",
    "__cfruid",
    "_cfuvid",
    "cf_clearance",
    "_abck",
    "ak_bmsc",
    "bm_*",
    "awsalb*",
    "datadome",
    "incap_ses_*",
    "visid_incap_*",
    "nlbi_*",
    "__cfseq*",
]


def _listed(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def request_headers(
    headers: Headers, drop: Iterable[str] = (), keep: Iterable[str] = ()
) -> Headers:
    """What of a request's headers goes on the cassette, sorted by name.

    Args:
        headers: All that the client sent.
        drop: Globs of more names to drop.
        keep: Globs of names to keep all the same.
    """
    kept = []
    for name, value in headers.pairs:
        if not _listed(name, keep) and (
            _listed(name, WIRE)
            or _listed(name, REQUEST)
            or _listed(name, drop)
            or (name == "accept" and value == "*/*")
        ):
            continue
        kept.append((name, neutral_type(value) if name == "content-type" else value))
    return Headers(tuple(sorted(kept, key=lambda pair: pair[0])))


def response_headers(
    headers: Headers,
    status: int,
    method: str,
    drop: Iterable[str] = (),
    keep: Iterable[str] = (),
) -> Headers:
    """What of a response's headers goes on the cassette, sorted by name.

    The boundary of a multipart answer stays, because whoever asked is about to read by it.

    Args:
        headers: All that upstream sent.
        status: Its status; refusals (400 and above) keep their rate-limit headers.
        method: The method asked with; the length of a HEAD answer is an answer.
        drop: Globs of more names to drop.
        keep: Globs of names to keep all the same.
    """
    dropped = [*WIRE, "content-encoding", *RESPONSE_NOISE, *BROWSER, *drop]
    if status < 400:
        dropped += COUNTERS
    if method == "HEAD":
        dropped.remove("content-length")
    kept = []
    for name, value in headers:
        if _listed(name, dropped) and not _listed(name, keep):
            continue
        if name == "set-cookie" and _listed(value.partition("=")[0].strip().lower(), BOT_COOKIES):
            continue
        kept.append((name, value))
    return Headers(tuple(sorted(kept, key=lambda pair: pair[0])))
