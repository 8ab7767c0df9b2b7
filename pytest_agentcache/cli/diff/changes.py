"""The differences between two interactions, place by place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from ...http.body import Plain, plain
from ...http.body.form import by_name
from ...http.messages import Headers, Interaction, Request, Response
from ...llm.reading import is_stream, read_output
from ...matching.stable_ids.volatile import is_volatile_change
from .words import Piece, compare

ABSENT: Any = object()
"""The value of a place that does not exist, as opposed to the null of JSON."""

Side = Literal["request", "response"]
# Longer lists of numbers are vectors; longer lists are compared only at their ends.
_MOST_NUMBERS, _MOST_COMPARED = 64, 250_000
_TOKENS = re.compile(r"(?:^|\.)(?:usage|usageMetadata|x_groq|timings|meta)(?:$|[.\[])")


@dataclass(frozen=True, slots=True)
class Change:
    """One place where two interactions differ.

    Attributes:
        side: `request` or `response`.
        place: A path: `json.messages[2].content`, `url.query.city`, `status`, `text`.
        was: The old value; ABSENT if it was added.
        now: The new value; ABSENT if it was removed.
        pieces: The difference word by word, if both are text.
        weight: 2 for the request and what the model says, 1 for the rest, 0 for values that
            differ in every recording.
        again: The number of the interaction whose change this one repeats; 0 if it repeats none.
    """

    side: Side
    place: str
    was: Any
    now: Any
    pieces: tuple[Piece, ...] = ()
    weight: int = 1
    again: int = 0

    @property
    def edits(self) -> list[tuple[str, str]]:
        """The old and the new words of each run that changed."""
        edits: list[list[str]] = []
        last = "same"
        for piece in self.pieces:
            if piece.kind == "was" or (piece.kind == "now" and last == "same"):
                edits.append(["", ""])
            if piece.kind != "same":
                edits[-1][0 if piece.kind == "was" else 1] = piece.text.strip()
            last = piece.kind
        return [(was, now) for was, now in edits]


def changes(was: Interaction, now: Interaction) -> list[Change]:
    """Return the differences between two interactions, the most important first."""
    found = [*_requests(was.request, now.request), *_responses(was.response, now.response)]
    return sorted(found, key=lambda change: (-change.weight, change.side != "request"))


def _requests(was: Request, now: Request) -> Iterator[Change]:
    if was.method != now.method:
        yield Change("request", "method", was.method, now.method, weight=2)
    if was.url != now.url:
        yield from _urls(was.url, now.url)
    yield from _headers("request", was.headers, now.headers)
    if was.body != now.body:
        yield from _bodies("request", was, now)


def _urls(was: str, now: str) -> Iterator[Change]:
    left, right = urlsplit(was), urlsplit(now)
    was_at, now_at = (f"{each.scheme}://{each.netloc}" for each in (left, right))
    if was_at != now_at:
        yield Change("request", "url.host", was_at, now_at, weight=2)
    if left.path != right.path:
        yield _change("request", "url.path", left.path, right.path, weight=2)
    queries = [by_name(parse_qsl(each.query, keep_blank_values=True)) for each in (left, right)]
    found = list(_values("request", "url.query", *queries))
    yield from found
    if not found and left.query != right.query:
        yield Change("request", "url.query", left.query, right.query, weight=0)


def _responses(was: Response, now: Response) -> Iterator[Change]:
    if was.status != now.status:
        # Without a status, the caller gave up before the response had begun.
        was_status, now_status = was.status or "cancelled", now.status or "cancelled"
        yield Change("response", "status", was_status, now_status, weight=2)
    elif was.cancelled != now.cancelled:
        yield Change("response", "cancelled", was.cancelled, now.cancelled, weight=2)
    elif was.reason != now.reason:
        yield Change("response", "reason", was.reason, now.reason, weight=0)
    yield from _headers("response", was.headers, now.headers)
    if was.body == now.body:
        if was.chunks != now.chunks:
            yield Change("response", "chunks", list(was.chunks), list(now.chunks), weight=0)
        return
    said = list(_said(was, now))
    yield from said
    if is_stream(was) and is_stream(now):
        if not said:
            yield Change("response", "stream", *_sizes(was, now), weight=0)
        return
    # The model's answer was compared above; do not repeat its changes at their places in the JSON.
    known = {edit for change in said for edit in change.edits}
    for change in _bodies("response", was, now):
        if not change.edits or not known.issuperset(change.edits):
            yield change


def _sizes(was: Request | Response, now: Request | Response) -> tuple[str, str]:
    return f"{len(was.body):,} bytes", f"{len(now.body):,} bytes"


def _said(was: Response, now: Response) -> Iterator[Change]:
    """Yield the differences between what two responses say, with streams assembled."""
    before, after = read_output(was), read_output(now)
    texts = ["\n".join(each.texts.values()) for each in (before, after)]
    if texts[0] != texts[1]:
        yield _change("response", "text", texts[0] or ABSENT, texts[1] or ABSENT, weight=2)
    calls = [
        [f"{name}({_sorted(raw)})" for name, raw in each.calls.values()] for each in (before, after)
    ]
    if calls[0] != calls[1]:
        yield from _values("response", "calls", *calls, weight=2)
    for place in ("thoughts", "refusal", "error", "end"):
        left, right = getattr(before, place), getattr(after, place)
        if left != right:
            weight = 1 if place in ("thoughts", "end") else 2
            yield _change("response", place, left or ABSENT, right or ABSENT, weight=weight)
    usages = [each.usage for each in (before, after)]
    counts = [(each.input_tokens, each.output_tokens) for each in usages]
    if counts[0] != counts[1] and any(each is not None for pair in counts for each in pair):
        before_text, after_text = (f"{sent or 0}→{received or 0}" for sent, received in counts)
        yield Change("response", "tokens", before_text, after_text, weight=0)


def _sorted(raw: str) -> str:
    try:
        return json.dumps(json.loads(raw), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return raw


def _headers(side: Side, was: Headers, now: Headers) -> Iterator[Change]:
    if was.pairs != now.pairs:
        yield from _values(side, "headers", by_name(was), by_name(now))


def _bodies(side: Side, was: Request | Response, now: Request | Response) -> Iterator[Change]:
    left, right = (_content(each.body, each.content_type) for each in (was, now))
    if left[0] == right[0]:
        weight = 2 if side == "request" else 1
        found = list(_values(side, left[0], left[1], right[1], weight=weight))
        yield from found
        if not found:
            yield Change(side, f"{left[0]} (its spelling)", *_sizes(was, now), weight=0)
    else:
        yield Change(side, "body", _short(left), _short(right), weight=2)


def _short(content: tuple[str, Any]) -> Any:
    kind, value = content
    return (
        value if kind == "text" else f"{kind} {json.dumps(value, ensure_ascii=False, default=str)}"
    )


def _content(raw: bytes, content_type: str) -> tuple[str, Any]:
    """Return the kind of a body and its plain values."""
    found = plain(raw, content_type)
    return (found.kind, _shown(found)) if found else ("text", "0 bytes")


def _shown(found: Plain | None) -> Any:
    if found is None:
        return "0 bytes"
    if found.kind == "multipart":
        return [
            {"headers": each["headers"], "content": _shown(each["content"])} for each in found.value
        ]
    if not found.is_readable:
        return f"{len(found.value.encode('utf-8', 'surrogateescape')):,} bytes"
    return found.value


def _values(side: Side, place: str, was: Any, now: Any, *, weight: int = 1) -> Iterator[Change]:
    if isinstance(was, dict) and isinstance(now, dict):
        for name in [*was, *(name for name in now if name not in was)]:
            inner = f"{place}.{name}"
            yield from _values(
                side, inner, was.get(name, ABSENT), now.get(name, ABSENT), weight=weight
            )
    elif isinstance(was, list) and isinstance(now, list):
        yield from _lists(side, place, was, now, weight)
    elif not _same(was, now):
        yield _change(side, place, was, now, weight=weight)


def _lists(side: Side, place: str, was: list[Any], now: list[Any], weight: int) -> Iterator[Change]:
    """Compare lists by their items, so that an inserted item does not change the later ones."""
    if len(was) + len(now) > _MOST_NUMBERS and all(map(_is_number, [*was, *now])):
        # A vector, such as an embedding: its single numbers mean nothing to a reader.
        yield Change(side, place, _vector(was), _vector(now), weight=min(weight, 1))
        return
    keys = [[json.dumps(each, default=repr) for each in items] for items in (was, now)]
    if sorted(keys[0]) == sorted(keys[1]) and keys[0] != keys[1]:
        yield Change(side, f"{place} (their order)", was, now, weight=weight)
        return
    for tag, a, b, c, d in _steps(keys[0], keys[1]):
        if tag == "equal":
            continue
        for step in range(max(b - a, d - c)):
            left = was[a + step] if a + step < b else ABSENT
            right = now[c + step] if c + step < d else ABSENT
            at = a + step if right is ABSENT else c + step
            yield from _values(side, f"{place}[{at}]", left, right, weight=weight)


def _steps(was: list[str], now: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """Return difflib's opcodes; for long lists only the common start and end are found."""
    if len(was) * len(now) <= _MOST_COMPARED:
        return SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    shorter = min(len(was), len(now))
    head = next((at for at in range(shorter) if was[at] != now[at]), shorter)
    left = shorter - head
    tail = next((at for at in range(left) if was[-1 - at] != now[-1 - at]), left)
    return [("replace", head, len(was) - tail, head, len(now) - tail)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _vector(numbers: list[Any]) -> str:
    return f"[{', '.join(map(str, numbers[:3]))}, … {len(numbers):,} numbers]"


def _same(was: Any, now: Any) -> bool:
    # In Python, true equals 1 and 1 equals 1.0; in JSON they differ.
    return type(was) is type(now) and bool(was == now) and repr(was) == repr(now)


def _change(side: Side, place: str, was: Any, now: Any, *, weight: int = 1) -> Change:
    if weight and _is_volatile(place, was, now):
        weight = 0
    pieces: tuple[Piece, ...] = ()
    if isinstance(was, str) and isinstance(now, str):
        pieces = tuple(compare(was, now))
    return Change(side, place, was, now, pieces, weight)


def _is_volatile(place: str, was: Any, now: Any) -> bool:
    if was is ABSENT or now is ABSENT:
        return False
    return _TOKENS.search(place) is not None or is_volatile_change(place, was, now)
