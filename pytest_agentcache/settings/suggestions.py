"""The known name that an unknown one was meant to be.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections.abc import Iterable
from os.path import commonprefix


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean mode?` for a name that is close to a known one, else nothing."""
    from difflib import get_close_matches

    # What all names begin with says nothing about how close they are.
    names = sorted(known)
    prefix = commonprefix(names) if len(names) > 1 else ""  # noqa: RUF071 - not of paths
    bare = {each.removeprefix(prefix): each for each in names}
    close = get_close_matches(name.lower().removeprefix(prefix), bare, n=1)
    return f"; did you mean {bare[close[0]]}?" if close else ""
