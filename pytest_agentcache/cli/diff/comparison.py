"""Two versions of a cassette, with their interactions paired."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal
from urllib.parse import urlsplit

from ...http.messages import Interaction
from ...matching.matcher import Matcher
from ...settings.settings import Settings
from ..selection import Loaded, local_path
from ..terminal import label
from .changes import Change, changes

Kind = Literal["same", "changed", "moved", "added", "removed"]
# The lowest similarity at which two different requests are one that changed.
_LEAST = 0.3
# The number of bytes of a body that the similarity is computed from.
_COMPARED = 20_000
# Above this number of pairs, only interactions at most so far apart are compared.
_MOST_PAIRS, _FARTHEST = 10_000, 20


@dataclass(frozen=True, slots=True)
class Pair:
    """An interaction in the old and the new cassette; None if it is missing in one of them.

    Attributes:
        before: The number in the old cassette, from 1.
        after: The number in the new cassette, from 1.
        was: The old interaction.
        now: The new interaction.
        changes: The differences.
        moved: Whether its position among the paired interactions changed.
    """

    before: int | None
    after: int | None
    was: Interaction | None
    now: Interaction | None
    changes: tuple[Change, ...] = ()
    moved: bool = False

    @property
    def kind(self) -> Kind:
        """The kind of change of the interaction."""
        if self.was is None:
            return "added"
        if self.now is None:
            return "removed"
        if self.changes:
            return "changed"
        return "moved" if self.moved else "same"

    @property
    def latest(self) -> Interaction:
        """The new interaction, or the old one if it was removed."""
        found = self.now or self.was
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """The old and the new version of a cassette, either of which may be missing.

    Attributes:
        name: The new path, or the old one if the cassette was removed.
        was_name: The old path; empty if the cassette was added.
        was: The old version.
        now: The new version.
        pairs: The interactions of both.
        follows: Whether both are versions of one file in git.
    """

    name: str
    was_name: str
    was: Loaded | None
    now: Loaded | None
    pairs: tuple[Pair, ...]
    follows: bool = False

    @classmethod
    def of(cls, was: Loaded | None, now: Loaded | None, *, follows: bool = False) -> Comparison:
        """Compare two versions, of which at most one is None."""
        names = [local_path(each.path) if each else "" for each in (was, now)]
        pairs = _align(was.interactions if was else (), now.interactions if now else ())
        return cls(names[1] or names[0], names[0], was, now, _with_repeats(pairs), follows)

    @property
    def kind(self) -> Literal["same", "renamed", "changed", "added", "removed"]:
        """The kind of change of the cassette."""
        if self.was is None:
            return "added"
        if self.now is None:
            return "removed"
        return "changed" if self.changed else "renamed" if self.renamed else "same"

    @property
    def renamed(self) -> bool:
        """True if git followed a rename."""
        return self.follows and self.was_name != self.name

    @property
    def title(self) -> str:
        """The name, with the old name if it differs."""
        both = self.was and self.now and self.was_name != self.name
        return label(f"{self.was_name} → {self.name}" if both else self.name)

    @property
    def changed(self) -> list[Pair]:
        """The pairs that differ."""
        return [pair for pair in self.pairs if pair.kind != "same"]


def _align(was: Sequence[Interaction], now: Sequence[Interaction]) -> list[Pair]:
    """Pair the interactions of two cassettes, in the order of the new one."""
    left, right = dict(enumerate(was)), dict(enumerate(now))
    matched: dict[int, int] = {}
    matcher = Matcher(Settings())
    for key in (lambda each: each, lambda each: matcher.key(each.request)):
        _match(left, right, key, matched)
    _match_alike(left, right, matched)
    still = _in_order([before for _, before in sorted((b, a) for a, b in matched.items())])
    after_to_before = {after: before for before, after in matched.items()}
    pairs = []
    for after, interaction in enumerate(now):
        before = after_to_before.get(after)
        if before is None:
            pairs.append(Pair(None, after + 1, None, interaction))
            continue
        old = was[before]
        found = () if old == interaction else tuple(changes(old, interaction))
        pairs.append(Pair(before + 1, after + 1, old, interaction, found, before not in still))
    # Removed interactions keep their place.
    for before in sorted(left):
        above = [n for n, pair in enumerate(pairs, 1) if pair.before and pair.before <= before]
        at = max(above, default=0)
        pairs.insert(at, Pair(before + 1, None, was[before], None))
    return pairs


def _with_repeats(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Mark changes that a conversation only sends again with the interaction they repeat."""
    first: dict[object, int] = {}
    marked = []
    for pair in pairs:
        number = pair.after or 0
        found = []
        for each in pair.changes:
            change, keys = each, _identity(each)
            known = [first.get(key) for key in keys]
            is_sent = change.side == "request" and change.place.startswith("json.")
            if is_sent and keys and all(known):
                change = replace(change, again=max(at for at in known if at))
            found.append(change)
        for change in found:
            if not change.again:
                for key in _identity(change):
                    first.setdefault(key, number)
        marked.append(replace(pair, changes=tuple(found)))
    return tuple(marked)


def _identity(change: Change) -> list[object]:
    """Return what identifies a repeated change: each of its edits, or else both values."""
    return list(change.edits) or [(repr(change.was), repr(change.now))]


def _match(
    left: dict[int, Interaction],
    right: dict[int, Interaction],
    key: Callable[[Interaction], Hashable],
    matched: dict[int, int],
) -> None:
    """Pair the interactions with equal keys in order, and remove them from both sides."""
    waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for number, each in left.items():
        waiting[key(each)].append(number)
    for number, each in list(right.items()):
        if found := waiting.get(key(each)):
            before = found.popleft()
            matched[before] = number
            del left[before], right[number]


def _match_alike(
    left: dict[int, Interaction], right: dict[int, Interaction], matched: dict[int, int]
) -> None:
    """Pair the most similar of the remaining requests, and remove them from both sides."""
    scores = []
    words = [{number: _words(each) for number, each in side.items()} for side in (left, right)]
    near = _FARTHEST if len(left) * len(right) > _MOST_PAIRS else len(left) + len(right) + 1
    for at, (before, old) in enumerate(left.items()):
        for place, (after, new) in enumerate(right.items()):
            if abs(at - place) > near:
                continue
            score = _alike(old, new, _ratio(words[0][before], words[1][after]))
            if score >= _LEAST:
                scores.append((-score, abs(before - after), before, after))
    for _, _, before, after in sorted(scores):
        if before in left and after in right:
            matched[before] = after
            del left[before], right[after]


def _words(interaction: Interaction) -> Counter[bytes]:
    return Counter(re.findall(rb"\w+", interaction.request.body[:_COMPARED]))


def _alike(was: Interaction, now: Interaction, bodies: float) -> float:
    """Return the similarity of two requests from 0 to 1, given that of their bodies."""
    old, new = urlsplit(was.request.url), urlsplit(now.request.url)
    if was.request.method != now.request.method or old.netloc != new.netloc:
        same_path = old.path == new.path and bool(was.request.body or now.request.body)
        return 0.5 * bodies if same_path else 0.0
    if old.path == new.path:
        return 0.5 + 0.5 * bodies if was.request.body or now.request.body else 0.9
    if was.request.body and now.request.body:
        return 0.6 * bodies
    return 0.5 * SequenceMatcher(None, old.path, new.path, autojunk=False).ratio()


def _ratio(was: Counter[bytes], now: Counter[bytes]) -> float:
    total = was.total() + now.total()
    return 2 * sum(min(count, now[word]) for word, count in was.items()) / total if total else 1.0


def _in_order(numbers: list[int]) -> set[int]:
    """Return the longest increasing subsequence: the interactions that did not move."""
    ends: list[int] = []
    at_end: list[int] = []
    before: list[int] = []
    for at, number in enumerate(numbers):
        place = bisect_left(ends, number)
        ends[place : place + 1] = [number]
        at_end[place : place + 1] = [at]
        before.append(at_end[place - 1] if place else -1)
    found, at = set(), at_end[-1] if at_end else -1
    while at >= 0:
        found.add(numbers[at])
        at = before[at]
    return found
