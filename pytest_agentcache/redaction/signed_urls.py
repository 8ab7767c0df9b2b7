"""Signed URLs: the date and the expiry in a query belong to the signature beside them.

A URL that is signed again differs in all of these, and is the same request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_plus


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way of signing a URL; names are in lower case.

    Attributes:
        signature: The parameter that holds the signature.
        beside: A parameter that distinguishes the scheme from others; empty if none is needed.
        volatile: The parameters that change with each signature.
        optional: Parameters that only some credentials have; they are left out of matching.
    """

    signature: str
    beside: str
    volatile: frozenset[str]
    optional: frozenset[str]


def _scheme(signature: str, beside: str, volatile: str, optional: str = "") -> Scheme:
    return Scheme(signature, beside, frozenset(volatile.split()), frozenset(optional.split()))


SCHEMES = {
    "AWS 4": _scheme(
        "x-amz-signature",
        "",
        "x-amz-date x-amz-expires x-amz-credential",
        "x-amz-security-token",
    ),
    "AWS 2": _scheme("signature", "awsaccesskeyid", "expires timestamp", "x-amz-security-token"),
    "CloudFront": _scheme("signature", "key-pair-id", "expires policy"),
    "Google 4": _scheme("x-goog-signature", "", "x-goog-date x-goog-expires x-goog-credential"),
    "Google 2": _scheme("signature", "googleaccessid", "expires googleaccessid"),
    "Azure SAS": _scheme("sig", "sv", "se st skt ske skoid sktid"),
    "OAuth 1": _scheme(
        "oauth_signature", "", "oauth_timestamp oauth_nonce oauth_consumer_key oauth_token"
    ),
    "Alibaba OSS 4": _scheme(
        "x-oss-signature",
        "",
        "x-oss-date x-oss-expires x-oss-credential",
        "x-oss-security-token",
    ),
    "Alibaba OSS 1": _scheme("signature", "ossaccesskeyid", "expires", "security-token"),
    "Alibaba API": _scheme("signature", "signaturenonce", "timestamp signaturenonce"),
    "Tencent COS": _scheme(
        "q-signature", "", "q-sign-time q-key-time q-ak", "x-cos-security-token"
    ),
}

_SIGNED = re.compile(
    rf"[?&](?:{'|'.join(sorted({each.signature for each in SCHEMES.values()}))})=", re.IGNORECASE
)


def is_signed(url: str) -> bool:
    """Return whether the query of `url` may hold a signature of a known scheme."""
    return _SIGNED.search(url) is not None


def scheme_of(names: frozenset[str]) -> Scheme | None:
    """Return the scheme that signs a query, from the names of its parameters in lower case."""
    for scheme in SCHEMES.values():
        if scheme.signature in names and (not scheme.beside or scheme.beside in names):
            return scheme
    return None


def name_of(parameter: str) -> str:
    """Return the name of `name=value` in lower case."""
    return unquote_plus(parameter.partition("=")[0]).lower()
