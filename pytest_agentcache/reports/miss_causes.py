"""The likely causes of a miss, judged by its differences, and the settings that help."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

from ..matching.differences import Difference
from ..matching.stable_ids.finder import IdFinder
from ..matching.stable_ids.rewriting import Rewriter
from ..matching.stable_ids.volatile import INSTANT
from ..network.rules import host_listed
from ..settings.checks import IDS
from ..settings.hosts import host_of
from ..settings.json_path import PathError, joined, json_path
from ..settings.settings import Settings
from ..settings.telemetry import looks_like_telemetry

_TIME = re.compile(
    rf"{INSTANT.decode()}(?:Z|[+-]\d\d:?\d\d)?|\d{{4}}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?"
    r"|(?<![\w.])\d\d:\d\d(?::\d\d(?:\.\d+)?)?|(?<![\w.])1\d{9}(?:\.\d+|\d{3})?(?![\w.])"
)
# Letters and digits in turn, as no word and no number has them.
_RANDOM = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z-]*\d)(?=[\d-]*[A-Za-z])(?:[0-9a-fA-F]{8,}|[A-Za-z0-9_-]{12,})"
    r"(?![A-Za-z0-9])"
)
# By cause, a function that replaces what differs on each run by one sign. The first is what
# `stable_ids` maps in requests.
_BLANKED: dict[str, Callable[[str], str]] = {
    "id": partial(Rewriter(IdFinder(IDS).find).text, replace_id=lambda found: b"\0"),
    "time": partial(_TIME.sub, "\0"),
    "random": partial(_RANDOM.sub, "\0"),
}
# The settings that list hosts.
_HOSTS = ("allowed_hosts", "ignore_hosts", "passthrough", "session_cassette")


def remedies(differences: Sequence[Difference], settings: Settings) -> Iterator[str]:
    """Yield a line for each cause that the differences from the closest interaction show.

    Args:
        differences: The differences, all of them.
        settings: The settings of the test.
    """
    causes = {each.place: _cause(each) for each in differences}
    if "id" in causes.values():
        yield "an id that differs on each run: agentcache_stable_ids = true"
    is_real = settings.freeze is False
    if is_real and "time" in causes.values():
        yield "a time, and the clock is not frozen: agentcache_freeze = true"
    for place, cause in causes.items():
        setting = _ignoring(place)
        if setting and (cause == "random" or (cause == "time" and not is_real)):
            what = "a time" if cause == "time" else "a value"
            yield f"{what} that differs on each run: {setting}"
    yield from _misspelled_paths(causes, settings)


def _cause(difference: Difference) -> str:
    """Return `id`, `time` or `random` if only such parts differ, else nothing."""
    was, now = map(_text, difference.values)
    if was is None or now is None:
        return ""
    for cause, blanked in _BLANKED.items():
        if was != blanked(was) == blanked(now):
            return cause
    return ""


def _text(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _ignoring(place: str) -> str:
    """Return the setting that leaves a place out of matching, nothing if none does."""
    part, rest = _split(place)
    if part == "json" and rest:
        return f"agentcache_ignore_json = {rest}"
    if part in ("query", "form") and rest:
        return f"agentcache_ignore_{part} = {rest.partition('[')[0]}"
    return ""


def _split(place: str) -> tuple[str, str]:
    """Return the part of a request that a place is in, such as `json`, and the path there."""
    part = re.match(r"\w*", place)[0]  # type: ignore[index]
    return part, place.removeprefix(part).removeprefix(".")


def _misspelled_paths(places: Collection[str], settings: Settings) -> Iterator[str]:
    known = [path for part, path in map(_split, places) if part == "json"]
    for written in settings.ignore_json:
        try:
            plain = joined(json_path(written))
        except PathError:
            continue
        close = get_close_matches(plain, known, n=1, cutoff=0.8)
        if close and plain != close[0]:
            yield f"agentcache_ignore_json has {written}; did you mean {close[0]}?"


def of_host(url: str, recorded: Collection[str], settings: Settings) -> Iterator[str]:
    """Yield lines for a request whose host may have nothing to do with the test.

    Args:
        url: The URL of the request that missed.
        recorded: The hosts on the cassette of its test, with their ports.
        settings: The settings of the test.
    """
    host = host_of(url)
    if looks_like_telemetry(url):
        yield f"if it is telemetry, ignore it: agentcache_ignore_hosts = {host}"
    elif recorded and host not in recorded:
        yield f"nothing from {host} is on the cassette; if the test is not about it,"
        yield f"  respond with nothing: agentcache_ignore_hosts = {host}"
        yield f"  or send it on each run: agentcache_passthrough = {host}"
    yield from _misspelled_hosts(host, settings)


def _misspelled_hosts(host: str, settings: Settings) -> Iterator[str]:
    """Yield lines for hosts in the settings that are close to `host`, but not the same."""
    for name in _HOSTS:
        for written in getattr(settings, name):
            listed = written.removeprefix("!").partition("/")[0]
            wanted = host if ":" in listed else host.partition(":")[0]
            if host_listed(wanted, None, [listed]):
                continue
            if get_close_matches(wanted, [listed.lower()], n=1, cutoff=0.85):
                meant = written.replace(listed, wanted)
                yield f"agentcache_{name} has {written}; did you mean {meant}?"
