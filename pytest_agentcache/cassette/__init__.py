"""The cassette of a test: its ordered interactions in one YAML file, with files beside it."""

from .model import Cassette
from .reader import parse, read, test_named_in
from .sidecars import is_ours, is_sidecar, sidecar_folder, sidecars_named_in
from .writer import remove, render, write

__all__ = [
    "Cassette",
    "is_ours",
    "is_sidecar",
    "parse",
    "read",
    "remove",
    "render",
    "sidecar_folder",
    "sidecars_named_in",
    "test_named_in",
    "write",
]
