"""Cassettes of VCR.py, pytest-recording and betamax, and HTTP archives (HAR), in and out."""

from .cassette.foreign import (
    LARGEST,
    converted,
    is_foreign,
    kind_of,
    nothing_new,
    read_foreign,
    serializer,
    unplayable,
    write_har,
    write_vcr,
)

__all__ = [
    "LARGEST",
    "converted",
    "is_foreign",
    "kind_of",
    "nothing_new",
    "read_foreign",
    "serializer",
    "unplayable",
    "write_har",
    "write_vcr",
]
