"""The output of a language model, collected from a response or from the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .counters import Usage, UsageFields
from .parts import Part, ReadParts, thought_text


@dataclass(slots=True)
class ModelOutput:
    """The output of a language model.

    Attributes:
        read_parts: Reads message content in any provider's format.
        usage_fields: The names of all providers' counters.
        usual_ends: The reasons to end that are not worth a word.
        texts: The text of each choice or message.
        thoughts: The reasoning that came before it.
        refusal: The text of a refusal.
        calls: The name and the arguments (a text of JSON) of each tool call.
        items: Output that is not text: `3 embeddings of 1536`, `image/png 24 kB`.
        error: The message of an error.
        end: The reason why the output ended, if it is not a usual one.
        counters: The counters of tokens, by their names.
    """

    read_parts: ReadParts
    usage_fields: UsageFields
    usual_ends: frozenset[str]
    texts: dict[Any, str] = field(default_factory=dict)
    thoughts: str = ""
    refusal: str = ""
    calls: dict[Any, list[str]] = field(default_factory=dict)
    items: list[str] = field(default_factory=list)
    error: str = ""
    end: str = ""
    counters: dict[str, Any] = field(default_factory=dict)
    _after_call: bool = False

    def add_text(self, text: Any, key: Any = 0) -> None:
        """Append to the text of one choice or message."""
        if isinstance(text, str) and text:
            space = " " if self._after_call and key in self.texts else ""
            self.texts[key] = self.texts.get(key, "") + space + text
            self._after_call = False

    def add_thought(self, thought: Any) -> None:
        """Append to the thoughts."""
        self.thoughts += thought_text(thought)

    def add_refusal(self, text: Any) -> None:
        """Append to the refusal."""
        if isinstance(text, str):
            self.refusal += text

    def add_call(self, key: Any, name: Any, arguments: Any) -> None:
        """Set the name of a tool call, or append to its arguments."""
        self._after_call = True
        known = self.calls.setdefault(key, ["", ""])
        if isinstance(name, str):
            known[0] = known[0] or name
        if arguments is not None:
            known[1] += (
                arguments
                if isinstance(arguments, str)
                else json.dumps(arguments, ensure_ascii=False)
            )

    def set_call(self, key: Any, name: Any, arguments: Any) -> None:
        """Set a whole tool call, in place of any pieces that came before."""
        self.calls.pop(key, None)
        self.add_call(key, name, arguments)

    def add_item(self, text: str) -> None:
        """Add output that is not text, once."""
        if text not in self.items:
            self.items.append(text)

    def add_part(self, part: Part, key: Any = 0) -> None:
        """Add a part of a message. Results of tools are input, and are skipped."""
        match part.kind:
            case "text":
                self.add_text(part.text, key)
            case "thought":
                self.add_thought(part.text)
            case "refusal":
                self.add_refusal(part.text)
            case "call":
                self.add_call(("part", len(self.calls)), part.name, part.text)
            case "media":
                # A URL is too long for a caption.
                self.add_item(part.text if part.media else "image")

    def add_content(self, content: Any, key: Any = 0) -> None:
        """Add the content of a message: a text, a part, or a list of them."""
        for part in self.read_parts(content):
            self.add_part(part, key)

    def set_end(self, reason: Any) -> None:
        """Keep the reason why the output ended, unless it is a usual one."""
        if isinstance(reason, str) and reason.lower() not in self.usual_ends:
            self.end = reason.lower()

    def set_error(self, error: Any) -> None:
        """Keep the message of an error, however deeply it is nested."""
        if isinstance(error, dict):
            inner = error.get("message") or error.get("error") or error.get("detail")
            inner = inner or error.get("type") or error.get("code")
            nested = isinstance(inner, (dict, list))
            self.set_error(inner) if nested else self.set_error(str(inner or error))
        elif isinstance(error, list) and error:
            first = error[0]
            self.set_error(first.get("msg") or first if isinstance(first, dict) else first)
        elif error:
            self.error = str(error)

    def add_usage(self, document: Mapping[str, Any]) -> None:
        """Keep the counters of a response or an event. A later one replaces an earlier one."""
        self.counters |= self.usage_fields.find(document)

    @property
    def usage(self) -> Usage:
        """The tokens of the response."""
        return self.usage_fields.count(self.counters)
