"""The comment above an interaction: what was asked and, of an LLM's answer, what it says."""

from __future__ import annotations

import json
from typing import Any

from .body import sse
from .interaction import Interaction, Response

WIDTH = 100
_LONGEST_PATH = 60
_LONGEST_ARGUMENT = 24


def caption(number: int, interaction: Interaction) -> str:
    """`# 1 · POST host/path → 200 · calls get_weather(city=Paris)`, cut at 100 columns."""
    request, response = interaction.request, interaction.response
    where = request.url.partition("#")[0].partition("://")[2] or request.url
    if len(where) > _LONGEST_PATH:
        where = where[: _LONGEST_PATH - 1] + "…"
    kind = " stream" if sse.is_stream(response.content_type) else ""
    line = f"# {number} · {request.method} {where} → {response.status}{kind}"
    if said := says(response):
        line += f" · {said}"
    line = "".join(char if char.isprintable() else " " for char in line)
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def says(response: Response) -> str:
    """What an answer says: its text in quotes, its tool calls, its error; empty if unknown."""
    said = _Said()
    try:
        if sse.is_stream(response.content_type):
            said.events(response.body)
        elif response.body.lstrip()[:1] in (b"{", b"["):
            said.document(json.loads(response.body))
    except _UNLIKE:
        # What was understood until there is worth its place all the same.
        pass
    try:
        return said.text()
    except _UNLIKE:
        return ""


# What comes of JSON that is built unlike that of any provider.
_UNLIKE = (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)


class _Said:
    """Gathers text and tool calls from the formats of OpenAI, Anthropic, Gemini and Bedrock."""

    def __init__(self) -> None:
        self.words = ""
        self.calls: dict[Any, list[str]] = {}
        self.error = ""

    def text(self) -> str:
        """The gathered, on one line."""
        parts = [f"calls {name}({_arguments(raw)})" for name, raw in self.calls.values() if name]
        if words := " ".join(self.words.split()):
            parts.insert(0, f'"{words}"')
        return " · ".join([f"error {self.error}"] if self.error else parts)

    def events(self, raw: bytes) -> _Said:
        """Adds the events of a stream."""
        for event in sse.split(raw.replace(b"\r\n", b"\n")):
            data = b"\n".join(
                line[5:].lstrip() for line in event.split(b"\n") if line.startswith(b"data:")
            )
            if data and data != b"[DONE]":
                value = json.loads(data)
                if isinstance(value, dict):
                    self.event(value)
        return self

    def event(self, value: dict[str, Any]) -> None:
        """Adds one event of a stream."""
        kind = value.get("type", "")
        if kind == "content_block_start" and value["content_block"].get("type") == "tool_use":
            self._call(value["index"], value["content_block"]["name"], "")
        elif kind == "content_block_delta":
            delta = value["delta"]
            self.words += delta.get("text", "")
            if "partial_json" in delta:
                self._call(value["index"], "", delta["partial_json"])
        elif kind == "response.output_text.delta":
            self.words += value["delta"]
        elif kind == "response.output_item.done" and value["item"].get("type") == "function_call":
            self._call(value["output_index"], value["item"]["name"], value["item"]["arguments"])
        elif not kind.startswith(("response.", "message_", "content_block_")):
            self.document(value)

    def document(self, value: Any) -> _Said:
        """Adds a whole answer, or one chunk that is built like one."""
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                self._document(each)
        return self

    def _document(self, value: dict[str, Any]) -> None:
        if error := value.get("error"):
            told = error.get("message") or error.get("type") if isinstance(error, dict) else error
            self.error = f'"{" ".join(str(told).split())}"'
        for choice in value.get("choices") or []:
            message = choice.get("delta") or choice.get("message") or {}
            self._parts(message.get("content") or message.get("refusal") or choice.get("text"))
            for at, call in enumerate(message.get("tool_calls") or []):
                function = call.get("function") or {}
                self._call(
                    call.get("index", at), function.get("name"), function.get("arguments") or ""
                )
        for candidate in value.get("candidates") or []:
            self._parts((candidate.get("content") or {}).get("parts"))
        output = value.get("output")
        for item in output if isinstance(output, list) else []:
            if item.get("type") == "function_call":
                self._call(len(self.calls), item["name"], item["arguments"])
            else:
                self._parts(item.get("content"))
        if isinstance(output, dict):
            self._parts((output.get("message") or {}).get("content"))
        if value.get("role") == "assistant" or value.get("type") == "message":
            self._parts(value.get("content"))

    def _parts(self, content: Any) -> None:
        if isinstance(content, str):
            self.words += content
        for part in content if isinstance(content, list) else []:
            call = part.get("functionCall") or part.get("toolUse")
            if call is None and part.get("type") == "tool_use":
                call = part
            if call is not None:
                arguments = call.get("args") or call.get("input") or {}
                self._call(len(self.calls), call["name"], json.dumps(arguments))
            elif not part.get("thought"):
                self.words += part.get("text") or ""

    def _call(self, key: Any, name: str | None, arguments: str) -> None:
        call = self.calls.setdefault(key, ["", ""])
        call[0] = call[0] or name or ""
        call[1] += arguments


def _arguments(raw: str) -> str:
    try:
        found = json.loads(raw or "{}")
    except ValueError:
        return "…"
    if not isinstance(found, dict):
        return "…"
    shown = []
    for name, value in found.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        text = " ".join(text.split())
        cut = text if len(text) <= _LONGEST_ARGUMENT else text[: _LONGEST_ARGUMENT - 1] + "…"
        shown.append(f"{name}={cut}")
    return ", ".join(shown)
