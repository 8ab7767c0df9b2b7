"""The output of a command: lines, colours and columns for people, or one JSON document."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TextIO

_CODES = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "underline": "4",
    "struck": "9",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
# A long run of letters and digits, such as base64.
_UNREAD = re.compile(r"(?<![\w+/=-])(?=[\w+/=-]*\d)[\w+/=-]{65,}", re.ASCII)
_NARROWEST, _WIDEST = 20, 200
# Of what is not a terminal, such as a file, a pipe or the log of CI.
_UNLIMITED = 1 << 30


@dataclass(slots=True)
class Screen:
    """The output streams of a command.

    Attributes:
        out: Standard output.
        err: Standard error.
        colour: Whether to write escape sequences for colours.
        width: The width of a line in columns. Nothing is wrapped or cut to fit what is not a
            terminal, so that it can be searched and copied.
    """

    out: TextIO
    err: TextIO
    colour: bool = False
    width: int = _UNLIMITED

    @classmethod
    def of_process(cls) -> Screen:
        """Return the screen of this process, with colours if it is a terminal."""
        screen = cls(sys.stdout, sys.stderr)
        if os.environ.get("COLUMNS") or screen.out.isatty():
            columns = shutil.get_terminal_size((_WIDEST, 24)).columns
            screen.width = min(max(columns, _NARROWEST), _WIDEST)
        screen.paint("auto")
        return screen

    def paint(self, colour: str) -> None:
        """Turn colours on or off.

        Args:
            colour: `always`, `never`, or `auto`, which uses colours if the output is a terminal.
                `NO_COLOR` and `FORCE_COLOR` override that (https://no-color.org,
                https://force-color.org).
        """
        if colour != "auto":
            self.colour = colour == "always"
        elif os.environ.get("NO_COLOR"):
            self.colour = False
        elif os.environ.get("FORCE_COLOR"):
            self.colour = True
        else:
            self.colour = self.out.isatty() and os.environ.get("TERM") != "dumb"

    def style(self, text: str, *names: str) -> str:
        """Return `text` in a colour or weight, if this screen has colours."""
        if not self.colour or not text or not names:
            return text
        codes = ";".join(_CODES[name] for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def line(self, text: str = "", *names: str) -> None:
        """Write a line."""
        self.out.write(self.style(text, *names) + "\n")

    def heading(self, text: str, indent: str = "") -> None:
        """Write a path in bold, cut in its middle to the width."""
        self.line(indent + self.style(cut_middle(text, self.width - len(indent)), "bold"))

    def wrapped(self, text: str, indent: str = "", *names: str) -> None:
        """Write text wrapped to the width, with `indent` before each line."""
        for each in wrap(clean(text), self.width - columns(indent)):
            self.line((indent + self.style(each, *names)).rstrip())

    def complain(self, text: str) -> None:
        """Write an error message to standard error, after the name of the program."""
        # Keep the order in which both streams were written.
        self.out.flush()
        self.err.write(f"agentcache: {clean(text)}\n")

    def json(self, value: Any) -> None:
        """Write one JSON document."""
        try:
            text = _json(value)
        except ValueError:
            text = _json(_finite(value))
        self.out.write(f"{text}\n")

    def table(self, rows: list[list[str]], right: Iterable[int] = ()) -> list[str]:
        """Return rows as lines with aligned columns; those in `right` are right-aligned."""
        ends = set(right)
        widths = [max(columns(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines = []
        for row in rows:
            cells = [pad(cell, widths[at], right=at in ends) for at, cell in enumerate(row)]
            lines.append("  ".join(cells).rstrip())
        return lines


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str, allow_nan=False)


def _finite(value: Any) -> Any:
    """Return `value` with NaN and infinity, which JSON lacks, as text."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def clean(text: str) -> str:
    """Return `text` with control characters escaped, so that they do not control the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char == "\n" or char.isprintable() else _escaped(char) for char in text)


def label(name: str) -> str:
    """Return the name of a file on one line, with any control characters escaped."""
    return clean(name).replace("\n", "\\n")


def _escaped(char: str) -> str:
    if char == "\t":
        return "    "
    if char in "\u2028\u2029\x85":
        return "\n"
    # Spaces of other widths, and the joiners of emoji.
    if unicodedata.category(char) == "Zs" or char in "\u200d\ufe0f":
        return char
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def shortened(text: str) -> str:
    """Return `text` with long runs of base64 cut, such as `gAAAAABpfFXCcY…(1,832)`."""
    return _UNREAD.sub(lambda match: f"{match[0][:14]}…({len(match[0]):,})", text)


def snippet(text: str, room: int) -> str:
    """Return `text` on one line of at most `room` columns, with long runs of base64 cut."""
    return cut(shortened(one_line(text)), room)


def one_line(text: str) -> str:
    """Return `text` without line breaks and repeated spaces."""
    return " ".join(clean(text).split())


def columns(text: str) -> int:
    """Return the width of `text` in columns of a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or char in "\u200d\ufe0f\u200b":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, room: int) -> str:
    """Return `text`, cut with an ellipsis if it is wider than `room` columns."""
    if columns(text) <= room:
        return text
    kept, left = [], room - 1
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…" if room > 0 else ""


def cut_middle(text: str, room: int) -> str:
    """Return `text` cut in its middle, for paths and URLs that differ at their ends."""
    if columns(text) <= room:
        return text
    left, at = (room - 1) * 2 // 3, len(text)
    while at and _columns(text[at - 1]) <= left:
        at -= 1
        left -= _columns(text[at])
    end = text[at:]
    return cut(text, room - columns(end)) + end


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` padded with spaces."""
    blanks = " " * max(0, width - columns(text))
    return blanks + text if right else text + blanks


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines of `text`, wrapped at spaces to `width` columns."""
    width = max(width, 8)
    for line in text.split("\n"):
        if columns(line) <= width:
            yield line
            continue
        indent = line[: len(line) - len(line.lstrip())][: width // 2]
        current, used = indent, columns(indent)
        for word in _words(line.lstrip(), width - used):
            size = columns(word)
            if used > len(indent) and used + 1 + size > width:
                yield current
                current, used = indent, len(indent)
            if used > len(indent):
                current, used = f"{current} {word}", used + 1 + size
            else:
                current, used = current + word, used + size
        yield current


def _words(line: str, width: int) -> Iterator[str]:
    """Yield the words of a line; words wider than `width` are split."""
    for word in line.split(" "):
        start = used = 0
        if columns(word) > width:
            for at, char in enumerate(word):
                if used + _columns(char) > width:
                    yield word[start:at]
                    start, used = at, 0
                used += _columns(char)
        yield word[start:]


def counted(count: int, what: str, many: str = "") -> str:
    """Return a count with its noun, such as `1 cassette` or `1,200 tokens`."""
    return f"{count:,} {what if count == 1 else many or what + 's'}"


def size_text(count: int) -> str:
    """Return a size, such as `700 B`, `24 kB` or `1.5 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1000:.0f} kB" if count >= 9_950 else f"{count / 1000:.1f} kB"
    if count < 999_500_000:
        return f"{count / 1_000_000:.1f} MB"
    return f"{count / 1_000_000_000:.1f} GB"


def short_age(age: timedelta) -> str:
    """Return an age, such as `3 min`, `5 h`, `12 d` or `14 mo`; `0 min` for the future."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    days = minutes // 1440
    return f"{days} d" if days < 100 else f"{days // 30} mo"
