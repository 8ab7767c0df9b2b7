"""Read and write other tools' formats: VCR.py, pytest-recording, betamax, HTTP archives (HAR).

Reading only needs PyYAML. Only the persister, which VCR.py itself calls, imports vcrpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .source import LARGEST, NotHttpError, is_foreign

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    # Loaded when asked for: most cassettes are not foreign, but each file is checked for it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "conversion" if name == "converted" else "foreign"
    return getattr(import_module(f".{home}", __name__), name)
