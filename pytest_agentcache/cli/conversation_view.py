"""A cassette as a person reads it: a conversation where it is one, else request and response."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..canonical_yaml import UnwritableError, dump
from ..http.body import is_json, json_text
from ..http.messages import Headers, Interaction, Request, Response, standard_reason
from ..llm.conversation import Conversation, conversation_of, model_of, response_turn
from ..llm.history import History, Shown
from ..llm.parts import Part, Turn
from ..llm.reading import is_stream
from .selection import Loaded, shown
from .tally import tally_of
from .terminal import (
    Screen,
    clean,
    columns,
    counted,
    cut_middle,
    label,
    one_line,
    short_age,
    shortened,
    size_text,
    wrap,
)

_ROLES = {"system": "magenta", "user": "blue", "assistant": "green", "tool": "yellow"}
# Lines of one message that are shown; more are counted.
_MOST_LINES = 12


def write_cassette(
    loaded: Loaded,
    chosen: Sequence[tuple[int, Interaction]],
    screen: Screen,
    *,
    full: bool = False,
    headers: bool = False,
    title: bool = True,
) -> None:
    """Writes interactions for a person."""
    if title:
        _write_head(loaded, screen)
    history = History()
    numbers = {number for number, _ in chosen}
    for number, each in enumerate(loaded.interactions, 1):
        conversation = conversation_of(each)
        answer = response_turn(each.response)
        seen = history.add(conversation.turns if conversation else (), answer)
        if number not in numbers:
            continue
        screen.line()
        _write_rule(number, each, screen)
        if headers:
            _write_headers(each.request.headers, screen)
        if conversation:
            # One that stands alone has nothing above it to refer to.
            known = None if len(numbers) == 1 else seen
            _write_conversation(conversation, known, screen, full=full)
        elif each.request.body:
            _write_body(each.request, screen, "  ", full=full)
        _write_answer(each, answer, screen, full=full, headers=headers)


def _write_head(loaded: Loaded, screen: Screen) -> None:
    screen.line(cut_middle(label(shown(loaded.path)), screen.width), "bold")
    if loaded.cassette.test:
        # Where the path does not say it.
        screen.line(label(loaded.test), "dim")
    parts = [counted(len(loaded.interactions), "interaction")]
    if recorded := loaded.cassette.recorded_at:
        age = datetime.now(UTC) - recorded
        told = f"{short_age(age)} ago" if age >= timedelta(minutes=1) else "just now"
        parts.append(f"recorded {recorded:%Y-%m-%d %H:%M} UTC ({told})")
    parts.append(size_text(loaded.size))
    if loaded.foreign:
        parts.append("of another tool")
    screen.wrapped(" · ".join(parts), "", "dim")


def _write_rule(number: int, each: Interaction, screen: Screen) -> None:
    """`── 1 · POST api.openai.com/v1/chat/completions → 200 ────`."""
    request, response = each.request, each.response
    status = f"{response.status} {standard_reason(response.status)}".strip()
    stream = " stream" if is_stream(response) else ""
    where = request.url.partition("://")[2] or request.url
    head = f"── {number} · {request.method} "
    end = f" → {status}{stream} "
    room = screen.width - columns(head) - columns(end) - 2
    if room < 16:
        end = f" → {response.status} "
        room = screen.width - columns(head) - columns(end)
    place = cut_middle(one_line(where), max(room, 8))
    fill = "─" * max(0, screen.width - columns(head + place + end))
    colour = "red" if response.status >= 400 else "green"
    screen.line(
        screen.style("── ", "dim")
        + screen.style(f"{number}", "bold")
        + f" · {request.method} "
        + screen.style(place, "cyan")
        + " → "
        + screen.style(end.removeprefix(" → ").rstrip(), colour)
        + " "
        + screen.style(fill, "dim")
    )
    used = tally_of(each)
    told = [model_of(each)]
    if used.tokens:
        told.append(f"{used.tokens} tokens")
    if used.money:
        told.append(used.money)
    if text := " · ".join(part for part in told if part):
        screen.wrapped(text, "  ", "dim")


def _write_headers(headers: Headers, screen: Screen) -> None:
    for name, value in headers:
        screen.wrapped(f"{name}: {value}", "  ", "dim")


def _write_conversation(
    conversation: Conversation, seen: Shown | None, screen: Screen, *, full: bool
) -> None:
    turns = conversation.turns
    if seen:
        messages = counted(seen.length, "message")
        screen.line(f"  ↑ {messages} as in {seen.call + 1}", "dim")
        turns = turns[seen.length :]
    for turn in turns:
        _write_turn(turn, screen, full=full)
    if conversation.tools and not seen:
        screen.wrapped(f"tools: {', '.join(conversation.tools)}", "  ", "dim")


def _write_turn(turn: Turn, screen: Screen, *, full: bool, role: str = "") -> None:
    label = role or turn.role
    names = _ROLES.get(turn.role, "cyan"), "bold"
    narrow = screen.width < 60
    indent = "    " if narrow else " " * 13
    if narrow:
        screen.line("  " + screen.style(label, *names))
    first = True
    for part in turn.parts:
        for line in _lines(part, screen.width - len(indent), full=full):
            head = indent
            if first and not narrow:
                head = "  " + screen.style(f"{label:<11}", *names)
            text, *style = line
            screen.line((head + screen.style(text, *style)).rstrip())
            first = False


def _lines(part: Part, width: int, *, full: bool) -> list[tuple[str, ...]]:
    """The lines of a part of a message, each with its style."""
    style: tuple[str, ...] = ()
    match part.kind:
        case "call":
            text, style = f"→ {part.name}({_arguments(part.text)})", ("cyan",)
        case "result":
            text = f"← {_shortened(part.name)}{_pretty(part.text) or '(nothing)'}"
        case "thought":
            text, style = f"(thinks) {part.text.strip()}", ("dim", "italic")
        case "media":
            text, style = f"[{part.text}]", ("yellow",)
        case "error":
            text, style = f"error: {part.text}", ("red",)
        case "refusal":
            text, style = f"refuses: {part.text}", ("red",)
        case _:
            text = part.text.strip("\n")
    lines = list(wrap(clean(text), width))
    if len(lines) > _MOST_LINES and not full:
        left = len(lines) - _MOST_LINES + 1
        return [
            *((line, *style) for line in lines[: _MOST_LINES - 1]),
            (f"… {counted(left, 'more line')} (--full)", "dim"),
        ]
    return [(line, *style) for line in lines]


def _shortened(name: str) -> str:
    return f"{name}: " if name else ""


def _arguments(raw: str) -> str:
    """`city=Paris, days=3` of `{"city": "Paris", "days": 3}`."""
    try:
        found = json.loads(raw or "{}")
    except (ValueError, RecursionError):
        return raw
    if not isinstance(found, dict):
        return raw
    return ", ".join(
        f"{name}={json.dumps(each, ensure_ascii=False)}" for name, each in found.items()
    )


def _pretty(text: str) -> str:
    """JSON on more than one line as one line of it; other text as it is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(found, ensure_ascii=False) if isinstance(found, (dict, list)) else text


def _write_answer(
    each: Interaction, answer: Turn, screen: Screen, *, full: bool, headers: bool
) -> None:
    response = each.response
    if headers:
        _write_headers(response.headers, screen)
    talks = conversation_of(each) is not None
    if answer.parts and (talks or _is_told(answer, response)):
        _write_turn(answer, screen, full=full, role="" if talks else "answer")
        return
    if response.body:
        _write_body(response, screen, "  ", full=full)
    else:
        screen.line("  (no body)", "dim")


def _is_told(answer: Turn, response: Response) -> bool:
    """Whether what an answer says stands for it, so that its body need not be shown."""
    if any(part.kind != "media" for part in answer.parts):
        return True
    return body_text(response)[:1] == "[" or any("embedding" in part.text for part in answer.parts)


def _write_body(message: Request | Response, screen: Screen, indent: str, *, full: bool) -> None:
    text = body_text(message) if full else shortened(body_text(message))
    lines = list(wrap(clean(text), screen.width - len(indent) - 2))
    left = 0
    if len(lines) > 2 * _MOST_LINES and not full:
        left = len(lines) - 2 * _MOST_LINES + 1
        lines = lines[: 2 * _MOST_LINES - 1]
    mark = ">" if isinstance(message, Request) else "<"
    for line in lines:
        screen.line((indent + screen.style(mark, "dim") + " " + line).rstrip())
    if left:
        screen.line(indent + screen.style(f"… {counted(left, 'more line')} (--full)", "dim"))


def body_text(message: Request | Response) -> str:
    """A body for a person: JSON as YAML, text as it is, anything else named."""
    raw = message.body
    if is_json(message.content_type) or raw.lstrip()[:1] in (b"{", b"["):
        try:
            return dump(json_text.parse(raw)).rstrip("\n")
        except (ValueError, RecursionError, UnwritableError):
            pass
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        media = message.content_type.partition(";")[0] or "binary"
        return f"[{media} {size_text(len(raw))}]"
    return text.rstrip("\n")
