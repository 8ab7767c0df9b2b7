"""The cassette: the ordered interactions of one test, one YAML file, and the files beside it."""

from .files import (
    is_ours,
    is_sidecar,
    locked,
    replace_file,
    sidecar_folder,
    sidecars_named_in,
)
from .reader import parse, read, test_named_in
from .recorded import Cassette
from .writer import remove, render, write

__all__ = [
    "Cassette",
    "is_ours",
    "is_sidecar",
    "locked",
    "parse",
    "read",
    "remove",
    "render",
    "replace_file",
    "sidecar_folder",
    "sidecars_named_in",
    "test_named_in",
    "write",
]
