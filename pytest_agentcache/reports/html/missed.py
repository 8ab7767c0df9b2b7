"""A miss on the HTML page: the request, the closest interaction, and how the two differ."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ...files import display_path
from ...http.body import looks_like_json, render
from ...http.messages import Request
from ...replay.misses import Miss, sentence
from ...replay.responder import Responder
from ..miss_report import recording_command
from ..miss_search import MissSearch

_CONTEXT, _MOST_LINES, _LONGEST_LINE = 3, 400, 4000
_LONGEST_BODY = 100_000


def describe(
    test: str, found: Iterable[Miss], responder: Responder | None, path: Path | None, root: Path
) -> list[dict[str, Any]]:
    """Return misses in values that xdist can send from a worker to the controller.

    Args:
        test: The node id of the test.
        found: Its misses.
        responder: The responder of the test, if it had one.
        path: Its cassette, None without one.
        root: The folder that paths are shown relative to.
    """
    search = MissSearch(responder, path, found) if responder is not None else None
    return [_entry(test, miss, search, root) for miss in found]


def _entry(test: str, miss: Miss, search: MissSearch | None, root: Path) -> dict[str, Any]:
    request = miss.request
    entry: dict[str, Any] = {
        "kind": miss.kind,
        "sentence": sentence(miss),
        "method": request.method,
        "url": request.url,
        "headers": [list(pair) for pair in request.headers],
        "body": _readable(request)[:_LONGEST_BODY],
        "caller": str(miss.caller or ""),
        "count": miss.count,
        "record": "" if miss.kind == "socket" else recording_command(test),
    }
    if search is None or miss.kind == "socket":
        return entry
    responder = search.responder
    if (best := search.closest_to(request)) is not None:
        number, places = best
        recorded = responder.normalized(responder.recorded[number - 1].request)
        entry["closest"] = {
            "n": number,
            "replayed": responder.replayed(number),
            "places": [[each.place, each.recorded, each.asked] for each in places],
            "diff": list(_diff(_readable(recorded), _readable(request))),
        }
    if (other := search.elsewhere(miss)) is not None:
        entry["elsewhere"] = display_path(other, root)
    return entry


def _readable(request: Request) -> str:
    """Return a body as text whose lines can be compared."""
    if looks_like_json(request.body):
        try:
            return json.dumps(json.loads(request.body), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            pass
    if not request.body:
        return ""
    return render(request.body, request.content_type) or f"({len(request.body):,} bytes)"


def _diff(was: str, now: str) -> Iterator[list[str]]:
    """Yield `-`, `+` and equal lines, and `@` in place of omitted ones."""
    left, right = was.splitlines(), now.splitlines()
    count = 0
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for at, group in enumerate(matcher.get_grouped_opcodes(_CONTEXT)):
        if at:
            yield ["@", ""]
        for kind, left_from, left_to, right_from, right_to in group:
            lines = [("-", line) for line in left[left_from:left_to] if kind != "equal"]
            lines += [
                (" " if kind == "equal" else "+", line) for line in right[right_from:right_to]
            ]
            for sign, line in lines:
                count += 1
                if count > _MOST_LINES:
                    yield ["@", "more lines differ"]
                    return
                yield [sign, line[:_LONGEST_LINE]]
