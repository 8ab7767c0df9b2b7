"""Volatile ids as stable ones, so that recording again changes only what upstream changed.

On the cassette each id is replaced by one of the same look, numbered in the order of the file.
While recording, the client gets and sends the stable ids, and upstream its own. On replay, the ids
that a client creates are bound to those of the cassette, one to one: two different ids stay
different.
"""

from .bindings import Candidates
from .mapping import StableIds
from .shown import ShownIds

__all__ = ["Candidates", "ShownIds", "StableIds"]
