"""Read and write other tools' formats: VCR.py, pytest-recording, betamax, HTTP archives (HAR).

Reading only needs PyYAML. Only the persister, which VCR.py itself calls, imports vcrpy.
"""

from .conversion import converted
from .foreign import (
    kind_of,
    modified_at,
    nothing_new,
    read_foreign,
    unplayable,
    write_har,
    write_vcr,
)
from .source import LARGEST, NotHttpError, is_foreign

__all__ = [
    "LARGEST",
    "NotHttpError",
    "converted",
    "is_foreign",
    "kind_of",
    "modified_at",
    "nothing_new",
    "read_foreign",
    "unplayable",
    "write_har",
    "write_vcr",
]
