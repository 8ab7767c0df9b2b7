"""The chat API of the cookbook's origin server, with a prompt cache like that of a provider.

`POST …/chat/completions` responds like Requesty, as a stream or a document. Each path is a separate
API with its own numbering (`chatcmpl-1`, `chatcmpl-2`, …) and its own prompt cache, which keeps
every prompt that was sent with `requesty.auto_cache: true`. A token is a word.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

PATH = "/chat/completions"
_CREATED = 1767225600
# Dollars per token: read from the prompt cache, written to it, other input, and output.
_READ, _WRITTEN, _PLAIN, _OUTPUT = 3e-7, 3.75e-6, 3e-6, 1.5e-5


class Chats:
    """The prompt caches of all paths."""

    def __init__(self) -> None:
        self._cached: defaultdict[str, list[list[Any]]] = defaultdict(list)

    def reply(self, path: str, number: int, request: dict[str, Any]) -> Reply:
        """Return the reply to `request`, which is the request of that number at `path`."""
        messages = request["messages"]
        caches = (request.get("requesty") or {}).get("auto_cache") is True
        known = [each for each in self._cached[path] if messages[: len(each)] == each]
        read = max(map(_tokens, known), default=0) if caches else 0
        written = _tokens(messages) - read if caches else 0
        if caches:
            self._cached[path].append(messages)
        return Reply(number, request, read, written)


def _tokens(messages: list[Any]) -> int:
    return sum(len(message["content"].split()) for message in messages)


class Reply:
    """One reply of the model, as a document or as a stream."""

    def __init__(self, number: int, request: dict[str, Any], read: int, written: int) -> None:
        self._number, self._request = number, request
        self._read, self._written = read, written
        self._text = f"You said: {request['messages'][-1]['content']}"

    def whole(self) -> dict[str, Any]:
        """Return the reply as one document."""
        message = {"role": "assistant", "content": self._text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return self._document("chat.completion", [choice]) | {"usage": self._usage()}

    def events(self) -> Iterator[str]:
        """Yield the events of a stream, which ends with the usage if the request includes it."""
        deltas = [{"content": f"{word} "} for word in self._text.split()]
        for at, delta in enumerate(deltas):
            role = {} if at else {"role": "assistant"}
            yield self._event([{"index": 0, "delta": role | delta, "finish_reason": None}])
        yield self._event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        if (self._request.get("stream_options") or {}).get("include_usage"):
            yield self._event([], usage=self._usage())
        yield "data: [DONE]\n\n"

    def _event(self, choices: list[Any], **more: Any) -> str:
        chunk = self._document("chat.completion.chunk", choices) | more
        return f"data: {json.dumps(chunk, separators=(',', ':'), ensure_ascii=False)}\n\n"

    def _document(self, kind: str, choices: list[Any]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._number}",
            "object": kind,
            "created": _CREATED,
            "model": self._request["model"],
            "choices": choices,
        }

    def _usage(self) -> dict[str, Any]:
        prompt, output = _tokens(self._request["messages"]), len(self._text.split())
        plain = prompt - self._read - self._written
        cost = self._read * _READ + self._written * _WRITTEN + plain * _PLAIN + output * _OUTPUT
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {
                "cached_tokens": self._read,
                "caching_tokens": self._written,
            },
            "cost": round(cost, 9),
        }
