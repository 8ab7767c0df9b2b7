"""The headers that a cassette keeps: one list, and the settings that extend it.

Headers are dropped if they change with every response and mean nothing, if they are about the
connection or the browser, or if they describe the client. Everything that a client or a cache acts
on is kept.
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
# Ids, times, and names of machines and accounts.
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
# Headers for browsers only.
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
# Counters that change with every response. On an error they say how long to wait, so they are kept.
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
    """Return the headers of a request that a cassette keeps, sorted by name.

    Args:
        headers: All headers that the client sent.
        drop: Globs of further names to drop.
        keep: Globs of names to keep, even if a list here drops them.
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
    """Return the headers of a response that a cassette keeps, sorted by name.

    The boundary of a multipart response is kept, because the caller needs it to read the body.

    Args:
        headers: All headers that upstream sent.
        status: The status code; errors (400 and above) keep their rate-limit headers.
        method: The method of the request; the response to HEAD keeps its length.
        drop: Globs of further names to drop.
        keep: Globs of names to keep, even if a list here drops them.
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
