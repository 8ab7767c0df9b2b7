"""The order of requests: the order of their starts, except where that is chance.

Lanes are parallel if one sends a request while the other waits for a response, or if a pool holds
both before one is done. Which of their requests starts first differs from run to run, so they are
placed where their lane was started, as if it had run to its end there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from .lanes import Place

# The sender, seen from the common lane: a lane that it started, or None for the lane itself.
Branch = int | None


@dataclass(slots=True, eq=False)
class Span:
    """The time from a request to the end of its response.

    Attributes:
        place: The place of the request.
        due: The earliest time at which it could have been sent, as counted by `lanes.now`.
        started: The time at which it was sent.
        ended: The time of the last byte of the response; None until then.
    """

    place: Place
    due: int
    started: int
    ended: int | None = None

    def over_before(self, other: Span) -> bool:
        """Return true if it had ended when `other` started."""
        return self.ended is not None and self.ended < other.started


def ordered(spans: Iterable[Span]) -> list[Span]:
    """Return `spans` in an order that does not depend on which of parallel ones was faster."""
    found = sorted(spans, key=lambda span: span.started)
    parallel = _Parallel(sorted(found, key=lambda span: span.due))
    for start, stop in parallel.blocks(found):
        found[start:stop] = _sorted(found[start:stop], parallel)
    return found


def _parting(one: Span, other: Span) -> tuple[Place, Branch, Branch]:
    """Return the last common lane of two requests, and the branches that they take from there."""
    at = 0
    while one.place[at] == other.place[at]:
        at += 1
    return one.place[:at], _branch(one.place, at), _branch(other.place, at)


def _branch(place: Place, at: int) -> Branch:
    return place[at] if len(place) > at + 1 else None


class _Parallel:
    """The branches of lanes that were at work at the same time.

    Branches that were parallel to the same one count as parallel: it was chance that they were
    not. A lane and what it has set to work may wait for each other, so there each counts by itself.

    Args:
        spans: The requests in the order in which they were due.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        # For each branch that was parallel to another, one that represents all of them.
        self._groups: dict[tuple[Place, int], tuple[Place, int]] = {}
        # For each lane, the branches that were parallel to the lane itself.
        self._beside: dict[Place, set[int]] = {}
        active: list[Span] = []
        for span in spans:
            active = [each for each in active if each.ended is None or each.ended >= span.due]
            for each in active:
                self._note(each, span)
            active.append(span)

    def _note(self, one: Span, other: Span) -> None:
        lane, first, second = _parting(one, other)
        if first is not None and second is not None:
            group = self._group(lane, second)
            self._groups[self._group(lane, first)] = self._groups[group] = group
        elif first is not second and not one.over_before(other) and not other.over_before(one):
            # One of them is the lane itself.
            self._beside.setdefault(lane, set()).update({first, second} - {None})  # type: ignore[arg-type]

    def _group(self, lane: Place, branch: int) -> tuple[Place, int]:
        group = asked = lane, branch
        while (above := self._groups.get(group, group)) != group:
            group = above
        if group != asked:
            # Shortens the path, which could be as long as the number of branches.
            self._groups[asked] = group
        return group

    def __call__(self, one: Span, other: Span) -> bool:
        """Return true if it was chance which of two came first."""
        lane, first, second = _parting(one, other)
        if first is not None and second is not None:
            return self._group(lane, first) == self._group(lane, second)
        beside = self._beside.get(lane, set())
        return first in beside or second in beside

    def blocks(self, spans: Sequence[Span]) -> list[tuple[int, int]]:
        """Return the positions of parallel ones, from the first of them to behind the last."""
        ends: dict[tuple[Place, int], tuple[int, int]] = {}
        for at, span in enumerate(spans):
            for key in self._keys(span.place):
                ends[key] = ends.get(key, (at, at))[0], at + 1
        joined: list[tuple[int, int]] = []
        for start, stop in sorted(ends.values()):
            if joined and start < joined[-1][1]:
                joined[-1] = joined[-1][0], max(stop, joined[-1][1])
            else:
                joined.append((start, stop))
        return joined

    def _keys(self, place: Place) -> Iterator[tuple[Place, int]]:
        for depth in range(len(place)):
            lane, branch = place[:depth], _branch(place, depth)
            beside = self._beside.get(lane, set())
            if branch is None:
                yield from ((lane, each) for each in beside)
            elif branch in beside:
                yield lane, branch
            if branch is not None and (lane, branch) in self._groups:
                yield self._group(lane, branch)


def _sorted(spans: Sequence[Span], parallel: _Parallel) -> list[Span]:
    """Return `spans` by their places, each after those that it may have waited for."""
    if branches := _apart(spans, parallel):
        # Requests that wait for no other need not be compared one by one.
        return [span for branch in branches for span in _sorted(branch, parallel)]
    waits = [0] * len(spans)
    leads: list[list[int]] = [[] for _ in spans]
    for at, span in enumerate(spans):
        for later in range(at + 1, len(spans)):
            if _leads(span, spans[later], parallel):
                leads[at].append(later)
                waits[later] += 1
    ready = [(span.place, at) for at, span in enumerate(spans) if not waits[at]]
    heapify(ready)
    found = []
    while ready:
        _, at = heappop(ready)
        found.append(spans[at])
        for later in leads[at]:
            waits[later] -= 1
            if not waits[later]:
                heappush(ready, (spans[later].place, later))
    return found


def _apart(spans: Sequence[Span], parallel: _Parallel) -> list[list[Span]]:
    """Return `spans` by branches of one lane, in order, if all are parallel; else nothing."""
    if len(spans) < 2:
        return []
    in_order = sorted(spans, key=lambda span: span.place)
    lane, _, _ = _parting(in_order[0], in_order[-1])
    branches: dict[int, list[Span]] = {}
    for span in spans:
        branch = _branch(span.place, len(lane))
        if branch is None:
            return []
        branches.setdefault(branch, []).append(span)
    first, *others = (each[0] for each in branches.values())
    if not others or not all(parallel(first, other) for other in others):
        return []
    return [branches[branch] for branch in sorted(branches)]


def _leads(span: Span, later: Span, parallel: _Parallel) -> bool:
    """Return true if `later`, which started after `span`, has to stay behind it."""
    _, first, second = _parting(span, later)
    if first is None and (second is None or span.place < later.place):
        # In the same lane, or sent before the other lane was started.
        return True
    return not parallel(span, later)
