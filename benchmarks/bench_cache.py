"""A hit of the isolated cache compared with the backends of requests-cache, in one run.

python benchmarks/bench_cache.py
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import requests
import requests_cache
from requests_cache.backends.base import BaseCache

from pytest_agentcache.cache.files import YamlCache

URL = "https://api.example/v1/x"
SIZES = (2_000, 200_000)
KINDS = {
    "JSON": "application/json",
    "JSON with a secret": "application/json",
    "event stream": "text/event-stream",
    "text": "text/plain",
    "binary": "application/octet-stream",
}


def body(kind: str, size: int) -> bytes:
    """Return a body of this kind and about this size."""
    if kind == "text":
        return b"The quick brown fox jumps over the lazy dog.\n" * (size // 45)
    if kind == "binary":
        return bytes(range(256)) * (size // 256)
    message = {"role": "assistant", "content": "It is dry in Paris, 21 degrees.", "index": 1}
    count = max(1, size // 105)
    if kind == "event stream":
        line = "data: " + json.dumps({"id": "c1", "choices": [{"delta": message}]}) + "\n\n"
        return line.encode() * (size // len(line))
    data = [{"n": n, **message, "x": None} for n in range(count)]
    value: dict[str, Any] = {"id": "c1", "data": data}
    if kind == "JSON with a secret":
        value["token"] = "secret"
    return json.dumps(value).encode()


def response(kind: str, size: int) -> requests_cache.CachedResponse:
    """Return a response as requests-cache stores it."""
    made = requests_cache.CachedResponse(
        status_code=200,
        url=URL,
        reason="OK",
        encoding="utf-8",
        headers={"Content-Type": KINDS[kind]},
        request=requests_cache.CachedRequest(method="GET", url=URL),
    )
    made._content = body(kind, size)
    return made


def seconds(cache: BaseCache) -> float:
    """Return the best time of a hit of a session on `cache`, in several rounds."""
    best, rounds = float("inf"), 0
    with requests_cache.CachedSession(backend=cache) as session:
        until = time.perf_counter() + 1.5
        while rounds < 3 or time.perf_counter() < until:
            start = time.perf_counter()
            found = session.get(URL)
            best = min(best, time.perf_counter() - start)
            assert found.from_cache
            assert found.content
            rounds += 1
    return best


def filled(cache: BaseCache, content: requests_cache.CachedResponse) -> BaseCache:
    """Return `cache` with one response in it."""
    cache.responses[cache.create_key(requests.Request("GET", URL).prepare())] = content
    return cache


def main() -> None:
    """Print one line per size and kind."""
    print(f"{'':28}{'memory':>10}{'its yaml':>12}{'ours':>12}{'ours, read':>12}", end="")
    print("   ours / memory   its yaml / ours   its yaml / ours, read")
    for size in SIZES:
        for kind in KINDS:
            content = response(kind, size)
            with tempfile.TemporaryDirectory() as folder:
                theirs = requests_cache.FileCache(Path(folder, "theirs"), serializer="yaml")
                ours = filled(YamlCache(Path(folder, "ours")), content)
                # A session that did not write the file has to parse the YAML.
                caches = [filled(BaseCache(), content), filled(theirs, content), ours]
                caches.append(YamlCache(Path(folder, "ours")))
                times = [seconds(cache) for cache in caches]
            memory, theirs_took, ours_took, read = times
            print(
                f"{f'{size // 1000} KB {kind}':28}{memory * 1e6:8.0f}µs{theirs_took * 1e6:10.0f}µs"
                f"{ours_took * 1e6:10.0f}µs{read * 1e6:10.0f}µs{ours_took / memory:16.1f}"
                f"{theirs_took / ours_took:18.1f}{theirs_took / read:24.1f}"
            )


if __name__ == "__main__":
    main()
