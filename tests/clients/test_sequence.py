"""The order of requests: of their starts, but where it was chance."""

from random import Random

import pytest

from pytest_agentcache.replay.ordering.lanes import Lane
from pytest_agentcache.replay.ordering.sequence import Span, ordered

from .programs import Par, Seq, leaves, under_way


def random_program(draw, names, depth=3):
    """Anything that forks and joins."""
    if not depth or draw.random() < 0.2:
        return next(names)
    parts = (random_program(draw, names, depth - 1) for _ in range(draw.randint(1, 4)))
    if draw.random() < 0.5:
        return Seq(*parts)
    return Par(*parts, width=draw.choice([2, 3, 99]))


def places(program, lane, found):
    """The place of each request, where every part that runs at once has its own lane."""
    if isinstance(program, str):
        found[program] = lane.place()
    else:
        for part in program.parts:
            places(part, lane.fork() if isinstance(program, Par) else lane, found)
    return found


def run(program, choose):
    """The spans of a program's requests, each answer chosen among those under way."""
    where, spans, answered, now = places(program, Lane(), {}), {}, set(), 0
    while going := under_way(program, answered):
        new = [path for path in going if path not in spans]
        for path in sorted(new, key=lambda _: choose.random()):
            now += 1
            spans[path] = Span(where[path], now, now)
        answered.add(first := choose.choice(going))
        spans[first].ended = now = now + 1
    return spans


@pytest.mark.parametrize("seed", range(60))
def test_parallel_requests_stand_as_if_they_had_run_one_after_another(seed):
    """With any forks, joins and speeds, the order is that of the program."""
    draw = Random(seed)
    program = random_program(draw, map(str, range(10**6)))
    for _ in range(8):
        spans = run(program, draw)
        names = {id(span): path for path, span in spans.items()}
        assert [names[id(span)] for span in ordered(spans.values())] == leaves(program)
