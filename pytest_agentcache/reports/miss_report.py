"""The reports of a test that failed on its cassette: misses, unused interactions, its age."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from ..cassette.foreign import is_foreign
from ..files import display_path, quoted
from ..matching.differences import short
from ..replay.misses import Miss
from ..replay.responder import Responder
from . import miss_causes
from .miss_search import MissSearch
from .run_summary import interactions, rerecording_command

_MOST_DIFFERENCES = 6
# The beginnings of places in bodies.
_BODIES = ("body", "json", "form", "multipart")


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
    """Return the report of the misses of a test.

    The first line is the cause, because pytest's short summary shows only that.

    Args:
        test: Node id of the test, or the call of `use_cassette`.
        found: Its misses, at least one.
        responder: Its responder.
        path: Its cassette, None if it is not on one.
        found_cassette: Whether that file exists.
        root: The folder that paths are relative to in the report.
        command: How to record, outside pytest.
        moved: What to say of a cassette that may be this test's under another name, and the
            command that moves it.
    """
    found = list(found)
    owner = test if command else "this test"
    search = MissSearch(responder, path, found)
    blocks = [_miss(miss, search, root, owner) for miss in found]
    lines = [line for block in blocks for line in [*block, ""]]
    if all(miss.kind in ("socket", "untrusted") for miss in found):
        # What bypasses every client cannot be recorded.
        return "\n".join(lines).rstrip()
    if len(found) == 1:
        lines.pop()
    if path is None:
        lines.append("  put it on a cassette: @pytest.mark.agentcache, or one of the fixtures")
    elif not found_cassette:
        lines.append(f"  there is no cassette yet: {display_path(path, root)}")
    if moved:
        lines += [f"  {moved[0]}; if it is this test, move it:", f"    {moved[1]}"]
    if path is not None and is_foreign(path):
        if any(_differs_in_body(miss, search) for miss in found):
            lines.append("  VCR.py did not compare bodies: agentcache_match = method url")
        command_line = f"agentcache import {shlex.quote(display_path(path, root))}"
        lines.append(f"  it is a cassette of another tool: {command_line}")
    if any(miss.kind == "forked" for miss in found):
        lines += [
            "  run the work of the child in the test itself or in threads, or put",
            "  pytest_agentcache.use_cassette() around it inside the child",
        ]
    if all(miss.kind in ("forked", "socket") for miss in found):
        return "\n".join(lines)
    it = "it" if len(found) == 1 else "them"
    lines.append(f"  record {it}: {command or recording_command(test)}")
    return "\n".join(lines)


def _differs_in_body(miss: Miss, search: MissSearch) -> bool:
    """Return whether the body is all in which a missed request differs from a recorded one."""
    nearest = search.closest_to(miss.request) if miss.kind == "missing" else None
    found = nearest[1] if nearest else ()
    return bool(found) and all(each.place.startswith(_BODIES) for each in found)


def recording_command(test: str) -> str:
    """Return the command that records what is missing from the cassette of a test."""
    return f"pytest --agentcache-record {quoted(test)}"


def outside(found: Iterable[Miss]) -> str:
    """Return the report of requests that a test sent while its cassette was not open."""
    lines = []
    for miss in found:
        lines += [f"{_request(miss)} was sent while the cassette was not open", _sent(miss), ""]
    lines += [
        "  a fixture of a wider scope than the test's own is not on a cassette; give it function",
        "  scope, or put pytest_agentcache.use_cassette() around its requests",
    ]
    return "\n".join(lines)


def _miss(miss: Miss, search: MissSearch, root: Path, owner: str) -> Iterator[str]:
    path = search.path
    if miss.kind == "socket":
        yield f"{_request(miss)} was refused: no client that can be recorded sent it"
        yield _sent(miss)
        yield f"  if {owner} needs it, allow it: agentcache_allowed_hosts = {miss.request.url}"
        target = f"//{miss.request.url}"
        yield from _indented(miss_causes.of_host(target, (), search.responder.settings))
        return
    if miss.kind == "untrusted":
        yield f"{_request(miss)}: the proxy of agentcache.serve() was not trusted"
        yield _sent(miss)
        yield from _indented(_trust(miss.request.url))
        return
    if path is None:
        yield f"{_request(miss)} was sent by a test that is not on a cassette"
    elif miss.kind == "forked":
        yield f"{_request(miss)} was sent by a forked child process, which cannot record"
    elif miss.kind == "exhausted":
        yield f"{_request(miss)} was sent more often than it was recorded for {owner}"
    else:
        yield f"{_request(miss)} is not on the cassette of {owner}"
    yield _sent(miss)
    yield from _indented(_closest(miss, search))
    if miss.kind == "missing":
        lines = miss_causes.of_host(miss.request.url, search.hosts, search.responder.settings)
        yield from _indented(lines)
    if elsewhere := search.elsewhere(miss):
        yield f"  it is on another cassette: {display_path(elsewhere, root)}"
        url = urlsplit(miss.request.url)
        yield "  if it is sent once per process, set this and record again:"
        yield f"    agentcache_session_cassette = {url.netloc}{url.path}"


def _trust(address: str) -> Iterator[str]:
    if find_spec("trustme") is None:
        yield "HTTPS needs a certificate: pip install 'pytest-agentcache[serve]'"
        return
    base = f"https://{address.removesuffix(':443')}"
    yield "start it with the variables of agentcache.serve().env, or give its client"
    yield f"the base URL agentcache.serve().base({base!r})"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _request(miss: Miss) -> str:
    url = urlsplit(miss.request.url)
    where = f"{url.netloc}{url.path}" + (f"?{url.query}" if url.query else "")
    return (
        f"{miss.request.method} {miss.request.url if miss.request.method == 'CONNECT' else where}"
    )


def _sent(miss: Miss) -> str:
    sent = f"sent {miss.caller.phrase}" if miss.caller else "sent by a library, not by your code"
    return f"  {sent}" + (f", {miss.count} times" if miss.count > 1 else "")


def _closest(miss: Miss, search: MissSearch) -> Iterator[str]:
    responder = search.responder
    if miss.kind == "exhausted":
        numbers = [
            number
            for number in range(1, len(responder.recorded) + 1)
            if responder.holds(number, miss.request)
        ]
        times = "once" if len(numbers) == 1 else f"{len(numbers)} times"
        yield f"recorded {times} ({interactions(numbers)}), and already replayed"
        return
    nearest = search.closest_to(miss.request)
    if nearest is None:
        # There is nothing to compare it with, but its body tells it from other requests.
        if body := miss.request.body:
            yield f"  body {short(body.decode('utf-8', 'replace'))}"
        return
    number, found = nearest
    replayed = ", already replayed once" if responder.replayed(number) else ", not replayed yet"
    yield f"closest: interaction {number}{replayed}"
    if not found:
        yield "  the same under the current settings; it was recorded under different ones"
    width = max((len(each.place) for each in found[:_MOST_DIFFERENCES]), default=0)
    for each in found[:_MOST_DIFFERENCES]:
        yield f"  {each.place:<{width}}   recorded {each.recorded}   sent {each.asked}"
    if len(found) > _MOST_DIFFERENCES:
        yield f"  … and {len(found) - _MOST_DIFFERENCES} more differences"
    yield from miss_causes.remedies(found, responder.settings)


def unused(test: str, numbers: Iterable[int], path: Path, root: Path) -> str:
    """Return the report of a test with unused interactions, under `agentcache_unused = fail`."""
    numbers = list(numbers)
    are = "are" if len(numbers) > 1 else "is"
    return (
        f"{interactions(numbers)} of {display_path(path, root)} {are} unused by {test}\n"
        f"  remove what is unused: {recording_command(test)}"
    )


def aged(test: str, age: str, path: Path, root: Path) -> str:
    """Return the report of a test with a cassette that is too old, under `agentcache_aged`."""
    return (
        f"the cassette of {test} is too old\n"
        f"  {display_path(path, root)}: {age}\n"
        f"  record it again: {rerecording_command([test])}"
    )
