"""YAML in one canonical form that people read, and the strict reader of it."""

from .reader import line_of, load
from .values import DEEPEST, LONGEST_KEY, Number, UnreadableError, UnwritableError
from .writer import WIDTH, dump, dump_entry, dump_item, writable

__all__ = [
    "DEEPEST",
    "LONGEST_KEY",
    "WIDTH",
    "Number",
    "UnreadableError",
    "UnwritableError",
    "dump",
    "dump_entry",
    "dump_item",
    "line_of",
    "load",
    "writable",
]
