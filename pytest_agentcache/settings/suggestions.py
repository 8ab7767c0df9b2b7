"""The known name that an unknown one was meant to be.

Every run of pytest imports this, so it must stay light.
"""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean mode?` for a name that is close to a known one, else nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
