"""Cassettes of other tools in and out: VCR.py, pytest-recording, betamax, and HTTP archives (HAR).

Reading needs PyYAML alone. Only the persister, which VCR.py itself calls, imports vcrpy.
"""

from .conversion import converted
from .foreign import kind_of, nothing_new, read_foreign, unplayable, write_har, write_vcr
from .source import LARGEST, is_foreign

__all__ = [
    "LARGEST",
    "converted",
    "is_foreign",
    "kind_of",
    "nothing_new",
    "read_foreign",
    "unplayable",
    "write_har",
    "write_vcr",
]
