"""A cassette for people: as a conversation if it is one, else as requests and responses."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..canonical_yaml import UnwritableError, dump
from ..http.body import plain, render
from ..http.messages import Headers, Interaction, Request, Response, standard_reason
from ..llm.conversation import Conversation, conversation_of, model_of, response_turn
from ..llm.history import History, Shown
from ..llm.parts import Part, Turn
from ..llm.reading import is_stream
from .costs import costs_of
from .selection import Loaded, local_path
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
# The number of lines shown of one message; the rest are counted.
_MOST_LINES = 12
# The columns of the line above an interaction, where the width is unlimited.
_RULE = 100


def write_cassette(
    loaded: Loaded,
    chosen: Sequence[tuple[int, Interaction]],
    screen: Screen,
    *,
    full: bool = False,
    headers: bool = False,
    title: bool = True,
) -> None:
    """Write interactions.

    Args:
        loaded: The cassette.
        chosen: The interactions to write, with their numbers.
        screen: The output.
        full: Whether to write long messages completely.
        headers: Whether to write the headers.
        title: Whether to write the name and age of the cassette first.
    """
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
            # A single interaction has no earlier one above it to refer to.
            known = None if len(numbers) == 1 else seen
            _write_conversation(conversation, known, screen, full=full)
        elif each.request.body:
            _write_body(each.request, screen, "  ", full=full)
        _write_answer(each, answer, screen, full=full, headers=headers)


def _write_head(loaded: Loaded, screen: Screen) -> None:
    screen.heading(label(local_path(loaded.path)))
    if loaded.cassette.test:
        # The path does not name the test.
        screen.line(label(loaded.test), "dim")
    parts = [counted(len(loaded.interactions), "interaction")]
    if recorded := loaded.cassette.recorded_at:
        age = datetime.now(UTC) - recorded
        ago = f"{short_age(age)} ago" if age >= timedelta(minutes=1) else "just now"
        parts.append(f"recorded {recorded:%Y-%m-%d %H:%M} UTC ({ago})")
    parts.append(size_text(loaded.size))
    if loaded.foreign:
        parts.append("from another tool")
    screen.wrapped(" · ".join(parts), "", "dim")


def _write_rule(number: int, each: Interaction, screen: Screen) -> None:
    """Write `── 1 · POST api.openai.com/v1/chat/completions → 200 ────`."""
    request, response = each.request, each.response
    status = f"{response.status} {standard_reason(response.status)}".strip()
    if each.cancelled:
        status = "cancelled"
    stream = " stream" if is_stream(response) else ""
    stream += " cancelled" if response.cancelled else ""
    where = request.url.partition("://")[2] or request.url
    head = f"── {number} · {request.method} "
    end = f" → {status}{stream} "
    room = screen.width - columns(head) - columns(end) - 2
    if room < 16:
        end = f" → {response.status or status} "
        room = screen.width - columns(head) - columns(end)
    place = cut_middle(one_line(where), max(room, 8))
    fill = "─" * max(0, min(screen.width, _RULE) - columns(head + place + end))
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
    used = costs_of(each)
    details = [model_of(each)]
    if used.tokens:
        details.append(f"{used.tokens} tokens")
    if used.money:
        details.append(used.money)
    if text := " · ".join(part for part in details if part):
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
    """Return the lines of a part of a message, each with its style."""
    style: tuple[str, ...] = ()
    match part.kind:
        case "call":
            text, style = f"→ {part.name}({_arguments(part.text)})", ("cyan",)
        case "result":
            text = f"← {_prefix(part.name)}{_pretty(part.text) or '(nothing)'}"
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


def _prefix(name: str) -> str:
    return f"{name}: " if name else ""


def _arguments(raw: str) -> str:
    """Return `{"city": "Paris", "days": 3}` as `city=Paris, days=3`."""
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
    """Return a JSON document on one line, and other text unchanged."""
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
    in_conversation = conversation_of(each) is not None
    if answer.parts and (in_conversation or _replaces_body(answer, response)):
        _write_turn(answer, screen, full=full, role="" if in_conversation else "answer")
        return
    if response.body:
        _write_body(response, screen, "  ", full=full)
    else:
        screen.line("  (no body)", "dim")


def _replaces_body(answer: Turn, response: Response) -> bool:
    """Return whether the model's answer is shown instead of the response body."""
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
    """Return a body for people: JSON as YAML, text unchanged, the type and size of others."""
    found = plain(message.body, message.content_type)
    if found is not None and found.kind == "json":
        with contextlib.suppress(RecursionError, UnwritableError):
            return dump(found.value).rstrip("\n")
    if text := render(message.body, message.content_type):
        return text.rstrip("\n")
    media = message.content_type.partition(";")[0] or "binary"
    return f"[{media} {size_text(len(message.body))}]" if message.body else ""
