"""The cassette: the ordered interactions of one test, one YAML file, and the files beside it."""

from .files import is_ours, locked, replace_file, sidecar_folder
from .reader import parse, read, test_named_in
from .recorded import Cassette
from .writer import remove, render, write

__all__ = [
    "Cassette",
    "is_ours",
    "locked",
    "parse",
    "read",
    "remove",
    "render",
    "replace_file",
    "sidecar_folder",
    "test_named_in",
    "write",
]
