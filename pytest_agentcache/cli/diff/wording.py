"""What changed, each interaction on one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...cassette.caption import says
from ...http.messages import Interaction
from ...llm.conversation import conversation_of
from ..terminal import Screen, columns, counted, cut, cut_middle, one_line, shortened
from .alignment import Pair
from .changes import ABSENT, Change

_MARKS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "moved": ("↕", "cyan"),
    "changed": ("~", "yellow"),
    "same": ("=", "dim"),
}


def headline(pair: Pair, screen: Screen) -> str:
    """One line that says what became of an interaction."""
    mark, colour = _MARKS[pair.kind]
    shown_pair = pair.shown
    number = f"{pair.after or pair.before}"
    if pair.moved and pair.before != pair.after:
        number = f"{pair.before}→{pair.after}"
    head = f"{mark} {number} · "
    where = _where(shown_pair.request.url)
    room = screen.width - columns(head)
    told = told_of(pair)
    # What changed says more than where, so the place gives way first.
    left = max(room // 4, room - columns(told) - 3) if told else room
    place = _placed(shown_pair.request.method, where, left)
    told = cut(told, room - columns(place) - 3)
    line = screen.style(head, colour, "bold") + screen.style(place, "cyan")
    return f"{line} · {told}" if told else line


def phrase(pair: Pair) -> str:
    """`Interaction 2 changed: POST api.openai.com/v1/chat/completions, answer 'a' → 'b'`."""
    shown = pair.shown
    place = f"{shown.request.method} {cut_middle(_where(shown.request.url), 80)}"
    number = f"{pair.after or pair.before}"
    if pair.moved and pair.before != pair.after:
        number = f"{pair.before}→{pair.after}"
    return f"{number} {pair.kind}: {place} · {cut(told_of(pair), 200)}"


def _placed(method: str, where: str, room: int) -> str:
    """Method and address, of a long one its end, by which people know it."""
    place = f"{method} {where}"
    if columns(place) <= room:
        return place
    steps = where.split("/")
    for count in (3, 2, 1):
        if (
            len(steps) > count
            and columns(short := f"{method} …/{'/'.join(steps[-count:])}") <= room
        ):
            return short
    return cut_middle(f"…/{steps[-1]}" if len(steps) > 1 else place, max(room, 14))


def _where(url: str) -> str:
    return one_line(url.partition("://")[2].partition("?")[0] or url)


def told_of(pair: Pair) -> str:
    """What became of an interaction, without where it was asked."""
    match pair.kind:
        case "added" | "removed":
            said = says(pair.shown.response)
            asked = _last_words(pair.shown)
            status = pair.shown.response.status
            words = one_line(" ⇒ ".join(part for part in (asked, said) if part))
            words = words or _beginning(pair.shown.response.body)
            return f"{status} · {words}" if status >= 400 and words else words or str(status)
        case "moved":
            return "moved, otherwise the same"
        case _:
            return ("moved; " if pair.moved else "") + summary(pair.changes)


def _beginning(raw: bytes) -> str:
    """The first words of a body that is text."""
    text = raw[:400].decode("utf-8", "replace")
    return "" if "\0" in text or "\ufffd" in text[:100] else cut(one_line(text), 60)


def _last_words(interaction: Interaction) -> str:
    """What the last message of a request says, in quotes."""
    conversation = conversation_of(interaction)
    if conversation is None:
        return ""
    for part in reversed(conversation.turns[-1].parts):
        if part.kind == "text":
            return f'"{cut(one_line(part.text), 48)}"'
        if part.kind == "result":
            return cut(f"{part.name or 'result'}: {one_line(part.text)}", 48)
    return ""


def summary(changes: Sequence[Change]) -> str:
    """What changed on one line: `messages[1].content 'Paris' → 'London'; answer 'dry' → 'wet'`."""
    own = [change for change in changes if not change.again]
    weighty = [change for change in own if change.weight == 2]
    rest = [change for change in own if change.weight == 1]
    again = sorted({change.again for change in changes if change.again and change.weight})
    parts = [_phrase(change) for change in weighty[:3]]
    if len(weighty) > 3:
        parts.append(f"{len(weighty) - 3} more")
    if not weighty:
        parts = [_phrase(change) for change in rest[:2]]
        rest = rest[2:]
    if again:
        parts.append(f"sends again what changed in {', '.join(map(str, again))}")
    if rest:
        parts.append(counted(len(rest), "smaller change"))
    if not parts:
        return f"only {listed(changes)}"
    return "; ".join(parts)


def listed(changes: Sequence[Change]) -> str:
    """The last names of the places of changes: `id, created, usage`."""
    names = dict.fromkeys(change.place.rpartition(".")[2].partition("[")[0] for change in changes)
    names_text = ", ".join([*names][:4])
    return names_text + (" …" if len(names) > 4 else "")


def _phrase(change: Change) -> str:
    place = change.place.removeprefix("json.").removeprefix("url.")
    if change.side == "response":
        if place.startswith("calls["):
            call = change.now if isinstance(change.now, str) else change.was
            place = f"calls {str(call).partition('(')[0]}"
        else:
            place = "answer" if place == "text" else f"answer {place}"
    if change.was is ABSENT:
        return f"{place} + {_value(change.now)}"
    if change.now is ABSENT:
        return f"{place} - {_value(change.was)}"
    if change.pieces:
        edits = change.edits
        if len(edits) == 1:
            return f"{place} {_edit(*edits[0])}"
        first = f"{place} {_edit(*edits[0])}"
        return f"{first} (+{counted(len(edits) - 1, 'edit')})"
    if place.endswith("(their order)"):
        return place
    return f"{place} {_value(change.was)} → {_value(change.now)}"


def _edit(was: str, now: str) -> str:
    """`'Paris' → 'London'`, `+'please'`, `-'please'`."""
    if not was:
        return f"+{_quoted(now)}"
    return f"{_quoted(was)} → {_quoted(now)}" if now else f"-{_quoted(was)}"


def _quoted(text: str) -> str:
    return f"'{cut(shortened(one_line(text)), 40)}'"


def _value(value: Any) -> str:
    text = _quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return cut(shortened(one_line(text)), 42)
