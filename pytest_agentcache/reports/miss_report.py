"""What a test that failed on its cassette is told: a miss with its closest match, the unused."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import cassette
from ..cassette.foreign import is_foreign
from ..errors import CassetteError
from ..files import display_path, quoted
from ..http.messages import Request
from ..matching.differences import differences, short
from ..replay.misses import Miss
from ..replay.responder import Responder
from .run_summary import interactions, rerecording_command

_MOST_DIFFERENCES = 6
_MOST_SECONDS = 2.0


def misses(
    test: str,
    found: Iterable[Miss],
    responder: Responder,
    path: Path | None,
    *,
    found_cassette: bool = False,
    root: Path,
    command: str = "",
    moved: tuple[str, str] | None = None,
) -> str:
    """The report of a test that asked for what it may not have.

    Args:
        test: Node id, or what else asked.
        found: Its misses, at least one.
        responder: What answered it.
        path: Its cassette, None if it is on none.
        found_cassette: Whether there was such a file.
        root: The folder that paths are shown relative to.
        command: How to record, if not with pytest.
        moved: Of which test a cassette is that may be this one's, and what moves it.
    """
    found = list(found)
    lines = [f"{test} asked for something that its cassette does not hold:", ""]
    if all(miss.kind == "exhausted" for miss in found):
        lines[0] = f"{test} asked more often than its cassette holds:"
    elif path is None:
        lines[0] = f"{test} asked the network for something, and is on no cassette:"
    for miss in found:
        lines += [f"  {line}" if line else "" for line in _miss(miss, responder, path, root)]
        lines.append("")
    if all(miss.kind == "socket" for miss in found):
        # What goes past every client cannot be recorded.
        return "\n".join(lines).rstrip()
    if path is None:
        lines.append("  put it on a cassette: @pytest.mark.agentcache, or one of the fixtures")
    elif not found_cassette:
        lines.append(f"  there is no cassette yet: {display_path(path, root)}")
    if moved:
        lines += [f"  {moved[0]}; if it is this test, move it:", f"    {moved[1]}"]
    if path is not None and is_foreign(path):
        command_line = f"agentcache import {shlex.quote(display_path(path, root))}"
        lines.append(f"  it is a cassette of another tool: {command_line}")
    lines.append(f"  record it: {command or recording_command(test)}")
    return "\n".join(lines)


def recording_command(test: str) -> str:
    """What records a test, or what its cassette lacks."""
    return f"pytest --agentcache-record {quoted(test)}"


def outside(test: str, found: Iterable[Miss]) -> str:
    """The report of a test on a cassette that asked while its cassette was not open."""
    lines = [f"{test} asked the network while its cassette was not open:", ""]
    lines += [f"  {_head(miss)}" for miss in found]
    return "\n".join(
        [
            *lines,
            "",
            "  a fixture of wider scope than the test's own is on no cassette; give it function",
            "  scope, or put pytest_agentcache.use_cassette() around what it asks",
        ]
    )


def _miss(miss: Miss, responder: Responder, path: Path | None, root: Path) -> Iterator[str]:
    yield _head(miss)
    if miss.kind == "socket":
        where = miss.request.url
        yield "a connection past every client that is recorded; if the test needs it,"
        yield f"allow it: agentcache_allowed_hosts = {where}"
        return
    yield from _closest(miss, responder)
    if (
        path is not None
        and miss.kind == "missing"
        and (elsewhere := held_elsewhere(miss.request, responder, path))
    ):
        yield f"it stands in another cassette: {display_path(elsewhere, root)}"


def _head(miss: Miss) -> str:
    url = urlsplit(miss.request.url)
    where = f"{url.netloc}{url.path}" + (f"?{url.query}" if url.query else "")
    if miss.kind == "socket":
        where = miss.request.url
    head = f"{miss.request.method} {where}"
    asked = f"asked at {miss.caller}" if miss.caller else "asked by no line of your own"
    return f"{head:<46} {asked}" + (f", {miss.count} times" if miss.count > 1 else "")


def _closest(miss: Miss, responder: Responder) -> Iterator[str]:
    if miss.kind == "exhausted":
        numbers = [
            number
            for number in range(1, len(responder.recorded) + 1)
            if responder.holds(number, miss.request)
        ]
        times = "once" if len(numbers) == 1 else f"{len(numbers)} times"
        yield f"recorded {times} ({interactions(numbers)}), and already replayed"
        return
    nearest = closest_to(miss.request, responder)
    if nearest is None:
        # Nothing to compare it with; yet what was asked tells one request from another.
        if body := miss.request.body:
            yield f"  body {short(body.decode('utf-8', 'replace'))}"
        return
    number, found = nearest
    replayed = ", already replayed once" if responder.replayed(number) else ", not replayed yet"
    yield f"closest: interaction {number}{replayed}"
    if not found:
        yield "  the same by today's settings; it was recorded under others"
    width = max((len(each.place) for each in found[:_MOST_DIFFERENCES]), default=0)
    for each in found[:_MOST_DIFFERENCES]:
        yield f"  {each.place:<{width}}   recorded {each.recorded}   asked {each.asked}"
    if len(found) > _MOST_DIFFERENCES:
        yield f"  … and {len(found) - _MOST_DIFFERENCES} more differences"


def closest_to(request: Request, responder: Responder) -> Any:
    """Number of the interaction that comes closest, and what differs; None if none is close."""
    best: Any = None
    for number, interaction in enumerate(responder.recorded, 1):
        found = differences(responder.matcher, responder.normalized(interaction.request), request)
        places = {each.place for each in found}
        # A request to the same place is closer than one with fewer differences elsewhere.
        score = (
            len(places & {"method", "host", "path"}),
            "body" in places,
            len(found),
            responder.replayed(number),
        )
        if best is None or score < best[0]:
            best = score, number, found
    # Something on another host at another path is no help.
    return None if best is None or best[0][0] > 1 else best[1:]


def held_elsewhere(request: Request, responder: Responder, path: Path) -> Path | None:
    """Another cassette of the same folder of tests that holds `request`."""
    until = time.perf_counter() + _MOST_SECONDS
    for other in _others(path):
        if time.perf_counter() > until:
            return None
        if other == path:
            continue
        if _holds(other, request, responder):
            return other
    return None


def holds(path: Path, request: Request, responder: Responder) -> bool:
    """Whether the cassette at `path` holds `request`."""
    return _holds(path, responder.normalized(request), responder)


def _holds(path: Path, request: Request, responder: Responder) -> bool:
    step = urlsplit(request.url).path.rpartition("/")[2].encode()
    if responder.ids.pattern(step)[1]:
        # Another id may stand there for it.
        step = b""
    key = responder.matcher.key(request)
    try:
        if step not in path.read_bytes():
            return False
        held = cassette.read(path).interactions
    except (CassetteError, OSError):
        return False
    return any(responder.key(each) == key for each in held)


def _others(path: Path) -> list[Path]:
    """The cassettes among which `path` lies; where it lies in no such folder, those beside it."""
    root = next((folder for folder in path.parents if folder.name == "cassettes"), None)
    try:
        return sorted(path.parent.glob("*.yaml") if root is None else root.rglob("*.yaml"))
    except OSError:
        return []


def unused(test: str, numbers: Iterable[int], path: Path, root: Path) -> str:
    """The report of a test under `agentcache_unused = fail` that left interactions unused."""
    return (
        f"{test} never asked for {interactions(numbers)} of {display_path(path, root)}.\n\n"
        f"  drop what is unused: {recording_command(test)}"
    )


def aged(test: str, age: str, path: Path, root: Path) -> str:
    """The report of a test under `agentcache_aged = fail` whose cassette is too old."""
    return (
        f"{test} is on a cassette that is too old.\n\n"
        f"  {display_path(path, root)}: {age}\n"
        f"  record it anew: {rerecording_command([test])}"
    )
