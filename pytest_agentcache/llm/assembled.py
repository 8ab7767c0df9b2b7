"""What an answer says, gathered from its parts in whatever order they come."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .usage import Usage, counted, told_by

# Ends that go without saying.
_USUAL_ENDS = {
    *("stop", "tool_calls", "function_call", "end_turn", "tool_use", "stop_sequence", "completed"),
    *("complete", "tool_call", "eos", "eos_token", "finish_reason_unspecified", "pause_turn"),
}


@dataclass(slots=True)
class Said:
    """The parts of an answer of a language model, assembled.

    Attributes:
        words: Its text by choice or message.
        thoughts: What it thought before.
        refusal: With what words it refused.
        calls: The tools it calls: a name, and arguments as the text of JSON.
        named: What is no text: `3 embeddings of 1536`, `image/png 24 kB`.
        error: What went wrong.
        end: Why it ended, where that does not go without saying.
    """

    words: dict[Any, str] = field(default_factory=dict)
    thoughts: str = ""
    refusal: str = ""
    calls: dict[Any, list[str]] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)
    error: str = ""
    end: str = ""
    _told: dict[str, Any] = field(default_factory=dict)
    _paused: bool = False

    def say(self, text: Any, key: Any = 0) -> None:
        """Adds text to what is said under `key`."""
        if isinstance(text, str) and text:
            pause = " " if self._paused and key in self.words else ""
            self.words[key] = self.words.get(key, "") + pause + text
            self._paused = False

    def think(self, text: Any) -> None:
        """Adds to the thoughts."""
        if isinstance(text, str):
            self.thoughts += text

    def refuse(self, text: Any) -> None:
        """Adds to the words of a refusal."""
        if isinstance(text, str):
            self.refusal += text

    def call(self, key: Any, name: Any, arguments: Any) -> None:
        """Adds to the name or the arguments of the call under `key`."""
        self._paused = True
        known = self.calls.setdefault(key, ["", ""])
        if isinstance(name, str):
            known[0] = known[0] or name
        if arguments is not None:
            known[1] += (
                arguments
                if isinstance(arguments, str)
                else json.dumps(arguments, ensure_ascii=False)
            )

    def calls_whole(self, key: Any, name: Any, arguments: Any) -> None:
        """Puts in place the call under `key`, whatever pieces of it came before."""
        self.calls.pop(key, None)
        self.call(key, name, arguments)

    def name(self, what: str) -> None:
        """Adds what is no text, once."""
        if what not in self.named:
            self.named.append(what)

    def ends(self, reason: Any) -> None:
        """Keeps why the answer ended, where that tells something."""
        if isinstance(reason, str) and reason.lower() not in _USUAL_ENDS:
            self.end = reason.lower()

    def fails(self, error: Any) -> None:
        """Keeps the words of an error, however deep they lie."""
        if isinstance(error, dict):
            told = error.get("message") or error.get("error") or error.get("detail")
            told = told or error.get("type") or error.get("code")
            self.fails(told) if isinstance(told, (dict, list)) else self.fails(str(told or error))
        elif isinstance(error, list) and error:
            first = error[0]
            self.fails(first.get("msg") or first if isinstance(first, dict) else first)
        elif error:
            self.error = str(error)

    def used(self, document: dict[str, Any]) -> None:
        """Keeps the counters of tokens in a document, those of a later one over an earlier's."""
        self._told |= told_by(document)

    @property
    def usage(self) -> Usage:
        """The tokens that it tells."""
        return counted(self._told)
