"""The page to look at: tests, their calls as conversations, misses, what is unused; one file."""

from .document import PageError, check_place, render, write
from .entry import PageEntry, RunFacts, entry_of, size_of

__all__ = [
    "PageEntry",
    "PageError",
    "RunFacts",
    "check_place",
    "entry_of",
    "render",
    "size_of",
    "write",
]
