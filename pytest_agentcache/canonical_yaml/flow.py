"""Collections in flow style, `{a: 1, b: [2, 3]}`: on one line, or filled over a few."""

from __future__ import annotations

from typing import Any

from .scalars import scalar

# The longest word in a list of words, as against one of sentences.
_LONGEST_WORD = 32


def flow(value: Any, columns: int, more: int, most: int) -> list[str] | None:
    """Return the lines of a collection in flow style.

    Args:
        value: A dict or list.
        columns: How many columns the first line has.
        more: How many each line after it has.
        most: How many lines it may take.

    Returns:
        The fewest lines that hold it; None if that is more than `most`, or it holds text of several
        lines or a sentence longer than a line. A list of numbers or words takes what it fills.
    """
    if not value:
        # An empty collection cannot be opened up, so it stays on one line of any length.
        return ["{}" if isinstance(value, dict) else "[]"]
    pieces = _Pieces(columns, more)
    unlimited = _is_vector(value)
    if not pieces.take(value, None if unlimited else columns + more * (most - 1)):
        return None
    return pieces.lines(len(value) if unlimited else most)


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and all(
        " " not in each and "\n" not in each and len(each) <= _LONGEST_WORD
        if isinstance(each, str)
        else not isinstance(each, (dict, list))
        for each in value
    )


class _Pieces:
    """A collection, cut at each possible line end, and the depth of each cut."""

    def __init__(self, columns: int, more: int) -> None:
        self._columns, self._more = columns, more
        self._texts: list[str] = []
        self._depths: list[int] = []

    def take(self, value: Any, room: int | None) -> bool:
        """Cut `value`, and return whether it may fit into `room` columns on all lines together."""
        self._room = room
        return self._add(value, "", 0)

    def _add(self, value: Any, start: str, depth: int) -> bool:
        if not isinstance(value, (dict, list)) or not value:
            return self._add_one(value, start)
        if self._room is not None and len(value) * 3 > self._room:
            return False
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        start += opening
        last = len(value) - 1
        if isinstance(value, dict):
            for at, (key, each) in enumerate(value.items()):
                if len(key) > self._more:
                    return False
                start += scalar(key, flow=True) + ": "
                if not self._add(each, start, depth + 1):
                    return False
                start = ""
                self._close(closing if at == last else "", depth)
        else:
            for at, each in enumerate(value):
                if not self._add(each, start, depth + 1):
                    return False
                start = ""
                self._close(closing if at == last else "", depth)
        return True

    def _add_one(self, value: Any, start: str) -> bool:
        if isinstance(value, (dict, list)):
            text = "{}" if isinstance(value, dict) else "[]"
        elif isinstance(value, str) and "\n" in value[:-1]:
            # Of several lines; a single line with its newline reads well in quotes.
            return False
        elif isinstance(value, str) and len(value) > self._more and " " in value:
            # Too long for a line, and there is no need to look how it would be written.
            return False
        else:
            text = scalar(value, flow=True)
        size = len(start) + len(text)
        if size > self._more:
            # A sentence reads better on the line of its own key; nobody reads a longer word.
            if not isinstance(value, str) or " " in value or len(start) * 2 > self._more:
                return False
            size = self._more
        self._texts.append(start + text)
        if self._room is None:
            return True
        self._room -= size + 1
        # Its comma may still prove to be a bracket, so one too many is refused later.
        return self._room >= -2

    def _close(self, closing: str, depth: int) -> None:
        if closing:
            self._texts[-1] += closing
        else:
            self._texts[-1] += ","
            self._depths.append(depth)

    def lines(self, most: int) -> list[str] | None:
        """Return the fewest lines that hold everything, cut as far out as that allows."""
        sizes = [len(text) + 1 for text in self._texts]
        if sum(sizes) - 1 <= self._columns:
            return [" ".join(self._texts)]
        if self._columns < sizes[0] - 1 <= self._more:
            return None
        needed = self._needed(sizes)
        end = _fitting(sizes, 0, self._columns)
        left = needed[end]
        if left >= most:
            return None
        lines, at = [], 0
        while True:
            cuts = [cut for cut in range(at + 1, end + 1) if needed[cut] <= left]
            cut = max(cuts, key=self._outside)
            lines.append(" ".join(self._texts[at:cut]))
            if cut == len(sizes):
                return lines
            at, left = cut, left - 1
            end = _fitting(sizes, at, self._more)

    def _outside(self, cut: int) -> tuple[int, int]:
        """Return how far out, and then how far right, a cut is."""
        return (1 if cut == len(self._texts) else -self._depths[cut - 1]), cut

    def _needed(self, sizes: list[int]) -> list[int]:
        """Return the number of lines needed from each piece to the end."""
        needed = [0] * (len(sizes) + 1)
        end, width = len(sizes), 0
        for at in range(len(sizes) - 1, 0, -1):
            width += sizes[at]
            while width - 1 > self._more and end > at + 1:
                end -= 1
                width -= sizes[end]
            needed[at] = 1 + needed[end]
        return needed


def _fitting(sizes: list[int], at: int, columns: int) -> int:
    """Return the end of the pieces from `at` that fit `columns`; one piece always fits."""
    width = sizes[at] - 1
    for end in range(at + 1, len(sizes)):
        width += sizes[end]
        if width > columns:
            return end
    return len(sizes)
