"""Digests of a body in the headers of its response: clients compare them with what they receive."""

from __future__ import annotations

import hashlib

from .messages import Headers
from .stand_ins import listed

# Of the bytes that travel, in their content coding (RFC 9530; Amazon S3, Google, Azure).
_DIGESTS = (
    "content-digest",
    "content-md5",
    "digest",
    "repr-digest",
    "x-amz-checksum-*",
    "x-goog-hash",
    "x-ms-content-crc64",
)


def has_digest(headers: Headers, sent: bytes) -> bool:
    """Return true if a header holds a digest of a body.

    Args:
        headers: The headers of the response, without those that are left out of a cassette.
        sent: The body as it was sent. The entity tag of an S3 object is its MD5 digest.
    """
    if any(listed(name, _DIGESTS) for name, _ in headers):
        return True
    tag = headers.get("etag").strip('"')
    return len(tag) == 32 and tag == hashlib.md5(sent, usedforsecurity=False).hexdigest()
