"""Which interaction of one cassette is which of another: the same, changed, moved, new or gone."""

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
from .changes import Change, changes

Kind = Literal["same", "changed", "moved", "added", "removed"]
# Below this two requests have too little in common to be one that changed.
_LEAST = 0.3
# Bytes of two bodies that are compared for how much they are alike.
_COMPARED = 20_000
# With more pairs than these only neighbours are compared, and no farther apart.
_MOST_PAIRS, _FARTHEST = 10_000, 20


@dataclass(frozen=True, slots=True)
class Pair:
    """An interaction before and after, by number from 1; None where there is none.

    Attributes:
        before: Its number in the older cassette.
        after: Its number in the newer.
        was: The older interaction.
        now: The newer.
        changes: What tells them apart.
        moved: Whether it stands elsewhere among those that are in both.
    """

    before: int | None
    after: int | None
    was: Interaction | None
    now: Interaction | None
    changes: tuple[Change, ...] = ()
    moved: bool = False

    @property
    def kind(self) -> Kind:
        """What became of it."""
        if self.was is None:
            return "added"
        if self.now is None:
            return "removed"
        if self.changes:
            return "changed"
        return "moved" if self.moved else "same"

    @property
    def shown(self) -> Interaction:
        """The newer of both, or the one there is."""
        found = self.now or self.was
        assert found is not None
        return found


def align(was: Sequence[Interaction], now: Sequence[Interaction]) -> list[Pair]:
    """The interactions of two cassettes side by side, in the order of the newer."""
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
    # What is gone stands where it stood.
    for before in sorted(left):
        above = [n for n, pair in enumerate(pairs, 1) if pair.before and pair.before <= before]
        at = max(above, default=0)
        pairs.insert(at, Pair(before + 1, None, was[before], None))
    return pairs


def with_repeats(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Pairs in which a change that a conversation only sends again says where it was made."""
    first: dict[object, int] = {}
    marked = []
    for pair in pairs:
        number = pair.after or 0
        found = []
        for each in pair.changes:
            change, keys = each, _traces(each)
            known = [first.get(key) for key in keys]
            is_sent = change.side == "request" and change.place.startswith("json.")
            if is_sent and keys and all(known):
                change = replace(change, again=max(at for at in known if at))
            found.append(change)
        for change in found:
            if not change.again:
                for key in _traces(change):
                    first.setdefault(key, number)
        marked.append(replace(pair, changes=tuple(found)))
    return tuple(marked)


def _traces(change: Change) -> list[object]:
    """What is recognised of a change where it comes again: each of its edits, or both values."""
    return list(change.edits) or [(repr(change.was), repr(change.now))]


def _match(
    left: dict[int, Interaction],
    right: dict[int, Interaction],
    key: Callable[[Interaction], Hashable],
    matched: dict[int, int],
) -> None:
    """Pairs those with one key, in order, and takes them out of both sides."""
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
    """Pairs what is asked of one place in words that are much the same."""
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
    """How much two requests have in common, from 0 to 1, as much as their bodies have."""
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
    """The longest run of `numbers` that rises: what did not move."""
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
