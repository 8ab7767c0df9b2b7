"""The JSON that `agentcache show --json` writes."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from ..http.messages import Interaction, Request, Response
from ..llm.conversation import conversation_of, model_of, response_turn
from ..llm.parts import Turn
from .costs import costs_of
from .selection import Loaded, local_path


def as_json(loaded: Loaded, chosen: Sequence[tuple[int, Interaction]]) -> dict[str, Any]:
    """Return the JSON of a cassette with the chosen interactions."""
    recorded = loaded.cassette.recorded_at
    return {
        "path": local_path(loaded.path),
        "test": loaded.test,
        "recorded_at": recorded.isoformat() if recorded else None,
        "interactions": [_interaction(number, each) for number, each in chosen],
    }


def _interaction(number: int, each: Interaction) -> dict[str, Any]:
    used, conversation = costs_of(each), conversation_of(each)
    found: dict[str, Any] = {
        "number": number,
        "request": {
            "method": each.request.method,
            "url": each.request.url,
            "headers": list(each.request.headers),
            **_body_json(each.request),
        },
        "response": {
            "status": each.response.status or None,
            "headers": list(each.response.headers),
            **_body_json(each.response),
        },
        "model": model_of(each) or None,
        "says": _turn_json(response_turn(each.response))["parts"],
        "tokens_in": used.tokens_in if used.counted else None,
        "tokens_out": used.tokens_out if used.counted else None,
        "cost": used.cost,
    }
    if each.cancelled or each.response.cancelled:
        found["cancelled"] = True
    if conversation:
        found["conversation"] = [_turn_json(turn) for turn in conversation.turns]
        found["tools"] = list(conversation.tools)
    return found


def _turn_json(turn: Turn) -> dict[str, Any]:
    return {
        "role": turn.role,
        "parts": [
            {"kind": part.kind, **({"name": part.name} if part.name else {}), "text": part.text}
            for part in turn.parts
        ],
    }


def _body_json(message: Request | Response) -> dict[str, Any]:
    raw = message.body
    if not raw:
        return {}
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode("ascii")}
    try:
        return {"json": json.loads(text)} if text[:1] in ("{", "[") else {"text": text}
    except (ValueError, RecursionError):
        return {"text": text}
