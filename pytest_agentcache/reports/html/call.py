"""One interaction as the page has it: what its list needs, and what is shown when it is opened."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ...cassette.caption import in_words
from ...http.body import looks_like_json, looks_like_object, render
from ...http.body.kinds import AWS_EVENTS
from ...http.messages import Headers, Interaction, Request, Response
from ...llm.conversation import conversation_of, documents, model_of, response_turn
from ...llm.history import History
from ...llm.parts import Part, Turn, size_text
from ...llm.reading import is_stream, read_output
from ...settings.hosts import host_of
from . import media

# Characters of a body, and of a piece of a message; a page is read, not parsed.
_LONGEST_BODY = 200_000
_LONGEST_TEXT = 100_000
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{1200,}")


class Room:
    """The room that is left for the texts and images of one call, in characters.

    Args:
        left: How much there is; by default only single texts are limited.
    """

    def __init__(self, left: int | None = None) -> None:
        self.left = sys.maxsize if left is None else left

    def take(self, length: int, longest: int = sys.maxsize) -> int:
        """Return how much of a text of this length has room, which is then taken."""
        taken = min(length, longest, self.left)
        self.left -= taken
        return taken

    def cut(self, text: str) -> str:
        """Return a piece of a message, cut to the room that there is."""
        return _cut(text, self.take(len(text), _LONGEST_TEXT))


def brief(number: int, interaction: Interaction) -> dict[str, Any]:
    """Return the facts of a call for the list, the filters and the totals."""
    request, response = interaction.request, interaction.response
    said = read_output(response)
    url = urlsplit(request.url)
    facts = {
        "n": number,
        "method": request.method,
        "host": host_of(request.url) or "(no host)",
        "path": url.path + (f"?{url.query}" if url.query else ""),
        "status": response.status,
        "stream": is_stream(response),
        "cancelled": interaction.cancelled or response.cancelled,
        "model": model_of(interaction)[:200],
        "in": said.usage.input_tokens,
        "out": said.usage.output_tokens,
        "error": said.error[:300],
        "says": _cut(in_words(said), 300),
    }
    return {name: value for name, value in facts.items() if value not in (None, "", False)}


def whole(interaction: Interaction, history: History, room: Room) -> dict[str, Any]:
    """Return the contents of an opened call.

    Args:
        interaction: The call.
        history: The calls before it on the same cassette.
        room: The room for them: up to half for the response, then the messages, then the bodies.
    """
    request, response = interaction.request, interaction.response
    conversation, answer = conversation_of(interaction), response_turn(response)
    half = Room(room.take(room.left // 2))
    facts: dict[str, Any] = {
        "url": request.url,
        "reason": response.reason,
        "answer": _turn(answer, half),
    }
    room.left += half.left
    turns = conversation.turns if conversation else ()
    # Added without one, too: the page counts calls, and so does the history.
    seen = history.add(turns, answer)
    if conversation:
        # What was shown in whole is no history, but the same question asked again.
        seen = seen if seen and seen.length < len(turns) else None
        if seen:
            before: dict[str, Any] = {"call": seen.call, "turns": seen.turns}
            facts["seen"] = before
            if seen.answered:
                # As it was sent back: there its calls have the ids that the results name.
                before["answer"] = _turn(turns[seen.turns], room)
        facts["turns"] = [_turn(turn, room) for turn in turns[seen.length if seen else 0 :]]
        facts["tools"] = list(conversation.tools)
        facts["settings"] = {
            str(name): _cut(json.dumps(value, ensure_ascii=False), 400)
            for name, value in conversation.settings.items()
        }
    if shown := _fitting(_media(response), room):
        facts["media"] = shown
    return facts | {"request": _message(request, room), "response": _message(response, room)}


def _fitting(found: list[dict[str, str]], room: Room) -> list[dict[str, str]]:
    """Return the images for which there is room, which is then taken."""
    return [each for each in found if len(each["url"]) <= room.left and room.take(len(each["url"]))]


def _turn(turn: Turn, room: Room) -> dict[str, Any]:
    return {"role": turn.role, "parts": [_part(part, room) for part in turn.parts]}


def _part(part: Part, room: Room) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind": part.kind, "text": room.cut(part.text)}
    if part.name:
        facts["name"] = part.name
    if part.call:
        facts["call"] = part.call
    shown = media.shown_as(part.media, part.data) if part.data else None
    if shown and _fitting([shown], room):
        facts["media"] = shown
    return facts


def _message(message: Request | Response, room: Room) -> dict[str, Any]:
    """Headers and body."""
    facts: dict[str, Any] = {"headers": _headers(message.headers)}
    raw, kind = message.body, message.content_type
    if not raw:
        return facts
    facts["size"] = size_text(len(raw))
    if text := render(raw, kind):
        # Images are shown above, and nobody reads their base64.
        short = _BASE64.sub(_folded, text)
        facts["body"] = short[: room.take(len(short), _LONGEST_BODY)]
        if len(short) > len(facts["body"]):
            facts["cut"] = True
        if looks_like_json(raw):
            facts["json"] = True
    elif shown := _fitting(media.of_body(raw, kind), room):
        facts["media"] = shown
    return facts


def _folded(found: re.Match[str]) -> str:
    return f"{found[0][:60]}…({size_text(len(found[0]) * 3 // 4)} of base64)…{found[0][-12:]}"


def _headers(headers: Headers) -> list[list[str]]:
    return [[name, _cut(value, 2000)] for name, value in headers]


def _media(response: Response) -> list[dict[str, str]]:
    """The images and the audio of an answer."""
    if shown := media.of_body(response.body, response.content_type):
        return shown
    return media.within(list(_documents(response)))


def _documents(response: Response) -> Iterator[Any]:
    if AWS_EVENTS.has_type(response.content_type):
        return
    if looks_like_json(response.body) and not looks_like_object(response.body):
        try:
            yield json.loads(response.body)
        except (ValueError, RecursionError):
            return
    yield from documents(response.body)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[:room]}… ({len(text) - room:,} more characters)"
