"""The cost of finding a request on a cassette, by its number of interactions.

python benchmarks/bench_lookup.py
"""

from __future__ import annotations

import json
import time
from statistics import median

from pytest_agentcache.http.messages import Headers, Interaction, Request, Response
from pytest_agentcache.replay.decisions import Replay
from pytest_agentcache.replay.responder import Responder
from pytest_agentcache.settings.settings import Settings

COUNTS = (3, 300, 3000)
SAMPLES = 300


def request(number: int) -> Request:
    """Return a chat request that is unique to this number."""
    messages = [{"role": "user", "content": f"Question {number}? " + "word " * 100}] * 4
    body = json.dumps({"model": "m", "messages": messages}).encode()
    headers = Headers((("content-type", "application/json"), ("authorization", "Bearer x")))
    return Request("POST", "https://api.example/v1/chat/completions", headers, body)


def seconds(recorded: tuple[Interaction, ...]) -> float:
    """Return the median time to find a response."""
    times: list[float] = []
    step = max(1, len(recorded) // SAMPLES)
    while len(times) < SAMPLES:
        # Each interaction replays once, so start again with a small cassette.
        responder = Responder(Settings(), recorded)
        for number in range(0, len(recorded), step):
            asked = request(number)
            start = time.perf_counter()
            decision = responder.decide(asked)
            times.append(time.perf_counter() - start)
            assert isinstance(decision, Replay)
            assert decision.response.status == 200
    return median(times)


def main() -> None:
    """Print one line per size of cassette."""
    first = 0.0
    print(f"{'interactions':>12}{'look-up':>12}{'against 3':>12}")
    for count in COUNTS:
        took = seconds(
            tuple(Interaction(request(n), Response(200, body=b"{}")) for n in range(count))
        )
        first = first or took
        print(f"{count:>12}{took * 1e6:>10.0f}µs{took / first:>12.2f}")


if __name__ == "__main__":
    main()
