"""The page to look at: tests, their calls as conversations, misses, what is unused; one file."""

from .document import PageError, check_place, render, write
from .entry import Entry, RunTold, entry_of

__all__ = ["Entry", "PageError", "RunTold", "check_place", "entry_of", "render", "write"]
