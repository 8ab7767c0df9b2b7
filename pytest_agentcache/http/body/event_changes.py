r"""Events of a stream, one a line: the first of a kind in full, of the others only the changes.

    {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"The"}}
    ~ text=" answer"
    ~ text=" is 4." pad 9

A line that begins with `~` is the nearest event in full above it that has all of the named fields,
with new values in these. Such lines do not depend on each other: one of them can be edited, removed
or merged without its neighbours. A value is the text that was sent, to the byte.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .protocol import LineError

MARK = "~"
_STRING = r'"(?:[^"\\]++|\\.)*+"'
# AWS writes the name of an event before its data.
_START = re.compile(r"(?:!?[\w.-]{1,200} )?(?=[{\[])", re.ASCII)
# Everything up to a text or a number, names of fields included, and then that text or number.
_VALUES = re.compile(
    rf'((?:[{{}}\[\],: \t]++|{_STRING}[ \t]*+:)*+)({_STRING}|[^{{}}\[\],: \t"]++)?'
)
_PARTS = re.compile(rf'{_STRING}[ \t]*+:?|[{{}}\[\]]|[^{{}}\[\],: \t"]++')
_NAME = re.compile(r"[A-Za-z_$][\w$-]*", re.ASCII)
_DOT = re.compile(rf"{_STRING}|\.")
_CHANGE = re.compile(rf" (?P<name>(?:\.?[A-Za-z_$][\w$-]*|\[(?:\d+|{_STRING})\])++)=", re.ASCII)
_PAD = re.compile(r" pad (\d{1,4})$", re.ASCII)
# What `json` reads as one text or number.
_scalar = re.compile(
    r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*+"'
    r"|-?(?:0|[1-9]\d{0,99})(?:\.\d{1,99})?(?:[eE][-+]?\d{1,3})?|true|false|null",
    re.ASCII,
).match
_MOST_PAD = 9999
# Longer ends of a path are not shorter to read.
_MOST_ENDS = 6
_FILLED, _ALPHABET = '"p":"', "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# A longer change would be harder to read than its event.
_LONGEST_CHANGE = 3 / 4
# If this many events of a kind follow the first, it is worth a line in full.
_RUN = 2
_read_value = json.JSONDecoder().raw_decode

_Kind = tuple[str, ...]
_Values = list[tuple[str, str]]


class _Line(NamedTuple):
    """An event, cut up.

    Attributes:
        text: Its text without padding.
        pad: The number of characters of padding.
        kind: Everything but its texts and numbers. Events of one kind have the same fields.
        values: Its texts and numbers, as they are written.
    """

    text: str
    pad: int
    kind: _Kind
    values: tuple[str, ...]


class _Template:
    """A line with its values left out.

    Args:
        parts: The text before, between and after the values.
    """

    __slots__ = ("_first", "_others", "_whole")

    def __init__(self, parts: Sequence[str]) -> None:
        self._first = parts[0]
        self._others = [(part, len(part)) for part in parts[1:]]
        self._whole = "%s".join(part.replace("%", "%%") for part in parts)

    def values_in(self, line: str) -> tuple[str, ...] | None:
        """Return the texts and numbers of a line; None if anything else in it differs."""
        if not line.startswith(self._first):
            return None
        values: tuple[str, ...] = ()
        at = len(self._first)
        for part, size in self._others:
            match = _scalar(line, at)
            if match is None:
                return None
            stop = match.end()
            if not line.startswith(part, stop):
                return None
            values = (*values, line[at:stop])
            at = stop + size
        return values if at == len(line) else None

    def filled(self, values: tuple[str, ...]) -> str:
        """Return the line with these values."""
        return self._whole % values


@dataclass(slots=True)
class _Event:
    """An event in full, and its values by their paths.

    Attributes:
        line: Its line, cut up.
        spans: Where the text of each value starts and stops.
        inside: The paths of the values directly in an object or a list.
        leaves: The paths of its texts and numbers, in order.
        names: The path for each name: a path, or its end if no other path ends like that.
    """

    line: _Line
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    inside: dict[str, list[str]] = field(default_factory=dict)
    leaves: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, line: _Line | None) -> _Event | None:
        """Return an event; None if it is not valid JSON, or repeats a name."""
        if line is None:
            return None
        event, start = cls(line), len(line.kind[0])
        try:
            json.loads(line.text[start:])
        except (ValueError, RecursionError):
            return None
        if event._find_values(start) != len(event.spans):
            return None
        ends = Counter(end for path in event.spans for end in _ends(path))
        event.names = {
            name: path for path in event.spans for name in _ends(path) if ends[name] == 1
        } | {path: path for path in event.spans}
        return event

    def _find_values(self, start: int) -> int:
        """Find all values, and return their number."""
        text, number = self.line.text, 0
        # The path, the start and the first character of each object or list that is open.
        opened: list[tuple[str, int, str]] = []
        path = ""
        for match in _PARTS.finditer(text, start):
            part = match[0]
            first = part[0]
            if first in "}]":
                path, begin, _ = opened.pop()
                self.spans[path] = begin, match.end()
                continue
            above = opened[-1][0] if opened else ""
            if first == '"' and part[-1] == ":":
                path = _joined(above, part[:-1].rstrip())
                continue
            if opened:
                if opened[-1][2] == "[":
                    path = f"{above}[{len(self.inside[above])}]"
                self.inside[above].append(path)
            number += 1
            if first in "{[":
                opened.append((path, match.start(), first))
                self.inside[path] = []
            else:
                self.spans[path] = match.span()
                self.leaves.append(path)
        return number

    @property
    def fields(self) -> tuple[str, ...]:
        """Its name and the fields of its outermost object."""
        return self.line.kind[0], *self.inside[""]

    def value(self, path: str) -> str:
        """Return the text of a value."""
        start, stop = self.spans[path]
        return self.line.text[start:stop]

    def short_name(self, path: str) -> str:
        """Return the shortest name of a path."""
        return next((end for end in _ends(path) if self.names.get(end) == path), path)

    def template(self, paths: Sequence[str]) -> _Template:
        """Return the line with the values at some paths, in order, left out.

        Raises:
            ValueError: If one of them is inside another.
        """
        parts, end = [], 0
        for path in paths:
            start, stop = self.spans[path]
            if start < end:
                raise ValueError(f"{path} is changed twice")
            parts.append(self.line.text[end:start])
            end = stop
        return _Template([*parts, self.line.text[end:]])


@dataclass(frozen=True, slots=True)
class _Change:
    """How events are written that differ from one above at the same paths.

    Attributes:
        event: The event above.
        old: Its values at these paths.
        full: The template of the events in full.
        short: The template of their changes.
    """

    event: _Event
    old: tuple[str, ...]
    full: _Template
    short: _Template

    @classmethod
    def of(cls, event: _Event, names: Sequence[str]) -> _Change:
        """Return the changes of an event that have these names, in their order."""
        paths = [event.names[name] for name in names]
        heads = [f" {name}=" for name in names]
        short = _Template([MARK + heads[0], *heads[1:], ""] if heads else [MARK])
        old = tuple([event.value(path) for path in paths])
        return cls(event, old, event.template(paths), short)

    def shortened(self, line: str) -> str | None:
        """Return the change that makes a line of the event; None if it has other paths."""
        text, pad = _unpadded(line)
        values = self.full.values_in(text)
        if values is None or any(map(str.__eq__, values, self.old)):
            return None
        return self.short.filled(values) + self._pad(pad)

    def restored(self, line: str) -> str | None:
        """Return the line that a change describes; None if it has other names."""
        pad = self.event.line.pad
        values = self.short.values_in(line)
        if values is None:
            text, own = _without_pad(line)
            if own is None or (values := self.short.values_in(text)) is None:
                return None
            pad = own
        full = self.full.filled(values)
        return _padded(full, pad) if pad else full

    def written(self, values: tuple[str, ...], pad: int) -> str:
        """Return a change with these values."""
        return self.short.filled(values) + self._pad(pad)

    def _pad(self, pad: int) -> str:
        return "" if pad == self.event.line.pad else f" pad {pad}"


def _joined(path: str, name: str) -> str:
    """Return the path of a field, given its name in quotes."""
    if _NAME.fullmatch(name, 1, len(name) - 1):
        return f"{path}.{name[1:-1]}" if path else name[1:-1]
    return f"{path}[{name}]"


def _ends(path: str) -> list[str]:
    """Return the last ends of a path that begin with a name, the shortest first."""
    dots = [match.end() for match in _DOT.finditer(path) if match[0] == "."]
    return [path[dot:] for dot in reversed(dots[-_MOST_ENDS:])]


def _unpadded(line: str) -> tuple[str, int]:
    """Return an event without padding, and the number of its characters.

    Padding hides the length of the texts of an event. Anthropic sends blanks before the last
    bracket; Bedrock sends a field `p` with the beginning of an alphabet.
    """
    if _FILLED not in line:
        if line[-2:-1] == " ":
            text = line[:-1].rstrip(" ") + line[-1]
            if len(line) - len(text) <= _MOST_PAD:
                return text, len(line) - len(text)
        return line, 0
    start = line.index(_FILLED) + len(_FILLED)
    stop = line.find('"', start)
    size = stop - start
    if line[start:stop] == _ALPHABET[:size] and line.count(_FILLED) == 1:
        return line[:start] + line[stop:], size
    return line, 0


def _padded(text: str, pad: int) -> str:
    """Return an event with padding of this size."""
    if not pad:
        return text
    if _FILLED not in text:
        return f"{text[:-1]}{' ' * pad}{text[-1]}"
    at = text.index(_FILLED) + len(_FILLED)
    return text[:at] + _ALPHABET[:pad] + text[at:]


def _cut(line: str) -> _Line | None:
    """Return an event, cut up; None for a line that is no event in JSON."""
    start = _START.match(line)
    if start is None:
        return None
    text, pad = _unpadded(line)
    kind, values = zip(*_VALUES.findall(text, start.end()), strict=True)
    return _Line(text, pad, (start[0], *kind), values)


def shortened(text: str) -> str | None:
    """Return a stream whose events are written as changes, where that is shorter.

    Args:
        text: A stream with each event in full on a line of its own, as `restored` returns it.

    Returns:
        None if an event begins with `~`, so that it would be read as a change.
    """
    return None if _has_changes(text) else "\n".join(_Writer(text.split("\n")).lines())


def _has_changes(text: str) -> bool:
    return text.startswith(MARK) or f"\n{MARK}" in text


class _Writer:
    """Writes the events of one stream."""

    def __init__(self, full: Sequence[str]) -> None:
        self._full = full
        self._whole: list[_Event] = []
        self._by_kind: dict[_Kind, _Event] = {}
        self._by_fields: dict[tuple[str, ...], _Event] = {}
        self._last: _Change | None = None

    def lines(self) -> Iterator[str]:
        """Yield the line of each event."""
        for at, line in enumerate(self._full):
            # Nearly always, an event has the same fields changed as the one before.
            short = self._last.shortened(line) if self._last else None
            yield self._line(at, line) if short is None else short

    def _line(self, at: int, line: str) -> str:
        cut = _cut(line)
        if cut is None:
            return line
        if known := self._by_kind.get(cut.kind):
            pairs = zip(known.leaves, cut.values, known.line.values, strict=False)
            values = [(path, value) for path, value, old in pairs if value != old]
            if change := self._change(known, values, line, cut.pad):
                # An event that repeats a value of the one above has fewer changes for once.
                if self._last is None or len(change[1].old) >= len(self._last.old):
                    self._last = change[1]
                return change[0]
        event = _Event.of(cut)
        if event is None:
            return line
        known = self._by_fields.get(event.fields)
        if known and not self._begins_run(at, cut.kind):
            change = self._change(known, [*_differences(known, event)], line, cut.pad)
            if change and len(change[0]) <= len(line) * _LONGEST_CHANGE:
                return change[0]
        self._whole.append(event)
        self._by_kind[cut.kind] = self._by_fields[event.fields] = event
        self._last = None
        return line

    def _begins_run(self, at: int, kind: _Kind) -> bool:
        """Return whether the next events are of the same kind."""
        following = [_cut(line) for line in self._full[at + 1 : at + 1 + _RUN]]
        return len(following) == _RUN and all(each and each.kind == kind for each in following)

    def _change(
        self, event: _Event, values: _Values, line: str, pad: int
    ) -> tuple[str, _Change] | None:
        """Return the line of a change; None if it would not be read as one of this event."""
        for names in [event.short_name(path) for path, _ in values], [path for path, _ in values]:
            if _nearest(names, self._whole) is event:
                change = _Change.of(event, names)
                short = change.written(tuple([value for _, value in values]), pad)
                try:
                    if _applied(short, self._whole)[0] == line:
                        return short, change
                except (ValueError, RecursionError):
                    # Text that only resembles JSON.
                    pass
        return None


def _differences(old: _Event, new: _Event) -> Iterator[tuple[str, str]]:
    """Yield the values of `new` that differ, the outermost where their fields differ."""
    left = [""]
    while left:
        path = left.pop()
        value = new.value(path)
        if old.value(path) == value:
            continue
        inside = new.inside.get(path)
        if inside and inside == old.inside.get(path):
            left += reversed(inside)
        else:
            yield path, value


def _nearest(names: Sequence[str], whole: Sequence[_Event]) -> _Event | None:
    """Return the last event that has fields of all of these names."""
    for event in reversed(whole):
        if all(name in event.names for name in names):
            return event
    return None


def restored(text: str) -> str:
    """Return a stream with all of its events in full.

    Raises:
        LineError: If a line begins with `~` and is not a change of an event above it.
    """
    if not _has_changes(text):
        return text
    lines = text.split("\n")
    whole: list[_Event] = []
    change: _Change | None = None
    # Events in full are read only when a change needs them.
    read = 0
    for row, line in enumerate(lines):
        if not line.startswith(MARK):
            continue
        if read < row:
            above = [event for each in lines[read:row] if (event := _Event.of(_cut(each)))]
            if above:
                whole += above
                change = None
        read = row + 1
        full = change.restored(line) if change else None
        if full is None:
            try:
                full, change = _applied(line, whole)
            except ValueError as error:
                raise LineError(str(error), row) from None
        lines[row] = full
    return "\n".join(lines)


def _applied(line: str, whole: Sequence[_Event]) -> tuple[str, _Change]:
    """Return the event that a change describes, and how others like it are written."""
    text, pad = _without_pad(line)
    values: _Values = []
    at = len(MARK)
    while at < len(text):
        match = _CHANGE.match(text, at)
        if match is None:
            raise ValueError(f'{line[:60]!r} is not a change like `~ text=" Paris"`')
        try:
            _, at = _read_value(text, match.end())
        except (ValueError, RecursionError):
            raise ValueError(f"the value of {match['name']} in {line[:60]!r} is not JSON") from None
        values.append((match["name"], text[match.end() : at]))
    names = [name for name, _ in values]
    event = _nearest(names, whole)
    if event is None:
        raise ValueError(f"no event above {line[:60]!r} has {' and '.join(names) or 'any field'}")
    # A person may have written the names in another order.
    values.sort(key=lambda each: event.spans[event.names[each[0]]])
    change = _Change.of(event, [name for name, _ in values])
    full = change.full.filled(tuple([value for _, value in values]))
    return _padded(full, event.line.pad if pad is None else pad), change


def _without_pad(line: str) -> tuple[str, int | None]:
    """Return a change without the word for its padding, and the size of that, if it has one."""
    if not line[-1].isdigit() or (match := _PAD.search(line)) is None:
        return line, None
    return line[: match.start()], int(match[1])
