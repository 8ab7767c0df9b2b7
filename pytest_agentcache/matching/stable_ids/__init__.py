"""Volatile ids as stable ones, so that recording again changes only what upstream changed.

On the cassette each id stands as one of the same look that is numbered in the order of the file.
Who is asked while recording gets and knows the true ones; on replay the ids that a client makes
anew are tied to those of the cassette, one to one: two ids stay two.
"""

from .bindings import Candidates
from .mapping import StableIds

__all__ = ["Candidates", "StableIds"]
