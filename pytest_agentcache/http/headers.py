"""The headers that a cassette keeps: one list, and the settings that extend it.

Headers are dropped if they change with every response and mean nothing, if they are about the
connection or the browser, or if they describe the client. Everything that a client or a cache acts
on is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .body.multipart import neutral_type
from .messages import Headers
from .stand_ins import COUNTERS, LEFT_OUT, REQUEST_IDS, listed, shortened

# About one connection or one coding of the body (RFC 9110, section 7.6.1; RFC 9112).
WIRE = (
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
)
REQUEST = (
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
)
# Ids, times, and names of machines and accounts.
RESPONSE_NOISE = (
    "anthropic-organization-id",
    "azureml-*",
    "cf-*",
    "cmp-upstream-response-duration",
    "inference-id",
    "*-invocation-latency",
    "ms-azureml-*",
    "nel",
    "num_chars",
    "num_tokens",
    "openai-organization",
    "openai-project",
    "*-processing-ms",
    "report-to",
    "reporting-endpoints",
    "server",
    "server-timing",
    "skip-error-remapping",
    "source-age",
    "traceparent",
    "traceresponse",
    "tracestate",
    "x-amz-cf-*",
    "x-amzn-trace-id",
    "x-b3-*",
    "x-cache",
    "x-cache-hits",
    "x-cloud-trace-context",
    "x-compute-time",
    "x-datadog-*",
    "x-envoy-*",
    "x-ms-region",
    "x-powered-by",
    "x-proxy-*",
    "x-ray-*",
    "x-response-time",
    "x-runtime",
    "x-served-by",
    "x-timer",
    "x-trace-id",
    "x-upstream-*",
    "x-vercel-id",
)
# Headers for browsers only.
BROWSER = (
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
)
BOT_COOKIES = (
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
)


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
    for name, value in headers:
        if not listed(name, keep) and (
            listed(name, WIRE)
            or listed(name, REQUEST)
            or listed(name, drop)
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
    """Return the response headers that a cassette keeps, sorted by name.

    Request ids and rate limits keep their names, with `…` for a value. The boundary of a multipart
    response stays, because the client reads by it.

    Args:
        headers: All headers that upstream sent.
        status: Status code; refusals (400 and above) keep their rate limits.
        method: The method of the request; the length that a response to HEAD states is kept.
        drop: Globs of more names to drop.
        keep: Globs of names to keep with their values.
    """
    dropped: tuple[str, ...] = (*WIRE, "date", *RESPONSE_NOISE, *BROWSER, *drop)
    left_out = (*REQUEST_IDS, *(COUNTERS if status < 400 else ()))
    if method == "HEAD":
        dropped = tuple(name for name in dropped if name != "content-length")
    kept = []
    for name, value in headers:
        if listed(name, keep):
            kept.append((name, value))
        elif listed(name, dropped):
            continue
        elif listed(name, left_out):
            if (name, LEFT_OUT) not in kept:
                kept.append((name, LEFT_OUT))
        elif name != "set-cookie" or not listed(
            value.partition("=")[0].strip().lower(), BOT_COOKIES
        ):
            kept.append((name, value))
    kept = shortened(kept, headers.unusual)
    return replace(headers, pairs=tuple(sorted(kept, key=lambda pair: pair[0])))
