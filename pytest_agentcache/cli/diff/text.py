"""The differences between two cassettes as text, for people and as JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from ...cassette.caption import says
from ...http.messages import Interaction
from ...llm.conversation import conversation_of
from ..terminal import (
    Screen,
    clean,
    columns,
    counted,
    cut,
    cut_middle,
    one_line,
    shortened,
    snippet,
    wrap,
)
from .changes import ABSENT, Change
from .comparison import Comparison, Pair
from .words import Piece

_MARKS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "moved": ("↕", "cyan"),
    "changed": ("~", "yellow"),
    "same": ("=", "dim"),
}


# The number of lines shown of one changed value; the rest are counted.
_MOST_LINES = 10
# The number of unchanged words shown on each side of a change.
_AROUND = 8


def verdict(comparison: Comparison) -> str:
    """Return the changes of a cassette in short: `2 of 5 interactions changed, 1 added`."""
    if comparison.was is None:
        return f"new, {counted(len(comparison.pairs), 'interaction')}"
    if comparison.now is None:
        return f"removed, {counted(len(comparison.pairs), 'interaction')}"
    counts = Counter(pair.kind for pair in comparison.pairs)
    parts = ["renamed"] if comparison.renamed else []
    if counts["changed"]:
        total = len(comparison.was.interactions)
        parts.append(f"{counts['changed']} of {counted(total, 'interaction')} changed")
    parts += [f"{counts[kind]} {kind}" for kind in ("added", "removed", "moved") if counts[kind]]
    also = sum(pair.moved for pair in comparison.pairs if pair.kind == "changed")
    if also:
        parts.append(f"{also} of the changed moved")
    return ", ".join(parts) or "the same"


def write(
    comparison: Comparison, screen: Screen, *, brief: bool = False, everything: bool = False
) -> None:
    """Write one line per changed interaction, and below it the changes place by place.

    Args:
        comparison: The two versions of a cassette.
        screen: The output.
        brief: Whether to leave out the changes.
        everything: Whether to include values that differ in every recording.
    """
    changed = comparison.changed
    _write_title(comparison, screen)
    for pair in changed:
        screen.line(headline(pair, screen))
        if not brief and pair.kind == "changed":
            _write_changes(pair.changes, screen, everything=everything)


def _write_title(comparison: Comparison, screen: Screen) -> None:
    name, what = comparison.title, verdict(comparison)
    if columns(name) + 3 + columns(what) <= screen.width:
        screen.line(f"{screen.style(name, 'bold')} · {what}")
    else:
        screen.heading(name)
        screen.wrapped(what, "  ")


def _write_changes(changes: Sequence[Change], screen: Screen, *, everything: bool) -> None:
    if everything:
        shown_changes, hidden, again = list(changes), [], []
    else:
        shown_changes = [change for change in changes if change.weight and not change.again]
        hidden = [change for change in changes if not change.weight]
        again = [change for change in changes if change.weight and change.again]
    for change in shown_changes:
        _write_change(change, screen)
    for number in sorted({change.again for change in again}):
        places = [change.place for change in again if change.again == number]
        screen.wrapped(f"as in {number}: {', '.join(places)}", "    ", "dim")
    if hidden:
        screen.wrapped(f"also {listed(hidden)} (--all)", "    ", "dim")


def _write_change(change: Change, screen: Screen) -> None:
    head = f"{change.side} {change.place}"
    indent = "      "
    room = screen.width - len(indent)
    if change.pieces:
        lines = _wrapped(marked(change.pieces, screen), room, screen)
        screen.heading(head, "    ")
        for line in _limited(lines, screen):
            screen.line(indent + line)
        return
    one = [_json(each) for each in (change.was, change.now)]
    plain = columns(head) + columns(one[0]) + columns(one[1]) + 16
    if plain <= screen.width and "\n" not in "".join(one):
        was, now = _mark(one[0], "was", screen), _mark(one[1], "now", screen)
        sides = " ".join(
            text for text, value in ((was, change.was), (now, change.now)) if value is not ABSENT
        )
        screen.line(f"    {screen.style(head, 'bold')}  {sides}")
        return
    screen.heading(head, "    ")
    for text, value, mark, colour in (
        (one[0], change.was, "-", "red"),
        (one[1], change.now, "+", "green"),
    ):
        if value is not ABSENT:
            for line in _limited(list(wrap(text, room - 2)), screen):
                screen.line(f"{indent}{screen.style(f'{mark} {line}', colour)}")


def _limited(lines: list[str], screen: Screen) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    left = len(lines) - _MOST_LINES + 1
    return [*lines[: _MOST_LINES - 1], screen.style(f"… {counted(left, 'more line')}", "dim")]


def _wrapped(text: str, width: int, screen: Screen) -> list[str]:
    """Wrap a text with colours, which end and start again with each line."""
    if not screen.colour:
        return list(wrap(text, width))
    lines: list[str] = []
    current, used, colour = "", 0, ""

    for piece in re.findall(r"\x1b\[[\d;]*m|\n|[^\S\n]+|[^\s\x1b]+", text):
        if piece.startswith("\x1b"):
            colour = "" if piece == "\x1b[0m" else piece
            current += piece
            continue
        size = columns(piece)
        if piece == "\n" or (used and used + size > width):
            lines.append(current.rstrip() + ("\x1b[0m" if colour else ""))
            current, used = colour, 0
            if not piece.strip():
                continue
        current, used = current + piece, used + size
    return [*lines, current]


def _json(value: Any) -> str:
    if value is ABSENT:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shortened(clean(text))


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the JSON of a comparison."""
    return {
        "path": comparison.name,
        "was_path": comparison.was_name or None,
        "kind": comparison.kind,
        "interactions": [
            {
                "kind": pair.kind,
                "before": pair.before,
                "after": pair.after,
                "moved": pair.moved,
                "method": pair.latest.request.method,
                "url": pair.latest.request.url,
                "status": pair.latest.response.status,
                "summary": describe(pair),
                "changes": [
                    {
                        "side": change.side,
                        "place": change.place,
                        **({} if change.was is ABSENT else {"was": change.was}),
                        **({} if change.now is ABSENT else {"now": change.now}),
                        "volatile": change.weight == 0,
                    }
                    for change in pair.changes
                ],
            }
            for pair in comparison.changed
        ],
    }


def marked(pieces: Sequence[Piece], screen: Screen) -> str:
    """Return pieces as one text: `It is [-rainy-]{+dry+} in Paris`.

    With colours there are no marks. Unchanged text is cut to the words near a change.
    """
    out = []
    for at, piece in enumerate(pieces):
        if piece.kind == "same":
            out.append(_near(piece.text, first=at == 0, last=at == len(pieces) - 1))
        else:
            out.append(_mark(shortened(clean(piece.text)), piece.kind, screen))
    return "".join(out)


def _mark(text: str, kind: Literal["was", "now"], screen: Screen) -> str:
    """Return an old or a new text in its colour, or between its marks."""
    if not screen.colour:
        return f"[-{text}-]" if kind == "was" else f"{{+{text}+}}"
    return screen.style(text, *(("red", "struck") if kind == "was" else ("green", "underline")))


def _near(text: str, *, first: bool, last: bool) -> str:
    """Return the words of an unchanged text that are near a change."""
    text = clean(text)
    words = re.findall(r"\s*\S+|\s+$", text)
    if first and len(words) > _AROUND:
        return "…" + "".join(words[-_AROUND:])
    if last and len(words) > _AROUND:
        return "".join(words[:_AROUND]) + " …"
    if len(words) > 2 * _AROUND:
        return "".join(words[:_AROUND]) + " …" + "".join(words[-_AROUND:])
    return text


def headline(pair: Pair, screen: Screen) -> str:
    """Return one line with the change of an interaction."""
    mark, colour = _MARKS[pair.kind]
    request = pair.latest.request
    head = f"{mark} {_number(pair)} · "
    room = screen.width - columns(head)
    what = describe(pair)
    # The change says more than the URL, so the URL is cut first.
    left = max(room // 4, room - columns(what) - 3) if what else room
    place = _placed(request.method, _where(request.url), left)
    what = cut(what, room - columns(place) - 3)
    line = screen.style(head, colour, "bold") + screen.style(place, "cyan")
    return f"{line} · {what}" if what else line


def phrase(pair: Pair) -> str:
    """Return `2 changed: POST api.openai.com/v1/chat/completions · answer 'a' → 'b'`."""
    request = pair.latest.request
    place = f"{request.method} {cut_middle(_where(request.url), 80)}"
    return f"{_number(pair)} {pair.kind}: {place} · {cut(describe(pair), 200)}"


def _number(pair: Pair) -> str:
    if pair.moved and pair.before != pair.after:
        return f"{pair.before}→{pair.after}"
    return f"{pair.after or pair.before}"


def _placed(method: str, where: str, room: int) -> str:
    """Return method and URL; a long URL is reduced to its last steps."""
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


def describe(pair: Pair) -> str:
    """Return the change of an interaction in words, without its URL."""
    match pair.kind:
        case "added" | "removed":
            said = says(pair.latest.response)
            question = _last_words(pair.latest)
            status = pair.latest.response.status
            words = one_line(" ⇒ ".join(part for part in (question, said) if part))
            words = words or _beginning(pair.latest.response.body)
            if not status:
                return " · ".join(part for part in ("cancelled", words) if part)
            return f"{status} · {words}" if status >= 400 and words else words or str(status)
        case "moved":
            return "moved, otherwise the same"
        case _:
            return ("moved; " if pair.moved else "") + summary(pair.changes)


def _beginning(raw: bytes) -> str:
    """Return the first words of a text body."""
    text = raw[:400].decode("utf-8", "replace")
    return "" if "\0" in text or "\ufffd" in text[:100] else snippet(text, 60)


def _last_words(interaction: Interaction) -> str:
    """Return the text of the last message of a request, in quotes."""
    conversation = conversation_of(interaction)
    if conversation is None:
        return ""
    for part in reversed(conversation.turns[-1].parts):
        if part.kind == "text":
            return f'"{snippet(part.text, 48)}"'
        if part.kind == "result":
            return snippet(f"{part.name or 'result'}: {part.text}", 48)
    return ""


def summary(changes: Sequence[Change]) -> str:
    """Return changes on one line: `messages[1].content 'Paris' → 'London'; answer 'a' → 'b'`."""
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


def main_changes(pair: Pair) -> list[str]:
    """Return the changes of an interaction that matter and are not only sent again."""
    own = [change for change in pair.changes if change.weight == 2 and not change.again]
    return [_phrase(change) for change in own] if pair.kind == "changed" else []


def listed(changes: Sequence[Change]) -> str:
    """Return the last names of the places of changes, such as `id, created, usage`."""
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
    """Return an edit: `'Paris' → 'London'`, `+'please'` or `-'please'`."""
    if not was:
        return f"+{_quoted(now)}"
    return f"{_quoted(was)} → {_quoted(now)}" if now else f"-{_quoted(was)}"


def _quoted(text: str) -> str:
    return f"'{snippet(text, 40)}'"


def _value(value: Any) -> str:
    text = _quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return snippet(text, 42)
