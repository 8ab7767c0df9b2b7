"""The cassette: the ordered interactions of one test, one YAML file, and the files beside it."""

from .files import locked, replace_file, sidecar_folder
from .reader import parse, read
from .recorded import Cassette
from .writer import remove, render, write

__all__ = [
    "Cassette",
    "locked",
    "parse",
    "read",
    "remove",
    "render",
    "replace_file",
    "sidecar_folder",
    "write",
]
