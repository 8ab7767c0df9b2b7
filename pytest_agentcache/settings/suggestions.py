"""The known name that an unknown one was meant to be.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "agentcache_"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean mode?` for a name that is close to a known one, else nothing."""
    from difflib import get_close_matches

    # What all names begin with says nothing about how close they are.
    bare = {each.removeprefix(PREFIX): each for each in sorted(known)}
    close = get_close_matches(name.lower().removeprefix(PREFIX), bare, n=1)
    return f"; did you mean {bare[close[0]]}?" if close else ""
