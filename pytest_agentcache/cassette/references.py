"""Write content that a conversation sends again as a reference to where the cassette holds it.

`tools: {same as: tools of request 1}` replaces one value, and in a list
`- {same as: 'messages[0] to [3] of request 1'}` replaces several items. References only lead
back: to an earlier interaction, or from a response to its request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .. import canonical_yaml as cassette_yaml
from ..canonical_yaml import Number

MARK = "same as"
# A reference sends the reader elsewhere, so fewer lines than this are written out. Text needs one
# more, because text is what a reviewer reads.
_FEWEST_LINES = 2
_SHORTEST_TEXT = 80
_NAME = re.compile(r"[A-Za-z_$][\w$-]*", re.ASCII)
_STEP = re.compile(r"\.?([A-Za-z_$][\w$-]*)|\[(\d{1,9})\]", re.ASCII)
_REFERENCE = re.compile(
    r"(?:(?P<path>\S+)(?: to \[(?P<last>\d{1,9})\])? of )?(?P<body>(?:request|response) \d+)",
    re.ASCII,
)
# The most characters that all references of one file may stand for.
_LARGEST = 2**28

Path = tuple[str | int, ...]


class BrokenReferenceError(ValueError):
    """A reference that leads nowhere; `path` is its place in the body."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(problem)


class LooksLikeReferenceError(ValueError):
    """JSON that looks like a reference itself."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a value: a body, and a path in it."""

    body: str
    path: Path

    def inner(self, step: str | int) -> _Place:
        return _Place(self.body, (*self.path, step))

    def reference(self, last: int | None = None) -> dict[str, str]:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        run = "" if last is None else f" to [{last}]"
        return {MARK: f"{steps.removeprefix('.')}{run} of {self.body}" if steps else self.body}


@dataclass(frozen=True, slots=True)
class _Node:
    """A value and its number. Values share a number if they are equal, with types and key order."""

    number: int
    value: Any
    inside: tuple[_Node, ...] = ()

    @property
    def may_be_large(self) -> bool:
        value = self.value
        if isinstance(value, str):
            return len(value) >= _SHORTEST_TEXT or "\n" in value
        return bool(self.inside)


class ReferenceWriter:
    """Replaces the content of bodies, one after the other, by references to the bodies before."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._lines: dict[int, int] = {}
        # The first and the latest place of a value, and the items of each list.
        self._first: dict[int, _Place] = {}
        self._latest: dict[int, _Place] = {}
        self._items: dict[_Place, tuple[_Node, ...]] = {}

    def shorten(self, body: str, value: Any) -> Any:
        """Return a value with references to earlier bodies.

        Args:
            body: The name of the body: `request 1`, `response 1` and so on.
            value: The JSON of the body.

        Raises:
            LooksLikeReferenceError: If `value` holds something that would be read as a reference.
        """
        node, place = self._node(value), _Place(body, ())
        new: list[tuple[_Node, _Place]] = []
        short = self._short(node, place, new)
        for each, where in new:
            self._first.setdefault(each.number, where)
            self._latest[each.number] = where
            if isinstance(each.value, list):
                self._items[where] = each.inside
        return short

    def _node(self, value: Any) -> _Node:
        if isinstance(value, dict):
            if len(value) == 1 and MARK in value:
                raise LooksLikeReferenceError
            inside = tuple([self._node(each) for each in value.values()])
            key: Any = (tuple(value), *[each.number for each in inside])
        elif isinstance(value, list):
            inside = tuple([self._node(each) for each in value])
            key = [each.number for each in inside]
            key = ("", *key)
        else:
            inside = ()
            key = value if isinstance(value, str) else (type(value), _literal(value))
        return _Node(self._numbers.setdefault(key, len(self._numbers)), value, inside)

    def _short(self, node: _Node, place: _Place, new: list[tuple[_Node, _Place]]) -> Any:
        if not node.may_be_large:
            return node.value
        first = self._first.get(node.number)
        fewest = _FEWEST_LINES + isinstance(node.value, str)
        if first and self._count(node) >= fewest:
            return first.reference()
        new.append((node, place))
        if isinstance(node.value, dict):
            return {
                # A reference cannot spell this name, so it cannot lead below it.
                name: self._short(each, place.inner(name), new if _NAME.fullmatch(name) else [])
                for (name, each) in zip(node.value, node.inside, strict=True)
            }
        return self._short_items(node, place, new) if node.inside else node.value

    def _short_items(
        self, node: _Node, place: _Place, new: list[tuple[_Node, _Place]]
    ) -> list[Any]:
        short: list[Any] = []
        at = 0
        while at < len(node.inside):
            length, start = self._run(node.inside, at)
            # A repeated run of messages is not worth reading twice, even if it is short.
            if start is not None and length > 1:
                last = start.path[-1] + length - 1  # type: ignore[operator]
                short.append(start.reference(last))
                new += [(node.inside[at + n], place.inner(at + n)) for n in range(length)]
                at += length
            else:
                short.append(self._short(node.inside[at], place.inner(at), new))
                at += 1
        return short

    def _run(self, items: tuple[_Node, ...], at: int) -> tuple[int, _Place | None]:
        """Return the longest run of items from `at` on that an earlier list holds, and its start.

        Of two runs of the same length, the first on the cassette is chosen.
        """
        best: tuple[int, _Place | None] = (0, None)
        if not items[at].may_be_large:
            return best
        number = items[at].number
        for start in dict.fromkeys((self._first.get(number), self._latest.get(number))):
            if start is None or not start.path or not isinstance(start.path[-1], int):
                continue
            known = self._items.get(_Place(start.body, start.path[:-1]), ())
            length = 0
            for mine, other in zip(items[at:], known[start.path[-1] :], strict=False):
                if mine.number != other.number:
                    break
                length += 1
            if length > best[0]:
                best = length, start
        return best

    def _count(self, node: _Node) -> int:
        """Return roughly how many lines of a screen a value takes, at the usual indentation."""
        found = self._lines.get(node.number)
        if found is None:
            lines = cassette_yaml.dump_entry("tools", node.value, 6).split("\n")[:-1]
            found = sum(len(line) // cassette_yaml.WIDTH + 1 for line in lines)
            self._lines[node.number] = found
        return found


def _literal(value: Any) -> Any:
    if isinstance(value, float):
        return value.literal if isinstance(value, Number) else repr(value)
    return value


class ReferenceReader:
    """Replaces references by the values they stand for, body by body.

    Attributes:
        used: Whether there was any reference.
    """

    def __init__(self) -> None:
        self.used = False
        self._bodies: dict[str, Any] = {}
        self._sizes: dict[int, int] = {}
        self._left = _LARGEST

    def restore(self, body: str, value: Any) -> Any:
        """Return a value without references.

        Args:
            body: The name of the body: `request 1`, `response 1` and so on.
            value: JSON as the cassette holds it.

        Raises:
            BrokenReferenceError: If a reference leads nowhere.
        """
        self._bodies[body] = whole = self._whole(value, ())
        return whole

    def _whole(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            if len(value) == 1 and MARK in value:
                found, several = self._referred(value[MARK], path)
                if several:
                    raise BrokenReferenceError(
                        path, f"`{MARK}` names several items, but this is not a list"
                    )
                return found
            return {name: self._whole(each, (*path, name)) for name, each in value.items()}
        if not isinstance(value, list):
            return value
        items: list[Any] = []
        for at, each in enumerate(value):
            if isinstance(each, dict) and len(each) == 1 and MARK in each:
                found, several = self._referred(each[MARK], (*path, at))
                items += found if several else [found]
            else:
                items.append(self._whole(each, (*path, at)))
        return items

    def _referred(self, text: Any, path: Path) -> tuple[Any, bool]:
        """Return the value of a reference, and whether it is a list of several items."""
        self.used = True
        match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise BrokenReferenceError(
                path,
                f"`{MARK}: {text}` is not a reference like `tools of request 1` or "
                "`messages[0] to [3] of request 1`",
            )
        body, steps, last = match["body"], _steps(match["path"] or ""), match["last"]
        if body not in self._bodies:
            raise BrokenReferenceError(
                path, f"`{MARK}: {text}`, but there is no JSON of {body} above"
            )
        found = self._bodies[body]
        try:
            found = _at(self._bodies[body], steps if last is None else steps[:-1])
            if last is not None:
                found = _run_of(found, steps[-1], int(last))
        except (LookupError, TypeError):
            raise BrokenReferenceError(
                path, f"`{MARK}: {text}`, but {body} has no such thing"
            ) from None
        self._left -= sum(map(self._size, found if last is not None else [found]))
        if self._left < 0:
            raise BrokenReferenceError(
                path, f"all values of references up to `{MARK}: {text}` are too large"
            )
        return found, last is not None

    def _size(self, value: Any) -> int:
        """Return roughly the number of characters of a value, with its references resolved."""
        if not isinstance(value, (dict, list)):
            return len(value) if isinstance(value, str) else 8
        known = self._sizes.get(id(value))
        if known is None:
            known = 8 + sum(map(self._size, value.values() if isinstance(value, dict) else value))
            self._sizes[id(value)] = known
        return known


def _at(value: Any, path: Path) -> Any:
    for step in path:
        held: Any = value
        if not isinstance(value, dict if isinstance(step, str) else list):
            raise TypeError(step)
        value = held[step]
    return value


def _run_of(value: Any, first: Any, last: int) -> list[Any]:
    if not isinstance(value, list) or not isinstance(first, int) or not first <= last < len(value):
        raise TypeError(first)
    return value[first : last + 1]


def _steps(path: str) -> Path:
    """Return the steps of a path; one that leads nowhere if the path is invalid."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return ("",)
        steps.append(match[1] if match[1] is not None else int(match[2]))
        at = match.end()
    return tuple(steps)
